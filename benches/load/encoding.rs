//! The ways in which a load generator can speak, and requests made once and patched for each message.

use palabre::model::{ConversationId, MessageId, UserId};
use palabre::wire::frame::{self, Kind};
use palabre::wire::msgpack;
use palabre::wire::outgoing::{self, Format, Framing, Outgoing};
use palabre::wire::shapes::{Message, MessageKind, MessageStatus, Role, User};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of a message's body.
pub const BODY_BYTES: usize = 128;
/// What a body begins with; its number follows in [`DIGITS`] digits.
pub const MARK: &[u8] = b"~#";
/// Digits of a message's number.
pub const DIGITS: usize = 9;
/// Fits a `u32` for some two thousand million requests, and has as many digits as those that follow it.
const FIRST_ID: u32 = 1_000_000_000;

/// A framing and an encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    WsJson,
    WsBinaryJson,
    WsBinaryMsgpack,
    TcpJson,
    TcpMsgpack,
}

impl Encoding {
    pub const ALL: [Self; 5] =
        [Self::WsJson, Self::WsBinaryJson, Self::WsBinaryMsgpack, Self::TcpJson, Self::TcpMsgpack];

    /// As results have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::WsJson => "ws json",
            Self::WsBinaryJson => "ws binary json",
            Self::WsBinaryMsgpack => "ws binary msgpack",
            Self::TcpJson => "tcp json",
            Self::TcpMsgpack => "tcp msgpack",
        }
    }

    /// It comes over a WebSocket.
    pub fn is_ws(self) -> bool {
        !matches!(self, Self::TcpJson | Self::TcpMsgpack)
    }

    fn is_msgpack(self) -> bool {
        matches!(self, Self::WsBinaryMsgpack | Self::TcpMsgpack)
    }

    /// The bytes of a request on the wire.
    pub fn request(self, id: u32, kind: &str, data: &Value) -> Vec<u8> {
        if self == Self::WsJson {
            return masked(1, json!({ "id": id, "type": kind, "data": data }).to_string().as_bytes());
        }
        let document = json!({ "type": kind, "data": data });
        let payload = if self.is_msgpack() {
            msgpack::to_vec(&document).expect("a document")
        } else {
            document.to_string().into_bytes()
        };
        let mut bytes = Vec::new();
        frame::encode(Kind::Request, !self.is_msgpack(), id, &payload, &mut bytes).expect("a small payload");
        if self.is_ws() { masked(2, &bytes) } else { bytes }
    }
}

/// A client's text message.
pub fn text(payload: &str) -> Vec<u8> {
    masked(1, payload.as_bytes())
}

/// A text that holds a number where [`NumberFinder`] finds it.
pub fn numbered(number: u32) -> String {
    format!("{}{number:09} words", String::from_utf8_lossy(MARK))
}

/// A client's WebSocket message. Its mask is zero, which costs the server as much as any other.
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0x80 | opcode];
    match u8::try_from(payload.len()) {
        Ok(length) if length < 126 => out.push(0x80 | length),
        _ => {
            out.push(0x80 | 126);
            out.extend(u16::try_from(payload.len()).expect("a small payload").to_be_bytes());
        }
    }
    out.extend([0; 4]);
    out.extend(payload);
    out
}

/// By how much a push of a message is longer than the request that it comes from, in JSON over WebSocket: what the raw limit
/// must add for its frames to have the size of ours.
pub fn push_is_longer_by() -> usize {
    let person =
        User { username: "f0x00000".to_owned(), id: UserId::random(), name: None, avatar: None, profile: None };
    let message = Message {
        id: MessageId::random(),
        conversation: ConversationId::random(),
        seq: 10_000,
        author: Arc::new(person),
        kind: MessageKind::Text,
        role: Role::User,
        body: "x".repeat(BODY_BYTES),
        reply_to: None,
        tone: None,
        attachments: Vec::new(),
        game: None,
        reactions: BTreeMap::new(),
        reaction_counts: BTreeMap::new(),
        status: MessageStatus::Sent,
        date: palabre::chat::Clock::system().now().into(),
        edited_at: None,
        deleted_at: None,
        ended: None,
    };
    let json = outgoing::Encoding { framing: Framing::WebSocket, format: Format::Json };
    let push = Outgoing::new("message.text", message).push(json);
    let request = Template::new(Encoding::WsJson, ConversationId::random());
    // A server's frame has no mask.
    push.len() - (request.bytes.len() - 4)
}

/// A `message.text` to be sent again and again, each time with another id and number.
pub struct Template {
    bytes: Vec<u8>,
    /// Where the last 12 digits of the message's id are.
    id: usize,
    /// Where the number in the body is.
    number: usize,
    /// Where the request's id is: as text, or as the four bytes of a binary frame.
    request: usize,
    binary: bool,
}

impl Template {
    /// For one sender.
    pub fn new(encoding: Encoding, conversation: ConversationId) -> Self {
        let id = uuid::Uuid::new_v4().to_string();
        let mut body = String::from_utf8_lossy(MARK).into_owned();
        body.push_str(&"0".repeat(DIGITS));
        while body.len() < BODY_BYTES {
            body.push_str(" words");
        }
        body.truncate(BODY_BYTES);
        let data = json!({ "id": id, "conversation": conversation, "body": body });
        let bytes = encoding.request(FIRST_ID, "message.text", &data);
        let find = |what: &[u8]| bytes.windows(what.len()).position(|window| window == what).expect("what was put in");
        let binary = encoding != Encoding::WsJson;
        let request = if binary { find(&FIRST_ID.to_be_bytes()) } else { find(FIRST_ID.to_string().as_bytes()) };
        let (id, number) = (find(id.as_bytes()) + 24, find(MARK) + MARK.len());
        Self { id, number, request, binary, bytes }
    }

    /// Appends the message of this number.
    pub fn put(&mut self, number: u32, out: &mut Vec<u8>) {
        use std::io::Write;
        let id = FIRST_ID + number;
        let mut fill = |at: usize, text: std::fmt::Arguments<'_>| {
            let _ = (&mut self.bytes[at..]).write_fmt(text);
        };
        fill(self.id, format_args!("{number:012x}"));
        fill(self.number, format_args!("{number:09}"));
        if self.binary {
            self.bytes[self.request..self.request + 4].copy_from_slice(&id.to_be_bytes());
        } else {
            fill(self.request, format_args!("{id}"));
        }
        out.extend_from_slice(&self.bytes);
    }
}

/// Finds the number of a benchmark's message in what a server sent. It stands at nearly the same place each time.
#[derive(Default)]
pub struct NumberFinder(usize);

impl NumberFinder {
    /// The number, or `None` in any other event.
    pub fn find(&mut self, frame: &[u8]) -> Option<u32> {
        if frame.get(self.0..self.0 + MARK.len()) != Some(MARK) {
            self.0 = memchr::memmem::find(frame, MARK)?;
        }
        let digits = frame.get(self.0 + MARK.len()..self.0 + MARK.len() + DIGITS)?;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit.wrapping_sub(b'0'))))
    }
}
