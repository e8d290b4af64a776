//! Checks of texts that people give: names, bodies, tones, emoji.
//!
//! Every check takes the path of the field it looks at, and refuses with a [`Failure::Invalid`] that names this field.
//! No message repeats the text itself: it may be a password, or a page long.

use super::Failure;
use super::limits::{
    BODY_BYTES, BODY_CHARS, EMOJI_BYTES, GAME_NAME_CHARS, GROUP_NAME_CHARS, PASSWORD_BYTES, PROJECT_NAME_CHARS,
    STATUS_TEXT_CHARS, TITLE_CHARS, TONE_LETTERS, USERNAME_CHARS,
};
use unicode_segmentation::UnicodeSegmentation;
use uuid::Uuid;

/// Whether the text holds U+0000, which PostgreSQL can't store.
#[must_use]
pub fn contains_nul(text: &str) -> bool {
    text.contains('\0')
}

/// A username: 1 to 100 characters, no control characters, no white space at either end, something to be seen, and not the form of a
/// UUID.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn username(field: &str, text: &str) -> Result<(), Failure> {
    line(field, text, USERNAME_CHARS)?;
    visible(field, text)?;
    if text.trim() != text {
        return Err(Failure::invalid(field, "must not begin or end with white space"));
    }
    not_an_id(field, text)
}

/// The name shown beside a username: 1 to 100 characters, no control characters, and something to be seen.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn display_name(field: &str, text: &str) -> Result<(), Failure> {
    line(field, text, USERNAME_CHARS)?;
    visible(field, text)
}

/// A group's unique name: 1 to 64 of ASCII letters, digits and `!?-_().&#,<>`.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn group_name(field: &str, text: &str) -> Result<(), Failure> {
    line(field, text, GROUP_NAME_CHARS)?;
    if text.chars().all(|c| c.is_ascii_alphanumeric() || "!?-_().&#,<>".contains(c)) {
        Ok(())
    } else {
        Err(Failure::invalid(field, "may hold ASCII letters, digits and !?-_().&#,<> only"))
    }
}

/// A group's title: 1 to 255 characters, no control characters.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn title(field: &str, text: &str) -> Result<(), Failure> {
    line(field, text, TITLE_CHARS)
}

/// A message's body: 1 to 16 384 characters in at most 49 152 bytes of UTF-8, without U+0000. Lines, tabs and white
/// space alone are its author's business.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn body(field: &str, text: &str) -> Result<(), Failure> {
    // The bytes first: they are known, the characters have to be counted.
    if text.len() > BODY_BYTES {
        return Err(Failure::invalid(field, format!("must take at most {BODY_BYTES} bytes of UTF-8")));
    }
    length(field, text, BODY_CHARS)?;
    no_nul(field, text)
}

/// A tone indicator such as `/j` or `/srs`: a slash and 1 to 15 lower-case ASCII letters.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn tone(field: &str, text: &str) -> Result<(), Failure> {
    let letters = text.strip_prefix('/').unwrap_or_default();
    if (1..=TONE_LETTERS).contains(&letters.len()) && letters.bytes().all(|b| b.is_ascii_lowercase()) {
        Ok(())
    } else {
        Err(Failure::invalid(field, format!("must be a slash and 1 to {TONE_LETTERS} lower-case letters")))
    }
}

/// An emoji: one grapheme cluster of at most 64 bytes that is no plain ASCII letter or digit, and can be seen.
///
/// Which clusters are emoji changes with every version of Unicode, and clients are ahead of servers: so nothing is
/// asked beyond what keeps words, spaces and the invisible out.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn emoji(field: &str, text: &str) -> Result<(), Failure> {
    let refuse = |message: String| Err(Failure::invalid(field, message));
    if text.len() > EMOJI_BYTES {
        return refuse(format!("must take at most {EMOJI_BYTES} bytes of UTF-8"));
    }
    if text.graphemes(true).take(2).count() != 1 {
        return refuse("must be exactly one emoji".to_owned());
    }
    let plain = text.len() == 1 && text.bytes().all(|b| b.is_ascii_alphanumeric());
    let unprintable = text.chars().any(|c| c.is_whitespace() || c.is_control());
    if plain || unprintable || text.chars().all(is_invisible) {
        return refuse("must be an emoji".to_owned());
    }
    Ok(())
}

/// The text beside a presence: 1 to 200 characters, no control characters.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn status_text(field: &str, text: &str) -> Result<(), Failure> {
    line(field, text, STATUS_TEXT_CHARS)
}

/// A password: 6 to 72 bytes, without U+0000, where some implementations of bcrypt stop reading.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn password(field: &str, text: &str) -> Result<(), Failure> {
    if !PASSWORD_BYTES.contains(&text.len()) {
        let (least, most) = (PASSWORD_BYTES.start(), PASSWORD_BYTES.end());
        return Err(Failure::invalid(field, format!("must take {least} to {most} bytes of UTF-8")));
    }
    no_nul(field, text)
}

/// A project's name, which stands in addresses where its id may stand too: 1 to 64 of `a-z0-9-_`, beginning with a
/// letter or digit, and not the form of a UUID.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn project_name(field: &str, text: &str) -> Result<(), Failure> {
    line(field, text, PROJECT_NAME_CHARS)?;
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if !text.bytes().all(|b| word(b) || b == b'-' || b == b'_') {
        return Err(Failure::invalid(field, "may hold a-z, 0-9, - and _ only"));
    }
    if !text.bytes().next().is_some_and(word) {
        return Err(Failure::invalid(field, "must begin with a letter or a digit"));
    }
    not_an_id(field, text)
}

/// A game's name: 1 to 64 characters, no control characters.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn game_name(field: &str, text: &str) -> Result<(), Failure> {
    line(field, text, GAME_NAME_CHARS)
}

/// A few words on one line: 1 to `max` characters, no control characters, not only white space.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn words(field: &str, text: &str, max: usize) -> Result<(), Failure> {
    line(field, text, max)?;
    if text.trim().is_empty() { Err(Failure::invalid(field, "must not be empty")) } else { Ok(()) }
}

/// A text of any number of lines: 1 to `max` characters, without U+0000.
///
/// # Errors
/// [`Failure::Invalid`] for the field.
pub fn lines(field: &str, text: &str, max: usize) -> Result<(), Failure> {
    length(field, text, max)?;
    no_nul(field, text)
}

/// 1 to `max` characters, none of them a control character.
fn line(field: &str, text: &str, max: usize) -> Result<(), Failure> {
    length(field, text, max)?;
    if text.chars().any(char::is_control) {
        return Err(Failure::invalid(field, "must not hold control characters"));
    }
    Ok(())
}

fn length(field: &str, text: &str, max: usize) -> Result<(), Failure> {
    // One beyond the limit is enough to know.
    if (1..=max).contains(&text.chars().take(max.saturating_add(1)).count()) {
        Ok(())
    } else {
        Err(Failure::invalid(field, format!("must have 1 to {max} characters")))
    }
}

fn no_nul(field: &str, text: &str) -> Result<(), Failure> {
    if contains_nul(text) { Err(Failure::invalid(field, "must not hold U+0000")) } else { Ok(()) }
}

/// Nobody is called nothing.
fn visible(field: &str, text: &str) -> Result<(), Failure> {
    if text.chars().all(|c| c.is_whitespace() || is_invisible(c)) {
        Err(Failure::invalid(field, "must hold something that can be seen"))
    } else {
        Ok(())
    }
}

/// Names stand where ids may stand too, and must never be taken for one.
fn not_an_id(field: &str, text: &str) -> Result<(), Failure> {
    if Uuid::try_parse(text).is_ok() {
        Err(Failure::invalid(field, "must not have the form of a UUID"))
    } else {
        Ok(())
    }
}

/// Joiners, direction marks and variation selectors: they change what stands beside them and show nothing themselves.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    type Check = fn(&str, &str) -> Result<(), Failure>;

    #[track_caller]
    fn accepts(check: Check, texts: &[&str]) {
        for text in texts {
            assert_eq!(check("x", text), Ok(()), "{text:?}");
        }
    }

    #[track_caller]
    fn refuses(check: Check, texts: &[&str]) {
        for text in texts {
            match check("x.y[3]", text) {
                Err(Failure::Invalid { field, message }) => {
                    assert_eq!(field, "x.y[3]");
                    assert!(text.len() < 3 || !message.contains(text), "the message repeats the text: {message}");
                }
                other => panic!("{text:?} gave {other:?}"),
            }
        }
    }

    #[track_caller]
    fn characters(check: Check, character: &str, max: usize) {
        accepts(check, &[character, &character.repeat(max)]);
        refuses(check, &["", &character.repeat(max + 1)]);
    }

    #[test]
    fn lengths_count_characters_and_not_bytes() {
        characters(username, "é", 100);
        characters(display_name, "é", 100);
        characters(group_name, "a", 64);
        characters(title, "漢", 255);
        characters(body, "漢", 16_384);
        characters(status_text, "漢", 200);
        characters(project_name, "z", 64);
        characters(game_name, "é", 64);
    }

    #[test]
    fn no_text_holds_u_0000() {
        for check in [username, display_name, group_name, title, body, tone, emoji, status_text] {
            refuses(check, &["\0", "/a\0", "abcdefg\0"]);
        }
        for check in [password, project_name, game_name] {
            refuses(check, &["abcdefg\0"]);
        }
    }

    #[test]
    fn usernames_are_never_taken_for_ids() {
        accepts(username, &["alice", "Ann Lee", "deadbeef", "123", "日本"]);
        refuses(
            username,
            &[
                "67e55044-10b1-426f-9247-bb680e5fe0c8",
                "67E5504410B1426F9247BB680E5FE0C8",
                "{67e55044-10b1-426f-9247-bb680e5fe0c8}",
                "urn:uuid:67e55044-10b1-426f-9247-bb680e5fe0c8",
            ],
        );
        refuses(username, &[" a", "a ", "\u{a0}a", "a\nb", "a\u{7f}", "a\u{85}b"]);
    }

    #[test]
    fn names_can_be_seen() {
        accepts(display_name, &[" Ann ", "\u{200f}دانا\u{200f}", "."]);
        for check in [username, display_name] {
            refuses(check, &[" ", "\u{200b}", "\u{202e}\u{a0}\u{feff}"]);
        }
    }

    #[test]
    fn group_names_hold_the_listed_signs_only() {
        accepts(group_name, &["Team-1", "!?-_().&#,<>", "a"]);
        refuses(group_name, &["a b", "é", "a/b", "a'b", "@a", "a;"]);
    }

    #[test]
    fn titles_have_one_line() {
        accepts(title, &["What we do, today", " "]);
        refuses(title, &["a\nb", "a\tb"]);
    }

    #[test]
    fn bodies_may_have_lines_and_are_limited_in_bytes_too() {
        accepts(body, &["a\r\n\tb", " ", &"a".repeat(16_384), &"漢".repeat(16_384), &"😀".repeat(12_288)]);
        refuses(body, &[&"😀".repeat(12_289)]);
    }

    #[test]
    fn tones() {
        accepts(tone, &["/j", "/s", "/srs", "/lh", "/hj", "/gen", "/abcdefghijklmno"]);
        refuses(tone, &["", "/", "j", "/J", "//", "/a b", "/é", "/1", "/abcdefghijklmnop"]);
    }

    #[test]
    fn emoji_are_one_cluster() {
        accepts(emoji, &["👍", "👍🏽", "❤️", "👩‍👩‍👧‍👦", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇫🇷", "1️⃣", "#️⃣", "🅰️", "ℹ️", "+"]);
        refuses(
            emoji,
            &["", "a", "7", " ", "\n", "\r\n", "\t", "👍👍", "ab", "🇫🇷🇩🇪", "\u{200d}", "\u{200b}", "\u{fe0f}"],
        );
        refuses(emoji, &[&format!("a{}", "\u{301}".repeat(40))]);
    }

    #[test]
    fn passwords_are_measured_in_bytes() {
        accepts(password, &["test12", "alice123", &"a".repeat(72), &"é".repeat(36)]);
        refuses(password, &["", "12345", &"a".repeat(73), &"é".repeat(37)]);
    }

    #[test]
    fn project_names_fit_addresses_and_are_never_taken_for_ids() {
        accepts(project_name, &["default", "a", "0", "my-game_2"]);
        refuses(project_name, &["-a", "_a", "A", "a b", "a/b", "é", "a.b"]);
        refuses(project_name, &["67e55044-10b1-426f-9247-bb680e5fe0c8", "67e5504410b1426f9247bb680e5fe0c8"]);
    }
}
