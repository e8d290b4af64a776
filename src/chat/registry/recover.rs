//! How a registry that takes over from a failed one learns who is here: it calls the roll of the event loops and reads from the
//! database who these users are and what they chose. Who was told to be there and isn't any more is told offline then.

use super::Registry;
use crate::cluster::{Delivery, Here, Present};
use crate::model::presence::Presence;
use crate::model::{SessionId, UserId};
use crate::store::presence::{self, Kept};
use crate::store::users::{self, UserRow};
use actix::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before reading again when the database is away.
const RETRY: Duration = Duration::from_secs(1);
/// After this the loops that have not answered the roll call are taken to have none of the sessions: their hubs failed, and
/// their connections with them.
const ROLL_CALL: Duration = Duration::from_secs(10);

/// Whether a recovery is under way, and what ended meanwhile.
pub struct Recovery {
    is_under_way: bool,
    /// Loops that have not answered.
    unanswered: usize,
    /// Answers whose users are being read from the database.
    reading: usize,
    /// Sessions that ended, maybe before they were known.
    ended: HashSet<SessionId>,
}

impl Recovery {
    /// Of a registry that takes over, or of the first one.
    pub fn new(takes_over: bool) -> Self {
        Self { is_under_way: takes_over, unanswered: 0, reading: 0, ended: HashSet::new() }
    }

    /// A session ended; if it is still to be read from the database, it must not come back.
    pub fn session_ended(&mut self, session: SessionId) {
        if self.is_under_way {
            self.ended.insert(session);
        }
    }
}

impl Registry {
    pub(super) fn recover(&mut self, ctx: &mut Context<Self>) {
        if !self.recovery.is_under_way {
            return;
        }
        self.recovery.unanswered = self.chat.bus.loops();
        let roll_call = Delivery::RollCall { project: self.project, to: ctx.address().recipient() };
        self.deliver(roll_call, ctx);
        ctx.run_later(ROLL_CALL, |registry, ctx| {
            registry.recovery.unanswered = 0;
            registry.end_recovery(ctx);
        });
    }

    /// When all who are here are known, those who are not are told of.
    fn end_recovery(&mut self, ctx: &mut Context<Self>) {
        let recovery = &mut self.recovery;
        if recovery.unanswered > 0 || recovery.reading > 0 || !std::mem::take(&mut recovery.is_under_way) {
            return;
        }
        recovery.ended = HashSet::new();
        self.tell_missing(ctx);
    }

    /// Tells of those who went while there was no registry.
    fn tell_missing(&mut self, ctx: &mut Context<Self>) {
        let missing: Vec<_> = self.told.users().into_iter().filter(|user| !self.users.contains_key(user)).collect();
        if missing.is_empty() {
            return;
        }
        let read = self.read_users(missing);
        ctx.spawn(read.map(|(missing, known), registry, ctx| {
            let Some((users, mut kept)) = known else {
                ctx.run_later(RETRY, Self::tell_missing);
                return;
            };
            for user in &users {
                registry.live(Arc::new(users::shape(user)), kept.remove(&user.id).unwrap_or_default());
                registry.tell_presence(user.id, ctx);
            }
            // An account that is gone has nobody to be told of.
            for user in missing.into_iter().filter(|id| users.iter().all(|user| user.id != *id)) {
                registry.told.forget(user);
            }
        }));
    }

    /// Takes up the sessions of one loop.
    fn take_up(&mut self, here: Vec<Present>, ctx: &mut Context<Self>) {
        let ids: HashSet<_> = here.iter().map(|session| session.user).collect();
        let read = self.read_users(ids.into_iter().collect());
        ctx.spawn(read.map(move |(_, known), registry, ctx| {
            let Some((users, mut kept)) = known else {
                ctx.run_later(RETRY, |registry, ctx| registry.take_up(here, ctx));
                return;
            };
            let mut sessions: HashMap<UserId, Vec<Present>> = HashMap::new();
            for present in here.into_iter().filter(|present| !registry.recovery.ended.contains(&present.session)) {
                sessions.entry(present.user).or_default().push(present);
            }
            for user in users {
                let live = registry.live(Arc::new(users::shape(&user)), kept.remove(&user.id).unwrap_or_default());
                let was_away = live.sessions.is_empty();
                for Present { session, away, .. } in sessions.remove(&user.id).unwrap_or_default() {
                    live.sessions.insert(session);
                    live.presence.connect(session);
                    if away {
                        // Only a text could be refused, and there is none.
                        let _ = live.presence.set(session, Presence::Away, None);
                    }
                }
                if was_away && !live.sessions.is_empty() {
                    registry.figures.users.up();
                }
                registry.tell_presence(user.id, ctx);
            }
            registry.recovery.reading = registry.recovery.reading.saturating_sub(1);
            registry.end_recovery(ctx);
        }));
    }

    /// Reads who users are and what they chose; `None` when the database is away.
    fn read_users(&self, ids: Vec<UserId>) -> impl ActorFuture<Self, Output = (Vec<UserId>, Option<Known>)> + use<> {
        let (chat, project) = (self.chat.clone(), self.project);
        let read = async move {
            let known = chat
                .run(async |connection| {
                    let users = users::find_all(connection, project, &ids).await?;
                    let kept = presence::load_all(connection, &ids).await?;
                    Ok((users, kept))
                })
                .await;
            (ids, known.ok())
        };
        read.into_actor(self)
    }
}

/// Users, and what is kept of their presences.
type Known = (Vec<UserRow>, HashMap<UserId, Kept>);

impl Handler<Here> for Registry {
    type Result = ();

    fn handle(&mut self, Here(here): Here, ctx: &mut Self::Context) {
        self.recovery.unanswered = self.recovery.unanswered.saturating_sub(1);
        self.recovery.reading += 1;
        self.take_up(here, ctx);
    }
}
