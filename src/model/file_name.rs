//! Names of files, as people's programs send them: never trusted, only shown.

use super::limits::FILE_NAME_CHARS;
use super::text::is_invisible;

/// Characters of an ending that is kept when a name is cut.
const ENDING_CHARS: usize = 16;
/// What a file is called that came without a name, or with none that can be shown.
const NAMELESS: &str = "file";

/// The name as it may be shown and stored: without folders, control characters, and characters that change the direction of what
/// stands beside them; not beginning with a dot, and of at most [`FILE_NAME_CHARS`] characters, its ending kept.
#[must_use]
pub fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|&c| !c.is_control() && !is_invisible(c) && !is_break(c)).collect();
    let shown = shown.trim_start_matches(|c: char| c == '.' || c.is_whitespace()).trim_end();
    if shown.is_empty() {
        return NAMELESS.to_owned();
    }
    if shown.chars().count() <= FILE_NAME_CHARS {
        return shown.to_owned();
    }
    let ending = shown.rfind('.').map(|dot| &shown[dot..]).filter(|ending| ending.chars().count() <= ENDING_CHARS);
    let ending = ending.unwrap_or_default();
    let room = FILE_NAME_CHARS - ending.chars().count();
    let stem: String = shown.chars().take(room).collect();
    format!("{}{ending}", stem.trim_end())
}

/// Ends a line in some programs.
fn is_break(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_what_can_be_shown_is_left() {
        for (name, shown) in [
            ("report.pdf", "report.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\alice\\photo.jpg", "photo.jpg"),
            ("été à Paris.png", "été à Paris.png"),
            ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("\u{200b}.\u{feff}", "file"),
            (".htaccess", "htaccess"),
            ("", "file"),
            ("dir/", "file"),
            ("  x  ", "x"),
        ] {
            assert_eq!(clean(name), shown, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let name = clean(&format!("{}.tar.gz", "é".repeat(500)));
        assert_eq!((name.chars().count(), name.ends_with("é.gz")), (FILE_NAME_CHARS, true));
        assert_eq!(clean(&"x.".repeat(500)).chars().count(), FILE_NAME_CHARS);
        assert_eq!(clean(&format!("a.{}", "b".repeat(500))).chars().count(), FILE_NAME_CHARS);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_a_name_and_stays_it(name in any::<String>()) {
            let once = clean(&name);
            prop_assert!((1..=FILE_NAME_CHARS).contains(&once.chars().count()));
            prop_assert!(!once.contains(['/', '\\']) && !once.chars().any(char::is_control));
            prop_assert_eq!(clean(&once), once);
        }
    }
}
