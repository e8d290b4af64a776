//! One event loop's channels: who is connected here, and who hears which conversation.
//!
//! All of it belongs to one thread: the sessions and the hub of that thread share it without a lock. It outlives the hub: when
//! a hub fails, a new one takes over the same loop.

use super::channel::{Change, Channel, Subscription};
use crate::cluster::Bus;
use crate::model::{ConversationId, SessionId, UserId};
use crate::wire::close::CloseCode;
use crate::wire::outgoing::Outgoing;
use std::cell::{Cell, RefCell, RefMut};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

/// Bytes read from a socket at once, into one buffer for all connections of the loop: a whole frame of the largest size.
pub const READ_BUFFER_BYTES: usize = 64 * 1024;

/// Answers of which a channel remembers that it came in the middle; of more it hears some pieces twice.
const AHEAD: usize = 64;

type Channels<K> = RefCell<HashMap<K, Vec<Rc<Channel>>>>;

/// The connections of one event loop.
pub struct EventLoop {
    index: Cell<usize>,
    bus: Arc<Bus>,
    all: RefCell<HashMap<SessionId, Rc<Channel>>>,
    users: Channels<UserId>,
    conversations: Channels<ConversationId>,
    read_buffer: RefCell<Box<[u8]>>,
}

impl EventLoop {
    /// A loop without connections.
    #[must_use]
    pub fn new(index: usize, bus: Arc<Bus>) -> Self {
        Self {
            index: Cell::new(index),
            bus,
            all: RefCell::default(),
            users: RefCell::default(),
            conversations: RefCell::default(),
            read_buffer: RefCell::new(vec![0; READ_BUFFER_BYTES].into_boxed_slice()),
        }
    }

    /// Its number on the bus.
    pub fn index(&self) -> usize {
        self.index.get()
    }

    /// The buffer into which every connection of this loop reads; borrow it only between two awaits.
    pub fn read_buffer(&self) -> RefMut<'_, Box<[u8]>> {
        self.read_buffer.borrow_mut()
    }

    /// A connection came.
    pub fn add(&self, channel: &Rc<Channel>) {
        self.all.borrow_mut().insert(channel.session, Rc::clone(channel));
    }

    /// A connection is over: nothing comes to it any more.
    pub fn remove(&self, channel: &Channel) {
        self.all.borrow_mut().remove(&channel.session);
        for subscription in channel.subscriptions.take() {
            self.drop_subscriber(subscription);
        }
        if let Some(&user) = channel.user.get() {
            let mut users = self.users.borrow_mut();
            if let Some(channels) = users.get_mut(&user) {
                channels.retain(|other| other.session != channel.session);
                if channels.is_empty() {
                    users.remove(&user);
                    self.bus.users.remove(user, self.index());
                }
            }
        }
    }

    /// A session's user is known: what is told to the user comes here from now on, and changes of membership and blocks are
    /// noted until [`EventLoop::subscribe`].
    pub fn begin_opening(&self, channel: &Rc<Channel>, user: UserId) {
        if channel.user.set(user).is_err() {
            return;
        }
        *channel.journal.borrow_mut() = Some(Vec::new());
        let mut users = self.users.borrow_mut();
        let channels = users.entry(user).or_default();
        if channels.is_empty() {
            self.bus.users.add(user, self.index());
        }
        channels.push(Rc::clone(channel));
    }

    /// The session's conversations and blocks, as read from the database after [`EventLoop::begin_opening`]; what changed in
    /// the meantime is applied on top.
    pub fn subscribe(&self, channel: &Rc<Channel>, conversations: Vec<ConversationId>, blocked: HashSet<UserId>) {
        *channel.blocked.borrow_mut() = (!blocked.is_empty()).then(|| Arc::new(blocked));
        for conversation in conversations {
            self.add_subscriber(conversation, channel);
        }
        let journal = channel.journal.borrow_mut().take();
        for change in journal.into_iter().flatten() {
            self.apply(channel, change);
        }
    }

    /// Applies a change to every session of a user, or notes it with those that are still opening.
    pub fn change(&self, user: UserId, change: Change) {
        for channel in self.of_user(user) {
            let mut journal = channel.journal.borrow_mut();
            match journal.as_mut() {
                Some(journal) => journal.push(change),
                None => {
                    drop(journal);
                    self.apply(&channel, change);
                }
            }
        }
    }

    /// The sessions of a user on this loop.
    pub fn of_user(&self, user: UserId) -> Vec<Rc<Channel>> {
        self.users.borrow().get(&user).cloned().unwrap_or_default()
    }

    /// A session of this loop.
    pub fn session(&self, session: SessionId) -> Option<Rc<Channel>> {
        self.all.borrow().get(&session).cloned()
    }

    /// Calls `tell` with each channel that hears the conversation.
    pub fn each_subscriber(&self, conversation: ConversationId, mut tell: impl FnMut(&Rc<Channel>)) {
        if let Some(channels) = self.conversations.borrow().get(&conversation) {
            channels.iter().for_each(&mut tell);
        }
    }

    /// Calls `see` with each connection, authenticated or not. It may close or remove connections.
    pub fn each(&self, see: impl FnMut(&Rc<Channel>)) {
        let channels: Vec<_> = self.all.borrow().values().cloned().collect();
        channels.iter().for_each(see);
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.all.borrow().len()
    }

    /// There is no connection.
    pub fn is_empty(&self) -> bool {
        self.all.borrow().is_empty()
    }

    /// Closes every connection.
    pub fn close_all(&self, code: CloseCode) {
        self.each(|channel| channel.close(code));
    }

    fn apply(&self, channel: &Rc<Channel>, change: Change) {
        match change {
            Change::Join(conversation) => self.add_subscriber(conversation, channel),
            Change::Leave(conversation) => {
                let mut subscriptions = channel.subscriptions.borrow_mut();
                if let Some(at) = subscriptions.iter().position(|known| known.conversation == conversation) {
                    let subscription = subscriptions.swap_remove(at);
                    drop(subscriptions);
                    self.drop_subscriber(subscription);
                }
            }
            Change::Block(user) => {
                let mut blocked = channel.blocked.borrow().as_deref().cloned().unwrap_or_default();
                blocked.insert(user);
                *channel.blocked.borrow_mut() = Some(Arc::new(blocked));
            }
            Change::Unblock(user) => {
                let mut blocked = channel.blocked.borrow().as_deref().cloned().unwrap_or_default();
                blocked.remove(&user);
                *channel.blocked.borrow_mut() = (!blocked.is_empty()).then(|| Arc::new(blocked));
            }
        }
    }

    fn add_subscriber(&self, conversation: ConversationId, channel: &Rc<Channel>) {
        if channel.hears(conversation) {
            return;
        }
        let mut conversations = self.conversations.borrow_mut();
        let channels = conversations.entry(conversation).or_default();
        if channels.is_empty() {
            self.bus.conversations.add(conversation, self.index());
        }
        channel.subscriptions.borrow_mut().push(Subscription { conversation, place: channels.len() });
        channels.push(Rc::clone(channel));
        drop(conversations);
        // Only now: what is said from here on finds the subscription.
        if let Some(chunk) = self.bus.answers.so_far(conversation) {
            let mut ahead = channel.ahead.borrow_mut();
            if ahead.len() >= AHEAD {
                ahead.remove(0);
            }
            ahead.push(chunk.place());
            drop(ahead);
            channel.tell(&Arc::new(Outgoing::new("llm.chunk", chunk)), false);
            channel.flush();
        }
    }

    /// Takes a channel from those that hear a conversation; the last of them moves to its place.
    fn drop_subscriber(&self, Subscription { conversation, place }: Subscription) {
        let mut conversations = self.conversations.borrow_mut();
        let Some(channels) = conversations.get_mut(&conversation) else { return };
        if place < channels.len() {
            channels.swap_remove(place);
        }
        if let Some(moved) = channels.get(place) {
            let mut subscriptions = moved.subscriptions.borrow_mut();
            if let Some(moved) = subscriptions.iter_mut().find(|known| known.conversation == conversation) {
                moved.place = place;
            }
        }
        if channels.is_empty() {
            conversations.remove(&conversation);
            self.bus.conversations.remove(conversation, self.index());
        }
    }
}
