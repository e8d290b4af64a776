//! WebSocket connections: the upgrade in front of the REST application, on the same port.
//!
//! The HTTP dispatcher hands over every request that wants an upgrade, whatever its method and path, so all is checked here. When
//! it is a good one the socket is taken out of the dispatcher, which is gone then: a session costs no HTTP machinery.

use super::actor::{Arrival, Session};
use super::doors::Doors;
use super::reader::{Decoder, turn_away};
use crate::chat::channel::stomp::Stomp;
use crate::chat::channel::{Channel, Outstanding, Socket};
use crate::chat::event_loop::EventLoop;
use crate::model::{Failure, SessionId};
use crate::store::accounts;
use crate::wire::limits::FRAGMENTS;
use crate::wire::outgoing::{Encoding, Format, Framing};
use crate::wire::stomp;
use crate::wire::ws::{self, Offer, Refusal};
use actix_codec::{AsyncRead, AsyncWrite, Framed};
use actix_http::header::{self, HeaderMap};
use actix_http::{Request, RequestHead, h1};
use actix_service::{IntoServiceFactory, ServiceFactory, fn_factory, fn_service};
use bytes::Bytes;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// How long the answer to an upgrade request may take to be written.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// The service for upgrade requests over a kind of stream.
pub fn upgrade<T>(
    doors: Arc<Doors>,
) -> impl ServiceFactory<
    (Request, Framed<T, h1::Codec>),
    Config = (),
    Response = (),
    Error = actix_web::Error,
    InitError = (),
    Service: 'static,
    Future: 'static,
>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Socket> + 'static,
{
    fn_factory(move || {
        let doors = Arc::clone(&doors);
        async move {
            let event_loop = doors.event_loop().ok_or(())?;
            Ok(fn_service(move |(request, framed): (Request, Framed<T, h1::Codec>)| {
                let (doors, event_loop) = (Arc::clone(&doors), Rc::clone(&event_loop));
                async move {
                    // What is looked up for it has time limits of its own.
                    let wish = wish(&doors, request.head()).await;
                    let served = timeout(ANSWER_TIME, serve(&doors, &event_loop, wish, framed)).await;
                    // A client that is gone, or too slow to take an answer of some hundred bytes, is nobody's concern.
                    let _ = served;
                    Ok::<_, actix_web::Error>(())
                }
            }))
        }
    })
    .into_factory()
}

/// What an upgrade request asks for, when it may have it.
struct Wish {
    offer: Offer,
    project: String,
    token: Option<String>,
    protocol: Option<&'static str>,
}

/// Why an upgrade request gets an ordinary answer.
struct Denial {
    status: u16,
    reason: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    message: String,
}

impl Denial {
    fn new(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, headers: Vec::new(), message: message.into() }
    }
}

impl From<Refusal> for Denial {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.status();
        Self {
            status: status.as_u16(),
            reason: status.canonical_reason().unwrap_or("Refused"),
            headers: refusal.headers().to_vec(),
            message: refusal.to_string(),
        }
    }
}

async fn serve<T>(
    doors: &Arc<Doors>,
    event_loop: &Rc<EventLoop>,
    wish: Result<Wish, Denial>,
    framed: Framed<T, h1::Codec>,
) -> std::io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin + Into<Socket> + 'static,
{
    let parts = framed.into_parts();
    let (mut io, early) = (parts.io, parts.read_buf);
    // A copy: the empty rest of the dispatcher's buffer would keep all of it.
    let early = if early.is_empty() { Bytes::new() } else { Bytes::copy_from_slice(&early) };
    let Wish { offer, project, token, protocol } = match wish {
        Ok(wish) => wish,
        Err(denial) => {
            io.write_all(answer(&denial).as_bytes()).await?;
            return io.shutdown().await;
        }
    };
    let deflate = offer.deflate.filter(|_| doors.compression);
    io.write_all(&offer.response(protocol, deflate)).await?;
    let limits = &doors.chat.limits;
    let messages = ws::Decoder::new(ws::Limits { message_bytes: limits.frame_bytes, fragments: FRAGMENTS }, deflate);
    let framing = if deflate.is_some() { Framing::WebSocketDeflate } else { Framing::WebSocket };
    let (decoder, format) = match protocol {
        Some(BINARY) => (Decoder::Binary(messages, limits.frame_bytes), Format::BinMsgPack),
        Some(protocol) if STOMP.contains(&protocol) => {
            (Decoder::Stomp(messages, stomp::Decoder::new(limits.frame_bytes)), Format::Stomp)
        }
        _ => (Decoder::Text(messages), Format::Json),
    };
    let channel = channel(doors, io.into(), Encoding { framing, format });
    if format == Format::Stomp {
        let _ = channel.stomp.set(Box::new(Stomp::new(Instant::now())));
    }
    let pass = match doors.enter() {
        Ok(pass) => pass,
        Err(code) => {
            turn_away(channel, event_loop, decoder, code);
            return Ok(());
        }
    };
    let arrival = Arrival { channel, decoder, early, pass, project: Some(project), token };
    Session::start_on(doors, event_loop, arrival);
    Ok(())
}

/// A channel for a new connection of either kind.
pub(super) fn channel(doors: &Doors, socket: Socket, encoding: Encoding) -> Rc<Channel> {
    socket.tune();
    let limits = &doors.chat.limits;
    let outstanding = Outstanding { bytes: limits.outstanding_bytes, frames: limits.outstanding_frames };
    let now = Instant::now();
    Rc::new(Channel::new(SessionId::random(), socket, encoding, outstanding, (now, now + limits.auth_timeout)))
}

const JSON: &str = "palabre.v1.json";
const BINARY: &str = "palabre.v1.bin";
/// All mean the same: the version is what `CONNECT` settles.
const STOMP: [&str; 3] = ["v12.stomp", "v11.stomp", "v10.stomp"];

async fn wish(doors: &Doors, head: &RequestHead) -> Result<Wish, Denial> {
    let mut offer = Offer::read(head)?;
    let project = match head.uri.path().strip_prefix("/ws/") {
        Some(project) if !project.is_empty() && !project.contains('/') => project.to_owned(),
        _ => return Err(Denial::new(404, "Not Found", "WebSockets open at /ws/{project}")),
    };
    let known = || [JSON, BINARY].into_iter().chain(STOMP);
    let protocol = offer.protocols.iter().find_map(|offered| known().find(|known| known == offered));
    if protocol.is_none() && !offer.protocols.is_empty() {
        let known: Vec<_> = known().collect();
        let message = format!("none of the subprotocols is known: {}", known.join(", "));
        return Err(Denial::new(400, "Bad Request", message));
    }
    check_origin(doors, &head.headers, &project).await?;
    let token = offer.bearer.take().or_else(|| authorization(&head.headers));
    Ok(Wish { offer, project, token, protocol })
}

/// The token of an `Authorization: Bearer` header.
fn authorization(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
}

/// A page of a foreign origin may not open a WebSocket: absent, the server's own, or one of the project's list.
async fn check_origin(doors: &Doors, headers: &HeaderMap, project: &str) -> Result<(), Denial> {
    let denied = || Denial::new(403, "Forbidden", "this origin may not connect to this project");
    let mut origins = headers.get_all(header::ORIGIN);
    let Some(origin) = origins.next() else { return Ok(()) };
    let origin = origin.to_str().map_err(|_| denied())?;
    if origins.next().is_some() {
        return Err(denied());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let own = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
    if host.is_some_and(|host| own.is_some_and(|own| own.eq_ignore_ascii_case(host))) {
        return Ok(());
    }
    let known = doors.chat.run(async |connection| Ok(accounts::project_by(connection, project).await?)).await;
    match known {
        Ok(Some(row)) if row.origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin)) => Ok(()),
        Ok(_) => Err(denied()),
        Err(Failure::Unavailable) => Err(Denial::new(503, "Service Unavailable", "unavailable for the moment")),
        Err(_) => Err(Denial::new(500, "Internal Server Error", "internal error")),
    }
}

fn answer(denial: &Denial) -> String {
    let body = serde_json::json!({
        "type": "about:blank",
        "title": denial.reason,
        "status": denial.status,
        "detail": denial.message,
    })
    .to_string();
    let mut answer = format!("HTTP/1.1 {} {}\r\n", denial.status, denial.reason);
    for (name, value) in &denial.headers {
        let _ = write!(answer, "{name}: {value}\r\n");
    }
    let _ = write!(
        answer,
        "Content-Type: application/problem+json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    answer
}
