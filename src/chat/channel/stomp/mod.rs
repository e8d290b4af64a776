//! A connection that speaks STOMP: its subscriptions, what of them is not acknowledged, and its heart-beats.
//!
//! An event becomes a frame for each subscription that it is for. What is to be acknowledged is known by the numbers of the messages,
//! so nothing is kept of a delivery but its number.

mod subscription;

pub use subscription::{Delivered, Topic, Unknown, Verdict};

use super::Channel;
use crate::model::ConversationId;
use crate::wire::close::CloseCode;
use crate::wire::outgoing::{Outgoing, stomp_frame};
use crate::wire::stomp::{AckMode, EOL, Head, Version};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use subscription::{Held, Subscription, TooMuch};

/// Subscriptions of a session: more than a person follows. Each costs some hundred bytes, and a look at each event.
pub const SUBSCRIPTIONS: usize = 500;
/// Subscriptions of a session to one destination: each is one more copy of all that is said there.
pub const SAME_DESTINATION: usize = 4;
/// Deliveries of a session that may wait for their `ACK`; a client that acknowledges nothing is as one that reads nothing.
const UNACKNOWLEDGED: usize = 4_096;
/// How much earlier than promised a heart-beat is sent, as deadlines are looked at five times a second.
const EARLY: Duration = Duration::from_millis(400);

/// What STOMP adds to a connection.
pub struct Stomp {
    version: Cell<Option<Version>>,
    subscriptions: RefCell<Vec<Subscription>>,
    /// Of all subscriptions.
    waiting: Cell<usize>,
    /// How far messages were delivered that need no acknowledgement, to be noted as the user's watermark.
    delivered: RefCell<HashMap<ConversationId, i64>>,
    /// How often something must be sent, and something must come.
    beats: Cell<(Option<Duration>, Option<Duration>)>,
    heard_at: Cell<Instant>,
    /// When something was sent last; the WebSocket's own pings don't count.
    told_at: Cell<Instant>,
    /// The server doesn't read for the moment: silence means nothing.
    deaf: Cell<bool>,
    /// When the session wants to be woken, and that it was time.
    alarm: Cell<Option<DateTime<Utc>>>,
    rang: Cell<bool>,
}

impl Stomp {
    /// Of a connection that opens.
    #[must_use]
    pub fn new(now: Instant) -> Self {
        Self {
            version: Cell::new(None),
            subscriptions: RefCell::default(),
            waiting: Cell::new(0),
            delivered: RefCell::default(),
            beats: Cell::new((None, None)),
            heard_at: Cell::new(now),
            told_at: Cell::new(now),
            deaf: Cell::new(false),
            alarm: Cell::new(None),
            rang: Cell::new(false),
        }
    }

    /// What was agreed on; `None` before the client's `CONNECT`.
    pub fn version(&self) -> Option<Version> {
        self.version.get()
    }

    /// `CONNECT` settled the version.
    pub fn agree(&self, version: Version) {
        self.version.set(Some(version));
    }

    /// From now on something must be sent so often, and something must come so often.
    pub fn beat(&self, send: Option<Duration>, expect: Option<Duration>) {
        self.beats.set((send, expect));
        self.heard();
    }

    /// Something came from the client: a frame, a part of one, or a heart-beat.
    pub fn heard(&self) {
        self.heard_at.set(Instant::now());
    }

    /// Whether the server reads what comes.
    pub fn set_deaf(&self, deaf: bool) {
        if self.deaf.replace(deaf) && !deaf {
            self.heard();
        }
    }

    /// Wakes the session at this time; `None` for never.
    pub fn set_alarm(&self, at: Option<DateTime<Utc>>) {
        self.alarm.set(at);
    }

    /// Whether it was time since this was last asked.
    pub fn take_alarm(&self) -> bool {
        self.rang.replace(false)
    }

    /// Subscriptions there are, and to this destination.
    pub fn count(&self, destination: &str) -> (usize, usize) {
        let subscriptions = self.subscriptions.borrow();
        let same = subscriptions.iter().filter(|known| &*known.head.destination == destination);
        (subscriptions.len(), same.count())
    }

    /// There is a subscription of this name; where names may be missing the destination is one.
    pub fn has(&self, name: Option<&str>, destination: &str) -> bool {
        self.subscriptions.borrow().iter().any(|known| known.is_called(name, destination))
    }

    /// Begins a subscription. With `after` it is first told what comes behind that message: until [`Channel::catch_up`] ends, what
    /// is said meanwhile waits.
    pub fn subscribe(&self, head: Head, topic: Topic, mode: AckMode, after: Option<i64>) {
        self.subscriptions.borrow_mut().push(Subscription {
            head,
            topic,
            mode,
            waiting: VecDeque::new(),
            barrier: None,
            newest: after.unwrap_or(i64::MIN),
            taken: after.unwrap_or(0),
            held: after.map(|_| Held::default()),
        });
    }

    /// Ends a subscription; whether there was one.
    pub fn unsubscribe(&self, name: Option<&str>, destination: &str) -> bool {
        let mut subscriptions = self.subscriptions.borrow_mut();
        let Some(at) = subscriptions.iter().position(|known| known.is_called(name, destination)) else { return false };
        let ended = subscriptions.swap_remove(at);
        self.waiting.set(self.waiting.get().saturating_sub(ended.waiting.len()));
        true
    }

    /// Whether a delivery waits for its acknowledgement.
    pub fn is_waiting(&self, delivered: Delivered<'_>) -> bool {
        let subscriptions = self.subscriptions.borrow();
        let mut named = subscriptions.iter().filter(|known| known.is_meant(&delivered));
        named.any(|known| known.waiting.contains(&delivered.number))
    }

    /// A delivery is acknowledged, or refused. Up to where all is acknowledged now, if that moved.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn settle(&self, delivered: Delivered<'_>, verdict: Verdict) -> Result<Option<(ConversationId, i64)>, Unknown> {
        let mut subscriptions = self.subscriptions.borrow_mut();
        let mut named = subscriptions.iter_mut().filter(|known| known.is_meant(&delivered));
        let found = named.find_map(|known| {
            let at = known.waiting.iter().position(|number| *number == delivered.number)?;
            Some((known, at))
        });
        let (subscription, at) = found.ok_or(Unknown)?;
        let before = subscription.waiting.len();
        let moved = subscription.settle(at, verdict);
        self.waiting.set(self.waiting.get().saturating_sub(before - subscription.waiting.len()));
        Ok(match (subscription.topic, moved) {
            (Topic::Conversation(conversation), Some(seq)) => Some((conversation, seq)),
            _ => None,
        })
    }

    /// How far messages went out that need no acknowledgement, since this was last asked.
    pub fn take_delivered(&self) -> HashMap<ConversationId, i64> {
        self.delivered.take()
    }

    /// [`Stomp::take_delivered`] has something.
    pub fn has_delivered(&self) -> bool {
        !self.delivered.borrow().is_empty()
    }

    /// The frames of an event, one for each subscription that it is for.
    fn frames(&self, channel: &Channel, event: &Arc<Outgoing>) -> Result<Vec<Bytes>, TooMuch> {
        let topic = event.said().map_or(Topic::Events, |(conversation, _)| Topic::Conversation(conversation));
        let mut frames = Vec::new();
        if topic == Topic::Events && event.kind() == "llm.chunk" {
            // A bot's answer is told once, as a message.
            return Ok(frames);
        }
        for subscription in self.subscriptions.borrow_mut().iter_mut().filter(|known| known.topic == topic) {
            match &mut subscription.held {
                // What waits is written at once when its turn comes, to a client that has read half of what may be outstanding.
                Some(held) => held.push(event, channel.limits.bytes / 2)?,
                None => frames.extend(self.frame(channel, subscription, event)?),
            }
        }
        Ok(frames)
    }

    fn frame(
        &self,
        channel: &Channel,
        subscription: &mut Subscription,
        event: &Outgoing,
    ) -> Result<Option<Bytes>, TooMuch> {
        let number = match event.said() {
            Some((_, seq)) if seq <= subscription.newest => return Ok(None),
            Some((_, seq)) => {
                subscription.newest = seq;
                seq
            }
            None => event.number(),
        };
        match (subscription.mode, event.said()) {
            (AckMode::Auto, Some((conversation, seq))) => {
                let mut delivered = self.delivered.borrow_mut();
                let known = delivered.entry(conversation).or_insert(seq);
                *known = seq.max(*known);
            }
            (AckMode::Auto, None) => {}
            (AckMode::Client | AckMode::ClientIndividual, _) => {
                if self.waiting.get() >= UNACKNOWLEDGED {
                    return Err(TooMuch);
                }
                self.waiting.set(self.waiting.get() + 1);
                subscription.waiting.push_back(number);
            }
        }
        Ok(Some(event.stomp(channel.encoding().framing, &subscription.head)))
    }

    /// The clock ticked.
    pub(super) fn tick(&self, channel: &Channel, now: Instant, time: DateTime<Utc>) {
        let (send, expect) = self.beats.get();
        let quiet = now.saturating_duration_since(self.told_at.get());
        if send.is_some_and(|every| quiet >= every.saturating_sub(EARLY)) && channel.is_drained() {
            self.told_at.set(now);
            channel.send(stomp_frame(channel.encoding().framing, EOL));
        }
        if self.deaf.get() {
            self.heard_at.set(now);
        }
        let silence = now.saturating_duration_since(self.heard_at.get());
        // Twice the time that the client promised: networks are late.
        if expect.is_some_and(|every| silence >= every.saturating_mul(2)) {
            channel.close(CloseCode::HeartBeat);
        }
        if self.alarm.get().is_some_and(|at| time >= at) {
            self.alarm.set(None);
            self.rang.set(true);
            channel.wake();
        }
    }
}

impl Channel {
    /// Queues an event as this connection has it: a push, or of STOMP a frame for each subscription that it is for. Returns how many
    /// frames that is.
    pub fn tell(&self, event: &Arc<Outgoing>, transient: bool) -> usize {
        let Some(stomp) = self.stomp.get() else {
            self.push(event.push(self.encoding()), 1, transient);
            return 1;
        };
        match stomp.frames(self, event) {
            Ok(frames) => self.push_frames(frames, transient),
            Err(TooMuch) => {
                self.close_with(CloseCode::Slow, "too much waits to be acknowledged or read, reconnect and resume");
                0
            }
        }
    }

    /// Tells one subscription a message of before. False when the connection is closed for that.
    pub fn tell_before(&self, name: Option<&str>, destination: &str, event: &Outgoing) -> bool {
        self.with_subscription(name, destination, |stomp, subscription| {
            stomp.frame(self, subscription, event).map(|frame| frame.into_iter().collect())
        })
    }

    /// A subscription was told what came before it, up to `last`; what waited follows, and all that comes from now on. With `more`
    /// something was left out behind that: what comes later can't be acknowledged past it.
    pub fn catch_up(&self, name: Option<&str>, destination: &str, last: i64, more: bool) -> bool {
        self.with_subscription(name, destination, |stomp, subscription| {
            subscription.newest = subscription.newest.max(last);
            subscription.barrier = more.then_some(last + 1);
            let held = subscription.held.take().unwrap_or_default().events;
            let mut frames = Vec::with_capacity(held.len());
            for event in held {
                frames.extend(stomp.frame(self, subscription, &event)?);
            }
            Ok(frames)
        })
    }

    fn with_subscription(
        &self,
        name: Option<&str>,
        destination: &str,
        work: impl FnOnce(&Stomp, &mut Subscription) -> Result<Vec<Bytes>, TooMuch>,
    ) -> bool {
        let Some(stomp) = self.stomp.get() else { return false };
        let frames = {
            let mut subscriptions = stomp.subscriptions.borrow_mut();
            let Some(found) = subscriptions.iter_mut().find(|known| known.is_called(name, destination)) else {
                return false;
            };
            work(stomp, found)
        };
        match frames {
            Ok(frames) => {
                self.push_frames(frames, false);
                true
            }
            Err(TooMuch) => {
                self.close(CloseCode::Slow);
                false
            }
        }
    }

    fn push_frames(&self, frames: Vec<Bytes>, transient: bool) -> usize {
        let count = frames.len();
        for frame in frames {
            self.push(frame, 1, transient);
        }
        if let Some(stomp) = self.stomp.get().filter(|_| count > 0) {
            stomp.told_at.set(Instant::now());
            if stomp.has_delivered() {
                self.wake();
            }
        }
        count
    }
}
