//! What the listeners share: who may come in, and how many.

use super::identity::Identities;
use super::sign_in::SignIn;
use crate::chat::Chat;
use crate::chat::event_loop::EventLoop;
use crate::chat::metrics::ProjectFigures;
use crate::wire::close::CloseCode;
use crate::wire::token::Tokens;
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Bytes of frames that are not whole yet, held for connections that have not said who they are, all together. Signing in
/// takes a frame of some hundred bytes that comes in one piece; without this bound every such connection could have the server
/// hold a frame of the largest size.
const STRANGERS_BYTES: usize = 16 * 1024 * 1024;

/// The state of all client listeners of a process.
pub struct Doors {
    pub chat: Chat,
    pub tokens: Arc<Tokens>,
    pub sign_in: Arc<SignIn>,
    pub identities: Arc<Identities>,
    /// How long a session is good for that began with a password.
    pub token_lifetime: Duration,
    /// WebSockets may compress (`permessage-deflate`).
    pub compression: bool,
    /// The server stops: nobody is let in any more.
    pub closing: AtomicBool,
    connections: AtomicUsize,
    strangers: AtomicUsize,
    /// Bytes of incomplete frames of connections that have not said who they are.
    held_by_strangers: AtomicUsize,
}

impl Doors {
    /// Open doors.
    #[must_use]
    pub fn new(
        chat: Chat,
        identities: Arc<Identities>,
        (sign_in, token_lifetime): (Arc<SignIn>, Duration),
        compression: bool,
    ) -> Self {
        Self {
            chat,
            tokens: Arc::clone(&identities.tokens),
            identities,
            sign_in,
            token_lifetime,
            compression,
            closing: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            strangers: AtomicUsize::new(0),
            held_by_strangers: AtomicUsize::new(0),
        }
    }

    /// The event loop of the current thread: one, whatever number of listeners it serves.
    pub fn event_loop(&self) -> Option<Rc<EventLoop>> {
        thread_local! {
            // A thread serves one server for its whole life.
            static CURRENT: OnceCell<Rc<EventLoop>> = const { OnceCell::new() };
        }
        CURRENT.with(|current| {
            if let Some(event_loop) = current.get() {
                return Some(Rc::clone(event_loop));
            }
            let event_loop = self.chat.start_loop()?;
            Some(Rc::clone(current.get_or_init(|| event_loop)))
        })
    }

    /// Lets a connection in that has not said who it is.
    ///
    /// # Errors
    /// The code to close with, when the server stops or there is no room.
    pub fn enter(self: &Arc<Self>) -> Result<Pass, CloseCode> {
        let limits = &self.chat.limits;
        let connections = self.connections.fetch_add(1, Ordering::Relaxed);
        let strangers = self.strangers.fetch_add(1, Ordering::Relaxed);
        let pass = Pass { doors: Arc::clone(self), project: None };
        let metrics = &self.chat.metrics;
        metrics.connections.up();
        // One that is refused drops its pass, which counts back.
        let code = if self.closing.load(Ordering::Relaxed) {
            CloseCode::Shutdown
        } else if connections >= limits.connections || strangers >= limits.unauthenticated_connections {
            CloseCode::Overloaded
        } else {
            return Ok(pass);
        };
        metrics.closes.count(code);
        Err(code)
    }
}

/// What one connection takes of what strangers may hold together; given back when dropped.
pub struct Share {
    doors: Arc<Doors>,
    bytes: usize,
}

impl Share {
    /// Nothing so far.
    #[must_use]
    pub fn none(doors: &Arc<Doors>) -> Self {
        Self { doors: Arc::clone(doors), bytes: 0 }
    }

    /// The connection now holds so many bytes of what is not whole yet. False when strangers hold too much together.
    #[must_use]
    pub fn set(&mut self, bytes: usize) -> bool {
        let before = std::mem::replace(&mut self.bytes, bytes);
        if bytes <= before {
            self.doors.held_by_strangers.fetch_sub(before - bytes, Ordering::Relaxed);
            return true;
        }
        let more = bytes - before;
        self.doors.held_by_strangers.fetch_add(more, Ordering::Relaxed) + more <= STRANGERS_BYTES
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.doors.held_by_strangers.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A connection's place among those that are let in; given back when dropped.
pub struct Pass {
    doors: Arc<Doors>,
    /// What its project counts, once it has said who it is.
    project: Option<Arc<ProjectFigures>>,
}

impl Pass {
    /// The connection has said who it is.
    pub fn signed_in(&mut self, figures: &Arc<ProjectFigures>) {
        if self.project.is_none() {
            self.project = Some(Arc::clone(figures));
            self.doors.strangers.fetch_sub(1, Ordering::Relaxed);
            self.doors.chat.metrics.opened.add(1);
            self.doors.chat.metrics.sessions.up();
            figures.sessions.up();
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.doors.connections.fetch_sub(1, Ordering::Relaxed);
        self.doors.chat.metrics.connections.down();
        if let Some(figures) = &self.project {
            self.doors.chat.metrics.sessions.down();
            figures.sessions.down();
        } else {
            self.doors.strangers.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
