//! A room: one active conversation, and the only writer of it on this node.
//!
//! A room checks the right of who speaks against the members it keeps in memory, gives the message to its scribe, and when it
//! is stored answers the sender and publishes: stored, then told. What it keeps is good for one version of the conversation;
//! the scribe refuses a message that was checked against another one, so a change made by anyone, on any node, holds from the
//! moment it is committed.
//!
//! - [`answer`]: what a bot says.
//! - [`say`]: new messages, checked and handed to the scribe.
//! - [`tell`]: what is stored, told in order; also what was stored that this room did not see.
//! - [`marks`]: delivered and read watermarks.
//! - [`edit`]: changes to messages that are there: edits, deletions, reactions, answers to games.
//! - [`govern`]: members, names, mode, deletion.
//! - [`typing`]: who is typing.

pub mod answer;
pub mod edit;
pub mod govern;
pub mod marks;
pub mod say;
pub mod tell;
pub mod typing;

use super::Chat;
use super::guard::FailureGuard;
use super::metrics::ProjectFigures;
use super::scribe::ReportTo;
use crate::cluster::{Delivery, Publication};
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, ProjectId, UserId};
use crate::store::conversations::{self, RoomRow};
use crate::wire::shapes::{ConversationKind, Mode};
use actix::prelude::*;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Requests that may wait for a room; beyond that senders are told to try again.
const MAILBOX: usize = 1_024;
/// How often a room looks after what is overdue.
const TICK: Duration = Duration::from_secs(1);
/// A refusal rests on a state that is at most this old; an older one is read anew first.
const FRESH: Duration = Duration::from_secs(1);

/// What a room keeps of its conversation.
struct Picture {
    kind: ConversationKind,
    mode: Mode,
    turn: i64,
    version: i64,
    members: HashMap<UserId, Membership>,
    /// Of a private conversation: one of the two blocks the other.
    blocked: bool,
    read_at: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Membership {
    permission: Permission,
    delivered: i64,
    read: i64,
}

/// The actor; see the module.
pub struct Room {
    chat: Chat,
    namespace: Recipient<MaySleep>,
    project: ProjectId,
    figures: Arc<ProjectFigures>,
    id: ConversationId,
    picture: Result<Picture, Failure>,
    /// The newest message that was told. Kept by the namespace, so that a room started after a failure goes on from there.
    told: Arc<AtomicI64>,
    speech: say::Speech,
    watermarks: marks::Watermarks,
    typers: typing::Typers,
    used_at: Instant,
    /// This room's own address for the scribe, from its start on: made once, since each clone of an address has its price.
    report_to: Option<ReportTo>,
    _guard: FailureGuard,
}

impl Room {
    /// A room that reads its conversation when it starts. `told` is where an earlier room of this conversation stopped telling,
    /// or a negative number if there was none.
    #[must_use]
    pub fn new(
        chat: Chat,
        namespace: Recipient<MaySleep>,
        (project, id): (ProjectId, ConversationId),
        told: Arc<AtomicI64>,
        figures: Arc<ProjectFigures>,
        guard: FailureGuard,
    ) -> Self {
        let now = Instant::now();
        let mut speech = say::Speech::default();
        if told.load(Ordering::Relaxed) >= 0 {
            // What the room before it had handed to the scribe may be stored or not, or not yet.
            speech.suspect();
        }
        Self {
            chat,
            namespace,
            project,
            figures,
            id,
            picture: Err(Failure::Unavailable),
            told,
            speech,
            watermarks: marks::Watermarks::default(),
            typers: typing::Typers::default(),
            used_at: now,
            report_to: None,
            _guard: guard,
        }
    }

    /// The user's membership, if the right is there. Who is no member learns nothing.
    fn admit(&self, user: UserId, needed: Permission) -> Result<(&Picture, Membership), Failure> {
        let picture = self.picture.as_ref().map_err(Clone::clone)?;
        let member = picture.members.get(&user).copied().ok_or(Failure::NotFound("conversation"))?;
        if member.permission >= needed {
            return Ok((picture, member));
        }
        Err(lacks(needed))
    }

    /// The picture was read a moment ago: a refusal may rest on it.
    fn is_fresh(&self) -> bool {
        self.picture.as_ref().is_ok_and(|picture| picture.read_at.elapsed() < FRESH)
    }

    fn told(&self) -> i64 {
        self.told.load(Ordering::Relaxed)
    }

    /// Reads the conversation; the room handles nothing else meanwhile.
    fn read(&mut self, ctx: &mut Context<Self>) {
        let (chat, project, id) = (self.chat.clone(), self.project, self.id);
        let read = async move {
            chat.run(async |connection| {
                let row = conversations::load(connection, project, id).await?;
                let row = row.ok_or(Failure::NotFound("conversation"))?;
                let blocked = match row.kind {
                    ConversationKind::Private => conversations::is_blocked_pair(connection, id).await?,
                    _ => false,
                };
                Ok((row, blocked))
            })
            .await
        };
        let apply = read.into_actor(self).map(|result, room, ctx| room.apply(result, ctx));
        ctx.wait(apply);
    }

    fn apply(&mut self, result: Result<(RoomRow, bool), Failure>, ctx: &mut Context<Self>) {
        match result {
            Ok((row, blocked)) => {
                if self.told() < 0 {
                    self.told.store(row.last_seq, Ordering::Relaxed);
                }
                let members = row.members.iter().map(|member| {
                    let (permission, delivered, read) = (member.permission, member.delivered_seq, member.read_seq);
                    (member.user_id, Membership { permission, delivered, read })
                });
                let picture = Picture {
                    kind: row.kind,
                    mode: row.mode,
                    turn: row.turn,
                    version: row.version,
                    members: members.collect(),
                    blocked,
                    read_at: Instant::now(),
                };
                self.follow_members(&picture.members, ctx);
                let changed = self.picture.as_ref().is_ok_and(|before| before.version != picture.version);
                if changed && self.speech.awaits_reports() {
                    // What is under way was checked on the version before and will come back: later messages wait for it.
                    self.speech.hold_back();
                }
                self.picture = Ok(picture);
                if row.last_seq > self.told() && !self.speech.awaits_reports() {
                    self.catch_up(ctx);
                }
            }
            // What is known stays good when it can't be read anew for the moment.
            Err(Failure::Unavailable) if self.picture.is_ok() => {}
            Err(failure) => {
                if matches!(failure, Failure::NotFound(_)) {
                    self.follow_members(&HashMap::new(), ctx);
                }
                self.picture = Err(failure);
            }
        }
        self.read_done(ctx);
    }

    /// Sees that the sessions of those who became members since the last look hear the conversation, and those of who is none
    /// any more don't. Who changes members tells the hubs so as well, but may fail before that, or be another node.
    fn follow_members(&self, members: &HashMap<UserId, Membership>, ctx: &mut Context<Self>) {
        let Ok(picture) = &self.picture else { return };
        let (id, before) = (self.id, &picture.members);
        let left: Vec<_> = before.keys().filter(|user| !members.contains_key(user)).copied().collect();
        if !left.is_empty() {
            self.deliver(Delivery::Leave { conversation: id, users: left }, ctx);
        }
        let joined: Vec<_> = members.keys().filter(|user| !before.contains_key(user)).copied().collect();
        if !joined.is_empty() {
            self.deliver(Delivery::Join { conversation: id, users: joined }, ctx);
        }
    }

    /// Publishes; what a full hub doesn't take is waited for before anything else is done.
    fn publish(&self, publication: Publication, ctx: &mut Context<Self>) {
        self.deliver(Delivery::Publish(publication), ctx);
    }

    fn deliver(&self, delivery: Delivery, ctx: &mut Context<Self>) {
        if let Some(backlog) = self.chat.bus.deliver(delivery) {
            ctx.wait(backlog.into_actor(self));
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        self.fail_overdue(ctx);
        if self.picture.as_ref().is_err_and(|failure| *failure == Failure::Unavailable) {
            self.read(ctx);
        }
        let busy = !self.speech.is_quiet() || !self.watermarks.is_quiet() || !self.typers.is_empty();
        // A room without a conversation has nothing to stay awake for.
        let is_idle = self.picture.is_err()
            || !self.namespace.connected()
            || self.used_at.elapsed() >= self.chat.limits.room_idle;
        if busy || !is_idle {
            return;
        }
        let goodbye = self.namespace.send(MaySleep { conversation: self.id, room: ctx.address() });
        ctx.spawn(goodbye.into_actor(self).map(|answer, room, ctx| {
            // Without a namespace nobody can find this room: the next one starts another.
            if answer.unwrap_or(true) && room.speech.is_quiet() {
                ctx.stop();
            }
        }));
    }

    /// Somebody needs the room.
    fn touch(&mut self) {
        self.used_at = Instant::now();
    }
}

/// Why a member without that permission may not.
fn lacks(needed: Permission) -> Failure {
    if needed == Permission::Write {
        Failure::ReadOnly
    } else {
        Failure::Forbidden("your permission does not allow this")
    }
}

impl Actor for Room {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.report_to = Some(Arc::new(ctx.address().recipient()));
        self.chat.metrics.rooms.up();
        self.figures.rooms.up();
        self.read(ctx);
        ctx.run_interval(TICK, Self::tick);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.chat.metrics.rooms.down();
        self.figures.rooms.down();
    }
}

/// A room has had nothing to do for a while: may it stop? It may when nobody has entered it for that long either: who keeps a
/// room's address keeps it for half that time (sessions do), so nobody is left who would speak to it.
#[derive(Message)]
#[rtype(result = "bool")]
pub struct MaySleep {
    pub conversation: ConversationId,
    pub room: Addr<Room>,
}

/// The conversation changed behind the room's back: read it anew.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Invalidate;

impl Handler<Invalidate> for Room {
    type Result = ();

    fn handle(&mut self, _: Invalidate, ctx: &mut Self::Context) {
        self.read(ctx);
    }
}

/// Fails the room, as an error in its code would. For tests of what holds then.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Fail;

impl Handler<Fail> for Room {
    type Result = ();

    #[expect(clippy::panic, reason = "this is what it is for")]
    fn handle(&mut self, _: Fail, _: &mut Self::Context) {
        panic!("told to fail");
    }
}
