//! What is told, to whom, and the way to the hubs.
//!
//! Rooms and registries publish here; each hub that has somebody to tell gets one message. A hub's mailbox is bounded: what
//! doesn't fit at once comes back as a [`Backlog`] that the publisher must wait for before it publishes more, so that order is
//! kept and nothing grows without bound.

use super::answers::{Answers, ChunkPlace};
use super::interest::{Interest, MAX_LOOPS};
use crate::model::{ConversationId, ProjectId, SessionId, UserId};
use crate::wire::close::CloseCode;
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::{Message, User};
use actix::{Arbiter, ArbiterHandle, Recipient};
use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// About what an event takes beside the texts in it.
const TYPICAL_BYTES: usize = 512;
/// Bytes of events that may wait for one hub; beyond that publishers wait. Some 50,000 short messages: seconds of work.
const WAITING_BYTES: usize = 32 * 1024 * 1024;

/// Things for a hub to do, in their order; a hub does them in the order in which one publisher sent them.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub struct Deliver {
    pub deliveries: Arc<[Delivery]>,
    /// What they weigh: taken off when this is dropped.
    pub load: Load,
}

/// A share of what waits for a hub.
#[derive(Debug)]
pub struct Load {
    waiting: Arc<AtomicUsize>,
    weight: usize,
    before: usize,
}

impl Load {
    fn add(waiting: &Arc<AtomicUsize>, weight: usize) -> Self {
        let before = waiting.fetch_add(weight, Ordering::Relaxed);
        Self { waiting: Arc::clone(waiting), weight, before }
    }

    /// More than that waited already.
    fn was_beyond(&self, bound: usize) -> bool {
        self.before > bound
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.waiting.fetch_sub(self.weight, Ordering::Relaxed);
    }
}

/// What a hub can be told.
#[derive(Debug)]
pub enum Delivery {
    /// Tell an event.
    Publish(Publication),
    /// Users became members: their sessions hear the conversation from here on.
    Join { conversation: ConversationId, users: Vec<UserId> },
    /// Users are members no more: their sessions hear no later word.
    Leave { conversation: ConversationId, users: Vec<UserId> },
    /// The sessions of `by` hear nothing more of `whom`, or do again.
    Block { by: UserId, whom: UserId, on: bool },
    /// The user chose to look offline, or no longer.
    Invisible { user: UserId, on: bool },
    /// The user's profile changed: what their sessions do from now on is done under the new one.
    Profile(Arc<User>),
    /// A registry wants to know which sessions of its project there are.
    RollCall { project: ProjectId, to: Recipient<Here> },
    /// All connections end, authenticated or not.
    CloseAll(CloseCode),
    /// Fails every hub, as an error in its code would. For tests of what holds then.
    Fail,
    /// The sessions of the user whose token was issued before this moment end.
    End { user: UserId, issued_before: DateTime<Utc>, code: CloseCode },
}

impl Delivery {
    /// About how many bytes it takes.
    #[must_use]
    pub fn size(&self) -> usize {
        match self {
            Self::Publish(publication) => publication.size,
            _ => TYPICAL_BYTES,
        }
    }
}

/// A hub's answer to a roll call: its sessions of that project.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub struct Here(pub Vec<Present>);

/// A session that answers a roll call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Present {
    pub session: SessionId,
    pub user: UserId,
    /// It said that its user is away.
    pub away: bool,
}

/// Cuts what people did whom a reader blocks; `None` if the event names none of them.
pub struct Tailor(pub Box<Cut>);

/// From the users whom a reader blocks to that reader's copy.
pub type Cut = dyn Fn(&HashSet<UserId>) -> Option<Outgoing> + Send + Sync;

impl std::fmt::Debug for Tailor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tailor")
    }
}

impl Tailor {
    /// For an event whose data is a message: without the reactions and seats of those people.
    fn of_message(kind: &'static str, message: &Arc<Message>, is_new: bool) -> Option<Self> {
        let message = message.names_others().then(|| Arc::clone(message))?;
        Some(Self(Box::new(move |blocked| Some(about(kind, message.without(blocked)?.into(), is_new)))))
    }
}

/// The event whose data a message is, a new one or one that changed.
fn about(kind: &'static str, message: Arc<Message>, is_new: bool) -> Outgoing {
    if is_new { Outgoing::saying(kind, message) } else { Outgoing::new(kind, message) }
}

/// An event for many.
#[derive(Debug)]
pub struct Publication {
    pub audience: Audience,
    pub event: Arc<Outgoing>,
    /// Whose doing it is: hidden from sessions whose user blocks them.
    pub author: Option<UserId>,
    /// Users who must not hear of it whatever their own blocks: those whom the author blocks, for receipts.
    pub hidden_from: Option<Arc<HashSet<UserId>>>,
    /// Who wrote the message that it is about, where that is somebody else: hidden likewise.
    pub about: Option<UserId>,
    /// The session that did it and has its reply already.
    pub skip: Option<SessionId>,
    /// Makes the copy for a reader who blocks people that the event names.
    pub tailor: Option<Tailor>,
    /// Not stored (typing, presence): dropped first when a reader is slow.
    pub transient: bool,
    /// About how many bytes it takes when encoded, so that batches can be cut.
    pub size: usize,
    /// It is a piece of a bot's answer: who has it already, with all before, does not get it again.
    pub chunk: Option<ChunkPlace>,
    /// Sessions that get this as the reply to a request of theirs, in its place in the order, instead of the push.
    pub replies: Vec<ReplyTo>,
}

/// A request that waits for its reply in the stream of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyTo {
    /// The event loop of the session.
    pub hub: usize,
    pub session: SessionId,
    /// The request's id.
    pub re: u32,
}

/// Who hears a publication.
#[derive(Debug)]
pub enum Audience {
    /// The sessions of the conversation's members.
    Conversation(ConversationId),
    /// All sessions of these users.
    Users(Vec<UserId>),
}

impl Publication {
    /// A stored event for a conversation.
    #[must_use]
    pub fn to_conversation(conversation: ConversationId, event: Outgoing) -> Self {
        Self::new(Audience::Conversation(conversation), event)
    }

    /// An event for all sessions of some users.
    #[must_use]
    pub fn to_users(users: Vec<UserId>, event: Outgoing) -> Self {
        Self::new(Audience::Users(users), event)
    }

    /// An event for an audience; by nobody, not transient, replying to nothing.
    #[must_use]
    pub fn new(audience: Audience, event: Outgoing) -> Self {
        Self {
            audience,
            event: Arc::new(event),
            author: None,
            hidden_from: None,
            skip: None,
            about: None,
            tailor: None,
            transient: false,
            size: TYPICAL_BYTES,
            chunk: None,
            replies: Vec::new(),
        }
    }

    /// Hidden from those who block `author`.
    #[must_use]
    pub fn by(mut self, author: UserId) -> Self {
        self.author = Some(author);
        self
    }

    /// A message of which only one session hears, as the reply to its request, in its place in the order.
    #[must_use]
    pub fn reply_only(to: ReplyTo, kind: &'static str, message: impl Into<Arc<Message>>) -> Self {
        Self { audience: Audience::Users(Vec::new()), ..Self::of_message(kind, message) }.replying(to)
    }

    /// A stored message that changed, for its conversation.
    #[must_use]
    pub fn of_message(kind: &'static str, message: impl Into<Arc<Message>>) -> Self {
        Self::of(kind, &message.into(), false)
    }

    /// A message that was stored a moment ago, for its conversation.
    #[must_use]
    pub fn of_new_message(kind: &'static str, message: impl Into<Arc<Message>>) -> Self {
        Self::of(kind, &message.into(), true)
    }

    fn of(kind: &'static str, message: &Arc<Message>, is_new: bool) -> Self {
        let event = about(kind, Arc::clone(message), is_new);
        Self {
            about: Some(message.author.id),
            tailor: Tailor::of_message(kind, message, is_new),
            ..Self::to_conversation(message.conversation, event).sized(message.texts())
        }
    }

    /// Not told to the session that did it.
    #[must_use]
    pub fn skipping(mut self, session: SessionId) -> Self {
        self.skip = Some(session);
        self
    }

    /// Nor to these users.
    #[must_use]
    pub fn hiding_from(mut self, users: Option<Arc<HashSet<UserId>>>) -> Self {
        self.hidden_from = users;
        self
    }

    /// It holds a text of so many bytes.
    #[must_use]
    pub fn sized(mut self, text: usize) -> Self {
        self.size = TYPICAL_BYTES + text;
        self
    }

    /// Dropped first when a reader is slow.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// The session gets it as the reply to its request, if it is a session's.
    #[must_use]
    pub fn replying(mut self, to: impl Into<Option<ReplyTo>>) -> Self {
        self.replies.extend(to.into());
        self
    }
}

/// The way to the hubs of this node.
#[derive(Debug, Default)]
pub struct Bus {
    loops: ArcSwap<Vec<LoopEntry>>,
    /// Held while the list is replaced.
    growing: Mutex<()>,
    /// Which loops have sessions of a conversation's members.
    pub conversations: Interest<ConversationId>,
    /// Which loops have sessions of a user.
    pub users: Interest<UserId>,
    /// What bots are saying.
    pub answers: Answers,
}

#[derive(Debug, Clone)]
struct LoopEntry {
    hub: Recipient<Deliver>,
    arbiter: ArbiterHandle,
    /// About how many bytes wait for the hub.
    waiting: Arc<AtomicUsize>,
}

/// Deliveries that found a hub's mailbox full; resolves when all are in.
pub type Backlog = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

impl Bus {
    /// A new event loop, the current arbiter's; returns its index, or `None` if there are too many.
    pub fn add_loop(&self, hub: impl FnOnce(usize) -> Recipient<Deliver>) -> Option<usize> {
        // Loops start at the same time, each on its thread: one after the other takes its number.
        let _turn = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut loops = Vec::clone(&self.loops.load());
        let index = loops.len();
        if index >= MAX_LOOPS {
            return None;
        }
        loops.push(LoopEntry { hub: hub(index), arbiter: Arbiter::current(), waiting: Arc::default() });
        self.loops.store(Arc::new(loops));
        Some(index)
    }

    /// How many event loops there are.
    pub fn loops(&self) -> usize {
        self.loops.load().len()
    }

    /// The hub of a loop was started anew.
    pub fn replace_hub(&self, index: usize, hub: Recipient<Deliver>) {
        let _turn = self.growing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut loops = Vec::clone(&self.loops.load());
        if let Some(entry) = loops.get_mut(index) {
            entry.hub = hub;
            // What waited for the old one is gone, and must not be taken off by the new one.
            entry.waiting = Arc::default();
        }
        self.loops.store(Arc::new(loops));
    }

    /// The arbiter of a loop, to start an actor on; numbers beyond the loops begin again at the first.
    pub fn arbiter(&self, index: usize) -> Option<ArbiterHandle> {
        let loops = self.loops.load();
        loops.get(index % loops.len().max(1)).map(|entry| entry.arbiter.clone())
    }

    /// Brings a delivery to each hub that has somebody to tell. When a hub's mailbox is full the rest comes back: wait for it
    /// before publishing more.
    #[must_use = "what did not fit must be waited for"]
    pub fn deliver(&self, delivery: Delivery) -> Option<Backlog> {
        let mask = self.mask(&delivery);
        self.hand_out(mask, &(Arc::new([delivery]) as Arc<[Delivery]>))
    }

    /// As [`Bus::deliver`], for publications that follow each other: each hub gets them as one message.
    #[must_use = "what did not fit must be waited for"]
    pub fn publish_all(&self, publications: Vec<Publication>) -> Option<Backlog> {
        let deliveries: Arc<[Delivery]> = publications.into_iter().map(Delivery::Publish).collect();
        let mask = deliveries.iter().fold(0, |mask, delivery| mask | self.mask(delivery));
        self.hand_out(mask, &deliveries)
    }

    fn hand_out(&self, mask: u64, deliveries: &Arc<[Delivery]>) -> Option<Backlog> {
        let mut late = Vec::new();
        let weight = deliveries.iter().map(Delivery::size).sum();
        let loops = self.loops.load();
        for (index, entry) in loops.iter().enumerate() {
            if mask & (1 << index) == 0 {
                continue;
            }
            let message = Deliver { deliveries: Arc::clone(deliveries), load: Load::add(&entry.waiting, weight) };
            if message.load.was_beyond(WAITING_BYTES) {
                late.push(entry.hub.clone().send(message));
                continue;
            }
            match entry.hub.try_send(message) {
                Ok(()) => {}
                // A fresh clone has a place in the mailbox of its own, so it is queued at once and in order; what is waited
                // for is that the hub has come to it.
                Err(actix::dev::SendError::Full(message)) => late.push(entry.hub.clone().send(message)),
                // The hub failed: its loop closes its channels, whose clients come back and resume.
                Err(actix::dev::SendError::Closed(_)) => {}
            }
        }
        if late.is_empty() {
            return None;
        }
        Some(Box::pin(async move {
            join_all(late).await;
        }))
    }

    /// As [`Bus::deliver`], for a publication.
    #[must_use = "what did not fit must be waited for"]
    pub fn publish(&self, publication: Publication) -> Option<Backlog> {
        self.deliver(Delivery::Publish(publication))
    }

    fn mask(&self, delivery: &Delivery) -> u64 {
        let users = |users: &[UserId]| users.iter().fold(0, |mask, &user| mask | self.users.mask(user));
        match delivery {
            Delivery::Publish(publication) => {
                let heard = match &publication.audience {
                    Audience::Conversation(conversation) => self.conversations.mask(*conversation),
                    Audience::Users(list) => users(list),
                };
                publication.replies.iter().fold(heard, |mask, reply| mask | 1 << reply.hub)
            }
            Delivery::RollCall { .. } | Delivery::CloseAll(_) | Delivery::Fail => u64::MAX,
            Delivery::Join { users: list, .. } | Delivery::Leave { users: list, .. } => users(list),
            Delivery::Profile(user) => self.users.mask(user.id),
            Delivery::Block { by: user, .. } | Delivery::Invisible { user, .. } | Delivery::End { user, .. } => {
                self.users.mask(*user)
            }
        }
    }
}
