//! The sessions of a room, for those that have one task or actor a session.

use actix::{Actor, Addr, Context, Handler, Message};
use bytes::Bytes;
use kameo::actor::{ActorRef as KameoRef, Spawn};
use ractor::{ActorProcessingErr, ActorRef as RactorRef};
use std::convert::Infallible;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, broadcast, mpsc};

/// Messages told in one go.
pub const MESSAGES: usize = 64;

/// Sees when all sessions have all there is to have.
pub struct Arrivals {
    /// What each session is to have: bytes in so many pieces.
    pieces: usize,
    sessions: usize,
    missing: AtomicUsize,
    complete: Notify,
}

impl Arrivals {
    pub fn new(sessions: usize, pieces: usize) -> Arc<Self> {
        Arc::new(Self { pieces, sessions, missing: AtomicUsize::new(sessions), complete: Notify::new() })
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions
    }

    /// In how many pieces each gets what it is to have.
    pub fn pieces(&self) -> usize {
        self.pieces
    }

    /// Waits for it; then all begins anew.
    pub async fn complete(&self) {
        self.complete.notified().await;
        self.missing.store(self.sessions, Ordering::Relaxed);
    }
}

/// One session's end of the way.
pub struct Receiver {
    taken: usize,
    arrivals: Arc<Arrivals>,
}

impl Receiver {
    pub fn new(arrivals: &Arc<Arrivals>) -> Self {
        Self { taken: 0, arrivals: Arc::clone(arrivals) }
    }

    fn take(&mut self, bytes: Bytes) {
        drop(black_box(bytes));
        self.taken += 1;
        if self.taken == self.arrivals.pieces {
            self.taken = 0;
            if self.arrivals.missing.fetch_sub(1, Ordering::Relaxed) == 1 {
                self.arrivals.complete.notify_one();
            }
        }
    }
}

/// The way to all sessions.
pub trait Room {
    /// Hands the bytes to each session.
    fn tell(&self, bytes: &Bytes);
}

/// A task with a bounded channel a session.
pub struct Tasks(Vec<mpsc::Sender<Bytes>>);

impl Tasks {
    pub fn start(arrivals: &Arc<Arrivals>) -> Self {
        let start = |_| {
            let (sender, mut channel) = mpsc::channel(MESSAGES);
            let mut receiver = Receiver::new(arrivals);
            tokio::spawn(async move {
                while let Some(bytes) = channel.recv().await {
                    receiver.take(bytes);
                }
            });
            sender
        };
        Self((0..arrivals.sessions).map(start).collect())
    }
}

impl Room for Tasks {
    fn tell(&self, bytes: &Bytes) {
        self.0.iter().for_each(|session| session.try_send(bytes.clone()).unwrap());
    }
}

/// A task a session, and one channel for all.
pub struct Broadcast(broadcast::Sender<Bytes>);

impl Broadcast {
    pub fn start(arrivals: &Arc<Arrivals>) -> Self {
        let (sender, _) = broadcast::channel(MESSAGES);
        for _ in 0..arrivals.sessions {
            let mut channel = sender.subscribe();
            let mut receiver = Receiver::new(arrivals);
            tokio::spawn(async move {
                while let Ok(bytes) = channel.recv().await {
                    receiver.take(bytes);
                }
            });
        }
        Self(sender)
    }
}

impl Room for Broadcast {
    fn tell(&self, bytes: &Bytes) {
        self.0.send(bytes.clone()).unwrap();
    }
}

/// Bytes for a session.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Take(Bytes);

/// An actix actor a session, with a bounded mailbox.
pub struct Actix(Vec<Addr<Receiver>>);

impl Actix {
    pub fn start(arrivals: &Arc<Arrivals>) -> Self {
        let start = |_| {
            Receiver::create(|ctx| {
                ctx.set_mailbox_capacity(MESSAGES);
                Receiver::new(arrivals)
            })
        };
        Self((0..arrivals.sessions).map(start).collect())
    }
}

impl Actor for Receiver {
    type Context = Context<Self>;
}

impl Handler<Take> for Receiver {
    type Result = ();

    fn handle(&mut self, Take(bytes): Take, _: &mut Self::Context) {
        self.take(bytes);
    }
}

impl Room for Actix {
    fn tell(&self, bytes: &Bytes) {
        self.0.iter().for_each(|session| session.try_send(Take(bytes.clone())).unwrap());
    }
}

/// A ractor actor a session; its mailbox knows no bound.
pub struct Ractor(Vec<RactorRef<Take>>);

struct RactorSession;

impl ractor::Actor for RactorSession {
    type Msg = Take;
    type State = Receiver;
    type Arguments = Receiver;

    async fn pre_start(&self, _: RactorRef<Take>, receiver: Receiver) -> Result<Receiver, ActorProcessingErr> {
        Ok(receiver)
    }

    async fn handle(
        &self,
        _: RactorRef<Take>,
        Take(bytes): Take,
        receiver: &mut Receiver,
    ) -> Result<(), ActorProcessingErr> {
        receiver.take(bytes);
        Ok(())
    }
}

impl Ractor {
    pub async fn start(arrivals: &Arc<Arrivals>) -> Self {
        let mut sessions = Vec::new();
        for _ in 0..arrivals.sessions {
            let spawned = ractor::Actor::spawn(None, RactorSession, Receiver::new(arrivals)).await;
            sessions.push(spawned.unwrap().0);
        }
        Self(sessions)
    }
}

impl Room for Ractor {
    fn tell(&self, bytes: &Bytes) {
        self.0.iter().for_each(|session| session.cast(Take(bytes.clone())).unwrap());
    }
}

/// A kameo actor a session, with a bounded mailbox.
pub struct Kameo(Vec<KameoRef<Receiver>>);

impl kameo::Actor for Receiver {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: KameoRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }
}

impl kameo::message::Message<Take> for Receiver {
    type Reply = ();

    async fn handle(&mut self, Take(bytes): Take, _: &mut kameo::message::Context<Self, ()>) {
        self.take(bytes);
    }
}

impl Kameo {
    pub async fn start(arrivals: &Arc<Arrivals>) -> Self {
        let mut sessions = Vec::new();
        for _ in 0..arrivals.sessions {
            let mailbox = kameo::mailbox::bounded(MESSAGES);
            let session = <Receiver as Spawn>::spawn_with_mailbox(Receiver::new(arrivals), mailbox);
            // That it has started takes a place in the mailbox.
            session.wait_for_startup().await;
            sessions.push(session);
        }
        Self(sessions)
    }
}

impl Room for Kameo {
    fn tell(&self, bytes: &Bytes) {
        self.0.iter().for_each(|session| session.tell(Take(bytes.clone())).try_send().unwrap());
    }
}
