//! The fingerprint of a message's content: tells a message sent twice from an id used twice.

use super::NewGame;
use crate::model::{MediaId, MessageId};
use crate::wire::shapes::MessageKind;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The fingerprint of what a client sent: the first 16 bytes of a SHA-256 over all fields.
///
/// Every field goes in with its length, so that no two different messages look alike; the keys of a payload go in by order,
/// since a client may write the same object in another one.
#[must_use]
pub fn digest(
    kind: MessageKind,
    body: &str,
    reply_to: Option<MessageId>,
    tone: Option<&str>,
    attachments: &[MediaId],
    game: Option<&NewGame>,
) -> [u8; 16] {
    let mut content = Content(Sha256::new());
    content.tag(match kind {
        MessageKind::Text => b't',
        MessageKind::Game => b'g',
        MessageKind::System => b's',
    });
    content.bytes(body.as_bytes());
    content.optional(reply_to.as_ref().map(|id| id.0.as_bytes().as_slice()));
    content.optional(tone.map(str::as_bytes));
    content.length(attachments.len());
    for file in attachments {
        content.bytes(file.0.as_bytes());
    }
    if let Some(game) = game {
        content.bytes(game.name.as_bytes());
        content.json(&game.payload);
        content.bytes(&game.capacity.to_be_bytes());
        let end = game.expires_at.map(|at| at.timestamp_micros().to_be_bytes());
        content.optional(end.as_ref().map(<[u8; 8]>::as_slice));
        // Nothing goes in where there is no app, so that what was stored before there were any is still known.
        if let Some(by) = &game.by_app {
            content.bytes(by.app.as_bytes());
            content.optional(by.callback_url.as_deref().map(str::as_bytes));
        }
    }
    let full: [u8; 32] = content.0.finalize().into();
    let mut digest = [0; 16];
    for (to, from) in digest.iter_mut().zip(full) {
        *to = from;
    }
    digest
}

/// What has gone into the fingerprint so far.
struct Content(Sha256);

impl Content {
    fn tag(&mut self, tag: u8) {
        self.0.update([tag]);
    }

    fn length(&mut self, length: usize) {
        // In text, since a `usize` has no fixed width; the line feed ends it.
        self.0.update(format!("{length}\n"));
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.update(bytes);
    }

    fn optional(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.tag(0),
            Some(bytes) => {
                self.tag(1);
                self.bytes(bytes);
            }
        }
    }

    fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.tag(b'n'),
            Value::Bool(value) => self.tag(if *value { b'y' } else { b'f' }),
            Value::Number(number) => {
                self.tag(b'#');
                self.bytes(number.to_string().as_bytes());
            }
            Value::String(text) => {
                self.tag(b'"');
                self.bytes(text.as_bytes());
            }
            Value::Array(items) => {
                self.tag(b'[');
                self.length(items.len());
                for item in items {
                    self.json(item);
                }
            }
            Value::Object(map) => {
                self.tag(b'{');
                self.length(map.len());
                let mut fields: Vec<_> = map.iter().collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                for (name, value) in fields {
                    self.bytes(name.as_bytes());
                    self.json(value);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::messages::ByApp;
    use serde_json::json;
    use uuid::Uuid;

    fn game(payload: Value) -> NewGame {
        NewGame { name: "chess".to_owned(), payload, capacity: 1, expires_at: None, by_app: None }
    }

    #[test]
    fn every_field_counts() {
        let id = MessageId(Uuid::from_u128(1));
        let file = |n| MediaId(Uuid::from_u128(n));
        let one = game(json!({"a": 1}));
        let two = NewGame { capacity: 2, ..one.clone() };
        let by = |app, url: Option<&str>| NewGame {
            by_app: Some(ByApp { app: Uuid::from_u128(app), callback_url: url.map(str::to_owned) }),
            ..one.clone()
        };
        let all = [
            digest(MessageKind::Text, "ab", None, None, &[], None),
            digest(MessageKind::System, "ab", None, None, &[], None),
            digest(MessageKind::Text, "a", None, Some("b"), &[], None),
            digest(MessageKind::Text, "ab", None, Some(""), &[], None),
            digest(MessageKind::Text, "ab", Some(id), None, &[], None),
            digest(MessageKind::Text, "ab", None, None, &[file(1)], None),
            digest(MessageKind::Text, "ab", None, None, &[file(1), file(2)], None),
            digest(MessageKind::Text, "ab", None, None, &[file(2), file(1)], None),
            digest(MessageKind::Game, "ab", None, None, &[], Some(&one)),
            digest(MessageKind::Game, "ab", None, None, &[], Some(&two)),
            digest(MessageKind::Game, "ab", None, None, &[], Some(&by(1, None))),
            digest(MessageKind::Game, "ab", None, None, &[], Some(&by(2, None))),
            digest(MessageKind::Game, "ab", None, None, &[], Some(&by(1, Some("https://a.example")))),
            digest(MessageKind::Game, "ab", None, None, &[], Some(&by(1, Some("https://b.example")))),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
    }

    #[test]
    fn the_order_of_a_payloads_keys_does_not_count() {
        let of = |text: &str| {
            let payload = serde_json::from_str(text).unwrap();
            digest(MessageKind::Game, "", None, None, &[], Some(&game(payload)))
        };
        assert_eq!(of(r#"{"a": 1, "b": [{"x": 1, "y": "z"}]}"#), of(r#"{"b": [{"y": "z", "x": 1}], "a": 1}"#));
        assert_ne!(of(r#"{"a": [1, 2]}"#), of(r#"{"a": [2, 1]}"#));
        assert_ne!(of(r#"{"a": "1"}"#), of(r#"{"a": 1}"#));
    }
}
