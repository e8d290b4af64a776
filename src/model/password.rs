//! Passwords: what they may be, and their bcrypt hashes.
//!
//! A hash or a check takes some 50 ms of a core by design: never call these on an event loop.

use super::Failure;

/// Bytes of the shortest password.
pub const MIN_BYTES: usize = 6;
/// Bytes of the longest: bcrypt would cut what is longer without a word.
pub const MAX_BYTES: usize = 72;
/// bcrypt's cost, as clients of the assistant webhook were promised.
pub const COST: u32 = 10;
/// A hash that no password is known for. It is checked where there is none to check, so that the time tells nothing.
const NOBODY: &str = "$2b$10$Jt5h8qEoXNGxvRrTNpmyUOV9ERS0eO/W1xGm8PY2t6cH4v7ZC1q0a";

/// Whether this may be a password: 6 to 72 bytes, without U+0000.
///
/// # Errors
/// [`Failure::Invalid`] for the field `password`.
pub fn check(password: &str) -> Result<(), Failure> {
    if !(MIN_BYTES..=MAX_BYTES).contains(&password.len()) {
        return Err(Failure::invalid("password", format!("a password has {MIN_BYTES} to {MAX_BYTES} bytes")));
    }
    if password.contains('\0') {
        return Err(Failure::invalid("password", "a password holds no U+0000"));
    }
    Ok(())
}

/// The bcrypt hash of a password, with the caller's random salt.
///
/// # Errors
/// As [`check`]; [`Failure::Internal`] if bcrypt itself refuses.
pub fn hash(password: &str, salt: [u8; 16]) -> Result<String, Failure> {
    check(password)?;
    // Not bcrypt's "non-truncating" functions: those refuse 72 bytes too, of which nothing is cut.
    bcrypt::hash_with_salt(password, COST, salt).map(|parts| parts.to_string()).map_err(|_| Failure::Internal)
}

/// Whether `password` is the one behind `hash`. Takes the same time when there is no hash, and then is false.
#[must_use]
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    let matches = bcrypt::verify(password, hash.unwrap_or(NOBODY)).unwrap_or(false);
    matches && hash.is_some() && password.len() <= MAX_BYTES
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

    #[test]
    fn lengths_are_bytes_from_6_to_72() {
        assert!(check("12345").is_err());
        assert!(check("123456").is_ok());
        assert!(check("ééé").is_ok());
        assert!(check(&"x".repeat(72)).is_ok());
        assert!(check(&"x".repeat(73)).is_err());
        assert!(check("test\u{0}123").is_err());
    }
}
