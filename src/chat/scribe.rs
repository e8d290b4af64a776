//! Scribes store what rooms accepted: group commit.
//!
//! While one statement runs, the next batch gathers; no timer is needed. A scribe numbers the messages of a batch in the
//! database, inserts them all in one statement, moves the watermarks that gathered meanwhile in another, and reports to each
//! room in the order in which the room sent. A conversation always meets the same scribe, so that its order holds.

use super::Core;
use super::guard::FailureGuard;
use crate::model::Failure;
use crate::store::members::{self, Advance};
use crate::store::messages::{self, NewMessage, Outcome};
use actix::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Messages in one statement: beyond this a batch gains nothing, and its latency grows.
const BATCH_MESSAGES: usize = 256;
/// Bytes of bodies in one statement, so that a batch of long messages stays a moment's work.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Watermarks moved in one statement.
const BATCH_MARKS: usize = 2_048;
/// Entries in the mailbox; beyond that rooms tell senders that the server is overloaded.
const MAILBOX: usize = 16_384;
/// Messages that may wait for the batch under way; beyond that their senders are told to try again.
const WAITING: usize = 65_536;
/// How long a batch may take before its rooms are told that the database is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Stores one message; the outcome comes back to the room.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Store {
    pub message: NewMessage,
    pub room: Recipient<Stored>,
    /// The room's own number for it: outcomes come back in the order of these.
    pub ticket: u64,
}

/// What became of a message.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stored {
    pub ticket: u64,
    pub outcome: Result<Outcome, Failure>,
}

/// Moves watermarks; the room hears when it is durable.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Mark {
    pub marks: Vec<Advance>,
    pub room: Recipient<Marked>,
}

/// The watermarks of one [`Mark`] are durable, or could not be stored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Marked(pub Result<(), Failure>);

/// The actor; see the module.
pub struct Scribe {
    core: Arc<Core>,
    messages: VecDeque<Store>,
    marks: VecDeque<Mark>,
    busy: bool,
    /// Who wants to know when nothing is left.
    drained: Vec<oneshot::Sender<()>>,
    _guard: FailureGuard,
}

impl Scribe {
    /// A scribe that waits for work. `guard` tells its owner when it fails.
    #[must_use]
    pub fn new(core: Arc<Core>, guard: FailureGuard) -> Self {
        Self {
            core,
            messages: VecDeque::new(),
            marks: VecDeque::new(),
            busy: false,
            drained: Vec::new(),
            _guard: guard,
        }
    }

    /// Starts on what has gathered, unless a batch is under way.
    fn work(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            return;
        }
        if self.messages.is_empty() && self.marks.is_empty() {
            for done in self.drained.drain(..) {
                let _ = done.send(());
            }
            return;
        }
        self.busy = true;
        let (batch, rooms) = self.take_messages();
        let (marks, marked_rooms) = self.take_marks();
        let core = Arc::clone(&self.core);
        let work = async move {
            let stored = timed(store(&core, &batch)).await;
            let moved = timed(advance(&core, &marks)).await;
            (stored, moved)
        };
        let report = work.into_actor(self).map(move |(stored, moved), scribe, ctx| {
            scribe.busy = false;
            scribe.report(stored, rooms);
            for room in marked_rooms {
                room.do_send(Marked(moved.clone()));
            }
            scribe.work(ctx);
        });
        ctx.spawn(report);
    }

    fn report(&self, stored: Result<Vec<Outcome>, Failure>, rooms: Vec<(Recipient<Stored>, u64)>) {
        // Outcomes go to a room past its mailbox's bound: there are never more than the room itself handed in.
        match stored {
            Ok(outcomes) => {
                let new = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Stored { .. })).count();
                self.core.metrics.stored.add(new);
                self.core.metrics.batches.add(1);
                for ((room, ticket), outcome) in rooms.into_iter().zip(outcomes) {
                    room.do_send(Stored { ticket, outcome: Ok(outcome) });
                }
            }
            Err(failure) => {
                for (room, ticket) in rooms {
                    room.do_send(Stored { ticket, outcome: Err(failure.clone()) });
                }
            }
        }
    }

    fn take_messages(&mut self) -> (Vec<NewMessage>, Vec<(Recipient<Stored>, u64)>) {
        let (mut batch, mut rooms, mut bytes) = (Vec::new(), Vec::new(), 0);
        while batch.len() < BATCH_MESSAGES && bytes < BATCH_BYTES {
            let Some(Store { message, room, ticket }) = self.messages.pop_front() else { break };
            bytes += message.body.len();
            batch.push(message);
            rooms.push((room, ticket));
        }
        (batch, rooms)
    }

    fn take_marks(&mut self) -> (Vec<Advance>, Vec<Recipient<Marked>>) {
        let (mut batch, mut rooms) = (Vec::new(), Vec::new());
        while batch.len() < BATCH_MARKS {
            let Some(Mark { marks, room }) = self.marks.pop_front() else { break };
            batch.extend(marks);
            rooms.push(room);
        }
        (batch, rooms)
    }
}

async fn store(core: &Core, batch: &[NewMessage]) -> Result<Vec<Outcome>, Failure> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let mut connection = core.database.get().await?;
    match messages::store_batch(&mut connection, batch).await {
        Err(Failure::Internal) if batch.len() > 1 => {}
        outcomes => return outcomes,
    }
    // One message that the database refuses (its author was deleted this moment, say) must not take the others with it.
    let mut outcomes = Vec::with_capacity(batch.len());
    for message in batch {
        outcomes.push(match messages::store_batch(&mut connection, std::slice::from_ref(message)).await {
            Ok(one) => one.into_iter().next().unwrap_or(Outcome::Gone),
            Err(Failure::Internal) => Outcome::Gone,
            Err(failure) => return Err(failure),
        });
    }
    Ok(outcomes)
}

async fn advance(core: &Core, marks: &[Advance]) -> Result<(), Failure> {
    if marks.is_empty() {
        return Ok(());
    }
    members::advance(&mut *core.database.get().await?, marks).await?;
    Ok(())
}

async fn timed<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(PATIENCE, work).await.unwrap_or(Err(Failure::Unavailable))
}

impl Actor for Scribe {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Store> for Scribe {
    type Result = ();

    fn handle(&mut self, entry: Store, ctx: &mut Self::Context) {
        if self.messages.len() >= WAITING {
            entry.room.do_send(Stored { ticket: entry.ticket, outcome: Err(Failure::Unavailable) });
            return;
        }
        self.messages.push_back(entry);
        self.work(ctx);
    }
}

impl Handler<Mark> for Scribe {
    type Result = ();

    fn handle(&mut self, entry: Mark, ctx: &mut Self::Context) {
        self.marks.push_back(entry);
        self.work(ctx);
    }
}

/// Resolves when nothing is left to store.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Drained;

impl Handler<Drained> for Scribe {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Drained, ctx: &mut Self::Context) -> Self::Result {
        let (done, drained) = oneshot::channel();
        self.drained.push(done);
        self.work(ctx);
        Box::pin(async move {
            // Dropped with a scribe that failed: nothing is left then either.
            let _ = drained.await;
        })
    }
}
