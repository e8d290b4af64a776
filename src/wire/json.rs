//! Reading documents from JSON. Writing them needs nothing of our own: it is `serde_json::to_vec`.

use super::document::{DocumentError, without_nul};
use serde_json::Value;

/// Reads exactly one document of at most `max_depth` levels of lists and maps, the outermost included. Of a key that a map
/// has twice the later value counts.
///
/// # Errors
/// Anything else than one document, more levels, or U+0000 in a string.
pub fn decode(bytes: &[u8], max_depth: usize) -> Result<Value, DocumentError> {
    let survey = Survey::of(bytes);
    if survey.depth > max_depth {
        return Err(DocumentError::TooDeep);
    }
    let document =
        serde_json::from_slice(bytes).map_err(|error| DocumentError::malformed(format!("not JSON: {error}")))?;
    if survey.nul { without_nul(document) } else { Ok(document) }
}

/// What one pass over the bytes tells before anything is parsed. Bytes that are not JSON give some answer; the parser
/// refuses them all the same.
#[derive(Debug, Default, PartialEq, Eq)]
struct Survey {
    /// The most lists and maps open at once.
    depth: usize,
    /// Whether a string has the escape of U+0000; unescaped it is no JSON.
    nul: bool,
}

impl Survey {
    fn of(bytes: &[u8]) -> Self {
        let mut survey = Self::default();
        let mut open = 0_usize;
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            rest = after;
            match byte {
                b'"' => rest = survey.after_string(rest),
                b'[' | b'{' => {
                    open += 1;
                    survey.depth = survey.depth.max(open);
                }
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        survey
    }

    /// What follows the string that `rest` is in. Strings are most of a document: they are leapt through.
    fn after_string<'a>(&mut self, mut rest: &'a [u8]) -> &'a [u8] {
        while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
            let after = rest.get(at + 1..).unwrap_or_default();
            if rest.get(at) == Some(&b'"') {
                return after;
            }
            self.nul |= after.starts_with(b"u0000");
            rest = after.get(1..).unwrap_or_default();
        }
        &[]
    }
}

#[cfg(test)]
mod tests {
    use super::super::document::samples;
    use super::*;
    use crate::wire::limits::NESTING;
    use proptest::prelude::*;
    use serde_json::json;

    fn encode(document: &Value) -> Vec<u8> {
        serde_json::to_vec(document).unwrap()
    }

    #[test]
    fn nesting_is_bounded() {
        for levels in [1, NESTING - 1, NESTING] {
            assert_eq!(decode(&encode(&samples::nested(levels)), NESTING), Ok(samples::nested(levels)));
        }
        assert_eq!(decode(&encode(&samples::nested(NESTING + 1)), NESTING), Err(DocumentError::TooDeep));
        assert_eq!(decode("[".repeat(60_000).as_bytes(), NESTING), Err(DocumentError::TooDeep));
    }

    #[test]
    fn brackets_in_strings_are_no_nesting() {
        let document = json!({ "a": "[[[[\"[[[", "b\\": "{{\\" });
        assert_eq!(decode(&encode(&document), 1), Ok(document));
    }

    #[test]
    fn siblings_are_no_nesting() {
        assert!(decode(b"[[],[],{},[]]", 2).is_ok());
        assert_eq!(decode(b"[[],[[]]]", 2), Err(DocumentError::TooDeep));
    }

    #[test]
    fn nul_is_found_however_it_is_written() {
        for text in [r#"{"a":["\u0000"]}"#, r#"{"a":["x\\\u0000y"]}"#] {
            let Err(DocumentError::Nul { path, .. }) = decode(text.as_bytes(), NESTING) else { panic!("{text}") };
            assert_eq!(path.to_string(), "a[0]");
        }
        assert_eq!(decode(br#"["\\u0000"]"#, NESTING), Ok(json!(["\\u0000"])), "an escaped backslash, no NUL");
        assert!(matches!(decode(b"[\"\0\"]", NESTING), Err(DocumentError::Malformed(_))));
    }

    #[test]
    fn only_one_whole_document() {
        for bytes in [&b""[..], b" ", b"{", b"{} {}", b"[1,]", b"nul", b"[NaN]", b"\"\xff\"", br#""\ud800""#, b"1e999"]
        {
            assert!(matches!(decode(bytes, NESTING), Err(DocumentError::Malformed(_))), "{bytes:?}");
        }
        assert_eq!(decode(br#" {"a":1,"a":2} "#, NESTING), Ok(json!({ "a": 2 })));
    }

    proptest! {
        #[test]
        fn round_trip(document in samples::document()) {
            prop_assert_eq!(decode(&encode(&document), NESTING), Ok(document));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes, NESTING);
        }

        #[test]
        fn nearly_json_is_survived(text in r#"([\[\]{}",:\\ue0-9a\x00-]|\\u0000|true|null){0,60}"#) {
            if let Ok(document) = decode(text.as_bytes(), NESTING) {
                prop_assert_eq!(decode(&encode(&document), NESTING), Ok(document));
            }
        }
    }
}
