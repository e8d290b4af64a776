//! What a file is, by what is in it. Neither its name nor what the sender says of it counts.

/// Bytes at the beginning of a file by which its type is told: what the formats in common use need.
pub const SNIFFED_BYTES: usize = 8_192;
/// What nothing is known of.
pub const BYTES: &str = "application/octet-stream";
/// Plain text, in UTF-8.
pub const TEXT: &str = "text/plain";
/// Pictures that get a small one, and that may be somebody's avatar.
pub const PICTURES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];
/// A drawing that may hold scripts.
const SVG: &str = "image/svg+xml";

/// The type of a file that begins so. One that seems to be text is so as long as all of it is: see [`TextCheck`].
#[must_use]
pub fn of(head: &[u8]) -> &'static str {
    let head = head.get(..SNIFFED_BYTES).unwrap_or(head);
    if let Some(known) = infer::get(head) {
        let mime = known.mime_type();
        return if mime == "text/xml" && has_svg(head) { SVG } else { mime };
    }
    if !TextCheck::default().takes(head) {
        BYTES
    } else if has_svg(head) {
        SVG
    } else if has_markup(head) {
        "text/html"
    } else {
        TEXT
    }
}

/// Whether a type is text, so that all of the file must be.
#[must_use]
pub fn is_text(mime: &str) -> bool {
    mime.starts_with("text/") || mime == SVG
}

/// Whether browsers may show it where it is asked for: what runs no script, whatever is in it. All else is offered to be saved.
#[must_use]
pub fn is_shown(mime: &str) -> bool {
    PICTURES.contains(&mime) || mime == TEXT || mime.starts_with("audio/") || mime.starts_with("video/")
}

/// Whether a type is one of those in a list, which may hold whole groups such as `image/*`, and `*/*`.
#[must_use]
pub fn is_among(mime: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|pattern| {
        pattern == "*/*" || pattern == mime || {
            let group = pattern.strip_suffix('*').filter(|group| group.ends_with('/'));
            group.is_some_and(|group| mime.starts_with(group))
        }
    })
}

/// Whether this can be in a list of allowed types.
#[must_use]
pub fn is_pattern(pattern: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+.-".contains(&b))
    };
    pattern == "*/*" || pattern.split_once('/').is_some_and(|(group, kind)| word(group) && (kind == "*" || word(kind)))
}

fn has_svg(head: &[u8]) -> bool {
    head.windows(4).any(|window| window.eq_ignore_ascii_case(b"<svg"))
}

fn has_markup(head: &[u8]) -> bool {
    const TAGS: [&[u8]; 6] = [b"<html", b"<script", b"<!doctype html", b"<body", b"<iframe", b"<object"];
    TAGS.iter().any(|tag| head.windows(tag.len()).any(|window| window.eq_ignore_ascii_case(tag)))
}

/// Looks at a text piece by piece: UTF-8, without the control characters that no text has.
#[derive(Debug, Default)]
pub struct TextCheck {
    /// The beginning of a character whose end comes with the next piece.
    rest: Vec<u8>,
}

impl TextCheck {
    /// Whether this may be the next piece of a text.
    #[must_use]
    pub fn takes(&mut self, piece: &[u8]) -> bool {
        if piece.iter().any(|&b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b)) {
            return false;
        }
        let mut bytes = std::mem::take(&mut self.rest);
        bytes.extend_from_slice(piece);
        match std::str::from_utf8(&bytes) {
            Ok(_) => true,
            // The end is missing, and may come.
            Err(error) if error.error_len().is_none() => {
                self.rest = bytes.split_off(error.valid_up_to());
                true
            }
            Err(_) => false,
        }
    }

    /// Whether the text may end here.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_file_is_what_is_in_it() {
        let text = "é".repeat(5_000);
        for (head, mime) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"GIF89a\x01\0\x01\0", "image/gif"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
            (b"%PDF-1.7\n", "application/pdf"),
            (b"PK\x03\x04rest", "application/zip"),
            (b"plain words", TEXT),
            (text.as_bytes(), TEXT),
            (b"\xef\xbb\xbfwith a mark", TEXT),
            (b"<!DOCTYPE html><p>x", "text/html"),
            (b"words and then <script>alert(1)</script>", "text/html"),
            (b"<svg xmlns='x'><script/></svg>", SVG),
            (b"<?xml version='1.0'?><SVG onload='x'/>", SVG),
            (b"<?xml version='1.0'?><a/>", "text/xml"),
            (b"\0\x01\x02", BYTES),
            (b"\xff\xfe\xfd", BYTES),
        ] {
            assert_eq!(of(head), mime, "{head:?}");
        }
        for mime in ["text/html", SVG, "text/xml", "application/pdf", BYTES] {
            assert!(!is_shown(mime), "{mime}");
        }
        assert!(is_shown(TEXT) && is_shown("image/png") && is_shown("video/mp4"));
    }

    #[test]
    fn lists_of_types_know_groups() {
        let list = |types: &[&str]| types.iter().map(|mime| (*mime).to_owned()).collect::<Vec<_>>();
        assert!(is_among("image/png", &list(&["text/plain", "image/*"])));
        assert!(is_among("image/png", &list(&["*/*"])));
        assert!(!is_among("image/png", &list(&["image/jpeg", "imag*"])) && !is_among("image/png", &[]));
        for good in ["*/*", "image/*", "image/svg+xml", "application/vnd.ms-excel"] {
            assert!(is_pattern(good), "{good}");
        }
        for bad in ["", "*", "image", "image/", "/png", "Image/png", "*/png", "image/p*", "a/b/c"] {
            assert!(!is_pattern(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_text_is_one_however_it_is_cut(text in "[^\\x00-\\x1f]{0,200}", cuts in prop::collection::vec(0usize..800, 0..4)) {
            let (mut check, bytes) = (TextCheck::default(), text.as_bytes());
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut from = 0;
            for cut in cuts.into_iter().chain([bytes.len()]) {
                prop_assert!(check.takes(&bytes[from..cut]));
                from = cut;
            }
            prop_assert!(check.is_whole());
        }

        #[test]
        fn what_is_no_text_is_found_out(bytes in prop::collection::vec(any::<u8>(), 0..300), cut in 0usize..300) {
            let (mut check, cut) = (TextCheck::default(), cut.min(bytes.len()));
            let taken = check.takes(&bytes[..cut]) && check.takes(&bytes[cut..]) && check.is_whole();
            let is_text = std::str::from_utf8(&bytes).is_ok()
                && !bytes.iter().any(|&b| b < 32 && ![9, 10, 12, 13, 27].contains(&b));
            prop_assert_eq!(taken, is_text);
            let _ = of(&bytes);
        }
    }
}
