//! A game's own server, as somebody would write it: it is called back, checks the signature, and knows a delivery that comes twice.
//! It can also go away, come back, and behave badly.

use super::wait::until_async;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How the app answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mood {
    Well,
    /// With this status, and takes note of nothing.
    Status(u16),
    /// By sending the caller elsewhere.
    Redirect(String),
    /// Never.
    Hang,
    /// Well, but with a body that has no end.
    Endless,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Try {
    pub path: String,
    pub delivery: String,
    pub signature: String,
    pub body: String,
    /// The signature is good.
    pub verified: bool,
}

#[derive(Debug)]
struct State {
    secret: String,
    mood: Mood,
    tries: Vec<Try>,
    known: HashSet<String>,
    heard: Vec<Value>,
    /// Answers without an end that the caller cut off.
    cut: usize,
}

/// The app.
pub struct GameApp {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: Option<JoinHandle<()>>,
}

impl GameApp {
    /// Starts it on a port of its own.
    pub async fn start(secret: &str) -> Self {
        let state = State {
            secret: secret.to_owned(),
            mood: Mood::Well,
            tries: Vec::new(),
            known: HashSet::new(),
            heard: Vec::new(),
            cut: 0,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut app = Self { address: listener.local_addr().unwrap(), state: Arc::new(Mutex::new(state)), task: None };
        app.serve(listener);
        app
    }

    fn serve(&mut self, listener: TcpListener) {
        let state = Arc::clone(&self.state);
        self.task = Some(tokio::spawn(async move {
            // Connections go with the task.
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(answer(stream, Arc::clone(&state)));
            }
        }));
    }

    /// Where it wants to be called.
    pub fn url(&self) -> String {
        format!("http://{}/palabre?game=chess", self.address)
    }

    /// Stops, in the middle of whatever it does.
    pub async fn go_away(&mut self) {
        let task = self.task.take().unwrap();
        task.abort();
        let _ = task.await;
    }

    /// Starts again where it was.
    pub async fn come_back(&mut self) {
        let address = self.address;
        let listener = until_async("the port is free", async || TcpListener::bind(address).await.ok()).await;
        self.serve(listener);
    }

    pub fn behave(&self, mood: Mood) {
        self.state.lock().unwrap().mood = mood;
    }

    /// Goes on with another secret.
    pub fn use_secret(&self, secret: &str) {
        secret.clone_into(&mut self.state.lock().unwrap().secret);
    }

    /// Every request that came.
    pub fn tries(&self) -> Vec<Try> {
        self.state.lock().unwrap().tries.clone()
    }

    /// What it was told, each once, in the order in which it came.
    pub fn heard(&self) -> Vec<Value> {
        self.state.lock().unwrap().heard.clone()
    }

    pub fn cut(&self) -> usize {
        self.state.lock().unwrap().cut
    }

    /// Waits until it was told so many things.
    pub async fn hears(&self, count: usize) -> Vec<Value> {
        until_async("the app is told", async || Some(self.heard()).filter(|heard| heard.len() >= count)).await
    }

    /// Waits until it was called so many times.
    pub async fn is_tried(&self, count: usize) -> Vec<Try> {
        until_async("the app is called", async || Some(self.tries()).filter(|tries| tries.len() >= count)).await
    }
}

/// Whether a callback is Palabre's: the comparison of the two MACs takes the same time wherever they differ.
pub fn verify(secret: &str, header: &str, body: &str) -> bool {
    let Some((time, signature)) = header.strip_prefix("t=").and_then(|rest| rest.split_once(",v1=")) else {
        return false;
    };
    let digits = |at: usize| signature.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let Some(signature) = (0..signature.len()).step_by(2).map(digits).collect::<Option<Vec<u8>>>() else {
        return false;
    };
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{time}.{body}").as_bytes());
    mac.verify_slice(&signature).is_ok()
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let Some(mut request) = read(&mut stream).await else { return };
    let mood = {
        let mut state = state.lock().unwrap();
        request.verified = verify(&state.secret, &request.signature, &request.body);
        state.tries.push(request.clone());
        let takes_note = matches!(state.mood, Mood::Well | Mood::Endless) && request.verified;
        if takes_note && state.known.insert(request.delivery.clone()) {
            let body = serde_json::from_str(&request.body).unwrap();
            state.heard.push(body);
        }
        if request.verified { state.mood.clone() } else { Mood::Status(401) }
    };
    let head = |status: u16, more: &str| format!("HTTP/1.1 {status} X\r\n{more}\r\n");
    match mood {
        Mood::Well => send(&mut stream, &head(204, "")).await,
        Mood::Status(status) => send(&mut stream, &head(status, "Content-Length: 0\r\n")).await,
        Mood::Redirect(to) => {
            send(&mut stream, &head(307, &format!("Location: {to}\r\nContent-Length: 0\r\n"))).await;
        }
        Mood::Hang => std::future::pending().await,
        Mood::Endless => {
            send(&mut stream, &head(200, "Transfer-Encoding: chunked\r\n")).await;
            let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
            state.lock().unwrap().cut += 1;
        }
    }
}

async fn send(stream: &mut TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
}

/// Reads a request with its body; `None` if it breaks off.
async fn read(stream: &mut TcpStream) -> Option<Try> {
    let mut bytes = Vec::new();
    let (head, at) = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break (String::from_utf8(bytes[..end].to_vec()).unwrap(), end + 4);
        }
        more(stream, &mut bytes).await?;
    };
    let mut lines = head.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("POST ") && first.ends_with(" HTTP/1.1"), "{first}");
    let headers: Vec<(String, &str)> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value)).collect();
    let header = |name: &str| headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| *value);
    assert_eq!(header("content-type"), "application/json");
    let length: usize = header("content-length").parse().unwrap();
    while bytes.len() < at + length {
        more(stream, &mut bytes).await?;
    }
    Some(Try {
        path: first.split(' ').nth(1).unwrap().to_owned(),
        delivery: header("palabre-delivery").to_owned(),
        signature: header("palabre-signature").to_owned(),
        body: String::from_utf8(bytes[at..at + length].to_vec()).unwrap(),
        verified: false,
    })
}

async fn more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(bytes).await.ok()?;
    (read > 0).then_some(())
}
