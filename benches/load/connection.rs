//! A client's connection: raw sockets and just enough of the protocol, so that the generator costs little beside the server.

use super::common::database::{PROJECT, Person};
use super::contender::{Contender, Kind};
use super::encoding::{Encoding, text};
use palabre::model::ConversationId;
use palabre::wire::frame::HEADER_BYTES;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpSocket;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// Bytes read at once, into one buffer for all connections.
const READ_BYTES: usize = 256 * 1024;
/// Addresses of this machine from which connections are made: each has some 28 000 ports.
const SOURCES: u8 = 8;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
    static NEXT_SOURCE: Cell<u8> = const { Cell::new(0) };
}

/// The half that listens.
pub struct Ear {
    stream: OwnedReadHalf,
    ws: bool,
    /// The beginning of a frame whose rest has not come.
    rest: Vec<u8>,
}

/// The half that speaks.
pub struct Mouth(OwnedWriteHalf);

/// Connects, signs in and waits until the server has told how things are. Of the raw limit `room` is the room.
pub async fn open(
    server: &Contender,
    encoding: Encoding,
    person: Option<&Person>,
    room: usize,
) -> io::Result<(Ear, Mouth)> {
    let address = if encoding.is_ws() { server.http } else { server.tcp };
    let (stream, write) = connect(address).await?.into_split();
    let mut ear = Ear { stream, ws: encoding.is_ws(), rest: Vec::new() };
    let mut mouth = Mouth(write);
    if encoding.is_ws() {
        let path = if server.kind == Kind::Palabre { format!("/ws/{PROJECT}") } else { format!("/room/{room}") };
        let protocol = if encoding == Encoding::WsJson { "palabre.v1.json" } else { "palabre.v1.bin" };
        let bearer = person.map(|person| format!(", bearer.{}", person.token)).unwrap_or_default();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {protocol}{bearer}\r\n\r\n"
        );
        mouth.say(request.as_bytes()).await?;
        ear.skip_response().await?;
        if encoding != Encoding::WsJson {
            // The first request settles the format of what comes back.
            mouth.say(&encoding.request(1, "status.fetch", &json!({ "users": [] }))).await?;
        }
    } else if let Some(person) = person {
        let auth = json!({ "project": PROJECT, "token": person.token });
        mouth.say(&encoding.request(1, "session.auth", &auth)).await?;
    }
    if server.kind == Kind::Palabre {
        // One's own status comes when all lists were told; those of others follow.
        let mut opened = false;
        while !opened {
            let open = ear.hear(|frame| opened |= memchr::memmem::find(frame, b"status.update").is_some()).await?;
            if !open {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
    }
    Ok((ear, mouth))
}

/// Connects, signs in by STOMP, and subscribes to a conversation.
pub async fn open_stomp(server: &Contender, person: &Person, conversation: ConversationId) -> io::Result<(Ear, Mouth)> {
    let (stream, write) = connect(server.http).await?.into_split();
    let (mut ear, mut mouth) = (Ear { stream, ws: true, rest: Vec::new() }, Mouth(write));
    let request = format!(
        "GET /ws/{PROJECT} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: v12.stomp\r\n\r\n"
    );
    mouth.say(request.as_bytes()).await?;
    ear.skip_response().await?;
    let connect = format!("CONNECT\naccept-version:1.2\nAuthorization:Bearer {}\n\n\0", person.token);
    let subscribe = format!("SUBSCRIBE\nid:0\ndestination:/topic/conversations/{conversation}\nreceipt:0\n\n\0");
    mouth.say(&text(&format!("{connect}{subscribe}"))).await?;
    let mut opened = false;
    while !opened {
        if !ear.hear(|frame| opened |= memchr::memmem::find(frame, b"RECEIPT\n").is_some()).await? {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
    }
    Ok((ear, mouth))
}

async fn connect(address: SocketAddr) -> io::Result<tokio::net::TcpStream> {
    let source = NEXT_SOURCE.get();
    NEXT_SOURCE.set((source + 1) % SOURCES);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2 + source)), 0))?;
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

impl Mouth {
    /// Sends bytes.
    pub async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }
}

impl Ear {
    /// Waits for bytes and calls `each` with every whole frame that they complete, its header included; `false` at the end.
    pub async fn hear(&mut self, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
        let Self { stream, ws, rest } = self;
        std::future::poll_fn(|cx| {
            BUFFER.with_borrow_mut(|buffer| {
                let mut buf = ReadBuf::new(buffer);
                std::task::ready!(Pin::new(&mut *stream).poll_read(cx, &mut buf))?;
                let read = buf.filled();
                if read.is_empty() {
                    return Poll::Ready(Ok(false));
                }
                if rest.is_empty() {
                    let used = split(*ws, read, &mut each)?;
                    rest.extend_from_slice(&read[used..]);
                } else {
                    rest.extend_from_slice(read);
                    let used = split(*ws, rest, &mut each)?;
                    rest.drain(..used);
                    if rest.is_empty() {
                        *rest = Vec::new();
                    }
                }
                Poll::Ready(Ok(true))
            })
        })
        .await
    }

    async fn skip_response(&mut self) -> io::Result<()> {
        const END: &[u8] = b"\r\n\r\n";
        let mut response = Vec::new();
        loop {
            let mut bytes = [0; 1024];
            self.stream.readable().await?;
            match self.stream.try_read(&mut bytes) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => response.extend_from_slice(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            if let Some(end) = memchr::memmem::find(&response, END) {
                if !response.starts_with(b"HTTP/1.1 101") {
                    return Err(io::Error::other(String::from_utf8_lossy(&response[..end]).into_owned()));
                }
                self.rest = response.split_off(end + END.len());
                return Ok(());
            }
        }
    }
}

/// Calls `each` with every whole frame; returns how many bytes they take.
fn split(ws: bool, bytes: &[u8], each: &mut impl FnMut(&[u8])) -> io::Result<usize> {
    let mut at = 0;
    while let Some(length) = length(ws, &bytes[at..]).filter(|length| at + length <= bytes.len()) {
        let frame = &bytes[at..at + length];
        if ws && frame[0] & 0x0f == 8 {
            return Err(io::Error::other(format!("the server closed: {}", String::from_utf8_lossy(&frame[2..]))));
        }
        each(frame);
        at += length;
    }
    Ok(at)
}

/// Bytes of the first frame with its header, if enough of it is there to tell.
fn length(ws: bool, bytes: &[u8]) -> Option<usize> {
    if !ws {
        let payload: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
        return Some(HEADER_BYTES + usize::try_from(u32::from_be_bytes(payload)).ok()?);
    }
    match *bytes.get(1)? {
        126 => Some(4 + usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => Some(10 + usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => Some(2 + usize::from(short)),
    }
}
