//! A client that speaks STOMP over a raw WebSocket, and nothing else.

use super::project::TestUser;
use super::server::TestServer;
use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;

const PATIENCE: Duration = Duration::from_secs(10);

/// The versions there are.
pub const VERSIONS: [&str; 3] = ["1.0", "1.1", "1.2"];

/// A frame of the server's, as it stands on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub command: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

/// What came from the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    Frame(Frame),
    HeartBeat,
    Closed(Option<u16>),
}

impl Frame {
    /// A header, which must be there.
    pub fn header(&self, name: &str) -> &str {
        self.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}"))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("content-length"), self.body.len().to_string());
        serde_json::from_str(&self.body).unwrap()
    }

    fn parse(text: &str) -> Self {
        let text = text.strip_suffix('\0').unwrap_or_else(|| panic!("a frame ends with NUL: {text:?}"));
        let (head, body) = text.split_once("\n\n").unwrap();
        let mut lines = head.split('\n');
        let command = lines.next().unwrap().to_owned();
        let header = |line: &str| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_owned(), value.to_owned())
        };
        Self { command, headers: lines.map(header).collect(), body: body.to_owned() }
    }
}

/// A connection.
pub struct StompClient {
    socket: WebSocketStream<TcpStream>,
    inbox: VecDeque<Incoming>,
    pub version: &'static str,
    receipts: u32,
}

/// A frame from its parts.
pub fn frame(command: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{command}\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}:{value}\n"));
    }
    format!("{text}\n{body}\0")
}

impl StompClient {
    /// A WebSocket that offers these subprotocols; the one that was chosen.
    pub async fn open(server: &TestServer, project: &str, offered: &str) -> (Self, Option<String>) {
        let address = server.addresses.http;
        let mut request = format!("ws://{address}/ws/{project}").into_client_request().unwrap();
        request.headers_mut().append("sec-websocket-protocol", HeaderValue::from_str(offered).unwrap());
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, response) = tokio_tungstenite::client_async(request, stream).await.unwrap();
        let chosen = response.headers().get("sec-websocket-protocol").map(|value| value.to_str().unwrap().to_owned());
        (Self { socket, inbox: VecDeque::new(), version: "1.2", receipts: 0 }, chosen)
    }

    /// A session of a user.
    pub async fn connect(server: &TestServer, user: &TestUser, version: &'static str) -> Self {
        let (mut client, _) = Self::open(server, &user.project, "v12.stomp, v11.stomp, v10.stomp").await;
        client.version = version;
        let bearer = format!("Bearer {}", user.token);
        client.send("CONNECT", &[("accept-version", version), ("host", "x"), ("Authorization", &bearer)], "").await;
        let connected = client.expect("CONNECTED").await;
        assert_eq!(connected.header("version"), version);
        client
    }

    pub async fn send(&mut self, command: &str, headers: &[(&str, &str)], body: &str) {
        self.send_text(&frame(command, headers, body)).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }

    pub async fn send_bytes(&mut self, bytes: &[u8]) {
        self.socket.send(Message::binary(bytes.to_vec())).await.unwrap();
    }

    /// As [`Self::send_text`], where the server may have closed already.
    pub async fn try_send_text(&mut self, text: &str) -> bool {
        self.socket.send(Message::text(text)).await.is_ok()
    }

    /// Sends a frame with a receipt and waits for it; what else comes is kept.
    pub async fn ok(&mut self, command: &str, headers: &[(&str, &str)], body: &str) {
        self.receipts += 1;
        let receipt = format!("r{}", self.receipts);
        let headers: Vec<_> = headers.iter().copied().chain([("receipt", receipt.as_str())]).collect();
        self.send(command, &headers, body).await;
        let is_it = |frame: &Frame| frame.command == "RECEIPT" && frame.header("receipt-id") == receipt;
        self.find(&format!("the receipt of {command}"), is_it).await;
    }

    pub async fn subscribe(&mut self, id: &str, destination: &str, ack: &str) {
        self.ok("SUBSCRIBE", &[("id", id), ("destination", destination), ("ack", ack)], "").await;
    }

    /// Says something in a conversation; it is stored when this returns.
    pub async fn say(&mut self, conversation: &str, text: &str) {
        let destination = format!("/app/conversations/{conversation}");
        self.ok("SEND", &[("destination", &destination), ("content-type", "text/plain")], text).await;
    }

    /// A round trip that changes nothing.
    pub async fn sync(&mut self) {
        self.ok("BEGIN", &[("transaction", "sync")], "").await;
        self.ok("ABORT", &[("transaction", "sync")], "").await;
    }

    /// The next frame, which must be of this kind.
    pub async fn expect(&mut self, command: &str) -> Frame {
        match self.next().await {
            Incoming::Frame(frame) if frame.command == command => frame,
            other => panic!("expected {command}, got {other:?}"),
        }
    }

    /// The next `MESSAGE` of a subscription; what is of others is kept.
    pub async fn message(&mut self, subscription: &str) -> Frame {
        let is_it = |frame: &Frame| frame.command == "MESSAGE" && frame.get("subscription") == Some(subscription);
        self.find(&format!("a message of {subscription}"), is_it).await
    }

    /// The data of the next event of this type of the subscription `e`; others are thrown away.
    pub async fn event(&mut self, kind: &str) -> Value {
        loop {
            let mut envelope = self.message("e").await.json();
            if envelope["type"] == kind {
                return envelope["data"].take();
            }
        }
    }

    /// Fails if a `MESSAGE` came, or comes before the answer to what is sent now.
    pub async fn expect_none(&mut self) {
        self.sync().await;
        let came = self.inbox.iter().find(|incoming| matches!(incoming, Incoming::Frame(_)));
        assert_eq!(came, None);
    }

    /// The `MESSAGE`s that came and come before the answer to what is sent now.
    pub async fn messages(&mut self) -> Vec<Frame> {
        self.sync().await;
        let frame = |incoming| match incoming {
            Incoming::Frame(frame) if frame.command == "MESSAGE" => Some(frame),
            _ => None,
        };
        self.inbox.drain(..).filter_map(frame).collect()
    }

    /// The error that ends the connection, and the close code after it.
    pub async fn ended(&mut self) -> (Frame, u16) {
        let error = self.find("an error", |frame| frame.command == "ERROR").await;
        match self.next().await {
            Incoming::Closed(Some(code)) => (error, code),
            other => panic!("{other:?} came after {error:?}"),
        }
    }

    /// What comes next, heart-beats left out.
    pub async fn next(&mut self) -> Incoming {
        loop {
            match self.inbox.pop_front() {
                Some(Incoming::HeartBeat) => {}
                Some(incoming) => return incoming,
                None => match self.receive("anything").await {
                    Incoming::HeartBeat => {}
                    incoming => return incoming,
                },
            }
        }
    }

    /// What comes next, heart-beats too.
    pub async fn next_of_all(&mut self) -> Incoming {
        match self.inbox.pop_front() {
            Some(incoming) => incoming,
            None => self.receive("anything").await,
        }
    }

    async fn find(&mut self, what: &str, is_it: impl Fn(&Frame) -> bool) -> Frame {
        let at = self.inbox.iter().position(|incoming| matches!(incoming, Incoming::Frame(frame) if is_it(frame)));
        if let Some(Incoming::Frame(frame)) = at.and_then(|at| self.inbox.remove(at)) {
            return frame;
        }
        loop {
            match self.receive(what).await {
                Incoming::Frame(frame) if is_it(&frame) => return frame,
                Incoming::Closed(code) => {
                    panic!("closed with {code:?} instead of {what}; what came: {:#?}", self.inbox)
                }
                other => self.inbox.push_back(other),
            }
        }
    }

    async fn receive(&mut self, what: &str) -> Incoming {
        loop {
            let Ok(message) = timeout(PATIENCE, self.socket.next()).await else {
                panic!("waited in vain for {what}; what came: {:#?}", self.inbox)
            };
            match message {
                Some(Ok(Message::Text(text))) if text.as_str() == "\n" => return Incoming::HeartBeat,
                Some(Ok(Message::Text(text))) => return Incoming::Frame(Frame::parse(&text)),
                Some(Ok(Message::Binary(_))) => panic!("the server sends text"),
                Some(Ok(Message::Close(close))) => return Incoming::Closed(close.map(|close| close.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Incoming::Closed(None),
            }
        }
    }
}
