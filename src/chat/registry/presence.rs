//! What users look like to others.
//!
//! What is told is always what holds when it is told: while one telling looks up who may see it, changes only mark that there is
//! more to tell. So tellings of a user come in order, and a user who goes and comes at once never flickers.

use super::{Live, Registry};
use crate::cluster::{Delivery, Publication};
use crate::model::presence::{Choice, Presence};
use crate::model::{Failure, SessionId, UserId};
use crate::store::presence::{self, Seen};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::Status;
use actix::prelude::*;
use std::sync::PoisonError;

impl Live {
    /// As the user sees it.
    pub(super) fn own_status(&self) -> Status {
        Status {
            user: (*self.user).clone(),
            status: self.presence.own(),
            text: self.presence.text().map(str::to_owned),
            last_seen: None,
        }
    }

    /// As others see it.
    pub(super) fn shown_status(&self) -> Status {
        let status = self.presence.shown();
        let last_seen = if status == Presence::Offline { self.last_seen.map(Into::into) } else { None };
        let text = self.presence.shown_text().map(str::to_owned);
        Status { user: (*self.user).clone(), status, text, last_seen }
    }

    fn shown(&self) -> (Presence, Option<String>) {
        (self.presence.shown(), self.presence.shown_text().map(str::to_owned))
    }
}

impl Registry {
    /// Tells those who may see it how a user looks, if that is not what they were told last. Who is gone and told so is forgotten.
    pub(super) fn tell_presence(&mut self, user: UserId, ctx: &mut Context<Self>) {
        let now = self.chat.now();
        let Some(live) = self.users.get_mut(&user) else { return };
        if live.telling {
            return;
        }
        if live.told.as_ref() == Some(&live.shown()) {
            if live.sessions.is_empty() {
                self.users.remove(&user);
            }
            return;
        }
        live.telling = true;
        let was_offline = live.told.as_ref().is_some_and(|(told, _)| *told == Presence::Offline);
        let went = live.presence.shown() == Presence::Offline && !was_offline;
        if went {
            live.last_seen = Some(now);
        }
        let (chat, project) = (self.chat.clone(), self.project);
        let look_up = async move {
            chat.run(async |connection| {
                if went {
                    presence::save_last_seen(connection, &[(user, now)]).await?;
                }
                Ok(presence::watchers(connection, project, user).await?)
            })
            .await
        };
        let tell = look_up.into_actor(self).map(move |watchers, registry, ctx| {
            let Some(live) = registry.users.get_mut(&user) else { return };
            live.telling = false;
            match watchers {
                Ok(watchers) => {
                    let shown = live.shown();
                    // Who went and came back meanwhile looks as told before: there is nothing to tell.
                    if live.told.as_ref() != Some(&shown) {
                        let mut visible = registry.shown.lock().unwrap_or_else(PoisonError::into_inner);
                        if shown.0 == Presence::Offline {
                            visible.remove(&user);
                        } else {
                            visible.insert(user);
                        }
                        drop(visible);
                        live.told = Some(shown);
                        let event = Outgoing::new("status.update", live.shown_status());
                        let publication = Publication::to_users(watchers, event).by(user).transient();
                        registry.deliver(Delivery::Publish(publication), ctx);
                    }
                    registry.tell_presence(user, ctx);
                }
                // The database is away: told when it is back.
                Err(_) => {
                    ctx.run_later(RETRY, move |registry, ctx| registry.tell_presence(user, ctx));
                }
            }
        });
        ctx.spawn(tell);
    }
}

/// How long to wait before looking up again who may see a presence.
const RETRY: std::time::Duration = std::time::Duration::from_secs(1);

/// A session sets its user's presence. Resolves with the presence as the user sees it.
#[derive(actix::Message)]
#[rtype(result = "Result<Status, Failure>")]
pub struct SetStatus {
    pub session: SessionId,
    pub user: UserId,
    pub status: Presence,
    pub text: Option<String>,
}

impl Handler<SetStatus> for Registry {
    type Result = ResponseActFuture<Self, Result<Status, Failure>>;

    fn handle(&mut self, set: SetStatus, ctx: &mut Self::Context) -> Self::Result {
        let SetStatus { session, user, status, text } = set;
        let Some(live) = self.users.get_mut(&user) else {
            return Box::pin(fut::err(Failure::Unavailable));
        };
        let before = (live.presence.choice(), live.presence.text().map(str::to_owned));
        if let Err(failure) = live.presence.set(session, status, text.as_deref()) {
            return Box::pin(fut::err(failure));
        }
        let (choice, text) = (live.presence.choice(), live.presence.text().map(str::to_owned));
        let own = live.own_status();
        let tell_own = Publication::to_users(vec![user], Outgoing::new("status.update", own.clone()));
        self.deliver(Delivery::Publish(tell_own.skipping(session).transient()), ctx);
        self.deliver(Delivery::Invisible { user, on: choice == Choice::Invisible }, ctx);
        self.tell_presence(user, ctx);
        if (choice, text.clone()) == before {
            return Box::pin(fut::ok(own));
        }
        let chat = self.chat.clone();
        let save = async move {
            chat.run(async |connection| {
                presence::save_choice(connection, user, choice, text.as_deref()).await?;
                Ok(own)
            })
            .await
        };
        Box::pin(save.into_actor(self))
    }
}

/// What the database knows of users' presences, to be completed with who is here.
#[derive(actix::Message)]
#[rtype(result = "Vec<Status>")]
pub struct Look(pub Vec<Seen>);

impl Handler<Look> for Registry {
    type Result = MessageResult<Look>;

    fn handle(&mut self, Look(seen): Look, _: &mut Self::Context) -> Self::Result {
        let statuses = seen.into_iter().map(|Seen { user, kept }| match self.users.get(&user.id) {
            Some(live) => live.shown_status(),
            None => Status { user, status: Presence::Offline, text: None, last_seen: kept.last_seen.map(Into::into) },
        });
        MessageResult(statuses.collect())
    }
}
