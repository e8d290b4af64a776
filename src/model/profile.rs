//! Checks of what users tell of themselves beside their names.

use super::Failure;
use super::limits::{EMAIL_CHARS, LANGUAGE_CHARS, LINK_CHARS};

/// An e-mail address, as far as it can be told without sending a letter: something, `@`, something with neither white space nor
/// control characters; at most 254 characters.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn email(field: &str, text: &str) -> Result<(), Failure> {
    let parts = text.rsplit_once('@');
    let whole = parts.is_some_and(|(person, host)| !person.is_empty() && !host.is_empty() && !person.contains('@'));
    if whole && is_short_and_plain(text, EMAIL_CHARS) {
        Ok(())
    } else {
        Err(Failure::invalid(field, format!("must be an e-mail address of at most {EMAIL_CHARS} characters")))
    }
}

/// A language tag in the form of BCP 47: letters, then groups of letters and digits after hyphens, such as `fr` or `en-GB`.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn language(field: &str, text: &str) -> Result<(), Failure> {
    let mut groups = text.split('-');
    let is_group = |group: &str| (1..=8).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_language = |group: &str| (2..=8).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_alphabetic());
    if text.len() <= LANGUAGE_CHARS && groups.next().is_some_and(is_language) && groups.all(is_group) {
        Ok(())
    } else {
        Err(Failure::invalid(field, "must be a language tag such as fr or en-GB"))
    }
}

/// A link to a page: `http` or `https` and nothing that a browser would run; at most 2 048 characters.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn link(field: &str, text: &str) -> Result<(), Failure> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next());
    if host.is_some_and(|host| !host.is_empty()) && is_short_and_plain(text, LINK_CHARS) {
        Ok(())
    } else {
        Err(Failure::invalid(field, format!("must be an http or https link of at most {LINK_CHARS} characters")))
    }
}

fn is_short_and_plain(text: &str, most: usize) -> bool {
    text.chars().take(most.saturating_add(1)).count() <= most
        && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&str, &str) -> Result<(), Failure>;

    #[track_caller]
    fn sorts(check: Check, good: &[&str], bad: &[&str]) {
        for text in good {
            assert_eq!(check("x", text), Ok(()), "{text}");
        }
        for text in bad {
            assert!(matches!(check("x", text), Err(Failure::Invalid { field, .. }) if field == "x"), "{text}");
        }
    }

    #[test]
    fn addresses_have_two_ends() {
        let longest = format!("{}@example.org", "x".repeat(242));
        let too_long = format!("x{longest}");
        sorts(
            email,
            &["a@b", "zoë@exämple.org", &longest],
            &["", "a", "@b", "a@", "a@b@c", "a b@c", "a\n@b", &too_long],
        );
    }

    #[test]
    fn languages_are_tags() {
        sorts(
            language,
            &["fr", "en-GB", "zh-Hant-TW", "de-1996"],
            &["", "f", "fr_FR", "fr-", "1a", "fr-123456789", "fr,en"],
        );
    }

    #[test]
    fn links_are_of_pages() {
        let longest = format!("https://example.org/{}", "x".repeat(2028));
        let bad =
            ["", "example.org", "javascript:alert(1)", "https://", "https:///x", "ftp://example.org", "https://a b"];
        sorts(link, &["https://example.org/a?b#c", "http://localhost:3000", &longest], &bad);
        assert!(link("x", &format!("{longest}x")).is_err());
    }
}
