//! Passwords for tokens, for every API that signs somebody in: failures are counted by name and address, and an unknown name takes
//! as long as a wrong password.

use super::HttpState;
use super::problem::Problem;
use crate::model::Failure;
use crate::store::accounts::{self, OrganizationRow};
use crate::store::users::{self, Credentials, UserRow};
use crate::wire::error::ErrorCode;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Why nobody was signed in.
#[derive(Debug)]
pub enum Refusal {
    WrongCredentials,
    TooManyAttempts(Duration),
    Failed(Failure),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WrongCredentials => Self::new(ErrorCode::Unauthorized, "wrong name or password"),
            Refusal::TooManyAttempts(retry_after) => Failure::RateLimited { retry_after }.into(),
            Refusal::Failed(failure) => failure.into(),
        }
    }
}

/// The user of this name in this project, if the password is theirs and the account open.
///
/// # Errors
/// The same for a wrong password, an unknown name or project, and a deactivated user.
pub async fn user(
    state: &HttpState,
    project_name: &str,
    username: &str,
    password: String,
    address: Option<IpAddr>,
) -> Result<UserRow, Refusal> {
    // Before the database is asked, so that a flood of tries costs next to nothing.
    state.throttle.check_address(address, Instant::now()).map_err(Refusal::TooManyAttempts)?;
    let project = state.chat.run(async |conn| Ok(accounts::project_by(conn, project_name).await?)).await?;
    if project.is_none() && project_name == state.webhook_project {
        log::warn!(target: "palabre::http", "the webhook project {project_name} does not exist");
    }
    let name = match &project {
        // By its id, as a project has more than one name.
        Some(project) => format!("{} {username}", project.id),
        None => format!("nowhere {username}"),
    };
    let find = async || match &project {
        Some(project) => {
            let found = state.chat.run(async |conn| Ok(users::credentials(conn, project.id, username).await?)).await?;
            let open = found.filter(|found| found.user.deactivated_at.is_none());
            Ok(open.map(|Credentials { user, password_hash }| (user, password_hash)))
        }
        None => Ok(None),
    };
    check(state, &name, password, address, find).await
}

/// The organization of this name, if the password is its and the account open.
///
/// # Errors
/// The same for a wrong password, an unknown name and a deactivated organization.
pub async fn organization(
    state: &HttpState,
    name: &str,
    password: String,
    address: Option<IpAddr>,
) -> Result<OrganizationRow, Refusal> {
    let find = async || {
        let found = state.chat.run(async |conn| Ok(accounts::organization_credentials(conn, name).await?)).await?;
        let open = found.filter(|(organization, _)| organization.deactivated_at.is_none());
        Ok(open.map(|(organization, hash)| (organization, Some(hash))))
    };
    check(state, &format!("organization {name}"), password, address, find).await
}

/// A user's own password once more, before something that a stolen token must not be enough for.
///
/// # Errors
/// As [`user`].
pub async fn confirm(
    state: &HttpState,
    user: &UserRow,
    password: String,
    address: Option<IpAddr>,
) -> Result<(), Refusal> {
    let find = async || {
        let hash = state.chat.run(async |conn| Ok(users::password_hash(conn, user.project_id, user.id).await?)).await?;
        Ok(Some(((), hash)))
    };
    check(state, &format!("{} {}", user.project_id, user.username), password, address, find).await
}

/// An organization's own password once more, as [`confirm`].
///
/// # Errors
/// As [`organization`].
pub async fn confirm_organization(
    state: &HttpState,
    organization: &OrganizationRow,
    password: String,
    address: Option<IpAddr>,
) -> Result<(), Refusal> {
    let id = organization.id;
    let find = async || {
        let hash = state.chat.run(async |conn| Ok(accounts::organization_password_hash(conn, id).await?)).await?;
        Ok(hash.map(|hash| ((), Some(hash))))
    };
    check(state, &format!("organization {}", organization.name), password, address, find).await
}

/// Finds somebody and checks their password. The connection is back in the pool before the slow part begins.
async fn check<T>(
    state: &HttpState,
    name: &str,
    password: String,
    address: Option<IpAddr>,
    find: impl AsyncFnOnce() -> Result<Option<(T, Option<String>)>, Failure>,
) -> Result<T, Refusal> {
    state.throttle.check(name, address, Instant::now()).map_err(Refusal::TooManyAttempts)?;
    let (found, hash) = find().await?.unzip();
    let turn = state.hashing.turn().await?;
    // Again, now with the turn: of many tries at once only as many are under way as there are cores.
    let attempt = state.throttle.begin(name, address, Instant::now()).map_err(Refusal::TooManyAttempts)?;
    let matches = turn.verify(password, hash.flatten()).await?;
    match found {
        Some(found) if matches => {
            attempt.succeed();
            state.chat.metrics.passwords_right.add(1);
            Ok(found)
        }
        _ => {
            state.chat.metrics.passwords_wrong.add(1);
            Err(Refusal::WrongCredentials)
        }
    }
}
