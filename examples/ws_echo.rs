//! An echo server on the crate's own WebSocket layer, for conformance suites:
//!
//! ```text
//! cargo run --example ws_echo -- 127.0.0.1:9001 [--compression]
//! ```

use actix_codec::Decoder as _;
use actix_http::h1;
use bytes::{Bytes, BytesMut};
use palabre::wire::close::Violation;
use palabre::wire::ws::{self, Decoder, Incoming, Limits, Offer, Opcode, Refusal};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Large enough for the messages of 16 MiB and of 65 536 fragments and an empty one that suites send.
const LIMITS: Limits = Limits { message_bytes: 16 << 20, fragments: 65_537 };
/// Bytes read at once.
const READ_BYTES: usize = 65_536;
/// How long the opening handshake may take; the HTTP codec bounds its size.
const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// What is read and thrown away after our Close, so that the client gets to read it before the socket is cut.
const LINGER_BYTES: u64 = 65_536;
/// How long that may take.
const LINGER_TIME: Duration = Duration::from_secs(1);

#[actix_web::main]
async fn main() -> io::Result<()> {
    let mut address = "127.0.0.1:9001".to_owned();
    let mut compression = false;
    for argument in std::env::args().skip(1) {
        if argument == "--compression" {
            compression = true;
        } else {
            address = argument;
        }
    }
    let listener = TcpListener::bind(&address).await?;
    eprintln!("echo on ws://{}/", listener.local_addr()?);
    loop {
        let (socket, _) = listener.accept().await?;
        actix_rt::spawn(async move {
            if let Err(error) = serve(socket, compression).await {
                eprintln!("{error}");
            }
        });
    }
}

async fn serve(mut socket: TcpStream, compression: bool) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut buffer = BytesMut::new();
    let offer = match tokio::time::timeout(HANDSHAKE_TIME, read_request(&mut socket, &mut buffer)).await?? {
        Ok(offer) => offer,
        Err(refusal) => return socket.write_all(&refusal_response(refusal)).await,
    };
    let deflate = offer.deflate.filter(|_| compression);
    socket.write_all(&offer.response(None, deflate)).await?;

    let mut decoder = Decoder::new(LIMITS, deflate);
    let mut ended = answer(&mut socket, &mut decoder, &buffer, deflate.is_some()).await?;
    buffer.reserve(READ_BYTES);
    while !ended {
        buffer.clear();
        if socket.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        ended = answer(&mut socket, &mut decoder, &buffer, deflate.is_some()).await?;
    }
    socket.shutdown().await?;
    let mut rest = socket.take(LINGER_BYTES);
    let mut sink = tokio::io::sink();
    let lingering = tokio::io::copy(&mut rest, &mut sink);
    tokio::time::timeout(LINGER_TIME, lingering).await.map_or(Ok(()), |copied| copied.map(drop))
}

/// Reads the upgrade request; what follows it stays in `buffer`.
async fn read_request(socket: &mut TcpStream, buffer: &mut BytesMut) -> io::Result<Result<Offer, Refusal>> {
    let mut codec = h1::Codec::default();
    loop {
        if socket.read_buf(buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if let Some(h1::Message::Item(request)) = codec.decode(buffer).map_err(io::Error::other)? {
            return Ok(Offer::read(request.head()));
        }
    }
}

fn refusal_response(refusal: Refusal) -> Bytes {
    let mut head = format!("HTTP/1.1 {}\r\n", refusal.status());
    for (name, value) in refusal.headers() {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let body = refusal.to_string();
    format!("{head}Connection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into()
}

/// Answers all that `input` completes. True when a Close was sent.
async fn answer(
    socket: &mut TcpStream,
    decoder: &mut Decoder,
    mut input: &[u8],
    compression: bool,
) -> io::Result<bool> {
    loop {
        let (frame, last) = match decoder.decode(&mut input) {
            Ok(None) => return Ok(false),
            Ok(Some(Incoming::Text(text))) => (echo(Opcode::Text, text.as_bytes(), compression), false),
            Ok(Some(Incoming::Binary(bytes))) => (echo(Opcode::Binary, &bytes, compression), false),
            Ok(Some(Incoming::Ping(bytes))) => (ws::frame(Opcode::Pong, &bytes), false),
            Ok(Some(Incoming::Pong(_))) => continue,
            Ok(Some(Incoming::Close(None))) => (ws::frame(Opcode::Close, &[]), true),
            Ok(Some(Incoming::Close(Some((code, _))))) => (ws::close_frame(code, ""), true),
            Err(Violation { code, reason }) => (ws::close_frame(code.number(), reason), true),
        };
        socket.write_all(&frame).await?;
        if last {
            return Ok(true);
        }
    }
}

fn echo(opcode: Opcode, payload: &[u8], compression: bool) -> Bytes {
    match compression.then(|| ws::compress(payload)).flatten() {
        Some(compressed) => ws::compressed_frame(opcode, &compressed),
        None => ws::frame(opcode, payload),
    }
}
