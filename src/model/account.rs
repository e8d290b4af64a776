//! Names of projects, and the origins that may speak to them.

use super::Failure;
use uuid::Uuid;

/// Characters of the longest name of a project, an organization, an app.
const NAME_CHARS: usize = 64;

/// Whether this may be a project's name: it stands in addresses, where a UUID would be taken for an id.
///
/// # Errors
/// [`Failure::Invalid`] for the field `name`.
pub fn check_project_name(name: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() || name.len() > NAME_CHARS || !name.chars().all(plain) {
        let message = format!("1 to {NAME_CHARS} ASCII letters, digits and . _ - make a project's name");
        return Err(Failure::invalid("name", message));
    }
    if Uuid::try_parse(name).is_ok() {
        return Err(Failure::invalid("name", "a name may not look like an id"));
    }
    Ok(())
}

/// Whether this may be the name of an organization or an app.
///
/// # Errors
/// [`Failure::Invalid`] for the field `name`.
pub fn check_name(name: &str) -> Result<(), Failure> {
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(Failure::invalid("name", format!("a name has 1 to {NAME_CHARS} characters that can be seen")));
    }
    if Uuid::try_parse(name).is_ok() {
        return Err(Failure::invalid("name", "a name may not look like an id"));
    }
    Ok(())
}

/// Whether this is a web origin as browsers send it: scheme, host and, unless it is the usual one, port, in lower case.
///
/// # Errors
/// [`Failure::Invalid`] for the field `origin`.
pub fn check_origin(origin: &str) -> Result<(), Failure> {
    let host = origin.split_once("://").map(|(_, host)| host).unwrap_or_default();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
    let scheme = origin.starts_with("http://") || origin.starts_with("https://");
    if scheme && !host.is_empty() && host.chars().all(plain) {
        return Ok(());
    }
    Err(Failure::invalid("origin", "an origin is like https://example.org or http://localhost:3000, without a path"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn project_names_fit_in_addresses() {
        for name in ["default", "a", "My_game-2.0", &"x".repeat(64)] {
            assert_eq!(check_project_name(name), Ok(()), "{name}");
        }
        for name in ["", "a/b", "a b", "é", &"x".repeat(65), "550e8400-e29b-41d4-a716-446655440000"] {
            assert!(check_project_name(name).is_err(), "{name}");
        }
    }

    #[test]
    fn names_can_be_seen() {
        assert_eq!(check_name("Résidence des Lilas"), Ok(()));
        for name in ["", "  ", "a\nb", "a\0b", &"é".repeat(65), "550e8400-e29b-41d4-a716-446655440000"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn origins_are_as_browsers_send_them() {
        for origin in ["https://example.org", "http://localhost:3000", "http://[::1]:3000"] {
            assert_eq!(check_origin(origin), Ok(()), "{origin}");
        }
        for origin in ["", "*", "null", "example.org", "https://", "https://example.org/", "https://Example.org"] {
            assert!(check_origin(origin).is_err(), "{origin}");
        }
    }
}
