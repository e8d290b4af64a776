//! What the server sends. An event for many is encoded at most once for each encoding in use; sessions share the bytes.

use super::close::CloseCode;
use super::error::{ErrorCode, ErrorData};
use super::frame::{HEADER_BYTES, Header, Kind};
use super::msgpack;
use super::shapes::Message;
use super::stomp::{self, Head};
use super::ws::compress;
use super::ws::frame::{Opcode, put_header};
use crate::model::ConversationId;
use bytes::Bytes;
use serde::Serialize;
use std::fmt::Display;
use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Room for what comes before an event's data: its type and the request's id.
const ENVELOPE_BYTES: usize = 64;
/// Room for an event's data, enough for a short message.
const DOCUMENT_BYTES: usize = 512;

/// How the documents of a connection are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `palabre.v1.json`: an envelope a text message.
    Json,
    /// `palabre.v1.bin` of a session whose first request was JSON.
    BinJson,
    /// `palabre.v1.bin` otherwise.
    BinMsgPack,
    /// STOMP frames in text messages. An event becomes a frame for each subscription that it is for: [`Outgoing::stomp`].
    Stomp,
}

impl Format {
    const fn is_msgpack(self) -> bool {
        matches!(self, Self::BinMsgPack)
    }
}

/// What carries a connection's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    WebSocket,
    /// WebSocket with `permessage-deflate`.
    WebSocketDeflate,
    /// Plain TCP or TLS: binary frames one after the other.
    Bare,
}

/// How a connection wants its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Encoding {
    pub framing: Framing,
    /// Of a bare stream always a binary one; [`Format::Json`] counts as [`Format::BinJson`] there.
    pub format: Format,
}

impl Encoding {
    /// How many different ones there are that many connections share.
    pub const COUNT: usize = 8;

    /// Which one it is, below [`Self::COUNT`]; those of STOMP, whose frames name subscriptions, are beyond.
    #[must_use]
    pub const fn index(self) -> usize {
        match (self.framing, self.format) {
            (Framing::WebSocket, Format::Json) => 0,
            (Framing::WebSocket, Format::BinJson) => 1,
            (Framing::WebSocket, Format::BinMsgPack) => 2,
            (Framing::WebSocketDeflate, Format::Json) => 3,
            (Framing::WebSocketDeflate, Format::BinJson) => 4,
            (Framing::WebSocketDeflate, Format::BinMsgPack) => 5,
            (Framing::Bare, Format::Json | Format::BinJson) => 6,
            (Framing::Bare, Format::BinMsgPack) => 7,
            (_, Format::Stomp) => Self::COUNT,
        }
    }

    /// Whether messages are text, else binary frames.
    const fn is_text(self) -> bool {
        matches!(
            (self.framing, self.format),
            (Framing::WebSocket | Framing::WebSocketDeflate, Format::Json) | (_, Format::Stomp)
        )
    }
}

/// An event on its way out, to one session or to many.
pub struct Outgoing {
    kind: &'static str,
    data: Box<dyn Document + Send + Sync>,
    json: OnceLock<Option<Bytes>>,
    msgpack: OnceLock<Option<Bytes>>,
    pushes: [OnceLock<Bytes>; Encoding::COUNT],
    /// The new message that it tells, if it tells one.
    said: Option<Said>,
    stomp: OnceLock<Box<StompFrames>>,
}

/// A new message.
struct Said {
    place: Place,
    /// `None`: the event's data is the message.
    message: Option<Arc<Message>>,
}

/// Where a message stands: its conversation and its number there.
pub type Place = (ConversationId, i64);

/// An event's STOMP frames, and what they share.
struct StompFrames {
    /// Names the event among those that tell no message.
    number: i64,
    document: Option<Bytes>,
    /// For each kind of subscription in use.
    frames: Mutex<Vec<(Framing, Head, Bytes)>>,
}

/// STOMP frames of an event that are kept, one for each name that clients give their subscriptions. Libraries give the same few to
/// all; a client that invents names has its frames made for it alone.
const STOMP_FRAMES: usize = 64;

impl std::fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outgoing({})", self.kind)
    }
}

impl Outgoing {
    /// An event named `kind`, one of the protocol's names, with its data. Nothing is encoded yet.
    pub fn new<T: Serialize + Send + Sync + 'static>(kind: &'static str, data: T) -> Self {
        Self {
            kind,
            data: Box::new(data),
            json: OnceLock::new(),
            msgpack: OnceLock::new(),
            pushes: std::array::from_fn(|_| OnceLock::new()),
            said: None,
            stomp: OnceLock::new(),
        }
    }

    /// An event that tells a new message, whose data the message is.
    #[must_use]
    pub fn saying(kind: &'static str, message: Arc<Message>) -> Self {
        let place = (message.conversation, message.seq);
        Self { said: Some(Said { place, message: None }), ..Self::new(kind, message) }
    }

    /// An event that tells a new message among other things, such as a bot's answer with its usage.
    pub fn saying_within<T: Serialize + Send + Sync + 'static>(
        kind: &'static str,
        data: T,
        message: Arc<Message>,
    ) -> Self {
        let place = (message.conversation, message.seq);
        Self { said: Some(Said { place, message: Some(message) }), ..Self::new(kind, data) }
    }

    /// Where the new message stands that it tells, if it tells one.
    pub fn said(&self) -> Option<Place> {
        self.said.as_ref().map(|said| said.place)
    }

    /// Names the event among the process's, for STOMP: only of events that tell no new message.
    pub fn number(&self) -> i64 {
        self.stomp_frames().number
    }

    /// The `MESSAGE` for a subscription, ready for the socket: of a new message the message alone, of other events the envelope.
    /// Made once for sessions whose subscriptions have the same name.
    #[must_use]
    pub fn stomp(&self, framing: Framing, head: &Head) -> Bytes {
        let shared = self.stomp_frames();
        let mut frames = shared.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., bytes)) = frames.iter().find(|(of, known, _)| *of == framing && known == head) {
            return bytes.clone();
        }
        let bytes = match &shared.document {
            Some(document) => {
                let id = match self.said() {
                    Some((conversation, seq)) => format!("{conversation}/{seq}"),
                    None => format!("event/{}", shared.number),
                };
                stomp_frame(framing, &stomp::message(head, &id, document))
            }
            None => {
                let error = ErrorData::new(ErrorCode::Internal, "internal error");
                stomp_frame(framing, &stomp::error(Some(head.version), &error, None))
            }
        };
        if frames.len() < STOMP_FRAMES {
            frames.push((framing, head.clone(), bytes.clone()));
        }
        bytes
    }

    /// About how many bytes a `MESSAGE` of it takes.
    #[must_use]
    pub fn stomp_bytes(&self) -> usize {
        ENVELOPE_BYTES + self.stomp_frames().document.as_ref().map_or(0, Bytes::len)
    }

    fn stomp_frames(&self) -> &StompFrames {
        self.stomp.get_or_init(|| {
            let document = match &self.said {
                Some(Said { message: Some(message), .. }) => logged(message.to_json()),
                Some(Said { message: None, .. }) => self.document(Format::Json).cloned(),
                None => self.document(Format::Json).map(|data| {
                    let envelope = Envelope { kind: Kind::Push, re: None, name: self.kind };
                    let (before, after) = envelope.halves(JSON_TEXT);
                    [&before, &data[..], after].concat().into()
                }),
            };
            let number = if self.said.is_some() { 0 } else { NEXT_NUMBER.fetch_add(1, Ordering::Relaxed) };
            Box::new(StompFrames { number, document, frames: Mutex::default() })
        })
    }

    /// The event's name.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// The bytes of a push, ready for the socket; made once and shared. STOMP has [`Self::stomp`].
    #[must_use]
    pub fn push(&self, encoding: Encoding) -> Bytes {
        match self.pushes.get(encoding.index()) {
            Some(bytes) => bytes.get_or_init(|| self.frame(encoding, Kind::Push, None)).clone(),
            None => self.frame(encoding, Kind::Push, None),
        }
    }

    /// The bytes of the reply to the request `re`, ready for the socket. Only the envelope is made anew.
    #[must_use]
    pub fn reply(&self, encoding: Encoding, re: u32) -> Bytes {
        self.frame(encoding, Kind::Reply, Some(re))
    }

    /// The whole frame; an `internal` error in its place if the data can't be encoded.
    fn frame(&self, encoding: Encoding, kind: Kind, re: Option<u32>) -> Bytes {
        match self.document(encoding.format) {
            Some(document) => Envelope { kind, re, name: self.kind }.around(document, encoding),
            None => error_frame(encoding, re, &ErrorData::new(ErrorCode::Internal, "internal error")),
        }
    }

    fn document(&self, format: Format) -> Option<&Bytes> {
        let (cell, encoded): (_, fn(&dyn Document) -> _) = if format.is_msgpack() {
            (&self.msgpack, |data| logged(data.to_msgpack()))
        } else {
            (&self.json, |data| logged(data.to_json()))
        };
        cell.get_or_init(|| encoded(&*self.data)).as_ref()
    }
}

/// The numbers of [`Outgoing::number`].
static NEXT_NUMBER: AtomicI64 = AtomicI64::new(1);

/// An envelope as JSON.
const JSON_TEXT: Encoding = Encoding { framing: Framing::WebSocket, format: Format::Json };

/// A STOMP frame, or a heart-beat, as a WebSocket message.
#[must_use]
pub fn stomp_frame(framing: Framing, frame: &[u8]) -> Bytes {
    framed(Encoding { framing, format: Format::Stomp }, &[frame])
}

/// An error as the answer to the request `re`, or to something that is no request.
#[must_use]
pub fn error_frame(encoding: Encoding, re: Option<u32>, error: &ErrorData) -> Bytes {
    small_frame(encoding, Envelope { kind: Kind::Error, re, name: "error" }, error)
}

/// A ping. `None` for JSON text, which has only the WebSocket's own.
#[must_use]
pub fn ping_frame(encoding: Encoding) -> Option<Bytes> {
    empty_frame(encoding, Kind::Ping)
}

/// The answer to a ping. `None` for JSON text, which has only the WebSocket's own.
#[must_use]
pub fn pong_frame(encoding: Encoding) -> Option<Bytes> {
    empty_frame(encoding, Kind::Pong)
}

/// A close frame that says why; a WebSocket's own Close follows it. `None` for text, which has only the latter.
#[must_use]
pub fn close_frame(encoding: Encoding, code: CloseCode, reason: &str) -> Option<Bytes> {
    #[derive(Serialize)]
    struct Close<'a> {
        code: u16,
        reason: &'a str,
    }
    let envelope = Envelope { kind: Kind::Close, re: None, name: "close" };
    (!encoding.is_text()).then(|| small_frame(encoding, envelope, &Close { code: code.number(), reason }))
}

fn empty_frame(encoding: Encoding, kind: Kind) -> Option<Bytes> {
    let header = Header { kind, json: !encoding.format.is_msgpack(), length: 0, correlation: 0 };
    (!encoding.is_text()).then(|| framed(encoding, &[&header.to_bytes()]))
}

/// A frame for one session. Its data is of plain words and numbers, which never fail to be encoded; should they after all,
/// the frame is whole and its data empty.
fn small_frame<T: Document>(encoding: Encoding, envelope: Envelope, data: &T) -> Bytes {
    let document = if encoding.format.is_msgpack() {
        logged(data.to_msgpack()).unwrap_or_else(|| Bytes::from_static(&[msgpack::EMPTY_MAP]))
    } else {
        logged(data.to_json()).unwrap_or_else(|| Bytes::from_static(b"{}"))
    };
    envelope.around(&document, encoding)
}

/// Data that can be encoded.
trait Document {
    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error>;
    fn to_msgpack(&self) -> Result<Vec<u8>, rmp_serde::encode::Error>;
}

impl<T: Serialize> Document for T {
    fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut document = Vec::with_capacity(DOCUMENT_BYTES);
        serde_json::to_writer(&mut document, self)?;
        Ok(document)
    }

    fn to_msgpack(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        msgpack::to_vec(self)
    }
}

fn logged<E: Display>(encoded: Result<Vec<u8>, E>) -> Option<Bytes> {
    encoded.map(Bytes::from).inspect_err(|error| log::error!("data of an event can't be encoded: {error}")).ok()
}

/// What is put around a document to make it a reply, push, error or close.
#[derive(Clone, Copy)]
struct Envelope {
    kind: Kind,
    re: Option<u32>,
    /// The `type`: a name of the protocol's, which needs no escapes.
    name: &'static str,
}

impl Envelope {
    fn around(self, document: &[u8], encoding: Encoding) -> Bytes {
        let (before, after) = self.halves(encoding);
        if encoding.is_text() {
            return framed(encoding, &[&before, document, after]);
        }
        let length = before.len() + document.len() + after.len();
        let header = Header {
            kind: self.kind,
            json: !encoding.format.is_msgpack(),
            // Lists are cut to the frame limit where they are gathered, far below this.
            length: u32::try_from(length).unwrap_or(u32::MAX),
            correlation: self.re.unwrap_or(0),
        };
        framed(encoding, &[&header.to_bytes(), &before, document, after])
    }

    /// What comes before and after the document. Only text says `re` here, a binary frame in its header.
    fn halves(self, encoding: Encoding) -> (Vec<u8>, &'static [u8]) {
        let Self { re, name, .. } = self;
        let mut before = Vec::with_capacity(ENVELOPE_BYTES);
        if encoding.format.is_msgpack() {
            before.push(msgpack::MAP_OF_TWO);
            for text in ["type", name, "data"] {
                msgpack::put_text(&mut before, text);
            }
            return (before, b"");
        }
        // Writing to a `Vec` can't fail.
        let _ = match re.filter(|_| encoding.is_text()) {
            Some(re) => write!(before, r#"{{"re":{re},"type":"{name}","data":"#),
            None => write!(before, r#"{{"type":"{name}","data":"#),
        };
        (before, b"}")
    }
}

/// A message of these parts, as the connection's framing has it.
fn framed(encoding: Encoding, parts: &[&[u8]]) -> Bytes {
    let opcode = if encoding.is_text() { Opcode::Text } else { Opcode::Binary };
    let length = parts.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(HEADER_BYTES + length);
    match encoding.framing {
        Framing::Bare => {}
        Framing::WebSocket => put_header(&mut out, opcode, true, false, length),
        Framing::WebSocketDeflate => {
            if let Some(compressed) = compress(&parts.concat()) {
                put_header(&mut out, opcode, true, true, compressed.len());
                out.extend_from_slice(&compressed);
                return Bytes::from(out);
            }
            put_header(&mut out, opcode, true, false, length);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    Bytes::from(out)
}

#[cfg(test)]
mod tests;
