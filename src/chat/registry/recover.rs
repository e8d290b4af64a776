//! How a registry that takes over from a failed one learns who is here: it calls the roll of the event loops and reads from the
//! database who these users are and what they chose. Whoever was shown to others and does not answer has gone, and that is told.

use super::Registry;
use crate::chat::Chat;
use crate::cluster::{Delivery, Here, Present};
use crate::model::presence::Presence;
use crate::model::{Failure, ProjectId, SessionId, UserId};
use crate::store::presence::{self, Kept};
use crate::store::users::{self, UserRow};
use actix::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// How long to wait before reading again when the database is away.
const RETRY: Duration = Duration::from_secs(1);
/// How long an event loop may take to answer the roll call; one whose hub fails in that moment never does.
const ROLL_CALL: Duration = Duration::from_secs(10);

/// Whether a recovery is under way, and what ended meanwhile.
pub struct Recovery {
    takes_over: bool,
    /// Event loops that have not answered.
    unanswered: usize,
    /// Answers whose users are being read from the database.
    reading: usize,
    /// Sessions that ended before they were known.
    ended: HashSet<SessionId>,
}

impl Recovery {
    /// Of a registry that takes over, or of the first one.
    pub fn new(takes_over: bool) -> Self {
        Self { takes_over, unanswered: 0, reading: 0, ended: HashSet::new() }
    }

    /// A session ended; if it is still to be read from the database, it must not come back.
    pub fn session_ended(&mut self, session: SessionId) {
        if self.takes_over {
            self.ended.insert(session);
        }
    }
}

impl Registry {
    pub(super) fn recover(&mut self, ctx: &mut Context<Self>) {
        if self.recovery.takes_over {
            self.recovery.unanswered = self.chat.bus.loops();
            let roll_call = Delivery::RollCall { project: self.project, to: ctx.address().recipient() };
            self.deliver(roll_call, ctx);
            ctx.run_later(ROLL_CALL, |registry, ctx| {
                registry.recovery.unanswered = 0;
                registry.end_recovery(ctx);
            });
        }
    }

    /// When all answers are in, whoever was shown and gave none has gone.
    fn end_recovery(&mut self, ctx: &mut Context<Self>) {
        let recovery = &mut self.recovery;
        if recovery.unanswered > 0 || recovery.reading > 0 || !std::mem::take(&mut recovery.takes_over) {
            return;
        }
        recovery.ended = HashSet::new();
        let absent: Vec<UserId> = {
            let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            shown.iter().filter(|user| !self.users.contains_key(user)).copied().collect()
        };
        if !absent.is_empty() {
            self.tell_absent(absent, ctx);
        }
    }

    fn tell_absent(&mut self, absent: Vec<UserId>, ctx: &mut Context<Self>) {
        let (chat, project) = (self.chat.clone(), self.project);
        let read = async move {
            let known = who_they_are(&chat, project, &absent).await;
            (absent, known)
        };
        let apply = read.into_actor(self).map(|(absent, known), registry, ctx| match known {
            Ok((users, kept)) => registry.know(users, kept, &HashMap::new(), ctx),
            Err(_) => {
                ctx.run_later(RETRY, |registry, ctx| registry.tell_absent(absent, ctx));
            }
        });
        ctx.spawn(apply);
    }

    /// Takes up users as the database has them, each with the sessions that answered, and tells what they look like.
    fn know(
        &mut self,
        users: Vec<UserRow>,
        mut kept: HashMap<UserId, Kept>,
        present: &HashMap<UserId, Vec<Present>>,
        ctx: &mut Context<Self>,
    ) {
        for user in users {
            let id = user.id;
            let kept = kept.remove(&id).unwrap_or_default();
            self.live(Arc::new(users::shape(&user)), kept.choice, kept.text, kept.last_seen);
            if let Some(live) = self.users.get_mut(&id) {
                let answered = present.get(&id).into_iter().flatten();
                for here in answered.filter(|here| !self.recovery.ended.contains(&here.session)) {
                    live.sessions.insert(here.session);
                    live.presence.connect(here.session);
                    if here.away {
                        // Only a text could be refused, and there is none.
                        let _ = live.presence.set(here.session, Presence::Away, None);
                    }
                }
            }
            self.tell_presence(id, ctx);
        }
    }

    fn take_up(&mut self, present: HashMap<UserId, Vec<Present>>, ctx: &mut Context<Self>) {
        let (chat, project) = (self.chat.clone(), self.project);
        let read = async move {
            let ids: Vec<UserId> = present.keys().copied().collect();
            let known = who_they_are(&chat, project, &ids).await;
            (present, known)
        };
        let apply = read.into_actor(self).map(|(present, known), registry, ctx| {
            let Ok((users, kept)) = known else {
                ctx.run_later(RETRY, |registry, ctx| registry.take_up(present, ctx));
                return;
            };
            registry.know(users, kept, &present, ctx);
            registry.recovery.reading -= 1;
            registry.end_recovery(ctx);
        });
        ctx.spawn(apply);
    }
}

async fn who_they_are(
    chat: &Chat,
    project: ProjectId,
    ids: &[UserId],
) -> Result<(Vec<UserRow>, HashMap<UserId, Kept>), Failure> {
    chat.run(async |connection| {
        let users = users::find_all(connection, project, ids).await?;
        Ok((users, presence::load_all(connection, ids).await?))
    })
    .await
}

impl Handler<Here> for Registry {
    type Result = ();

    fn handle(&mut self, Here(sessions): Here, ctx: &mut Self::Context) {
        self.recovery.unanswered = self.recovery.unanswered.saturating_sub(1);
        if sessions.is_empty() {
            self.end_recovery(ctx);
            return;
        }
        let mut present: HashMap<UserId, Vec<Present>> = HashMap::new();
        for session in sessions {
            present.entry(session.user).or_default().push(session);
        }
        self.recovery.reading += 1;
        self.take_up(present, ctx);
    }
}
