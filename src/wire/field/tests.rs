//! Every form that requests use, and what is said about each that is wrong.

use super::*;
use crate::model::permission::Permission;
use crate::model::{ConversationId, UserId};
use crate::wire::document::samples;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Deserialize, PartialEq, Default)]
#[serde(deny_unknown_fields, default)]
struct Update {
    conversation: Option<ConversationId>,
    add: Vec<String>,
    permissions: BTreeMap<String, Permission>,
    limit: Option<u8>,
    seq: i64,
    factor: f64,
    on: bool,
    payload: Value,
    pair: Option<(u32, String)>,
    inner: Option<Inner>,
    by_user: HashMap<UserId, Wrapped>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Inner {
    items: Vec<Item>,
    note: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Item {
    id: Wrapped,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Wrapped(i16);

#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Even;

impl TryFrom<String> for Even {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len().is_multiple_of(2) { Ok(Self) } else { Err("must have an even length") }
    }
}

fn refusal<T: DeserializeOwned + fmt::Debug>(data: Value) -> (String, String) {
    match from_value::<T>(data) {
        Err(Failure::Invalid { field, message }) => (field, message),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_every_form() {
    let id = ConversationId::random();
    let user = UserId::random();
    let update: Update = from_value(json!({
        "conversation": id, "add": ["a", "b"], "permissions": { "alice": "w" }, "limit": 255, "seq": -3, "factor": 2,
        "on": true, "payload": { "any": [1, -1, 1.5, null, "x", u64::MAX] }, "pair": [1, "x"],
        "inner": { "items": [{ "id": 4 }] }, "by_user": { user.to_string(): 5 },
    }))
    .unwrap();
    let expected = Update {
        conversation: Some(id),
        add: vec!["a".to_owned(), "b".to_owned()],
        permissions: BTreeMap::from([("alice".to_owned(), Permission::Write)]),
        limit: Some(255),
        seq: -3,
        factor: 2.0,
        on: true,
        payload: json!({ "any": [1, -1, 1.5, null, "x", u64::MAX] }),
        pair: Some((1, "x".to_owned())),
        inner: Some(Inner { items: vec![Item { id: Wrapped(4) }], note: None }),
        by_user: HashMap::from([(user, Wrapped(5))]),
    };
    assert_eq!(update, expected);
    assert_eq!(from_value::<Update>(json!({ "limit": null })), Ok(Update::default()));
}

#[test]
fn names_the_field_at_fault() {
    for (data, field, message) in [
        (json!({ "colour": 1 }), "colour", "unknown field"),
        (json!({ "inner": { "items": [], "x": 1 } }), "inner.x", "unknown field"),
        (json!({ "inner": {} }), "inner.items", "is required"),
        (json!({ "inner": { "items": [{ "id": 1 }, {}] } }), "inner.items[1].id", "is required"),
        (json!({ "inner": { "items": [{ "id": "1" }] } }), "inner.items[0].id", "must be a whole number"),
        (json!({ "inner": [[]] }), "inner", "must be an object"),
        (json!({ "add": "alice" }), "add", "must be a list"),
        (json!({ "add": null }), "add", "must be a list"),
        (json!({ "add": ["a", 1] }), "add[1]", "must be a string"),
        (json!({ "permissions": { "alice": "x" } }), "permissions.alice", "must be one of: r, w, a, o"),
        (json!({ "permissions": { "alice": { "r": 1 } } }), "permissions.alice", "must be a string"),
        (json!({ "permissions": ["r"] }), "permissions", "must be an object"),
        (json!({ "limit": 256 }), "limit", "must be from 0 to 255"),
        (json!({ "limit": -1 }), "limit", "must be from 0 to 255"),
        (json!({ "limit": 1.5 }), "limit", "must be a whole number"),
        (json!({ "seq": u64::MAX }), "seq", "must be from -9223372036854775808 to 9223372036854775807"),
        (json!({ "factor": "1" }), "factor", "must be a number"),
        (json!({ "on": 1 }), "on", "must be true or false"),
        (json!({ "pair": [1, "x", 2] }), "pair", "has too many elements"),
        (json!([]), "data", "must be an object"),
    ] {
        assert_eq!(refusal::<Update>(data.clone()), (field.to_owned(), message.to_owned()), "{data}");
    }
    assert_eq!(refusal::<Update>(json!({ "conversation": "x" })).0, "conversation");
    assert_eq!(refusal::<Update>(json!({ "conversation": 1 })).1, "must be a string");
    assert_eq!(refusal::<Update>(json!({ "by_user": { "bob": 1 } })).0, "by_user.bob");
    assert_eq!(refusal::<Update>(json!({ "pair": [1] })).0, "pair");
}

#[test]
fn a_types_own_message_is_kept() {
    assert!(from_value::<BTreeMap<String, Even>>(json!({ "a": "xx" })).is_ok());
    assert_eq!(
        refusal::<BTreeMap<String, Even>>(json!({ "a": "x" })),
        ("a".to_owned(), "must have an even length".to_owned())
    );
}

proptest! {
    #[test]
    fn values_pass_through(document in samples::document()) {
        prop_assert_eq!(from_value::<Value>(document.clone()), Ok(document));
    }

    #[test]
    fn any_document_is_survived(document in samples::document(), field in 0..11_usize) {
        let fields = ["conversation", "add", "permissions", "limit", "seq", "factor", "on", "payload", "pair", "inner", "by_user"];
        let result = from_value::<Update>(json!({ fields[field]: document }));
        if let Err(Failure::Invalid { field: named, .. }) = result {
            prop_assert!(named.starts_with(fields[field]));
        }
    }
}
