//! The reply errors, a closed list, and the one place where a [`Failure`] becomes one of them.

use super::close::{CloseCode, Violation};
use crate::model::Failure;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// The codes of error replies; each has one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    BadEnvelope,
    UnknownType,
    Invalid,
    Unauthorized,
    TokenExpired,
    Forbidden,
    ReadOnly,
    NotFound,
    Conflict,
    IdTaken,
    NameTaken,
    Full,
    TooLarge,
    RateLimited,
    QuotaExceeded,
    Internal,
    ModelFailed,
    Unavailable,
}

impl ErrorCode {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::BadEnvelope,
        Self::UnknownType,
        Self::Invalid,
        Self::Unauthorized,
        Self::TokenExpired,
        Self::Forbidden,
        Self::ReadOnly,
        Self::NotFound,
        Self::Conflict,
        Self::IdTaken,
        Self::NameTaken,
        Self::Full,
        Self::TooLarge,
        Self::RateLimited,
        Self::QuotaExceeded,
        Self::Internal,
        Self::ModelFailed,
        Self::Unavailable,
    ];

    /// The status, with the meaning that HTTP gives it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::BadEnvelope | Self::UnknownType | Self::Invalid => 400,
            Self::Unauthorized | Self::TokenExpired => 401,
            Self::Forbidden | Self::ReadOnly => 403,
            Self::NotFound => 404,
            Self::Conflict | Self::IdTaken | Self::NameTaken | Self::Full => 409,
            Self::TooLarge => 413,
            Self::RateLimited | Self::QuotaExceeded => 429,
            Self::Internal => 500,
            Self::ModelFailed => 502,
            Self::Unavailable => 503,
        }
    }
}

/// The data of an error reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Error)]
pub struct ErrorData {
    pub status: u16,
    pub code: ErrorCode,
    pub message: String,
    /// The field at fault, with `invalid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// When to try again, in milliseconds, with `rate_limited`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorData {
    /// An error of this code with a message for people.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { status: code.status(), code, message: message.into(), field: None, retry_after_ms: None }
    }
}

impl From<Violation> for ErrorData {
    /// For clients that are told by an error why they are closed.
    fn from(Violation { code, reason }: Violation) -> Self {
        let code = match code {
            CloseCode::TooBig => ErrorCode::TooLarge,
            CloseCode::Unauthorized | CloseCode::AccountGone => ErrorCode::Unauthorized,
            CloseCode::TokenExpired => ErrorCode::TokenExpired,
            CloseCode::TooManySessions => ErrorCode::Full,
            CloseCode::Shutdown | CloseCode::Slow | CloseCode::Overloaded | CloseCode::HeartBeat => {
                ErrorCode::Unavailable
            }
            CloseCode::Normal
            | CloseCode::ProtocolError
            | CloseCode::Unsupported
            | CloseCode::InvalidData
            | CloseCode::Protocol => ErrorCode::BadEnvelope,
        };
        Self::new(code, reason)
    }
}

impl From<&Failure> for ErrorData {
    fn from(failure: &Failure) -> Self {
        let code = match failure {
            Failure::Invalid { .. } => ErrorCode::Invalid,
            Failure::Unauthorized => ErrorCode::Unauthorized,
            Failure::TokenExpired => ErrorCode::TokenExpired,
            Failure::Forbidden(_) => ErrorCode::Forbidden,
            Failure::ReadOnly => ErrorCode::ReadOnly,
            Failure::NotFound(_) => ErrorCode::NotFound,
            Failure::Conflict(_) => ErrorCode::Conflict,
            Failure::IdTaken => ErrorCode::IdTaken,
            Failure::NameTaken => ErrorCode::NameTaken,
            Failure::Full => ErrorCode::Full,
            Failure::TooLarge(_) => ErrorCode::TooLarge,
            Failure::RateLimited { .. } => ErrorCode::RateLimited,
            Failure::QuotaExceeded(_) => ErrorCode::QuotaExceeded,
            Failure::ModelFailed(_) => ErrorCode::ModelFailed,
            Failure::Unavailable => ErrorCode::Unavailable,
            Failure::Internal => ErrorCode::Internal,
        };
        let mut data = Self::new(code, failure.to_string());
        match failure {
            Failure::Invalid { field, message } => {
                data.field = Some(field.clone());
                data.message.clone_from(message);
            }
            Failure::RateLimited { retry_after } => data.retry_after_ms = Some(millis_up(*retry_after)),
            _ => {}
        }
        data
    }
}

/// Whole milliseconds, rounded up and at least one, so that who waits them is not too early.
fn millis_up(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX).max(1)
}
