//! What users are in a project, the names of organizations and apps, and the origins that may speak to a project.

use super::limits::TITLE_CHARS;
use super::words::words;
use super::{Failure, text};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// What a user is in the project, apart from any conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UserRole {
    /// Anybody.
    User,
    /// Answers in support conversations.
    Agent,
    /// Runs the project.
    Admin,
}

words!(UserRole { User => "user", Agent => "agent", Admin => "admin" });

/// The name of an organization or an app: 1 to 255 characters, none a control character, not only white space, and not the
/// form of a UUID.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn check_name(field: &str, name: &str) -> Result<(), Failure> {
    text::title(field, name)?;
    if name.trim().is_empty() || Uuid::try_parse(name).is_ok() {
        return Err(Failure::invalid(field, format!("must be a name of 1 to {TITLE_CHARS} characters, and no UUID")));
    }
    Ok(())
}

/// A web origin as browsers send it: scheme, host and, unless it is the usual one, port, in lower case.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn check_origin(field: &str, origin: &str) -> Result<(), Failure> {
    let host = origin.split_once("://").map(|(_, host)| host).unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
    let scheme = origin.starts_with("http://") || origin.starts_with("https://");
    if scheme && !host.is_empty() && host.chars().all(plain) {
        return Ok(());
    }
    Err(Failure::invalid(field, "must be like https://example.org or http://localhost:3000, without a path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_seen() {
        assert_eq!(check_name("name", "Résidence des Lilas"), Ok(()));
        for name in ["", "  ", "a\nb", "a\0b", &"é".repeat(256), "550e8400-e29b-41d4-a716-446655440000"] {
            assert!(check_name("name", name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        for origin in ["https://example.org", "http://localhost:3000", "http://[::1]:3000"] {
            assert_eq!(check_origin("origin", origin), Ok(()), "{origin}");
        }
        for origin in ["", "*", "null", "example.org", "https://", "https://example.org/", "https://Example.org"] {
            assert!(check_origin("origin", origin).is_err(), "{origin}");
        }
    }
}
