//! Passwords, for every door that signs somebody in by one: failures are counted by name and address, and an unknown name takes
//! as long as a wrong password.

use super::hashing::Hashing;
use super::throttle::Throttle;
use crate::chat::Chat;
use crate::model::Failure;
use crate::store::accounts;
use crate::store::users::{self, Credentials, UserRow};
use std::net::IpAddr;
use std::num::NonZeroUsize;
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

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WrongCredentials => Self::Unauthorized,
            Refusal::TooManyAttempts(retry_after) => Self::RateLimited { retry_after },
            Refusal::Failed(failure) => failure,
        }
    }
}

/// Where passwords are checked: one for all doors, so that a failure at one counts at the others.
pub struct SignIn {
    chat: Chat,
    /// A project that should exist: it is said when somebody asks for it in vain.
    expected: String,
    pub hashing: Hashing,
    pub throttle: Throttle,
}

impl SignIn {
    /// Checks passwords on so many cores. A project that is `expected` to exist is missed loudly.
    #[must_use]
    pub fn new(chat: Chat, cores: NonZeroUsize, expected: String) -> Self {
        Self { chat, expected, hashing: Hashing::new(cores), throttle: Throttle::default() }
    }

    /// The user of this name in this project, if the password is theirs and the account open.
    ///
    /// # Errors
    /// The same for a wrong password, an unknown name or project, and a deactivated user.
    pub async fn user(
        &self,
        project_name: &str,
        username: &str,
        password: String,
        address: Option<IpAddr>,
    ) -> Result<UserRow, Refusal> {
        // Before the database is asked, so that a flood of tries costs next to nothing.
        self.throttle.check_address(address, Instant::now()).map_err(Refusal::TooManyAttempts)?;
        let project = self.chat.run(async |conn| Ok(accounts::project_by(conn, project_name).await?)).await?;
        if project.is_none() && project_name == self.expected {
            log::warn!(target: "palabre::http", "the webhook project {project_name} does not exist");
        }
        let name = match &project {
            // By its id, as a project has more than one name.
            Some(project) => format!("{} {username}", project.id),
            None => format!("nowhere {username}"),
        };
        let find = async || match &project {
            Some(project) if !username.contains('\0') => {
                let find = self.chat.run(async |conn| Ok(users::credentials(conn, project.id, username).await?));
                let open = find.await?.filter(|found| found.user.deactivated_at.is_none());
                Ok(open.map(|Credentials { user, password_hash }| (user, password_hash)))
            }
            _ => Ok(None),
        };
        self.check(&name, password, address, find).await
    }

    /// Finds somebody and checks their password. The connection is back in the pool before the slow part begins.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn check<T>(
        &self,
        name: &str,
        password: String,
        address: Option<IpAddr>,
        find: impl AsyncFnOnce() -> Result<Option<(T, Option<String>)>, Failure>,
    ) -> Result<T, Refusal> {
        self.throttle.check(name, address, Instant::now()).map_err(Refusal::TooManyAttempts)?;
        let (found, hash) = find().await?.unzip();
        let turn = self.hashing.turn().await?;
        // Again, now with the turn: of many tries at once only as many are under way as there are cores.
        let attempt = self.throttle.begin(name, address, Instant::now()).map_err(Refusal::TooManyAttempts)?;
        let matches = turn.verify(password, hash.flatten()).await?;
        match found {
            Some(found) if matches => {
                attempt.succeed();
                self.chat.metrics.passwords_right.add(1);
                Ok(found)
            }
            _ => {
                self.chat.metrics.passwords_wrong.add(1);
                Err(Refusal::WrongCredentials)
            }
        }
    }
}
