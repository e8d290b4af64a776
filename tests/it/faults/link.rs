//! A connection of bare frames that takes every end of it as an answer, never as a reason to panic.

use crate::support::frame::{self, Frame};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a server may be silent before a test gives up. Longer than any of its own time limits.
const PATIENCE: Duration = Duration::from_secs(40);

/// A connection to a server.
pub struct Link {
    stream: TcpStream,
    buffer: Vec<u8>,
    last_id: u32,
}

impl Link {
    /// Connects; `None` when nobody listens.
    pub async fn connect(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        Some(Self { stream, buffer: Vec::new(), last_id: 0 })
    }

    /// Connects and signs in. Resolves with the first page of conversations; `None` when it does not come to that.
    pub async fn sign_in(address: SocketAddr, project: &str, token: &str) -> Option<(Self, Value)> {
        let mut link = Self::connect(address).await?;
        link.send("session.auth", &json!({ "project": project, "token": token })).await?;
        loop {
            let frame = link.next().await?;
            match (frame.kind, frame.payload["type"].as_str()) {
                (frame::PUSH, Some("group.summary")) => return Some((link, frame.payload["data"].clone())),
                (frame::ERROR | frame::CLOSE, _) => return None,
                _ => {}
            }
        }
    }

    /// Sends a request; its id, or `None` when the connection is gone.
    pub async fn send(&mut self, kind: &str, data: &Value) -> Option<u32> {
        self.last_id += 1;
        self.write(&frame::request(true, self.last_id, kind, data)).await?;
        Some(self.last_id)
    }

    /// Sends bytes, whatever they are.
    pub async fn write(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    /// Waits until so many bytes have come and lie unread.
    pub async fn until_unread(&self, bytes: usize) {
        let mut seen = vec![0; bytes];
        let came = timeout(PATIENCE, async {
            while self.stream.peek(&mut seen).await.unwrap() < bytes {
                tokio::task::yield_now().await;
            }
        });
        came.await.expect("the server stopped before so much had come");
    }

    /// The next frame; `None` when the connection is gone.
    pub async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = frame::take(&mut self.buffer) {
                return Some(frame);
            }
            let read = timeout(PATIENCE, self.stream.read_buf(&mut self.buffer));
            let read = read.await.expect("the server neither answers nor closes");
            if !read.is_ok_and(|count| count > 0) {
                return None;
            }
        }
    }

    /// Sends a request and waits for its reply; pushes are passed over. `None` when the connection is gone.
    pub async fn request(&mut self, kind: &str, data: &Value) -> Option<Result<Value, Value>> {
        let id = self.send(kind, data).await?;
        loop {
            let mut frame = self.next().await?;
            if frame.correlation == id {
                let data = frame.payload["data"].take();
                return Some(if frame.kind == frame::REPLY { Ok(data) } else { Err(data) });
            }
        }
    }

    /// The data of the reply to a request that must succeed.
    pub async fn ok(&mut self, kind: &str, data: &Value) -> Value {
        let answer = self.request(kind, data).await.expect("the connection is gone");
        answer.unwrap_or_else(|error| panic!("{kind} {data} was refused: {error}"))
    }

    /// The code of the close frame; `None` when the connection ends without one.
    pub async fn closed(&mut self) -> Option<u64> {
        let mut code = None;
        while let Some(frame) = self.next().await {
            if frame.kind == frame::CLOSE {
                code = frame.payload["data"]["code"].as_u64();
            }
        }
        code
    }
}

/// All messages of a conversation, page by page.
pub async fn history(link: &mut Link, conversation: &str) -> Vec<Value> {
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().map_or(0, |message| message["seq"].as_i64().unwrap());
        let request = json!({ "conversation": conversation, "after_seq": after, "limit": 200 });
        let mut page = link.ok("message.fetch", &request).await;
        let Value::Array(messages) = page["messages"].take() else { panic!("{page}") };
        assert!(!messages.is_empty() || page["more"] == false, "an empty page promises more");
        all.extend(messages);
        if page["more"] == false {
            return all;
        }
    }
}
