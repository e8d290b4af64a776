//! A connection's way out.
//!
//! The channel lives on the connection's event loop. The session and the loop's hub write encoded frames into it without an
//! envelope; it tries the socket at once and waits for writability only with what is left. The contract of its outbox:
//!
//! 1. Nobody waits: [`Channel::push`] returns at once, whatever the client does.
//! 2. What is outstanding is bounded, in bytes and in frames ([`Outstanding`]).
//! 3. Over the bound, what is not stored (typing, presence) goes first; if that is not enough the channel closes with 4001: what
//!    was not begun is thrown away, the close frame is tried, and the socket is cut a moment later. The client resumes.
//! 4. A frame that was begun is finished or the socket is cut; a client never sees half a frame and then another.

mod outbox;
mod socket;
pub mod stomp;
pub mod vigil;

pub use socket::Socket;
pub use vigil::Vigil;

use super::metrics::ProjectFigures;
use crate::cluster::ChunkPlace;
use crate::model::{ConversationId, ProjectId, SessionId, UserId};
use crate::wire::close::{CloseCode, Violation};
use crate::wire::error::ErrorData;
use crate::wire::outgoing::{self, Encoding, Format, Framing};
use crate::wire::shapes::User;
use crate::wire::{self, ws};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use outbox::{Outbox, Overflow};
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashSet;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use stomp::Stomp;
use tokio::io::ReadBuf;

/// How long a channel that was closed may take to bring its last bytes out and to hear the client's farewell.
pub const CLOSE_GRACE: Duration = Duration::from_secs(1);
/// Chunks handed to the socket in one call.
const CHUNKS_PER_WRITE: usize = 64;

/// What a channel may have outstanding.
#[derive(Debug, Clone, Copy)]
pub struct Outstanding {
    pub bytes: usize,
    pub frames: usize,
}

/// How far a channel's life has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    /// The close frame is written or on its way; the socket is cut at this moment at the latest.
    Closing {
        cut_at: Instant,
    },
    /// Nothing more is read or written.
    Cut,
}

/// One connection's outgoing side, and what the hub must know of it.
pub struct Channel {
    pub session: SessionId,
    pub project: OnceCell<ProjectId>,
    /// What its project counts.
    pub figures: OnceCell<Arc<ProjectFigures>>,
    pub user: OnceCell<UserId>,
    /// The conversations whose events come here.
    pub(super) subscriptions: RefCell<Vec<Subscription>>,
    /// While the session opens: changes that came before its subscriptions were known, to be applied after them.
    pub journal: RefCell<Option<Vec<Change>>>,
    /// Whom the user blocks; nothing of theirs comes here.
    pub blocked: RefCell<Option<Arc<HashSet<UserId>>>>,
    /// Of answers that were under way when this began to hear them: up to where it has them.
    pub(super) ahead: RefCell<Vec<ChunkPlace>>,
    /// The user as of the last change since the session began.
    pub profile: RefCell<Option<Arc<User>>>,
    /// The user chose to look offline: typing isn't told.
    pub invisible: Cell<bool>,
    /// The session said that its user is away.
    pub away: Cell<bool>,
    /// When the credentials were last changed as the token was issued: a later change ends this session.
    pub credentials: Cell<DateTime<Utc>>,
    encoding: Cell<Encoding>,
    /// Of connections that speak STOMP.
    pub stomp: OnceCell<Box<Stomp>>,
    socket: RefCell<Socket>,
    outbox: RefCell<Outbox>,
    limits: Outstanding,
    life: Cell<Life>,
    closed_with: Cell<Option<CloseCode>>,
    /// The last write met a full socket; the session's task waits for writability.
    blocked_on_socket: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// What ends this connection by the clock.
    pub vigil: Vigil,
    /// The end of what the server says was announced.
    finished: Cell<bool>,
    /// When the last byte came from the client.
    heard_at: Cell<Instant>,
    /// When the last bytes went to the socket.
    wrote_at: Cell<Instant>,
    /// Something waits to be flushed at the end of the hub's round.
    pub(super) dirty: Cell<bool>,
    /// For the time of a fan-out: this channel does not just get what all others get.
    pub(super) apart: Cell<bool>,
}

/// A conversation whose events come to a channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subscription {
    pub conversation: ConversationId,
    /// The channel's place among those of its loop that hear the conversation, so that leaving needs no search.
    pub place: usize,
}

/// A change that reaches a session before it knows its subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Join(ConversationId),
    Leave(ConversationId),
    Block(UserId),
    Unblock(UserId),
}

impl Channel {
    /// A channel over a socket; its pushes are held back until [`Channel::open`].
    #[must_use]
    pub fn new(
        session: SessionId,
        socket: Socket,
        encoding: Encoding,
        limits: Outstanding,
        (now, sign_in_by): (Instant, Instant),
    ) -> Self {
        Self {
            session,
            project: OnceCell::new(),
            figures: OnceCell::new(),
            user: OnceCell::new(),
            subscriptions: RefCell::default(),
            journal: RefCell::default(),
            blocked: RefCell::default(),
            ahead: RefCell::default(),
            profile: RefCell::default(),
            invisible: Cell::new(false),
            away: Cell::new(false),
            credentials: Cell::new(DateTime::UNIX_EPOCH),
            encoding: Cell::new(encoding),
            stomp: OnceCell::new(),
            socket: RefCell::new(socket),
            outbox: RefCell::new(Outbox::gated()),
            limits,
            life: Cell::new(Life::Open),
            closed_with: Cell::new(None),
            blocked_on_socket: Cell::new(false),
            waker: RefCell::default(),
            vigil: Vigil::new(sign_in_by),
            finished: Cell::new(false),
            heard_at: Cell::new(now),
            wrote_at: Cell::new(now),
            dirty: Cell::new(false),
            apart: Cell::new(false),
        }
    }

    /// The address that the client connects from.
    pub fn peer(&self) -> Option<IpAddr> {
        self.socket.borrow().peer()
    }

    /// How this connection wants its bytes.
    pub fn encoding(&self) -> Encoding {
        self.encoding.get()
    }

    /// The conversation's events come here.
    pub fn hears(&self, conversation: ConversationId) -> bool {
        self.subscriptions.borrow().iter().any(|subscription| subscription.conversation == conversation)
    }

    /// The channel has this piece of an answer already, with all before it.
    pub(super) fn has_chunk(&self, chunk: ChunkPlace) -> bool {
        let mut ahead = self.ahead.borrow_mut();
        let Some(at) = ahead.iter().position(|has| has.message == chunk.message) else { return false };
        if ahead.get(at).is_some_and(|has| chunk.index <= has.index) {
            return true;
        }
        // They come in order: none that it has follows.
        ahead.swap_remove(at);
        false
    }

    /// The client's first request settles the format of what it is told.
    pub fn set_format(&self, format: Format) {
        self.encoding.set(Encoding { format, ..self.encoding.get() });
    }

    /// Queues frames that the hub publishes: held back until the session is open, dropped once it is closing. `frames` is how
    /// many frames the bytes hold.
    pub fn push(&self, bytes: Bytes, frames: usize, transient: bool) {
        if self.life.get() != Life::Open {
            return;
        }
        if !self.outbox.borrow().has_room(bytes.len(), frames, self.limits) {
            // The socket may take what waits: only then is its reader slow.
            self.flush();
        }
        let overflow = self.outbox.borrow_mut().publish(bytes, frames, transient, self.limits);
        if overflow == Overflow::Stored {
            self.close(CloseCode::Slow);
        }
    }

    /// Queues a frame of the session itself (a reply, the opening), before what is held back, and tries the socket.
    pub fn send(&self, bytes: Bytes) {
        self.queue(bytes);
        self.flush();
    }

    /// As [`Channel::send`], without trying the socket: more follows.
    pub fn queue(&self, bytes: Bytes) {
        if self.life.get() != Life::Open {
            return;
        }
        let overflow = self.outbox.borrow_mut().send(bytes, self.limits);
        if overflow == Overflow::Stored {
            self.close(CloseCode::Slow);
        }
    }

    /// The opening is written: what was held back follows, and all that comes from now on.
    pub fn open(&self) {
        self.outbox.borrow_mut().open_gate();
        self.flush();
        // What was held back may have kept the session from reading.
        self.wake();
    }

    /// Closes with a code: what waits and was not begun still goes out before the close frame, except when the reader is slow.
    pub fn close(&self, code: CloseCode) {
        self.close_with(code, code.reason());
    }

    /// As [`Channel::close`], with a reason of its own.
    pub fn close_with(&self, code: CloseCode, reason: &'static str) {
        let farewell = match self.stomp.get() {
            Some(_) if code == CloseCode::Normal => None,
            Some(stomp) => {
                let error = ErrorData::from(Violation { code, reason });
                let frame = wire::stomp::error(stomp.version(), &error, None);
                Some(outgoing::stomp_frame(self.encoding().framing, &frame))
            }
            None => outgoing::close_frame(self.encoding(), code, reason),
        };
        self.close_after(farewell, code, reason);
    }

    /// As [`Channel::close_with`], with a last frame that says why.
    pub fn close_after(&self, farewell: Option<Bytes>, code: CloseCode, reason: &str) {
        if self.life.get() != Life::Open {
            return;
        }
        self.life.set(Life::Closing { cut_at: Instant::now() + CLOSE_GRACE });
        self.closed_with.set(Some(code));
        {
            let mut outbox = self.outbox.borrow_mut();
            if code == CloseCode::Slow {
                outbox.drop_unbegun();
            }
            outbox.drop_held();
            if let Some(frame) = farewell {
                outbox.append(frame);
            }
            if self.encoding.get().framing != Framing::Bare {
                outbox.append(ws::close_frame(code.number(), reason));
            }
        }
        log::debug!(target: "palabre::session", "session {} closes with {}", self.session, code.number());
        self.flush();
        self.wake();
    }

    /// Why the channel was closed, if it was.
    pub fn closed_with(&self) -> Option<CloseCode> {
        self.closed_with.get()
    }

    /// Nothing more is accepted: the close frame is out or on its way.
    pub fn is_closing(&self) -> bool {
        self.life.get() != Life::Open
    }

    /// The connection is over.
    pub fn is_cut(&self) -> bool {
        self.life.get() == Life::Cut
    }

    /// Ends the connection at once.
    pub fn cut(&self) {
        if self.life.replace(Life::Cut) == Life::Cut {
            return;
        }
        self.socket.borrow().cut();
        self.outbox.borrow_mut().clear();
        self.wake();
    }

    /// Half of what may be outstanding is taken: the session must not take on more work.
    pub fn is_half_full(&self) -> bool {
        self.outbox.borrow().is_half_full(self.limits)
    }

    /// Nothing waits to go out.
    pub fn is_drained(&self) -> bool {
        self.outbox.borrow().is_empty()
    }

    /// Tries to write what waits. What the socket doesn't take is left to the session's task, which waits for writability.
    pub fn flush(&self) {
        self.dirty.set(false);
        if self.blocked_on_socket.get() || self.life.get() == Life::Cut {
            return;
        }
        // The write's own waker is none: on a full socket the session's task is woken and asks again with its own.
        if self.write(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.blocked_on_socket.set(true);
            self.wake();
        }
    }

    /// Writes what waits, from the session's task; after the last frame of a channel that closes, says so to the other side.
    /// Ready when nothing is left or the socket failed.
    pub fn poll_drain(&self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_drained() || self.blocked_on_socket.get() {
            let polled = self.write(cx);
            self.blocked_on_socket.set(polled.is_pending());
            if polled.is_pending() {
                return polled;
            }
        }
        if self.is_closing() && !self.is_cut() && !self.finished.get() {
            let polled = self.socket.borrow_mut().poll_shutdown(cx);
            self.finished.set(polled.is_ready());
            return polled.map(|_| ());
        }
        Poll::Ready(())
    }

    /// Reads what the client sent into a buffer that many share; `Ok(0)` is the end.
    pub fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.life.get() == Life::Cut {
            return Poll::Ready(Ok(0));
        }
        let mut buf = ReadBuf::new(buffer);
        match self.socket.borrow_mut().poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) => {
                self.heard_at.set(Instant::now());
                Poll::Ready(Ok(buf.filled().len()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        }
    }

    /// The task to wake when there is something to write, or to read again after a pause.
    pub fn register(&self, waker: &Waker) {
        let mut slot = self.waker.borrow_mut();
        if !slot.as_ref().is_some_and(|old| old.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Wakes the session's task.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.borrow().as_ref() {
            waker.wake_by_ref();
        }
    }

    fn write(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut socket = self.socket.borrow_mut();
        loop {
            let mut outbox = self.outbox.borrow_mut();
            if outbox.is_empty() {
                // TLS keeps a buffer of its own.
                return match socket.poll_flush(cx) {
                    Poll::Ready(Ok(())) => Poll::Ready(()),
                    Poll::Ready(Err(_)) => {
                        drop(outbox);
                        drop(socket);
                        self.cut();
                        Poll::Ready(())
                    }
                    Poll::Pending => Poll::Pending,
                };
            }
            let polled = match outbox.only() {
                Some(chunk) => socket.poll_write(cx, chunk),
                None => {
                    let mut chunks = [IoSlice::new(&[]); CHUNKS_PER_WRITE];
                    let count = outbox.chunks(&mut chunks);
                    socket.poll_write_vectored(cx, chunks.get(..count).unwrap_or_default())
                }
            };
            match polled {
                Poll::Ready(Ok(written)) if written > 0 => {
                    outbox.advance(written);
                    self.wrote_at.set(Instant::now());
                }
                Poll::Ready(_) => {
                    drop(outbox);
                    drop(socket);
                    self.cut();
                    return Poll::Ready(());
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
