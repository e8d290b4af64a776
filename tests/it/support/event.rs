//! The ways to a server, what it sends, and the documents that tests send.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// A way to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// `palabre.v1.json`
    WsJson,
    /// `palabre.v1.bin` with documents in JSON
    WsBinJson,
    /// `palabre.v1.bin` with documents in MessagePack
    WsBinMsgPack,
    /// Bare frames with documents in JSON
    TcpJson,
    /// Bare frames with documents in MessagePack
    TcpMsgPack,
}

impl Via {
    pub const ALL: [Self; 5] = [Self::WsJson, Self::WsBinJson, Self::WsBinMsgPack, Self::TcpJson, Self::TcpMsgPack];

    pub fn is_json(self) -> bool {
        !matches!(self, Self::WsBinMsgPack | Self::TcpMsgPack)
    }

    pub fn subprotocol(self) -> &'static str {
        if self == Self::WsJson { "palabre.v1.json" } else { "palabre.v1.bin" }
    }
}

/// What a server sent.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    Reply {
        re: u32,
        kind: String,
        data: Value,
    },
    Error {
        re: Option<u32>,
        error: ErrorReply,
    },
    Push {
        kind: String,
        data: Value,
    },
    Pong,
    /// With its code, or cut without one.
    Closed(Option<u16>),
}

/// The data of an error.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorReply {
    pub status: u16,
    pub code: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl ErrorReply {
    /// Fails unless it is this error.
    #[track_caller]
    pub fn expect(&self, status: u16, code: &str) -> &Self {
        assert_eq!((self.status, self.code.as_str()), (status, code), "{self:?}");
        self
    }

    /// Fails unless it is `invalid` because of this field.
    #[track_caller]
    pub fn expect_invalid(&self, field: &str) {
        assert_eq!(self.expect(400, "invalid").field.as_deref(), Some(field), "{self:?}");
    }
}

/// The data of a new text.
pub fn text(conversation: &str, body: &str) -> Value {
    json!({ "conversation": conversation, "id": id(), "body": body })
}

/// An id for a message.
pub fn id() -> String {
    Uuid::new_v4().to_string()
}

/// The items of a list.
pub fn list(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => panic!("not a list: {other}"),
    }
}

/// One field of each item.
pub fn each<'a>(items: &'a Value, field: &str) -> Vec<&'a Value> {
    items.as_array().unwrap().iter().map(|item| &item[field]).collect()
}

/// A document with more fields.
pub fn with(document: Value, more: Value) -> Value {
    match (document, more) {
        (Value::Object(mut document), Value::Object(more)) => {
            document.extend(more);
            Value::Object(document)
        }
        other => panic!("no documents: {other:?}"),
    }
}
