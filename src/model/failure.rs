//! What can go wrong, in the words of the domain.
//!
//! `store/` returns Diesel's errors; everything between it and the edges speaks of a [`Failure`]; events, HTTP and STOMP each
//! translate it once, where they answer.

use std::time::Duration;

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// A field holds what it must not.
    #[error("{field}: {message}")]
    Invalid {
        /// The field's path in the request's data, such as `add[1]`.
        field: String,
        /// What is wrong with it, for a person.
        message: String,
    },
    /// Nobody is signed in, or not as who may do this.
    #[error("sign in first")]
    Unauthorized,
    /// The token's time is over.
    #[error("the token has expired")]
    TokenExpired,
    /// The caller lacks the right.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The caller may read here but not write.
    #[error("this conversation is read-only for you")]
    ReadOnly,
    /// It does not exist, or the caller may not know that it does.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The state of things does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
    /// A message id is in use for something else.
    #[error("this id is taken")]
    IdTaken,
    /// A name is in use.
    #[error("this name is taken")]
    NameTaken,
    /// All seats are taken.
    #[error("all seats are taken")]
    Full,
    /// Longer or larger than a limit allows.
    #[error("{0}")]
    TooLarge(String),
    /// More than the allowed number in a time.
    #[error("too many requests")]
    RateLimited {
        /// When to try again.
        retry_after: Duration,
    },
    /// The month's tokens, or money, are used up.
    #[error("the quota of the {0} is used up for this month")]
    QuotaExceeded(&'static str),
    /// A language model did not answer.
    #[error("{0}")]
    ModelFailed(&'static str),
    /// Something this needs is away for now: the database, or an actor that is being started anew.
    #[error("unavailable for the moment, try again")]
    Unavailable,
    /// What nobody foresaw; logged with its cause where it happened.
    #[error("internal error")]
    Internal,
}

impl Failure {
    /// A field that holds what it must not.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), message: message.into() }
    }
}
