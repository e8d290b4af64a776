//! What the handlers share.

use super::hashing::Hashing;
use super::throttle::Throttle;
use crate::chat::Clock;
use crate::store::Database;
use crate::wire::token::Tokens;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// What the handlers of all event loops share. Make one, and give each `App` a clone of its [`actix_web::web::Data`].
pub struct HttpState {
    pub database: Database,
    pub tokens: Arc<Tokens>,
    pub clock: Clock,
    /// How long a token from a sign-in is good for.
    pub token_lifetime: Duration,
    /// The project that the assistant webhook serves, by name or id.
    pub webhook_project: String,
    pub(super) hashing: Hashing,
    pub(super) throttle: Throttle,
}

impl HttpState {
    /// The state of a server on `cores` cores: that many passwords are hashed at once.
    #[must_use]
    pub fn new(
        database: Database,
        tokens: Arc<Tokens>,
        clock: Clock,
        token_lifetime: Duration,
        webhook_project: String,
        cores: NonZeroUsize,
    ) -> Self {
        let (hashing, throttle) = (Hashing::new(cores), Throttle::default());
        Self { database, tokens, clock, token_lifetime, webhook_project, hashing, throttle }
    }
}
