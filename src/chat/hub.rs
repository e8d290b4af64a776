//! The hub of an event loop: takes what rooms and registries publish and writes it to the loop's channels.
//!
//! It gathers what has come and hands every channel one batch of encoded bytes: a run of publications for one conversation is
//! joined once for each encoding in use, and all its channels share those bytes. Only channels that differ (the session whose
//! reply is among them, a user who blocks an author) are written to one by one.

use super::Core;
use super::channel::{Change, Channel};
use super::event_loop::EventLoop;
use super::guard::FailureGuard;
use super::metrics::Metrics;
use crate::cluster::{Audience, Deliver, Delivery, Here, Present, Publication, ReplyTo, Tailor};
use crate::model::ConversationId;
use crate::wire::close::CloseCode;
use crate::wire::outgoing::{Encoding, Outgoing};
use actix::prelude::*;
use bytes::{Bytes, BytesMut};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

/// Messages that may wait for a hub; beyond that publishers wait, as they do for their weight (`cluster/bus.rs`).
const MAILBOX: usize = 16_384;
/// How often an event loop looks at its connections' deadlines: they may be met that late.
const TICK: Duration = Duration::from_millis(200);
/// Deliveries gathered at most before they are written, so that the first of them doesn't wait for ever under load.
const BATCH: usize = 256;
/// Bytes written in one round: a quarter of what a session may have outstanding, so that no round makes a reader slow by itself.
const BATCH_BYTES: usize = 256 * 1024;

/// The actor of one event loop that fans out.
pub struct Hub {
    event_loop: Rc<EventLoop>,
    metrics: Arc<Metrics>,
    gathered: Vec<Deliver>,
    /// Deliveries in it.
    waiting: usize,
    /// How many of its first are done: a round may end in the middle.
    done: usize,
    flush_is_due: bool,
    /// Channels with something to write at the end of the round.
    dirty: Vec<Rc<Channel>>,
    _guard: FailureGuard,
}

impl Hub {
    /// Makes the current arbiter an event loop with a hub, which is started anew whenever it fails. Returns the loop.
    ///
    /// Returns `None` if the bus has no room for another loop.
    pub fn start_loop(core: &Arc<Core>) -> Option<Rc<EventLoop>> {
        let (bus, metrics) = (&core.bus, &core.metrics);
        let mut started = None;
        bus.add_loop(|index| {
            let event_loop = Rc::new(EventLoop::new(index, Arc::clone(bus)));
            let (hub, failed) = Self::start_on(&event_loop, metrics);
            started = Some((event_loop, failed));
            hub.recipient()
        })?;
        let (event_loop, failed) = started?;
        actix::spawn(Self::keep(Rc::clone(&event_loop), Arc::clone(core), failed));
        actix::spawn(Self::tick(Rc::clone(&event_loop), Arc::clone(core)));
        Some(event_loop)
    }

    /// Starts a new hub whenever one fails.
    async fn keep(event_loop: Rc<EventLoop>, core: Arc<Core>, mut failed: oneshot::Receiver<()>) {
        while failed.await.is_ok() {
            // What was in its mailbox is gone, so these connections have gaps: they come back and resume.
            let (hub, failure) = Self::start_on(&event_loop, &core.metrics);
            core.bus.replace_hub(event_loop.index(), hub.recipient());
            failed = failure;
            event_loop.close_all(CloseCode::Shutdown);
        }
    }

    /// Watches over what ends connections by the clock.
    async fn tick(event_loop: Rc<EventLoop>, core: Arc<Core>) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let now = ticks.tick().await.into_std();
            let time = core.now();
            event_loop.each(|channel| channel.tick(now, time, &core.limits));
        }
    }

    fn start_on(event_loop: &Rc<EventLoop>, metrics: &Arc<Metrics>) -> (Addr<Self>, oneshot::Receiver<()>) {
        let (guard, failed) = FailureGuard::new(format!("the hub of event loop {}", event_loop.index()));
        let hub = Self {
            event_loop: Rc::clone(event_loop),
            metrics: Arc::clone(metrics),
            gathered: Vec::new(),
            waiting: 0,
            done: 0,
            flush_is_due: false,
            dirty: Vec::new(),
            _guard: guard,
        };
        (hub.start(), failed)
    }

    /// Writes what has gathered, up to [`BATCH_BYTES`]; what is left has its turn after the sessions of this loop, which must come
    /// to drain their sockets: a round that put more into an outbox than fits would make slow readers of all. Until then nothing
    /// is taken from the mailbox, so that what waits is where publishers see it.
    fn flush(&mut self, ctx: &mut Context<Self>) {
        self.flush_is_due = false;
        let gathered = std::mem::take(&mut self.gathered);
        let all: Vec<&Delivery> =
            gathered.iter().flat_map(|message| message.deliveries.iter()).skip(self.done).collect();
        let mut rest = all.as_slice();
        let mut written = 0;
        while let Some(&first) = rest.first()
            && written < BATCH_BYTES
        {
            let Some(key) = run_key(first) else {
                self.deliver(first);
                written += first.size();
                rest = &rest[1..];
                continue;
            };
            let mut length = 0;
            for &delivery in rest {
                if run_key(delivery) != Some(key) || written >= BATCH_BYTES {
                    break;
                }
                written += delivery.size();
                length += 1;
            }
            let (run, after) = rest.split_at(length);
            // With nothing more to come each channel is written to while it is at hand.
            self.fan_out(key, run, after.is_empty() || written >= BATCH_BYTES);
            rest = after;
        }
        for channel in self.dirty.drain(..) {
            channel.flush();
        }
        let done = all.len() - rest.len();
        self.waiting -= done;
        self.done += done;
        self.gathered = gathered;
        self.forget_done();
        if self.waiting > 0 {
            ctx.wait(tokio::task::yield_now().into_actor(self).map(|(), hub, ctx| hub.flush(ctx)));
        }
    }

    /// Lets go of messages all of which is done.
    fn forget_done(&mut self) {
        let mut whole = 0;
        for message in &self.gathered {
            let Some(left) = self.done.checked_sub(message.deliveries.len()) else { break };
            self.done = left;
            whole += 1;
        }
        self.gathered.drain(..whole);
    }

    /// Writes a run of publications for one conversation.
    fn fan_out(&mut self, (conversation, transient): RunKey, run: &[&Delivery], is_last: bool) {
        // Sessions that don't just get all of it: those that wait for a reply among it, and those that are to be skipped.
        let mut apart: Vec<Rc<Channel>> = Vec::new();
        for publication in publications(run) {
            let replies = publication.replies.iter().map(|reply| reply.session);
            for session in replies.chain(publication.skip) {
                let channel = self.event_loop.session(session).filter(|channel| !channel.apart.replace(true));
                apart.extend(channel);
            }
        }
        let plain = publications(run).all(|publication| publication.hidden_from.is_none());
        let mut joined: [Option<Bytes>; Encoding::COUNT] = [const { None }; Encoding::COUNT];
        let (mut told, mut figures) = (0, None);
        let Self { event_loop, dirty, .. } = self;
        event_loop.each_subscriber(conversation, |channel| {
            if channel.apart.get() {
                return;
            }
            let is_like_others = channel.stomp.get().is_none() && channel.ahead.borrow().is_empty();
            if plain && is_like_others && channel.blocked.borrow().is_none() {
                let encoding = channel.encoding();
                let slot = &mut joined[encoding.index()];
                let bytes = slot.get_or_insert_with(|| join(run, encoding));
                channel.push(bytes.clone(), run.len(), transient);
                told += run.len();
            } else {
                for publication in publications(run).filter(|publication| hears(channel, publication)) {
                    told += channel.tell(&event_for(channel, publication), transient);
                }
            }
            if figures.is_none() {
                figures = channel.figures.get().cloned();
            }
            if is_last {
                channel.flush();
            } else {
                mark(dirty, channel);
            }
        });
        for channel in apart {
            channel.apart.set(false);
            let subscribed = channel.hears(conversation);
            for publication in publications(run) {
                told += usize::from(self.reply_or_push(&channel, publication, subscribed));
            }
            if figures.is_none() {
                figures = channel.figures.get().cloned();
            }
        }
        self.metrics.delivered.add(told);
        // Who hears a conversation is of its project.
        if let Some(figures) = figures {
            figures.delivered.add(told);
        }
    }

    /// The reply where the session waits for one, in its place among the pushes; else the push, which it tells by `true`.
    fn reply_or_push(&mut self, channel: &Rc<Channel>, publication: &Publication, subscribed: bool) -> bool {
        let mut replied = false;
        for ReplyTo { re, .. } in publication.replies.iter().filter(|reply| reply.session == channel.session) {
            channel.push(event_for(channel, publication).reply(channel.encoding(), *re), 1, false);
            replied = true;
        }
        let skipped = publication.skip == Some(channel.session);
        let pushes = !replied && !skipped && subscribed && hears(channel, publication);
        if pushes {
            channel.tell(&event_for(channel, publication), publication.transient);
        }
        mark(&mut self.dirty, channel);
        pushes
    }

    fn deliver(&mut self, delivery: &Delivery) {
        match delivery {
            Delivery::Publish(publication) => self.tell_users(publication),
            Delivery::Join { conversation, users } => {
                users.iter().for_each(|&user| self.event_loop.change(user, Change::Join(*conversation)));
            }
            Delivery::Leave { conversation, users } => {
                users.iter().for_each(|&user| self.event_loop.change(user, Change::Leave(*conversation)));
            }
            Delivery::Block { by, whom, on } => {
                self.event_loop.change(*by, if *on { Change::Block(*whom) } else { Change::Unblock(*whom) });
            }
            Delivery::Invisible { user, on } => {
                self.event_loop.of_user(*user).iter().for_each(|channel| channel.invisible.set(*on));
            }
            Delivery::Profile(user) => {
                for channel in self.event_loop.of_user(user.id) {
                    *channel.profile.borrow_mut() = Some(Arc::clone(user));
                }
            }
            Delivery::CloseAll(code) => self.event_loop.close_all(*code),
            Delivery::RollCall { project, to } => {
                let mut here = Vec::new();
                self.event_loop.each(|channel| {
                    // One that is still opening will come to the registry by itself.
                    if let (Some(user), true) = (channel.user.get(), channel.project.get() == Some(project)) {
                        here.push(Present { session: channel.session, user: *user, away: channel.away.get() });
                    }
                });
                // Past the mailbox's bound: one message a hub.
                to.do_send(Here(here));
            }
            #[expect(clippy::panic, reason = "this is what it is for")]
            Delivery::Fail => panic!("told to fail"),
            Delivery::End { user, issued_before, code } => {
                for channel in self.event_loop.of_user(*user) {
                    if channel.credentials.get() < *issued_before {
                        channel.close(*code);
                    }
                }
            }
        }
    }

    fn tell_users(&mut self, publication: &Publication) {
        // Those for a conversation are written by `fan_out`.
        let Audience::Users(users) = &publication.audience else { return };
        for &user in users {
            for channel in self.event_loop.of_user(user) {
                let waits = publication.replies.iter().any(|reply| reply.session == channel.session);
                if !waits && publication.skip != Some(channel.session) && hears(&channel, publication) {
                    let told = channel.tell(&event_for(&channel, publication), publication.transient);
                    self.metrics.delivered.add(told);
                    if let Some(figures) = channel.figures.get() {
                        figures.delivered.add(told);
                    }
                    mark(&mut self.dirty, &channel);
                }
            }
        }
        for reply in &publication.replies {
            if let Some(channel) = self.event_loop.session(reply.session) {
                self.reply_or_push(&channel, publication, false);
            }
        }
    }
}

impl Actor for Hub {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

/// The mailbox is empty: time to write.
#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

impl Handler<Deliver> for Hub {
    type Result = ();

    fn handle(&mut self, message: Deliver, ctx: &mut Self::Context) {
        self.waiting += message.deliveries.len();
        self.gathered.push(message);
        if self.waiting >= BATCH {
            self.flush(ctx);
            if self.waiting == 0 {
                // Sessions of this loop must come to drain their sockets before the next batch.
                ctx.wait(tokio::task::yield_now().into_actor(self));
            }
        } else if !self.flush_is_due {
            self.flush_is_due = true;
            ctx.notify(Flush);
        }
    }
}

impl Handler<Flush> for Hub {
    type Result = ();

    fn handle(&mut self, _: Flush, ctx: &mut Self::Context) {
        self.flush(ctx);
    }
}

/// The channel is written to at the end of the round.
fn mark(dirty: &mut Vec<Rc<Channel>>, channel: &Rc<Channel>) {
    if !channel.dirty.replace(true) {
        dirty.push(Rc::clone(channel));
    }
}

/// A conversation, and whether it is about what is not stored.
type RunKey = (ConversationId, bool);

/// What can be joined: stored or transient publications for one conversation.
fn run_key(delivery: &Delivery) -> Option<RunKey> {
    match delivery {
        Delivery::Publish(Publication { audience: Audience::Conversation(conversation), transient, .. }) => {
            Some((*conversation, *transient))
        }
        _ => None,
    }
}

fn publications<'a>(run: &[&'a Delivery]) -> impl Iterator<Item = &'a Publication> {
    run.iter().filter_map(|delivery| match delivery {
        Delivery::Publish(publication) => Some(publication),
        _ => None,
    })
}

/// No block stands between the channel's user and the publication.
fn hears(channel: &Channel, publication: &Publication) -> bool {
    let Some(user) = channel.user.get() else { return false };
    let hidden = publication.hidden_from.as_ref().is_some_and(|hidden| hidden.contains(user));
    let blocks = |author| channel.blocked.borrow().as_ref().is_some_and(|blocked| blocked.contains(author));
    let has = publication.chunk.is_some_and(|chunk| channel.has_chunk(chunk));
    !hidden && !has && !publication.author.iter().chain(&publication.about).any(blocks)
}

/// The event for one channel: the shared one, or a copy without what people did whom its user blocks.
fn event_for(channel: &Channel, publication: &Publication) -> Arc<Outgoing> {
    let blocked = channel.blocked.borrow();
    let cut = match (&publication.tailor, blocked.as_deref()) {
        (Some(Tailor(tailor)), Some(blocked)) => tailor(blocked),
        _ => None,
    };
    cut.map_or_else(|| Arc::clone(&publication.event), Arc::new)
}

fn join(run: &[&Delivery], encoding: Encoding) -> Bytes {
    if let [Delivery::Publish(publication)] = run {
        return publication.event.push(encoding);
    }
    let frames: Vec<Bytes> = publications(run).map(|publication| publication.event.push(encoding)).collect();
    let mut joined = BytesMut::with_capacity(frames.iter().map(Bytes::len).sum());
    frames.iter().for_each(|frame| joined.extend_from_slice(frame));
    joined.freeze()
}
