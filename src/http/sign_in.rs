//! Passwords for tokens, for every API that signs somebody in: see [`crate::session::sign_in`].

use super::HttpState;
use super::problem::Problem;
use crate::model::Failure;
use crate::store::accounts::{self, OrganizationRow};
use crate::store::users::{self, UserRow};
use crate::wire::error::ErrorCode;
use std::net::IpAddr;

pub use crate::session::sign_in::Refusal;

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WrongCredentials => Self::new(ErrorCode::Unauthorized, "wrong name or password"),
            refusal => Failure::from(refusal).into(),
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
    state.sign_in.user(project_name, username, password, address).await
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
    state.sign_in.check(&format!("organization {name}"), password, address, find).await
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
    state.sign_in.check(&format!("{} {}", user.project_id, user.username), password, address, find).await
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
    state.sign_in.check(&format!("organization {}", organization.name), password, address, find).await
}
