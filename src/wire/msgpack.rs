//! Documents as MessagePack: what JSON can say and no more. Maps have string keys; there is no bin, no ext, no NaN.
//!
//! Reading is our own because it must be strict and cheap to refuse: depth is checked before going deeper, and a declared
//! length against the bytes that are there before anything is reserved for it.

use super::document::{DocumentError, without_nul};
use serde::Serialize;
use serde_json::{Map, Number, Value};

/// Items for which a list reserves before it has read them. A list may declare as many as there are bytes left, at every
/// level; beyond this it grows as they come.
const RESERVED_ITEMS: usize = 64;

/// The whole document of a map without members.
pub(super) const EMPTY_MAP: u8 = 0x80;
/// What a map of two members begins with.
pub(super) const MAP_OF_TWO: u8 = 0x82;

/// Appends a string.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    match (u8::try_from(text.len()), u16::try_from(text.len())) {
        (Ok(length), _) if length < 32 => out.push(0xa0 | length),
        (Ok(length), _) => out.extend_from_slice(&[0xd9, length]),
        (_, Ok(length)) => {
            out.push(0xda);
            out.extend_from_slice(&length.to_be_bytes());
        }
        _ => {
            out.push(0xdb);
            out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// The document of a value; ids and times become strings, as in JSON.
///
/// # Errors
/// What the value's own `Serialize` reports.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    let mut bytes = Vec::with_capacity(128);
    value.serialize(&mut rmp_serde::Serializer::new(&mut bytes).with_struct_map().with_human_readable())?;
    Ok(bytes)
}

/// Reads exactly one document of at most `max_depth` levels of lists and maps, the outermost included. Of a key that a map
/// has twice the later value counts.
///
/// # Errors
/// Anything else than one document, more levels, or U+0000 in a string.
pub fn decode(bytes: &[u8], max_depth: usize) -> Result<Value, DocumentError> {
    let mut reader = Reader { rest: bytes, nul: false };
    let document = reader.value(max_depth)?;
    if !reader.rest.is_empty() {
        return Err(DocumentError::malformed("bytes after the end of the MessagePack document"));
    }
    if reader.nul { without_nul(document) } else { Ok(document) }
}

struct Reader<'a> {
    /// What is still to be read.
    rest: &'a [u8],
    /// Whether a string with U+0000 was among what was read.
    nul: bool,
}

impl<'a> Reader<'a> {
    /// One value that may hold `depth` levels of lists and maps.
    fn value(&mut self, depth: usize) -> Result<Value, DocumentError> {
        let [marker] = self.take()?;
        Ok(match marker {
            0x00..=0x7f => Value::from(marker),
            0x80..=0x8f => self.map(usize::from(marker & 0x0f), depth)?,
            0x90..=0x9f => self.list(usize::from(marker & 0x0f), depth)?,
            0xa0..=0xbf => Value::from(self.text(usize::from(marker & 0x1f))?),
            0xc0 => Value::Null,
            0xc2 => Value::Bool(false),
            0xc3 => Value::Bool(true),
            0xca => self.take().map(f32::from_be_bytes).and_then(|number| float(number.into()))?,
            0xcb => self.take().map(f64::from_be_bytes).and_then(float)?,
            0xcc => self.take().map(u8::from_be_bytes)?.into(),
            0xcd => self.take().map(u16::from_be_bytes)?.into(),
            0xce => self.take().map(u32::from_be_bytes)?.into(),
            0xcf => self.take().map(u64::from_be_bytes)?.into(),
            0xd0 => self.take().map(i8::from_be_bytes)?.into(),
            0xd1 => self.take().map(i16::from_be_bytes)?.into(),
            0xd2 => self.take().map(i32::from_be_bytes)?.into(),
            0xd3 => self.take().map(i64::from_be_bytes)?.into(),
            0xd9..=0xdb => {
                let length = self.length(marker - 0xd9)?;
                Value::from(self.text(length)?)
            }
            0xdc | 0xdd => {
                let length = self.length(marker - 0xdc + 1)?;
                self.list(length, depth)?
            }
            0xde | 0xdf => {
                let length = self.length(marker - 0xde + 1)?;
                self.map(length, depth)?
            }
            0xe0..=0xff => i8::from_be_bytes([marker]).into(),
            0xc1 => return Err(DocumentError::malformed("0xc1 is no MessagePack")),
            0xc4..=0xc6 => return Err(DocumentError::malformed("bin is not allowed, binary data has no place here")),
            0xc7..=0xc9 | 0xd4..=0xd8 => return Err(DocumentError::malformed("ext types are not allowed")),
        })
    }

    fn list(&mut self, length: usize, depth: usize) -> Result<Value, DocumentError> {
        let depth = depth.checked_sub(1).ok_or(DocumentError::TooDeep)?;
        self.has(length)?;
        let mut items = Vec::with_capacity(length.min(RESERVED_ITEMS));
        for _ in 0..length {
            items.push(self.value(depth)?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, length: usize, depth: usize) -> Result<Value, DocumentError> {
        let depth = depth.checked_sub(1).ok_or(DocumentError::TooDeep)?;
        self.has(length.saturating_mul(2))?;
        let mut members = Map::new();
        for _ in 0..length {
            let key = self.key()?;
            members.insert(key, self.value(depth)?);
        }
        Ok(Value::Object(members))
    }

    fn key(&mut self) -> Result<String, DocumentError> {
        let [marker] = self.take()?;
        let length = match marker {
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xd9..=0xdb => self.length(marker - 0xd9)?,
            _ => return Err(DocumentError::malformed("the keys of a map must be strings")),
        };
        self.text(length)
    }

    fn text(&mut self, length: usize) -> Result<String, DocumentError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(cut_short)?;
        self.rest = rest;
        let text = str::from_utf8(bytes).map_err(|_| DocumentError::malformed("a string is not UTF-8"))?;
        self.nul |= bytes.contains(&0);
        Ok(text.to_owned())
    }

    /// A declared length of 1, 2 or 4 bytes, for a `width` of 0, 1 or 2.
    fn length(&mut self, width: u8) -> Result<usize, DocumentError> {
        Ok(match width {
            0 => usize::from(u8::from_be_bytes(self.take()?)),
            1 => usize::from(u16::from_be_bytes(self.take()?)),
            _ => usize::try_from(u32::from_be_bytes(self.take()?)).map_err(|_| cut_short())?,
        })
    }

    /// Fails unless at least so many bytes are left: a value has one or more.
    fn has(&self, bytes: usize) -> Result<(), DocumentError> {
        if bytes <= self.rest.len() { Ok(()) } else { Err(cut_short()) }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], DocumentError> {
        let (taken, rest): (&'a [u8; N], _) = self.rest.split_first_chunk().ok_or_else(cut_short)?;
        self.rest = rest;
        Ok(*taken)
    }
}

fn cut_short() -> DocumentError {
    DocumentError::malformed("the MessagePack document ends too early")
}

fn float(number: f64) -> Result<Value, DocumentError> {
    Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| DocumentError::malformed("NaN and infinity are not allowed"))
}

#[cfg(test)]
mod tests {
    use super::super::document::samples;
    use super::*;
    use crate::wire::limits::NESTING;
    use proptest::prelude::*;
    use serde_json::json;

    fn refused(bytes: &[u8]) -> bool {
        matches!(decode(bytes, NESTING), Err(DocumentError::Malformed(_)))
    }

    #[test]
    fn nesting_is_bounded() {
        for levels in [1, NESTING - 1, NESTING] {
            assert_eq!(decode(&to_vec(&samples::nested(levels)).unwrap(), NESTING), Ok(samples::nested(levels)));
        }
        assert_eq!(decode(&to_vec(&samples::nested(NESTING + 1)).unwrap(), NESTING), Err(DocumentError::TooDeep));
        assert_eq!(decode(&[0x91; 60_000], NESTING), Err(DocumentError::TooDeep));
    }

    #[test]
    fn lying_lengths_are_refused() {
        for bytes in [
            &[0xdd, 0xff, 0xff, 0xff, 0xff][..],
            &[0xdf, 0xff, 0xff, 0xff, 0xff, 0xa0, 0xc0],
            &[0xdb, 0xff, 0xff, 0xff, 0xff, b'a'],
            &[0x93, 1, 2],
            &[0x82, 0xa1, b'a', 1],
            &[0xd9, 2, b'a'],
            &[0xcb, 0, 0],
            &[],
        ] {
            assert!(refused(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn only_what_json_can_say() {
        let mut nan = vec![0xcb];
        nan.extend(f64::NAN.to_be_bytes());
        assert!(refused(&nan));
        let mut infinity = vec![0xca];
        infinity.extend(f32::INFINITY.to_be_bytes());
        assert!(refused(&infinity));
        for bytes in [
            &[0xc1][..],
            &[0xc4, 1, 7],
            &[0xc5, 0, 1, 7],
            &[0xc7, 1, 5, 7],
            &[0xd4, 5, 7],
            &[0x81, 1, 1],
            &[0x81, 0xc0, 1],
            &[0xa1, 0xff],
            &[0xc0, 0xc0],
        ] {
            assert!(refused(bytes), "{bytes:?}");
        }
    }

    #[test]
    fn every_width_is_read() {
        let long = "x".repeat(70_000);
        let document = json!([0, 127, 128, 255, 256, 65_536, u64::MAX, -1, -32, -33, -129, -40_000, i64::MIN, 1.5, long, {
            "many": (0..70_000).collect::<Vec<_>>(),
            "some": vec![true; 300],
        }]);
        assert_eq!(decode(&to_vec(&document).unwrap(), NESTING), Ok(document));
        let many: Map<String, Value> = (0..70_000).map(|n| (n.to_string(), n.into())).collect();
        assert_eq!(decode(&to_vec(&many).unwrap(), NESTING), Ok(Value::Object(many)));
        assert_eq!(decode(&[0xca, 0x3f, 0xc0, 0, 0], NESTING), Ok(json!(1.5)));
    }

    #[test]
    fn nul_is_found_in_strings_and_keys() {
        for (document, place) in [(json!({ "a": ["x\0"] }), "a[0]"), (json!({ "a": { "\0k": 1 } }), "a.␀k")] {
            let decoded = decode(&to_vec(&document).unwrap(), NESTING);
            let Err(DocumentError::Nul { path, document: whole }) = decoded else { panic!("{decoded:?}") };
            assert_eq!((path.to_string().as_str(), whole), (place, document));
        }
    }

    #[test]
    fn strings_are_written_in_every_width() {
        for length in [0, 31, 32, 255, 256, 65_535, 65_536] {
            let text = "x".repeat(length);
            let mut bytes = Vec::new();
            put_text(&mut bytes, &text);
            assert_eq!(bytes, to_vec(&text).unwrap());
        }
    }

    #[test]
    fn ids_are_strings_and_structs_are_maps() {
        #[derive(Serialize)]
        struct Sample {
            id: uuid::Uuid,
            none: Option<u8>,
        }
        let sample = Sample { id: uuid::Uuid::nil(), none: None };
        let document = decode(&to_vec(&sample).unwrap(), NESTING);
        assert_eq!(document, Ok(json!({ "id": "00000000-0000-0000-0000-000000000000", "none": null })));
    }

    proptest! {
        #[test]
        fn round_trip(document in samples::document()) {
            prop_assert_eq!(decode(&to_vec(&document).unwrap(), NESTING), Ok(document));
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(document) = decode(&bytes, NESTING) {
                prop_assert_eq!(decode(&to_vec(&document).unwrap(), NESTING), Ok(document));
            }
        }

        #[test]
        fn a_document_cut_short_is_refused(document in samples::document(), at in any::<prop::sample::Index>()) {
            let bytes = to_vec(&document).unwrap();
            prop_assert!(refused(&bytes[..at.index(bytes.len())]));
        }
    }
}
