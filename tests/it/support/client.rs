//! Clients that speak the public protocol and nothing else: over the WebSocket with JSON or binary frames, or over TCP. All that comes is
//! held against the description of the protocol, and so is what the server accepts.

pub use super::event::{ErrorReply, Event, Via, each, id, list, text, with};

use super::frame;
use super::project::TestUser;
use super::protocol;
use super::server::TestServer;
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// How long anything may take before a test gives up. Generous: it only shows when a test fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a session is told first.
#[derive(Debug, Clone)]
pub struct Opening {
    pub ready: Value,
    pub conversations: Vec<Value>,
    pub more_conversations: bool,
    pub contacts: Vec<Value>,
    pub more_contacts: bool,
    pub own: Value,
    /// Of others, in the order in which they came.
    pub statuses: Vec<Value>,
}

/// A connection to a server.
pub struct Client {
    wire: Wire,
    via: Via,
    last_id: u32,
    /// Requests that wait for their reply.
    asked: HashMap<u32, (String, Value)>,
    inbox: VecDeque<Event>,
    /// The code of the close frame, which a WebSocket's own Close follows.
    close_frame: Option<u16>,
    opening: Option<Opening>,
    user: Option<TestUser>,
    encoding_is_settled: bool,
}

pub(super) enum Wire {
    Ws(Box<WebSocketStream<TcpStream>>),
    Tcp { stream: TcpStream, buffer: Vec<u8> },
}

impl Client {
    pub(super) fn new(wire: Wire, via: Via) -> Self {
        Self {
            wire,
            via,
            last_id: 0,
            asked: HashMap::new(),
            inbox: VecDeque::new(),
            close_frame: None,
            opening: None,
            user: None,
            encoding_is_settled: false,
        }
    }

    /// A session of a user, past its opening.
    pub async fn connect(server: &TestServer, user: &TestUser, via: Via) -> Self {
        let mut client = match via {
            Via::TcpJson | Via::TcpMsgPack => {
                let mut client = server.stranger(&user.project, via).await;
                client.ok("session.auth", json!({ "project": user.project, "token": user.token })).await;
                client
            }
            Via::WsJson | Via::WsBinJson | Via::WsBinMsgPack => {
                let (client, chosen) = server.upgrade(&user.project, via).bearer(&user.token).open().await.unwrap();
                assert_eq!(chosen.as_deref(), Some(via.subprotocol()));
                client
            }
        };
        client.user = Some(user.clone());
        client.open().await;
        client
    }

    /// Whose session it is.
    pub fn user(&self) -> &TestUser {
        self.user.as_ref().expect("nobody's")
    }

    /// The id of the user whose session it is.
    pub fn id(&self) -> String {
        self.user().id.clone()
    }

    /// The user whose session it is, as the wire shows them.
    pub fn shape(&self) -> Value {
        self.user().shape()
    }

    /// Reads the opening, in its order.
    pub async fn open(&mut self) -> &Opening {
        let ready = self.expect_push("session.ready").await;
        let mut groups = self.expect_push("group.summary").await;
        let mut contacts = self.expect_push("contact.summary").await;
        let own = self.expect_push("status.update").await;
        assert_eq!(own["user"]["id"], ready["user"]["id"], "one's own status comes first");
        self.sync().await;
        let mut statuses = Vec::new();
        self.inbox.retain(|event| match event {
            Event::Push { kind, data } if kind == "status.update" => {
                statuses.push(data.clone());
                false
            }
            _ => true,
        });
        self.opening.insert(Opening {
            ready,
            more_conversations: groups["more"].as_bool().unwrap(),
            conversations: list(groups["conversations"].take()),
            more_contacts: contacts["more"].as_bool().unwrap(),
            contacts: list(contacts["contacts"].take()),
            own,
            statuses,
        })
    }

    /// What the session was told first.
    pub fn opening(&self) -> &Opening {
        self.opening.as_ref().expect("the opening was not read")
    }

    /// Sends a request; its id.
    pub async fn send(&mut self, kind: &str, data: Value) -> u32 {
        self.last_id += 1;
        let id = self.last_id;
        self.asked.insert(id, (kind.to_owned(), data.clone()));
        match self.via {
            Via::WsJson => self.send_text(&json!({ "id": id, "type": kind, "data": data }).to_string()).await,
            via => self.send_bytes(&frame::request(via.is_json(), id, kind, &data)).await,
        }
        id
    }

    /// The reply to a request.
    pub async fn reply(&mut self, re: u32) -> Result<Value, ErrorReply> {
        let is_it = |event: &Event| match event {
            Event::Reply { re: of, .. } => *of == re,
            Event::Error { re: of, .. } => *of == Some(re),
            _ => false,
        };
        match self.find(&format!("a reply to request {re}"), is_it).await {
            Event::Reply { data, .. } => Ok(data),
            Event::Error { error, .. } => Err(error),
            other => unreachable!("{other:?}"),
        }
    }

    /// Sends a request and waits for its reply. What is pushed meanwhile is kept.
    pub async fn request(&mut self, kind: &str, data: Value) -> Result<Value, ErrorReply> {
        let id = self.send(kind, data).await;
        self.reply(id).await
    }

    /// The reply to a request that must succeed.
    pub async fn ok(&mut self, kind: &str, data: Value) -> Value {
        let sent = data.clone();
        self.request(kind, data).await.unwrap_or_else(|error| panic!("{kind} {sent} was refused: {error:?}"))
    }

    /// The error of a request that must fail.
    pub async fn refused(&mut self, kind: &str, data: Value) -> ErrorReply {
        let sent = data.clone();
        match self.request(kind, data).await {
            Err(error) => error,
            Ok(reply) => panic!("{kind} {sent} was not refused: {reply}"),
        }
    }

    /// Says something in a conversation; the message.
    pub async fn say(&mut self, conversation: &str, body: &str) -> Value {
        self.ok("message.text", text(conversation, body)).await
    }

    /// The next push of this type. Others are kept.
    pub async fn next_push(&mut self, wanted: &str) -> Value {
        let is_it = |event: &Event| matches!(event, Event::Push { kind, .. } if kind == wanted);
        match self.find(&format!("a push of {wanted}"), is_it).await {
            Event::Push { data, .. } => data,
            other => unreachable!("{other:?}"),
        }
    }

    /// The next that is told of this user's presence. One who came just before the client may be told to it a moment after its
    /// opening, which tells the same.
    pub async fn next_status_of(&mut self, user: &str) -> Value {
        loop {
            let status = self.next_push("status.update").await;
            if status["user"]["id"] == user {
                return status;
            }
        }
    }

    /// The next event, whatever it is.
    pub async fn next(&mut self) -> Event {
        match self.inbox.pop_front() {
            Some(event) => event,
            None => self.receive("anything").await,
        }
    }

    /// The next event, which must be a push of this type.
    pub async fn expect_push(&mut self, wanted: &str) -> Value {
        match self.next().await {
            Event::Push { kind, data } if kind == wanted => data,
            other => panic!("expected a push of {wanted}, got {other:?}"),
        }
    }

    /// The next event, which must be an error that answers no request.
    pub async fn expect_error(&mut self) -> ErrorReply {
        match self.next().await {
            Event::Error { re: None, error } => error,
            other => panic!("expected an error, got {other:?}"),
        }
    }

    /// Fails if a push of this type came, or comes before the answer to a request that is sent now.
    pub async fn expect_no(&mut self, unwanted: &str) {
        self.sync().await;
        let came = self.inbox.iter().find(|event| matches!(event, Event::Push { kind, .. } if kind == unwanted));
        assert_eq!(came, None, "{unwanted} came");
    }

    /// Forgets what came so far.
    pub async fn forget(&mut self) {
        self.sync().await;
        self.inbox.clear();
    }

    /// What came so far and was not looked at.
    pub fn take_inbox(&mut self) -> Vec<Event> {
        self.inbox.drain(..).collect()
    }

    /// A round trip that changes nothing.
    pub async fn sync(&mut self) {
        self.ok("status.fetch", json!({ "users": [] })).await;
    }

    /// Waits until the server closes; the code, or `None` if it just cut. What came before is thrown away.
    pub async fn closed(&mut self) -> Option<u16> {
        match self.find("the close", |event| matches!(event, Event::Closed(_))).await {
            Event::Closed(code) => code,
            other => unreachable!("{other:?}"),
        }
    }

    /// Sends a text message over a WebSocket.
    pub async fn send_text(&mut self, text: &str) {
        match &mut self.wire {
            Wire::Ws(socket) => socket.send(Message::text(text)).await.unwrap(),
            Wire::Tcp { .. } => panic!("there are no text messages over TCP"),
        }
    }

    /// Sends bytes: a binary message over a WebSocket.
    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        match &mut self.wire {
            Wire::Ws(socket) => socket.send(Message::binary(bytes.to_vec())).await.unwrap(),
            Wire::Tcp { stream, .. } => stream.write_all(bytes).await.unwrap(),
        }
    }

    /// Sends a document as what should be an envelope, in the client's encoding.
    pub async fn send_document(&mut self, id: u32, document: &Value) {
        match self.via {
            Via::WsJson => {
                let mut document = document.clone();
                if let Some(envelope) = document.as_object_mut() {
                    envelope.insert("id".to_owned(), id.into());
                }
                self.send_text(&document.to_string()).await;
            }
            via => self.send_bytes(&frame::encode(frame::REQUEST, via.is_json(), id, document)).await,
        }
    }

    /// Sends a request of which nobody can tell what it says, in the client's framing.
    pub async fn send_garbage(&mut self) {
        match self.via {
            Via::WsJson => self.send_text("{").await,
            via if via.is_json() => self.send_bytes(&frame::encode_bytes(frame::REQUEST, true, 1, b"{")).await,
            // No MessagePack begins so.
            _ => self.send_bytes(&frame::encode_bytes(frame::REQUEST, false, 1, b"\xc1")).await,
        }
    }

    /// The first event that is it, now or later.
    async fn find(&mut self, what: &str, is_it: impl Fn(&Event) -> bool) -> Event {
        if let Some(at) = self.inbox.iter().position(&is_it) {
            return self.inbox.remove(at).unwrap();
        }
        loop {
            let event = self.receive(what).await;
            if is_it(&event) {
                return event;
            }
            let is_end = matches!(event, Event::Closed(_));
            self.inbox.push_back(event);
            assert!(!is_end, "closed instead of {what}; what came: {:#?}", self.inbox);
        }
    }

    /// The next event from the wire.
    async fn receive(&mut self, what: &str) -> Event {
        match timeout(PATIENCE, self.read()).await {
            Ok(event) => {
                self.hold(&event);
                event
            }
            Err(_) => panic!("waited in vain for {what}; what came: {:#?}", self.inbox),
        }
    }

    /// Fails if something came, or was accepted, that the description does not know.
    fn hold(&mut self, event: &Event) {
        match event {
            Event::Reply { re, kind, data } => {
                protocol::hold(kind, "reply", data);
                if let Some((asked, data)) = self.asked.remove(re) {
                    protocol::hold(&asked, "request", &data);
                }
            }
            Event::Push { kind, data } => protocol::hold(kind, "push", data),
            Event::Error { re, error } => {
                protocol::hold("error", "error", &serde_json::to_value(error).unwrap());
                re.map(|re| self.asked.remove(&re));
            }
            Event::Pong | Event::Closed(_) => {}
        }
    }

    async fn read(&mut self) -> Event {
        loop {
            let frame = match &mut self.wire {
                Wire::Ws(socket) => match socket.next().await {
                    Some(Ok(Message::Text(text))) => return take_text(&text),
                    Some(Ok(Message::Binary(bytes))) => {
                        let mut bytes = bytes.to_vec();
                        let frame = frame::take(&mut bytes).expect("a binary message holds a whole frame");
                        assert!(bytes.is_empty(), "the server sends one frame a message");
                        frame
                    }
                    Some(Ok(Message::Close(close))) => {
                        let code = close.map(|close| u16::from(close.code));
                        assert!(
                            self.via == Via::WsJson || self.close_frame == code,
                            "no close frame came before Close"
                        );
                        return Event::Closed(code);
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => return Event::Closed(None),
                },
                Wire::Tcp { stream, buffer } => match frame::take(buffer) {
                    Some(frame) => frame,
                    None => {
                        if stream.read_buf(buffer).await.unwrap_or(0) == 0 {
                            return Event::Closed(self.close_frame);
                        }
                        continue;
                    }
                },
            };
            if let Some(event) = self.take_frame(frame) {
                return event;
            }
        }
    }

    fn take_frame(&mut self, frame: frame::Frame) -> Option<Event> {
        let frame::Frame { kind, json, correlation, mut payload } = frame;
        // Until the first request has come the server can't know what the client wants.
        self.encoding_is_settled |= matches!(kind, frame::REPLY | frame::ERROR);
        let wanted = self.encoding_is_settled && self.via.is_json();
        assert!(json == wanted || !self.encoding_is_settled, "the wrong encoding: {payload}");
        if !payload.is_null() {
            let mut keys: Vec<_> = payload.as_object().unwrap().keys().cloned().collect();
            keys.sort_unstable();
            assert_eq!(keys, ["data", "type"], "{payload}");
        }
        let (name, data) = (payload["type"].take(), payload["data"].take());
        let name = || name.as_str().unwrap().to_owned();
        assert!(matches!(kind, frame::REPLY | frame::ERROR) || correlation == 0, "only replies correlate");
        match kind {
            frame::REPLY => Some(Event::Reply { re: correlation, kind: name(), data }),
            frame::PUSH => Some(Event::Push { kind: name(), data }),
            frame::ERROR => {
                assert_eq!(name(), "error");
                let error = serde_json::from_value(data).unwrap();
                Some(Event::Error { re: (correlation != 0).then_some(correlation), error })
            }
            frame::PONG => Some(Event::Pong),
            frame::PING => None,
            frame::CLOSE => {
                assert_eq!(name(), "close");
                self.close_frame = Some(u16::try_from(data["code"].as_u64().unwrap()).unwrap());
                None
            }
            other => panic!("a frame of kind {other} from the server"),
        }
    }
}

fn take_text(text: &str) -> Event {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Envelope {
        re: Option<u32>,
        r#type: String,
        data: Value,
    }
    let Envelope { re, r#type: kind, data } = serde_json::from_str(text).unwrap();
    match re {
        _ if kind == "error" => Event::Error { re, error: serde_json::from_value(data).unwrap() },
        Some(re) => Event::Reply { re, kind, data },
        None => Event::Push { kind, data },
    }
}
