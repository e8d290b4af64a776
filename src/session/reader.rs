//! A connection's way in: bytes from the socket, requests to the session.
//!
//! The reader is a stream inside the session actor's own task: no envelope and no second task between socket and session. It reads
//! into the event loop's shared buffer, so an idle connection owns none; what is incomplete stays in the decoder. The same task
//! waits for writability when the channel has something left.

use super::doors::Share;
use crate::chat::channel::Channel;
use crate::chat::event_loop::EventLoop;
use crate::wire::close::{CloseCode, Violation};
use crate::wire::envelope::{self, BadRequest, Request};
use crate::wire::frame::{self, Kind};
use crate::wire::outgoing::{self, Format};
use crate::wire::stomp;
use crate::wire::ws::{self, Incoming};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Bytes read and thrown away after the end of what counts, so that the close frame isn't lost to a reset.
const DISCARD_BYTES: usize = 64 * 1024;
/// Bytes of a sign-in, with a long token of another issuer.
const SIGN_IN: usize = 16 * 1024;

/// What the session hears from its connection.
pub enum Received {
    /// A request, and about how many bytes it took.
    Request(Request, usize),
    Bad(BadRequest),
    /// A STOMP frame, and about how many bytes it took.
    Frame(stomp::Frame, usize),
    /// Messages went out to STOMP subscriptions that count them as delivered by that.
    Delivered,
    /// The time came at which the session wanted to be woken.
    Alarm,
    /// Nothing more comes that counts: close with this, when what came before is done.
    End(Violation),
    /// The client reads again: what waited for that goes on.
    Resume,
}

impl Received {
    /// About how many bytes it takes while it waits.
    fn size(&self) -> usize {
        let document = match self {
            Self::Request(_, bytes) | Self::Frame(_, bytes) => *bytes,
            _ => 0,
        };
        size_of::<Self>() + document
    }
}

/// How a connection's bytes are read.
pub enum Decoder {
    /// WebSocket text messages, an envelope each.
    Text(ws::Decoder),
    /// WebSocket binary messages of whole frames.
    Binary(ws::Decoder, usize),
    /// Frames one after the other.
    Bare(frame::Decoder),
    /// STOMP frames, in WebSocket messages that may hold parts of one or several.
    Stomp(ws::Decoder, stomp::Decoder),
}

impl Decoder {
    /// Bytes that it holds of what is not whole yet.
    fn held(&self) -> usize {
        match self {
            Self::Text(decoder) | Self::Binary(decoder, _) => decoder.held(),
            Self::Bare(decoder) => decoder.held(),
            Self::Stomp(messages, frames) => messages.held() + frames.held(),
        }
    }
}

/// How a session holds its reader back.
#[derive(Default)]
pub struct Brake {
    /// The session has enough to do: nothing is read.
    pub hold: Cell<bool>,
    /// The session waits for the client to read: it wants [`Received::Resume`] when there is room again.
    pub wants_room: Cell<bool>,
    /// The session notes what was delivered: it asks for more by itself.
    pub noting: Cell<bool>,
}

/// The stream of a connection's requests.
pub struct Reader {
    channel: Rc<Channel>,
    event_loop: Rc<EventLoop>,
    decoder: Decoder,
    /// Bytes that came with the opening, or were left when there was no room for answers.
    rest: Bytes,
    received: VecDeque<Received>,
    brake: Rc<Brake>,
    format_is_settled: bool,
    /// It waits for bytes, and for nothing else.
    listens: bool,
    /// What comes now counts no more.
    ended: bool,
    discarded: usize,
    /// While nobody has signed in.
    share: Option<Share>,
}

impl Reader {
    /// Reads a channel's socket; `early` are bytes that were read before. What is incomplete counts into `share` until somebody
    /// has signed in.
    pub fn new(
        channel: Rc<Channel>,
        event_loop: Rc<EventLoop>,
        decoder: Decoder,
        early: Bytes,
        brake: Rc<Brake>,
        share: Option<Share>,
    ) -> Self {
        Self {
            channel,
            event_loop,
            decoder,
            rest: early,
            received: VecDeque::new(),
            brake,
            format_is_settled: false,
            listens: false,
            ended: false,
            discarded: 0,
            share,
        }
    }

    /// Sees that strangers do not hold too much together; whoever wants more then is closed.
    fn count_in(&mut self) {
        if self.channel.vigil.sign_in_by.get().is_none() {
            self.share = None;
        }
        if self.share.is_none() {
            return;
        }
        // One message may hold thousands of frames, which wait for the sign-in.
        let waiting: usize = self.received.iter().map(Received::size).sum();
        // A sign-in alone gets through, whatever other strangers hold.
        let waiting = if waiting <= SIGN_IN { 0 } else { waiting };
        let held = self.decoder.held() + self.rest.len() + waiting;
        if self.share.as_mut().is_some_and(|share| !share.set(held)) {
            self.channel.close(CloseCode::Overloaded);
            // Nothing more is decoded.
            self.received = VecDeque::new();
            (self.decoder, self.rest, self.share) = (Decoder::Bare(frame::Decoder::new(0)), Bytes::new(), None);
        }
    }

    /// Takes bytes from the client apart, until they end or there is no room for more answers. A violation ends it all.
    fn take_in(&mut self, mut input: &[u8]) {
        while !self.ended && !self.channel.is_closing() {
            if self.channel.is_half_full() {
                self.rest = Bytes::copy_from_slice(input);
                return;
            }
            match self.step(&mut input) {
                Ok(true) => {}
                Ok(false) => {
                    self.channel.flush();
                    return;
                }
                Err(violation) => self.end(violation),
            }
        }
        self.channel.flush();
        self.discarded += input.len();
        if self.discarded > DISCARD_BYTES {
            self.channel.cut();
        }
    }

    fn end(&mut self, violation: Violation) {
        self.ended = true;
        self.received.push_back(Received::End(violation));
    }

    /// One message or frame; false when all bytes were consumed.
    fn step(&mut self, input: &mut &[u8]) -> Result<bool, Violation> {
        match &mut self.decoder {
            Decoder::Text(decoder) => {
                let Some(incoming) = decoder.decode(input)? else { return Ok(false) };
                match incoming {
                    Incoming::Text(text) => {
                        let request = envelope::parse_json(text.as_bytes());
                        self.receive(request, text.len());
                    }
                    Incoming::Binary(_) => return Err(UNSUPPORTED),
                    control => self.control(control),
                }
            }
            Decoder::Binary(decoder, limit) => {
                let (Some(incoming), limit) = (decoder.decode(input)?, *limit) else { return Ok(false) };
                match incoming {
                    Incoming::Binary(message) => self.frames(&message, limit)?,
                    Incoming::Text(_) => return Err(UNSUPPORTED),
                    control => self.control(control),
                }
            }
            Decoder::Bare(decoder) => {
                let Some(frame) = decoder.decode(input)? else { return Ok(false) };
                self.frame(&frame);
            }
            Decoder::Stomp(decoder, frames) => {
                let Some(incoming) = decoder.decode(input)? else {
                    // A long message on its way is as good as a heart-beat.
                    if let Some(stomp) = self.channel.stomp.get().filter(|_| decoder.held() > 0) {
                        stomp.heard();
                    }
                    return Ok(false);
                };
                match incoming {
                    Incoming::Text(text) => frames.feed(text.into()),
                    Incoming::Binary(message) => frames.feed(message),
                    control => {
                        self.control(control);
                        return Ok(true);
                    }
                }
                if let Some(stomp) = self.channel.stomp.get() {
                    stomp.heard();
                }
                while let Some(frame) = frames.next_frame()? {
                    let bytes = frame.size();
                    self.received.push_back(Received::Frame(frame, bytes));
                }
            }
        }
        Ok(true)
    }

    /// The frames of one binary message.
    fn frames(&mut self, mut message: &[u8], limit: usize) -> Result<(), Violation> {
        let mut decoder = frame::Decoder::new(limit);
        while let Some(frame) = decoder.decode(&mut message)? {
            self.frame(&frame);
        }
        if decoder.is_idle() { Ok(()) } else { Err(HALF_A_FRAME) }
    }

    fn frame(&mut self, frame: &frame::Frame) {
        match frame.kind {
            Kind::Request => {
                if !self.format_is_settled {
                    self.format_is_settled = true;
                    self.channel.set_format(if frame.json { Format::BinJson } else { Format::BinMsgPack });
                }
                self.receive(envelope::parse_binary(frame), frame.payload.len());
            }
            Kind::Ping => {
                if let Some(pong) = outgoing::pong_frame(self.channel.encoding()) {
                    self.channel.queue(pong);
                }
            }
            Kind::Close => self.end(FAREWELL),
            // That it came is all there is to know; what clients may not send the decoder refuses.
            Kind::Pong | Kind::Reply | Kind::Push | Kind::Error => {}
        }
    }

    fn control(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Ping(payload) => self.channel.queue(ws::frame(ws::Opcode::Pong, &payload)),
            Incoming::Close(_) => self.end(FAREWELL),
            Incoming::Pong(_) | Incoming::Text(_) | Incoming::Binary(_) => {}
        }
    }

    fn receive(&mut self, parsed: Result<Request, BadRequest>, bytes: usize) {
        self.received.push_back(match parsed {
            Ok(request) => Received::Request(request, bytes),
            Err(bad) => Received::Bad(bad),
        });
    }
}

const FAREWELL: Violation = Violation { code: CloseCode::Normal, reason: CloseCode::Normal.reason() };
const UNSUPPORTED: Violation =
    Violation { code: CloseCode::Unsupported, reason: "this kind of message has no use here" };
const HALF_A_FRAME: Violation =
    Violation { code: CloseCode::ProtocolError, reason: "a message must hold whole frames" };

/// Closes a connection for which there is no room. What its client has sent by then is read and thrown away: else the kernel
/// would answer it with a reset, and the client might never see why.
pub fn turn_away(channel: Rc<Channel>, event_loop: &Rc<EventLoop>, decoder: Decoder, code: CloseCode) {
    event_loop.add(&channel);
    channel.close(code);
    let mut reader =
        Reader::new(Rc::clone(&channel), Rc::clone(event_loop), decoder, Bytes::new(), Rc::default(), None);
    let event_loop = Rc::clone(event_loop);
    actix::spawn(async move {
        while reader.next().await.is_some() {}
        event_loop.remove(&channel);
    });
}

impl Stream for Reader {
    type Item = Received;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Received>> {
        let this = self.get_mut();
        this.channel.register(cx.waker());
        let polled = this.poll(cx);
        if let Some(stomp) = this.channel.stomp.get() {
            // Whether what comes would be seen.
            stomp.set_deaf(polled.is_pending() && !this.listens);
        }
        polled
    }
}

impl Reader {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Received>> {
        let this = self;
        loop {
            this.listens = false;
            // Whether all is out doesn't matter here: the waker is registered.
            let _ = this.channel.poll_drain(cx);
            if this.channel.is_cut() {
                return Poll::Ready(None);
            }
            if this.channel.is_closing() {
                this.received.clear();
                this.ended = true;
            } else {
                if let Some(stomp) = this.channel.stomp.get() {
                    if stomp.take_alarm() {
                        return Poll::Ready(Some(Received::Alarm));
                    }
                    if stomp.has_delivered() && this.channel.is_drained() && !this.brake.noting.get() {
                        return Poll::Ready(Some(Received::Delivered));
                    }
                }
                if this.channel.is_half_full() {
                    return Poll::Pending;
                }
                if this.brake.wants_room.replace(false) {
                    return Poll::Ready(Some(Received::Resume));
                }
                if this.brake.hold.get() {
                    return Poll::Pending;
                }
            }
            if let Some(received) = this.received.pop_front() {
                return Poll::Ready(Some(received));
            }
            // A burst must not leave its memory with an idle connection.
            this.received = VecDeque::new();
            if !this.rest.is_empty() {
                let rest = std::mem::take(&mut this.rest);
                this.take_in(&rest);
                continue;
            }
            let event_loop = Rc::clone(&this.event_loop);
            let mut buffer = event_loop.read_buffer();
            match this.channel.poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(0)) if !this.ended => this.end(FAREWELL),
                Poll::Ready(Ok(0)) if !this.channel.is_closing() => {
                    // Both sides have said all but for what is under way: the channel's close wakes this task.
                    return Poll::Pending;
                }
                Poll::Ready(Ok(0) | Err(_)) => {
                    this.channel.cut();
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(count)) => {
                    this.take_in(buffer.get(..count).unwrap_or_default());
                    this.count_in();
                }
                Poll::Pending => {
                    this.listens = true;
                    return Poll::Pending;
                }
            }
        }
    }
}
