//! What the handlers share.

use super::cors::Origins;
use super::feed::Feeds;
use super::media::{Media, MediaSettings};
use super::rate::Rates;
use crate::chat::Chat;
use crate::chat::callbacks::Guard;
use crate::model::Failure;
use crate::session::identity::Identities;
use crate::session::sign_in::SignIn;
use crate::store::accounts::{self, OrganizationRow};
use crate::store::objects::Objects;
use crate::store::users::UserRow;
use crate::wire::time::Timestamp;
use crate::wire::token::{TokenError, Tokens};
use actix_web::{HttpRequest, web};
use chrono::DateTime;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// What an operator may set about REST.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// How long a token from a sign-in is good for.
    pub token_lifetime: Duration,
    /// The project that the assistant webhook serves, by name or id.
    pub webhook_project: String,
    /// Web origins whose pages may call REST, beside those of projects.
    pub origins: Vec<String>,
    /// Anybody may make an organization.
    pub open_organizations: bool,
    /// The token of operators, who may make organizations all the same.
    pub admin_token: Option<String>,
    /// The demo data is loaded: pages may offer its users to who signs in.
    pub demo: bool,
    /// Decides where apps may be called back.
    pub callbacks: Arc<Guard>,
    /// Files.
    pub media: MediaSettings,
}

/// What the handlers of all event loops share. Make one, and give each `App` a clone of its [`actix_web::web::Data`].
pub struct HttpState {
    pub chat: Chat,
    pub tokens: Arc<Tokens>,
    pub(super) token_lifetime: Duration,
    pub(super) webhook_project: String,
    pub(super) open_organizations: bool,
    pub(super) demo: bool,
    /// SHA-256 of the operators' token. Hashes are compared, so that the time tells nothing of the token.
    pub(super) admin_token: Option<[u8; 32]>,
    pub(super) origins: Origins,
    pub(super) sign_in: Arc<SignIn>,
    pub(super) identities: Arc<Identities>,
    /// Looks at the addresses that apps want to be called at.
    pub(super) callbacks: Arc<Guard>,
    pub(super) rates: Rates,
    pub(super) feeds: Feeds,
    pub(super) media: Media,
}

impl HttpState {
    /// Of the server that a request came to.
    ///
    /// # Errors
    /// [`Failure::Internal`] where the server was put together without it.
    pub fn of(request: &HttpRequest) -> Result<&web::Data<Self>, Failure> {
        request.app_data().ok_or(Failure::Internal)
    }

    /// The state of a server.
    #[must_use]
    pub fn new(
        chat: Chat,
        (sign_in, identities): (Arc<SignIn>, Arc<Identities>),
        objects: Objects,
        settings: HttpSettings,
    ) -> Self {
        let HttpSettings {
            token_lifetime,
            webhook_project,
            origins,
            open_organizations,
            admin_token,
            demo,
            callbacks,
            media,
        } = settings;
        Self {
            rates: Rates::new(&chat.limits),
            chat,
            tokens: Arc::clone(&identities.tokens),
            token_lifetime,
            webhook_project,
            open_organizations,
            demo,
            admin_token: admin_token.map(|token| Sha256::digest(token).into()),
            origins: Origins::new(origins),
            sign_in,
            identities,
            callbacks,
            feeds: Feeds::default(),
            media: Media::new(objects, media),
        }
    }

    /// Ends the live feeds; the server stops.
    pub fn end_feeds(&self) {
        self.feeds.end();
    }

    /// Live feeds that are open.
    #[must_use]
    pub fn open_feeds(&self) -> usize {
        self.feeds.open()
    }

    /// A fresh token for a user, and when it ends.
    ///
    /// # Errors
    /// [`Failure::Internal`] if the clock shows a time that no token can tell.
    pub(super) fn token_for(&self, user: &UserRow) -> Result<(String, Timestamp), Failure> {
        self.issue(|now| self.tokens.issue_user(&accounts::token_of(user), now, self.token_lifetime))
    }

    /// A fresh token for an organization, and when it ends.
    ///
    /// # Errors
    /// As [`Self::token_for`].
    pub(super) fn token_for_organization(
        &self,
        organization: &OrganizationRow,
    ) -> Result<(String, Timestamp), Failure> {
        let bearer = accounts::token_of_organization(organization);
        self.issue(|now| self.tokens.issue_organization(&bearer, now, self.token_lifetime))
    }

    fn issue(
        &self,
        sign: impl FnOnce(DateTime<chrono::Utc>) -> Result<String, TokenError>,
    ) -> Result<(String, Timestamp), Failure> {
        let now = self.chat.now();
        let end =
            i64::try_from(self.token_lifetime.as_secs()).ok().and_then(|seconds| now.timestamp().checked_add(seconds));
        let end = end.and_then(|end| DateTime::from_timestamp(end, 0)).ok_or(Failure::Internal)?;
        Ok((sign(now).map_err(|_| Failure::Internal)?, end.into()))
    }
}
