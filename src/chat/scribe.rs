//! Scribes store what rooms accepted: group commit.
//!
//! While one statement runs, the next batch gathers; no timer is needed. A scribe numbers the messages of a batch in the
//! database, inserts them all in one statement and reports to each room in the order in which the room sent; then it moves the
//! watermarks that gathered meanwhile in another statement, for which no message's report waits. A conversation always meets
//! the same scribe, so that its order holds.

use super::Core;
use super::guard::FailureGuard;
use crate::model::Failure;
use crate::store::members::{self, Advance};
use crate::store::messages::{self, NewMessage, Outcome};
use actix::prelude::*;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Messages in one statement: beyond this a batch gains nothing, and its latency grows.
const BATCH_MESSAGES: usize = 256;
/// Bytes of bodies in one statement, so that a batch of long messages stays a moment's work.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// Watermarks moved in one statement.
const BATCH_MARKS: usize = 2_048;
/// Messages that may wait for the batch under way; beyond that their senders are told to try again.
const WAITING: usize = 65_536;
/// Bytes of bodies that may wait likewise: while the database is away, many sessions could have as many long messages wait.
const WAITING_BYTES: usize = 32 * 1024 * 1024;
/// How long a message may wait for its batch: one that waited longer is not stored, for its room is about to say that it is lost.
const WAIT: Duration = Duration::from_secs(4);
/// How long a batch may take before its rooms are told that the database is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// A message to store; the outcome comes back to the room.
pub struct Store {
    pub message: NewMessage,
    pub slip: Slip,
    /// When the room handed it in.
    pub since: Instant,
}

/// Where a room hears what became of its messages.
pub type ReportTo = Arc<Recipient<Stored>>;

/// A message's way back to its room. One that is dropped without an outcome, with a scribe that failed, says that nobody knows
/// what became of the message.
pub struct Slip {
    room: Option<ReportTo>,
    /// The room's own number for it: outcomes come back in the order of these.
    ticket: u64,
}

impl Slip {
    /// The way back to a room, which knows the message by `ticket`.
    #[must_use]
    pub fn new(room: ReportTo, ticket: u64) -> Self {
        Self { room: Some(room), ticket }
    }
}

impl Drop for Slip {
    fn drop(&mut self) {
        if let Some(room) = self.room.take() {
            send_report(&room, vec![Report { ticket: self.ticket, outcome: Err(Failure::Unavailable) }]);
        }
    }
}

/// It goes past the mailbox's bound: there are never more reports than the room itself handed in.
fn send_report(room: &Recipient<Stored>, reports: Vec<Report>) {
    room.do_send(Stored(reports));
}

/// What became of the messages of one room that went into one batch, in the order in which the room handed them in.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Stored(pub Vec<Report>);

/// What became of a message.
pub struct Report {
    pub ticket: u64,
    pub outcome: Result<Outcome, Failure>,
}

/// Watermarks to move; the room hears when it is durable.
pub struct Mark {
    pub marks: Vec<Advance>,
    pub slip: MarkSlip,
}

/// As [`Slip`], for watermarks.
pub struct MarkSlip(Option<Recipient<Marked>>);

impl MarkSlip {
    /// The way back to a room.
    #[must_use]
    pub fn new(room: Recipient<Marked>) -> Self {
        Self(Some(room))
    }

    fn report(mut self, result: Result<(), Failure>) {
        if let Some(room) = self.0.take() {
            room.do_send(Marked(result));
        }
    }
}

impl Drop for MarkSlip {
    fn drop(&mut self) {
        if let Some(room) = self.0.take() {
            room.do_send(Marked(Err(Failure::Unavailable)));
        }
    }
}

/// The watermarks of one [`Mark`] are durable, or could not be stored.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Marked(pub Result<(), Failure>);

/// What a scribe can be given to do.
#[expect(clippy::large_enum_variant, reason = "nearly all are messages")]
pub enum Entry {
    Store(Store),
    Mark(Mark),
    Fail(Fail),
}

impl From<Store> for Entry {
    fn from(store: Store) -> Self {
        Self::Store(store)
    }
}

impl From<Mark> for Entry {
    fn from(mark: Mark) -> Self {
        Self::Mark(mark)
    }
}

impl From<Fail> for Entry {
    fn from(fail: Fail) -> Self {
        Self::Fail(fail)
    }
}

/// Too much waits for a scribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// What waits for a scribe. Rooms put it there themselves, and wake the scribe only when it has nothing to do: a mailbox would
/// wake its thread for each message, in the middle of a batch. It outlives a scribe that fails.
#[derive(Default)]
pub struct Inbox(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    messages: VecDeque<Store>,
    /// Of the bodies in them.
    bytes: usize,
    /// At most one a room, which waits for it before it hands in the next.
    marks: VecDeque<Mark>,
    fail: bool,
    /// Nothing is taken any more.
    closed: bool,
    /// The scribe works, or was told to: it looks here again before it rests.
    awake: bool,
}

impl Inbox {
    /// Puts something in; whether the scribe must be woken for it.
    ///
    /// # Errors
    /// [`Full`] when too much waits already, or the server stops; a message's slip doesn't report that once more.
    pub fn put(&self, entry: Entry) -> Result<bool, Full> {
        let mut waiting = self.lock();
        match entry {
            Entry::Store(mut store) => {
                if waiting.closed || waiting.messages.len() >= WAITING || waiting.bytes >= WAITING_BYTES {
                    // Whoever gets `Full` knows it from that.
                    store.slip.room = None;
                    return Err(Full);
                }
                waiting.bytes += store.message.body.len();
                waiting.messages.push_back(store);
            }
            // Its slip, dropped, is its report.
            Entry::Mark(_) | Entry::Fail(_) if waiting.closed => return Err(Full),
            Entry::Mark(mark) => waiting.marks.push_back(mark),
            Entry::Fail(Fail) => waiting.fail = true,
        }
        Ok(!std::mem::replace(&mut waiting.awake, true))
    }

    /// Takes nothing any more, and lets go of what is there.
    pub fn close(&self) {
        let mut waiting = self.lock();
        let left = std::mem::replace(&mut *waiting, Waiting { closed: true, ..Waiting::default() });
        drop(waiting);
        drop(left);
    }

    /// The messages of the next batch; `None` if there is nothing to do at all, which is when the scribe may rest.
    fn next_batch(&self) -> Option<(Vec<NewMessage>, Vec<Slip>)> {
        let mut waiting = self.lock();
        #[expect(clippy::panic, reason = "this is what it is for")]
        if std::mem::take(&mut waiting.fail) {
            panic!("told to fail");
        }
        let (mut batch, mut slips, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut late = Vec::new();
        while batch.len() < BATCH_MESSAGES && bytes < BATCH_BYTES {
            let Some(Store { message, slip, since }) = waiting.messages.pop_front() else { break };
            waiting.bytes -= message.body.len();
            if since.elapsed() > WAIT {
                late.push(slip);
                continue;
            }
            bytes += message.body.len();
            batch.push(message);
            slips.push(slip);
        }
        if batch.is_empty() && waiting.marks.is_empty() {
            waiting.awake = false;
            return None;
        }
        Some((batch, slips))
    }

    /// Messages that wait, and the bytes of their bodies.
    pub fn depth(&self) -> (usize, usize) {
        let waiting = self.lock();
        (waiting.messages.len(), waiting.bytes)
    }

    fn take_marks(&self) -> (Vec<Advance>, Vec<MarkSlip>) {
        let mut waiting = self.lock();
        let (mut batch, mut slips) = (Vec::new(), Vec::new());
        while batch.len() < BATCH_MARKS {
            let Some(Mark { marks, slip }) = waiting.marks.pop_front() else { break };
            batch.extend(marks);
            slips.push(slip);
        }
        (batch, slips)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing is half done when the scribe is told to fail, and nothing else here can.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The actor; see the module.
pub struct Scribe {
    core: Arc<Core>,
    inbox: Arc<Inbox>,
    busy: bool,
    /// Who wants to know when nothing is left.
    drained: Vec<oneshot::Sender<()>>,
    _guard: FailureGuard,
}

impl Scribe {
    /// A scribe that stores what is in `inbox`. `guard` tells its owner when it fails.
    #[must_use]
    pub fn new(core: Arc<Core>, inbox: Arc<Inbox>, guard: FailureGuard) -> Self {
        Self { core, inbox, busy: false, drained: Vec::new(), _guard: guard }
    }

    /// Starts on what has gathered, unless a batch is under way.
    fn work(&mut self, ctx: &mut Context<Self>) {
        if self.busy {
            return;
        }
        let Some((batch, slips)) = self.inbox.next_batch() else {
            for done in self.drained.drain(..) {
                let _ = done.send(());
            }
            return;
        };
        self.busy = true;
        let core = Arc::clone(&self.core);
        let stored = async move {
            let (begun, messages) = (Instant::now(), batch.len());
            let stored = timed(store(&core, &batch)).await;
            if messages > 0 && stored.is_ok() {
                core.metrics.batches.observe(messages);
                core.metrics.commits.observe_time(begun.elapsed());
            }
            stored
        };
        let moved = stored.into_actor(self).then(move |stored, scribe, _| {
            scribe.report(stored, slips);
            let (marks, slips) = scribe.inbox.take_marks();
            let core = Arc::clone(&scribe.core);
            async move { (timed(advance(&core, &marks)).await, slips) }.into_actor(scribe)
        });
        let report = moved.map(|(result, slips), scribe, ctx| {
            for slip in slips {
                slip.report(result.clone());
            }
            scribe.busy = false;
            scribe.work(ctx);
        });
        ctx.spawn(report);
    }

    fn report(&self, stored: Result<Vec<Result<Outcome, Failure>>, Failure>, slips: Vec<Slip>) {
        match stored {
            Ok(outcomes) => {
                let new = outcomes.iter().filter(|outcome| matches!(outcome, Ok(Outcome::Stored { .. }))).count();
                self.core.metrics.stored.add(new);
                report_all(slips.into_iter().zip(outcomes));
            }
            Err(failure) => report_all(slips.into_iter().zip(std::iter::repeat(Err(failure)))),
        }
    }
}

/// Reports to each room once, with all that concerns it.
fn report_all(outcomes: impl Iterator<Item = (Slip, Result<Outcome, Failure>)>) {
    let mut rooms: Vec<(ReportTo, Vec<Report>)> = Vec::new();
    let mut places: HashMap<*const Recipient<Stored>, usize> = HashMap::new();
    for (mut slip, outcome) in outcomes {
        let Some(room) = slip.room.take() else { continue };
        let place = *places.entry(Arc::as_ptr(&room)).or_insert(rooms.len());
        if place == rooms.len() {
            rooms.push((room, Vec::new()));
        }
        if let Some((_, reports)) = rooms.get_mut(place) {
            reports.push(Report { ticket: slip.ticket, outcome });
        }
    }
    for (room, reports) in rooms {
        send_report(&room, reports);
    }
}

/// Stores a batch. `Ok` says of each message what became of it, in their order.
async fn store(core: &Core, batch: &[NewMessage]) -> Result<Vec<Result<Outcome, Failure>>, Failure> {
    if batch.is_empty() {
        return Ok(Vec::new());
    }
    let mut connection = core.database.get().await?;
    let stored = messages::store_batch(&mut connection, batch).await;
    core.unindexed.note(batch.iter().map(|message| message.conversation));
    match stored {
        Err(Failure::Internal) if batch.len() > 1 => {}
        outcomes => return Ok(outcomes?.into_iter().map(Ok).collect()),
    }
    // One message that the database refuses must not take the others with it: each has a statement and an outcome of its own.
    let mut outcomes = Vec::with_capacity(batch.len());
    for message in batch {
        let one = messages::store_batch(&mut connection, std::slice::from_ref(message)).await;
        outcomes.push(one.and_then(|one| one.into_iter().next().ok_or(Failure::Internal)));
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
        // What one that failed has left.
        self.work(ctx);
    }
}

/// Something was put into the inbox of a scribe that rested.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Wake;

impl Handler<Wake> for Scribe {
    type Result = ();

    fn handle(&mut self, _: Wake, ctx: &mut Self::Context) {
        self.work(ctx);
    }
}

/// Resolves when nothing is left to store; to `false` if the scribe failed before.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct Drained;

impl Handler<Drained> for Scribe {
    type Result = ResponseFuture<bool>;

    fn handle(&mut self, _: Drained, ctx: &mut Self::Context) -> Self::Result {
        let (done, drained) = oneshot::channel();
        self.drained.push(done);
        self.work(ctx);
        Box::pin(async move {
            // Dropped with a scribe that failed: the next one has what it left.
            drained.await.is_ok()
        })
    }
}

/// Fails the scribe, as an error in its code would. For tests of what holds then.
pub struct Fail;
