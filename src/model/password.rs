//! Passwords: what they may be, and their bcrypt hashes.
//!
//! A hash or a check takes some 50 ms of a core by design: never call these on an event loop.

use super::limits::PASSWORD_BYTES;
use super::{Failure, text};

/// bcrypt's cost, as clients of the assistant webhook were promised.
pub const COST: u32 = 10;
/// A hash that no password is known for. It is checked where there is none to check, so that the time tells nothing.
const NOBODY: &str = "$2b$10$Jt5h8qEoXNGxvRrTNpmyUOV9ERS0eO/W1xGm8PY2t6cH4v7ZC1q0a";

/// The bcrypt hash of a password, with the caller's random salt.
///
/// # Errors
/// As [`text::password`]; [`Failure::Internal`] if bcrypt itself refuses.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, Failure> {
    text::password("password", password)?;
    // Not bcrypt's "non-truncating" functions: those refuse 72 bytes too, of which nothing is cut.
    bcrypt::hash_with_salt(password, COST, salt).map(|parts| parts.to_string()).map_err(|_| Failure::Internal)
}

/// Whether `password` is the one behind `hash`. Takes the same time when there is no hash, and then is false.
#[must_use]
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    let matches = bcrypt::verify(password, hash.unwrap_or(NOBODY)).unwrap_or(false);
    matches && hash.is_some() && password.len() <= *PASSWORD_BYTES.end()
}

/// Whether a text is a bcrypt hash such as an import may bring along: as costly as ours, at most four times.
#[must_use]
pub fn is_hash(text: &str) -> bool {
    text.parse::<bcrypt::HashParts>().is_ok_and(|parts| (COST..=COST + 2).contains(&parts.get_cost()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_checked_by_its_password_only() {
        let hash = hash("test123", [7; 16]).unwrap();
        assert!(hash.starts_with("$2b$10$"));
        assert!(verify("test123", Some(&hash)));
        assert!(!verify("test124", Some(&hash)));
        assert!(!verify("test123", None));
        assert!(!verify("test123", Some("no hash")));
        assert!(is_hash(&hash));
        assert!(!is_hash("test123"));
    }

    #[test]
    fn the_hash_of_nobody_takes_as_long_as_a_real_one() {
        assert!(is_hash(NOBODY));
        assert_eq!(NOBODY.parse::<bcrypt::HashParts>().unwrap().get_cost(), COST);
    }

    #[test]
    fn a_password_of_72_bytes_counts_to_its_last() {
        let longest = "x".repeat(72);
        let hash = hash(&longest, [7; 16]).unwrap();
        assert!(verify(&longest, Some(&hash)));
        assert!(!verify(&format!("{longest}x"), Some(&hash)));
        assert!(!verify(&longest[1..], Some(&hash)));
    }
}
