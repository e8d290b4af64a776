//! What users look like to others.
//!
//! What is told is always what holds when it is told: while one telling looks up who may see it, changes only mark that there is
//! more to tell, and what has changed by the end of the look-up isn't told but looked up again. So tellings of a user come in
//! order, and a user who goes and comes at once never flickers.

use super::{Live, Registry};
use crate::cluster::{Delivery, Publication};
use crate::model::presence::{Choice, Presence};
use crate::model::{Failure, SessionId, UserId};
use crate::store::presence::{self, Seen};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::Status;
use actix::prelude::*;
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

    fn shown(&self) -> Shown {
        (self.presence.shown(), self.presence.shown_text().map(str::to_owned))
    }

    /// Notes when others can see the user there no longer.
    fn note_seen(&mut self, now: DateTime<Utc>) {
        let is_there = self.presence.shown() != Presence::Offline;
        if self.was_there && !is_there {
            self.last_seen = Some(now);
            self.unsaved = Some(now);
        }
        self.was_there = is_there;
    }
}

/// A presence and its text, as others see them.
type Shown = (Presence, Option<String>);

/// What others were told last of each user. The namespace shares it, so that a registry which takes over from a failed one can
/// tell what changed between them.
#[derive(Clone, Default)]
pub struct Told(Arc<Mutex<HashMap<UserId, Shown>>>);

impl Told {
    fn all(&self) -> MutexGuard<'_, HashMap<UserId, Shown>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offline, where nothing else was told.
    pub(super) fn of(&self, user: UserId) -> Shown {
        self.all().get(&user).cloned().unwrap_or((Presence::Offline, None))
    }

    /// Who was told to be there.
    pub(super) fn users(&self) -> Vec<UserId> {
        self.all().keys().copied().collect()
    }

    /// Notes what was told. Who is offline takes no place.
    pub(super) fn note(&self, user: UserId, shown: Shown) {
        if shown.0 == Presence::Offline {
            self.all().remove(&user);
        } else {
            self.all().insert(user, shown);
        }
    }

    /// There is nobody any more to tell of.
    pub(super) fn forget(&self, user: UserId) {
        self.all().remove(&user);
    }
}

/// What there is to tell or to save of a user.
struct News {
    user: UserId,
    shown: Shown,
    last_seen: Option<DateTime<Utc>>,
}

impl Registry {
    /// Sees that those who may see it are told how a user looks, if that is not what they were told last. To be called after
    /// every change.
    pub(super) fn tell_presence(&mut self, user: UserId, ctx: &mut Context<Self>) {
        let now = self.chat.now();
        let Some(live) = self.users.get_mut(&user) else { return };
        live.note_seen(now);
        if !std::mem::replace(&mut live.queued, true) {
            self.to_tell.push_back(user);
        }
        self.tell_next(ctx);
    }

    /// Tells what has gathered, unless a telling is under way: when thousands come or go at once, their watchers are looked up
    /// by the hundred and not each on a connection of their own.
    fn tell_next(&mut self, ctx: &mut Context<Self>) {
        if self.telling {
            return;
        }
        let batch = self.take_news();
        if batch.is_empty() {
            return;
        }
        self.telling = true;
        let (chat, project) = (self.chat.clone(), self.project);
        let users: Vec<_> = batch.iter().map(|news| news.user).collect();
        let seen: Vec<_> = batch.iter().filter_map(|news| Some((news.user, news.last_seen?))).collect();
        let look_up = async move {
            chat.run(async |connection| {
                presence::save_last_seen(connection, &seen).await?;
                Ok(presence::watchers_of(connection, project, &users).await?)
            })
            .await
        };
        let tell = look_up.into_actor(self).map(move |watchers, registry, ctx| match watchers {
            Ok(watchers) => {
                registry.telling = false;
                registry.tell_news(batch, watchers, ctx);
                registry.tell_next(ctx);
            }
            // The database is away: told when it is back.
            Err(_) => {
                registry.put_back(batch);
                ctx.run_later(RETRY, |registry, ctx| {
                    registry.telling = false;
                    registry.tell_next(ctx);
                });
            }
        });
        ctx.spawn(tell);
    }

    /// The next of those of whom there is something to tell or to save.
    fn take_news(&mut self) -> Vec<News> {
        let mut batch = Vec::new();
        while batch.len() < BATCH {
            let Some(user) = self.to_tell.pop_front() else { break };
            let Some(live) = self.users.get_mut(&user) else { continue };
            live.queued = false;
            let (shown, last_seen) = (live.shown(), live.unsaved.take());
            if shown == self.told.of(user) && last_seen.is_none() {
                self.forget_if_gone(user);
            } else {
                batch.push(News { user, shown, last_seen });
            }
        }
        batch
    }

    fn put_back(&mut self, batch: Vec<News>) {
        for News { user, last_seen, .. } in batch {
            let Some(live) = self.users.get_mut(&user) else { continue };
            live.unsaved = live.unsaved.max(last_seen);
            if !std::mem::replace(&mut live.queued, true) {
                self.to_tell.push_back(user);
            }
        }
    }

    fn tell_news(&mut self, batch: Vec<News>, mut watchers: HashMap<UserId, Vec<UserId>>, ctx: &mut Context<Self>) {
        for News { user, shown, .. } in batch {
            let Some(live) = self.users.get(&user) else { continue };
            // Another look by now: that one is told instead, its turn comes.
            if live.shown() != shown {
                continue;
            }
            if self.told.of(user) != shown {
                self.told.note(user, shown);
                let event = Outgoing::new("status.update", live.shown_status());
                if let Some(watchers) = watchers.remove(&user) {
                    let publication = Publication::to_users(watchers, event).by(user).transient();
                    self.deliver(Delivery::Publish(publication), ctx);
                }
            }
            self.forget_if_gone(user);
        }
    }

    /// Who is gone and told so is forgotten.
    fn forget_if_gone(&mut self, user: UserId) {
        if self.users.get(&user).is_some_and(|live| live.sessions.is_empty() && !live.queued) {
            self.users.remove(&user);
        }
    }
}

/// Users whose watchers are looked up at once: enough for a storm, and few enough that the first of them needn't wait long.
const BATCH: usize = 256;
/// How long to wait before looking up again who may see a presence.
pub(super) const RETRY: Duration = Duration::from_secs(1);

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
