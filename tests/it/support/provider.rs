//! A local server in the place of the providers of models: it speaks each one's real wire format, does what a test tells it, and
//! keeps what it was asked.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

/// What the provider does with a request.
pub enum Reply {
    /// Says these pieces, streamed, and how many tokens that took.
    Say(Vec<String>, Option<(u64, u64)>),
    /// Says "to " and the last that it was told, in OpenAI's format.
    Repeat,
    /// The same as one document.
    Whole(String, Option<(u64, u64)>),
    /// Refuses, with a header if need be.
    Status(u16, Option<(&'static str, String)>),
    /// Says these pieces and closes in the middle.
    Half(Vec<String>),
    /// Says these pieces and ends in order, without having said that this was all.
    Cut(Vec<String>),
    /// Says these pieces and then nothing more.
    Hang(Vec<String>),
    /// Sends these bytes as a stream of events.
    Bytes(Vec<u8>),
    /// Says what the test says, when it says it.
    Steps(mpsc::UnboundedReceiver<Step>),
}

/// What a test has a provider say.
pub enum Step {
    Say(String),
    End(Option<(u64, u64)>),
}

/// A test's hand on an answer that is being given.
pub struct Steps(mpsc::UnboundedSender<Step>);

impl Steps {
    pub fn say(&self, text: &str) {
        // A server that has hung up hears nothing any more.
        let _ = self.0.send(Step::Say(text.to_owned()));
    }

    pub fn end(self) {
        let _ = self.0.send(Step::End(Some((10, 5))));
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Instant,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Role and content of each message, as OpenAI's format has them.
    pub fn messages(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
    }
}

/// The server.
#[derive(Clone)]
pub struct Provider {
    pub address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    replies: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Asked>>,
    open: AtomicUsize,
    most: AtomicUsize,
    changed: Notify,
}

/// Pieces of a text.
pub fn pieces(of: &[&str]) -> Vec<String> {
    of.iter().map(|piece| (*piece).to_owned()).collect()
}

impl Provider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let state = Arc::clone(&provider.state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                tokio::spawn(async move {
                    let open = state.open.fetch_add(1, Ordering::SeqCst) + 1;
                    state.most.fetch_max(open, Ordering::SeqCst);
                    let _ = serve(stream, &state).await;
                    state.open.fetch_sub(1, Ordering::SeqCst);
                    state.changed.notify_waiters();
                });
            }
        });
        provider
    }

    /// The beginning of its addresses.
    pub fn base(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What it does with the next requests, in order; after these it says "ok".
    pub fn will(&self, reply: Reply) -> &Self {
        self.state.replies.lock().unwrap().push_back(reply);
        self
    }

    /// Says this next.
    pub fn will_say(&self, text: &str) -> &Self {
        self.will(Reply::Say(pieces(&[text]), Some((10, 5))))
    }

    /// Answers the next request as the test goes on.
    pub fn will_follow(&self) -> Steps {
        let (steps, receiver) = mpsc::unbounded_channel();
        self.will(Reply::Steps(receiver));
        Steps(steps)
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }

    /// As many requests as there ever were at once.
    pub fn most_at_once(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }

    /// Waits until nobody is connected.
    pub async fn is_left(&self) {
        super::wait::until_async("the end of all requests", async || {
            (self.state.open.load(Ordering::SeqCst) == 0).then_some(())
        })
        .await;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    OpenAi,
    Anthropic,
    Gemini,
    Ollama,
}

impl Format {
    fn of(path: &str) -> Option<Self> {
        if path.ends_with("/chat/completions") {
            Some(Self::OpenAi)
        } else if path.ends_with("/messages") {
            Some(Self::Anthropic)
        } else if path.contains(":streamGenerateContent") {
            Some(Self::Gemini)
        } else {
            path.ends_with("/api/chat").then_some(Self::Ollama)
        }
    }

    fn content_type(self) -> &'static str {
        if self == Self::Ollama { "application/x-ndjson" } else { "text/event-stream; charset=utf-8" }
    }

    fn begin(self) -> String {
        match self {
            Self::Anthropic => {
                let start = json!({ "type": "message_start", "message": {
                    "id": "msg_1", "type": "message", "role": "assistant", "content": [], "model": "claude",
                    "usage": { "input_tokens": 10, "output_tokens": 1 },
                } });
                let block = json!({ "type": "content_block_start", "index": 0, "content_block": { "type": "text", "text": "" } });
                format!(
                    "event: message_start\ndata: {start}\n\nevent: content_block_start\ndata: {block}\n\nevent: ping\ndata: {{\"type\": \"ping\"}}\n\n"
                )
            }
            Self::OpenAi => {
                let role = json!({ "id": "c1", "object": "chat.completion.chunk", "model": "m",
                    "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" }, "finish_reason": null }] });
                format!("data: {role}\n\n")
            }
            Self::Gemini | Self::Ollama => String::new(),
        }
    }

    fn piece(self, text: &str) -> String {
        match self {
            Self::OpenAi => {
                let chunk = json!({ "id": "c1", "object": "chat.completion.chunk", "model": "m",
                    "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] });
                format!("data: {chunk}\n\n")
            }
            Self::Anthropic => {
                let delta = json!({ "type": "content_block_delta", "index": 0, "delta": { "type": "text_delta", "text": text } });
                format!("event: content_block_delta\ndata: {delta}\n\n")
            }
            Self::Gemini => {
                let chunk = json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] }, "index": 0 }],
                    "usageMetadata": { "promptTokenCount": 10, "totalTokenCount": 10 } });
                format!("data: {chunk}\r\n\r\n")
            }
            Self::Ollama => {
                let chunk = json!({ "model": "m", "created_at": "2026-01-01T00:00:00Z",
                    "message": { "role": "assistant", "content": text }, "done": false });
                format!("{chunk}\n")
            }
        }
    }

    fn end(self, usage: Option<(u64, u64)>) -> String {
        match self {
            Self::OpenAi => {
                let stop = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
                let usage = usage.map_or_else(String::new, |(input, output)| {
                    let usage = json!({ "choices": [], "usage": {
                        "prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output } });
                    format!("data: {usage}\n\n")
                });
                format!("data: {stop}\n\n{usage}data: [DONE]\n\n")
            }
            Self::Anthropic => {
                let (_, output) = usage.unwrap_or((0, 1));
                let delta = json!({ "type": "message_delta", "delta": { "stop_reason": "end_turn" }, "usage": { "output_tokens": output } });
                format!(
                    "event: content_block_stop\ndata: {{\"type\":\"content_block_stop\",\"index\":0}}\n\nevent: message_delta\ndata: {delta}\n\nevent: message_stop\ndata: {{\"type\":\"message_stop\"}}\n\n"
                )
            }
            Self::Gemini => {
                let mut chunk = json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": "" }] }, "finishReason": "STOP" }] });
                if let Some((input, output)) = usage {
                    chunk["usageMetadata"] = json!({ "promptTokenCount": input, "candidatesTokenCount": output });
                }
                format!("data: {chunk}\r\n\r\n")
            }
            Self::Ollama => {
                let mut last = json!({ "model": "m", "message": { "role": "assistant", "content": "" }, "done": true, "done_reason": "stop" });
                if let Some((input, output)) = usage {
                    last["prompt_eval_count"] = input.into();
                    last["eval_count"] = output.into();
                }
                format!("{last}\n")
            }
        }
    }

    fn whole(self, text: &str, usage: Option<(u64, u64)>) -> Value {
        let (input, output) = usage.unwrap_or_default();
        let mut document = match self {
            Self::OpenAi => json!({ "object": "chat.completion",
                "choices": [{ "index": 0, "message": { "role": "assistant", "content": text }, "finish_reason": "stop" }],
                "usage": { "prompt_tokens": input, "completion_tokens": output } }),
            Self::Anthropic => {
                json!({ "type": "message", "role": "assistant", "content": [{ "type": "text", "text": text }],
                "stop_reason": "end_turn", "usage": { "input_tokens": input, "output_tokens": output } })
            }
            Self::Gemini => {
                json!([{ "candidates": [{ "content": { "parts": [{ "text": text }] }, "finishReason": "STOP" }],
                "usageMetadata": { "promptTokenCount": input, "candidatesTokenCount": output } }])
            }
            Self::Ollama => json!({ "message": { "role": "assistant", "content": text }, "done": true,
                "prompt_eval_count": input, "eval_count": output }),
        };
        if usage.is_none()
            && let Some(document) = document.as_object_mut()
        {
            document.remove("usage");
        }
        document
    }
}

/// Answers one request and closes.
async fn serve(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let Some(asked) = read(&mut stream).await? else { return Ok(()) };
    let format = Format::of(&asked.path);
    let last = asked.messages().pop().map(|(_, text)| text).unwrap_or_default();
    state.asked.lock().unwrap().push(asked);
    let reply = state.replies.lock().unwrap().pop_front();
    let Some(format) = format else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
    };
    let reply = match reply.unwrap_or_else(|| Reply::Say(pieces(&["ok"]), Some((10, 5)))) {
        Reply::Repeat => Reply::Say(vec![format!("to {last}")], Some((10, 5))),
        reply => reply,
    };
    let begin = |content_type: &str| {
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
    };
    match reply {
        Reply::Status(status, header) => {
            let header = header.map_or_else(String::new, |(name, value)| format!("{name}: {value}\r\n"));
            // What providers repeat in their errors must not be seen anywhere.
            let body = r#"{"error": {"message": "Incorrect API key provided: the-key"}}"#;
            let answer = format!(
                "HTTP/1.1 {status} No\r\nContent-Type: application/json\r\n{header}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            stream.write_all(answer.as_bytes()).await?;
        }
        Reply::Repeat => unreachable!("it became something to say"),
        Reply::Whole(text, usage) => {
            let body = format.whole(&text, usage).to_string();
            stream.write_all(begin("application/json").as_bytes()).await?;
            chunk(&mut stream, body.as_bytes()).await?;
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Reply::Say(said, usage) => {
            stream.write_all(begin(format.content_type()).as_bytes()).await?;
            chunk(&mut stream, format.begin().as_bytes()).await?;
            for piece in said {
                chunk(&mut stream, format.piece(&piece).as_bytes()).await?;
            }
            chunk(&mut stream, format.end(usage).as_bytes()).await?;
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Reply::Half(said) | Reply::Hang(said) if said.is_empty() => {
            stream.write_all(begin(format.content_type()).as_bytes()).await?;
            hang_up(&mut stream).await;
        }
        Reply::Half(said) => {
            stream.write_all(begin(format.content_type()).as_bytes()).await?;
            for piece in said {
                chunk(&mut stream, format.piece(&piece).as_bytes()).await?;
            }
            chunk(&mut stream, b"data: {\"choices\": [{").await?;
        }
        Reply::Cut(said) => {
            stream.write_all(begin(format.content_type()).as_bytes()).await?;
            chunk(&mut stream, format.begin().as_bytes()).await?;
            for piece in said {
                chunk(&mut stream, format.piece(&piece).as_bytes()).await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Reply::Hang(said) => {
            stream.write_all(begin(format.content_type()).as_bytes()).await?;
            for piece in said {
                chunk(&mut stream, format.piece(&piece).as_bytes()).await?;
            }
            hang_up(&mut stream).await;
        }
        Reply::Bytes(bytes) => {
            stream.write_all(begin(format.content_type()).as_bytes()).await?;
            for part in bytes.chunks(65_536) {
                chunk(&mut stream, part).await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
        Reply::Steps(mut steps) => {
            stream.write_all(begin(format.content_type()).as_bytes()).await?;
            chunk(&mut stream, format.begin().as_bytes()).await?;
            loop {
                tokio::select! {
                    step = steps.recv() => match step {
                        Some(Step::Say(text)) => chunk(&mut stream, format.piece(&text).as_bytes()).await?,
                        Some(Step::End(usage)) => {
                            chunk(&mut stream, format.end(usage).as_bytes()).await?;
                            stream.write_all(b"0\r\n\r\n").await?;
                            break;
                        }
                        None => break,
                    },
                    () = hang_up(&mut stream) => break,
                }
            }
        }
    }
    stream.shutdown().await
}

/// Waits until the other side has hung up.
async fn hang_up(stream: &mut TcpStream) {
    let mut rest = [0; 64];
    while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
}

async fn chunk(stream: &mut TcpStream, bytes: &[u8]) -> std::io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    stream.write_all(format!("{:x}\r\n", bytes.len()).as_bytes()).await?;
    stream.write_all(bytes).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Asked>> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let path = lines.next().unwrap().split(' ').nth(1).unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < end + 4 + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    let body = serde_json::from_slice(&bytes[end + 4..end + 4 + length]).unwrap_or(Value::Null);
    Ok(Some(Asked { at: Instant::now(), path, headers, body }))
}
