//! How a registry that takes over from a failed one learns who is here: it calls the roll of the event loops and reads from the
//! database who these users are and what they chose.

use super::{Live, Registry};
use crate::cluster::{Delivery, Here};
use crate::model::SessionId;
use crate::store::{presence, users};
use actix::prelude::*;
use std::collections::HashSet;
use std::time::Duration;

/// How long to wait before reading again when the database is away.
const RETRY: Duration = Duration::from_secs(1);

/// Whether a recovery is under way, and what ended meanwhile.
pub struct Recovery {
    takes_over: bool,
    /// Sessions that ended before they were known.
    ended: HashSet<SessionId>,
}

impl Recovery {
    /// Of a registry that takes over, or of the first one.
    pub fn new(takes_over: bool) -> Self {
        Self { takes_over, ended: HashSet::new() }
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
            let roll_call = Delivery::RollCall { project: self.project, to: ctx.address().recipient() };
            self.deliver(roll_call, ctx);
        }
    }
}

impl Handler<Here> for Registry {
    type Result = ();

    fn handle(&mut self, Here(sessions): Here, ctx: &mut Self::Context) {
        if sessions.is_empty() {
            return;
        }
        let (chat, project) = (self.chat.clone(), self.project);
        let read = async move {
            let ids: Vec<_> = sessions.iter().map(|(_, user)| *user).collect();
            let known = chat
                .run(async |connection| {
                    let users = users::find_all(connection, project, &ids).await?;
                    let kept = presence::load_all(connection, &ids).await?;
                    Ok((users, kept))
                })
                .await;
            (sessions, known)
        };
        let apply = read.into_actor(self).map(|(sessions, known), registry, ctx| {
            let Ok((users, mut kept)) = known else {
                ctx.notify_later(Here(sessions), RETRY);
                return;
            };
            for user in users {
                let id = user.id;
                let kept = kept.remove(&id).unwrap_or_default();
                let user = std::sync::Arc::new(users::shape(&user));
                let live =
                    registry.users.entry(id).or_insert_with(|| Live::new(user, kept.choice, kept.text, kept.last_seen));
                for (session, _) in sessions.iter().filter(|(_, of)| *of == id) {
                    if !registry.recovery.ended.contains(session) {
                        live.sessions.insert(*session);
                        live.presence.connect(*session);
                    }
                }
                registry.tell_presence(id, ctx);
            }
        });
        ctx.spawn(apply);
    }
}
