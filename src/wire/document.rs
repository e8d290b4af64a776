//! What the two encodings of a document have in common: how reading one fails.

use super::path::Path;
use serde_json::Value;
use std::borrow::Cow;

/// Why bytes were not accepted as a document.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DocumentError {
    /// Not one whole document of the encoding.
    #[error("{0}")]
    Malformed(Cow<'static, str>),
    /// More levels of lists and maps than allowed.
    #[error("nested too deeply")]
    TooDeep,
    /// A string or key holds U+0000, which PostgreSQL can't store. All else is well, so the document comes along: whoever
    /// finds an envelope in it can answer that.
    #[error("{path}: must not hold U+0000")]
    Nul {
        /// The first such string.
        path: Path,
        /// The whole document, U+0000 included.
        document: Value,
    },
}

impl DocumentError {
    /// Not one whole document of the encoding.
    pub(super) fn malformed(message: impl Into<Cow<'static, str>>) -> Self {
        Self::Malformed(message.into())
    }
}

/// The document, unless one of its strings or keys holds U+0000.
///
/// # Errors
/// [`DocumentError::Nul`].
pub(super) fn without_nul(document: Value) -> Result<Value, DocumentError> {
    match find_nul(&document) {
        Some(path) => Err(DocumentError::Nul { path, document }),
        None => Ok(document),
    }
}

/// The first string or key that holds U+0000. Recurses as deep as the document, whose depth was checked before.
fn find_nul(value: &Value) -> Option<Path> {
    match value {
        Value::String(text) => text.contains('\0').then(Path::default),
        Value::Array(items) => {
            items.iter().enumerate().find_map(|(index, item)| Some(find_nul(item)?.under_index(index)))
        }
        Value::Object(members) => members.iter().find_map(|(key, member)| {
            let path = if key.contains('\0') { Path::default() } else { find_nul(member)? };
            Some(path.under_key(key))
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Documents for the tests of both encodings.
#[cfg(test)]
pub(super) mod samples {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use serde_json::Value;

    /// Any string that a document may hold.
    pub fn text() -> impl Strategy<Value = String> {
        any::<String>().prop_map(|text| text.replace('\0', "0"))
    }

    /// Any document of up to five levels. Floats are such that decimal text holds them exactly.
    pub fn document() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<i8>().prop_map(Value::from),
            any::<i32>().prop_map(|number| Value::from(f64::from(number) / 4.0)),
            text().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 64, 20, |inner| {
            prop_oneof![
                vec(inner.clone(), 0..20).prop_map(Value::from),
                btree_map(text(), inner, 0..20).prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// A document of exactly so many levels, lists and maps in turn.
    pub fn nested(levels: usize) -> Value {
        (0..levels).fold(Value::from(1), |inner, level| {
            if level % 2 == 0 { Value::from(vec![inner]) } else { serde_json::json!({ "in": inner }) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn path_of(document: Value) -> Option<String> {
        match without_nul(document) {
            Err(DocumentError::Nul { path, .. }) => Some(path.to_string()),
            _ => None,
        }
    }

    #[test]
    fn names_the_string_with_nul() {
        assert_eq!(path_of(json!({ "a": ["x", { "b": "\0" }] })), Some("a[1].b".to_owned()));
        assert_eq!(path_of(json!({ "a": { "k\0": 1 } })), Some("a.k␀".to_owned()));
        assert_eq!(path_of(json!({ "a": ["x", 1, null, true] })), None);
    }
}
