//! Whom a token names, for every door: tokens that this server signed, and those of the issuers that projects trust.

mod keys;

pub use keys::Issuers;

use crate::chat::Chat;
use crate::model::Failure;
use crate::store::accounts;
use crate::store::identity;
use crate::store::users::UserRow;
use crate::wire::foreign::Claimed;
use crate::wire::token::{TokenError, Tokens, UserToken};
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// A user who brought a good token.
#[derive(Debug, Clone)]
pub struct Known {
    pub user: UserRow,
    /// When the token ends.
    pub expires_at: DateTime<Utc>,
}

/// Where tokens are checked: one for all doors, so that keys are fetched once.
pub struct Identities {
    chat: Chat,
    pub tokens: Arc<Tokens>,
    pub issuers: Issuers,
}

impl Identities {
    /// Checks tokens of this server's, and of issuers.
    #[must_use]
    pub fn new(chat: Chat, tokens: Arc<Tokens>, issuers: Issuers) -> Self {
        Self { chat, tokens, issuers }
    }

    /// The user of a token, for a project that is given by name or id.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`] for a bad or foreign token and an unknown project alike, [`Failure::TokenExpired`], and
    /// [`Failure::Unavailable`] when the database or the issuer is away.
    pub async fn in_project(&self, project: &str, token: &str) -> Result<Known, Failure> {
        if let Some(claimed) = Claimed::read(token) {
            return self.foreign(&claimed, token, Some(project)).await;
        }
        let token = self.tokens.verify_user(token, self.chat.now()).map_err(failure)?;
        let expires_at = token.expires_at;
        let user = self
            .chat
            .run(async |conn| {
                let row = accounts::project_by(conn, project).await?;
                let row = row.filter(|row| row.id == token.bearer.project).ok_or(Failure::Unauthorized)?;
                Ok(accounts::session_user(conn, row.id, &token.bearer).await?)
            })
            .await?;
        Ok(Known { user: user.ok_or(Failure::Unauthorized)?, expires_at })
    }

    /// The user of a token that this server signed and that checked out.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`] if the user is gone or the credentials changed.
    pub async fn own(&self, token: &UserToken, expires_at: DateTime<Utc>) -> Result<Known, Failure> {
        let user = self.chat.run(async |conn| Ok(accounts::session_user(conn, token.project, token).await?)).await?;
        Ok(Known { user: user.ok_or(Failure::Unauthorized)?, expires_at })
    }

    /// The user of a token that an issuer signed. A project, where one is named, is the only one that is asked; else exactly one must
    /// trust the issuer for the token's audience.
    ///
    /// # Errors
    /// As [`Self::in_project`].
    pub async fn foreign(&self, claimed: &Claimed, token: &str, project: Option<&str>) -> Result<Known, Failure> {
        let trusting = self
            .chat
            .run(async |conn| Ok(identity::trusting(conn, &claimed.issuer, &claimed.audiences, project).await?));
        let (mut good, mut refused) = (Vec::new(), Failure::Unauthorized);
        for row in trusting.await? {
            let now = self.chat.now();
            let keys = match self.issuers.keys(&row.jwks, claimed, now).await {
                Ok(keys) => keys,
                Err(failure) => {
                    refused = failure;
                    continue;
                }
            };
            match keys.verify(token, claimed, (&row.issuer, &row.audience), now) {
                Ok(subject) => good.push((row, subject)),
                Err(error) => refused = failure(error),
            }
        }
        let [(row, subject)] = good.as_slice() else {
            return Err(if good.is_empty() { refused } else { Failure::Unauthorized });
        };
        let user = self.chat.run(async |conn| identity::user_of(conn, row, &subject.subject, &subject.profile).await);
        Ok(Known { user: user.await?, expires_at: subject.expires_at })
    }
}

/// What a client is told of a token that is not good.
#[must_use]
pub fn failure(error: TokenError) -> Failure {
    match error {
        TokenError::Expired => Failure::TokenExpired,
        TokenError::Invalid => Failure::Unauthorized,
    }
}
