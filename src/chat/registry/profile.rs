//! What users are called and look like: who may see them hears of a change at once, and their own sessions speak under the new name.
//!
//! What is told is always what is stored when it is told, and one telling is under way at a time: so changes of a user come in
//! order, and of many at once only the last is told.

use super::Registry;
use super::presence::RETRY;
use crate::chat::Chat;
use crate::cluster::{Delivery, Publication};
use crate::model::presence::Presence;
use crate::model::{ProjectId, UserId};
use crate::store::presence;
use crate::store::users::{self, UserRow};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::{Status, User};
use actix::prelude::*;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Users whose watchers are looked up at once.
const BATCH: usize = 64;

/// Whose changes are still to be told.
#[derive(Default)]
pub struct Profiles {
    waiting: VecDeque<UserId>,
    telling: bool,
}

/// A user's profile was changed in the database.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub struct ProfileChanged(pub UserId);

impl ProfileChanged {
    /// Tells the registry of a project, if it runs: else nobody is here to hear of it.
    pub fn tell(chat: &Chat, project: ProjectId, user: UserId) {
        if let Some(registry) = chat.registry_if_awake(project) {
            // Past the mailbox's bound: one message a change that is stored.
            registry.do_send(Self(user));
        }
    }
}

impl Handler<ProfileChanged> for Registry {
    type Result = ();

    fn handle(&mut self, ProfileChanged(user): ProfileChanged, ctx: &mut Self::Context) {
        if !self.profiles.waiting.contains(&user) {
            self.profiles.waiting.push_back(user);
        }
        self.tell_profiles(ctx);
    }
}

impl Registry {
    fn tell_profiles(&mut self, ctx: &mut Context<Self>) {
        if self.profiles.telling || self.profiles.waiting.is_empty() {
            return;
        }
        self.profiles.telling = true;
        let batch: Vec<UserId> = self.profiles.waiting.drain(..self.profiles.waiting.len().min(BATCH)).collect();
        let (chat, project) = (self.chat.clone(), self.project);
        let look_up = async move {
            let found = chat
                .run(async |connection| {
                    let users = users::find_all(connection, project, &batch).await?;
                    Ok((users, presence::watchers_of(connection, project, &batch).await?))
                })
                .await;
            (batch, found.ok())
        };
        ctx.spawn(look_up.into_actor(self).map(|(batch, found), registry, ctx| match found {
            Some((users, watchers)) => {
                registry.profiles.telling = false;
                registry.publish_profiles(&users, watchers, ctx);
                registry.tell_profiles(ctx);
            }
            // The database is away: told when it is back.
            None => {
                registry.profiles.waiting.extend(batch);
                ctx.run_later(RETRY, |registry, ctx| {
                    registry.profiles.telling = false;
                    registry.tell_profiles(ctx);
                });
            }
        }));
    }

    fn publish_profiles(
        &mut self,
        users: &[UserRow],
        mut watchers: HashMap<UserId, Vec<UserId>>,
        ctx: &mut Context<Self>,
    ) {
        for row in users {
            let user = Arc::new(users::shape(row));
            if let Some(live) = self.users.get_mut(&row.id) {
                live.user = Arc::clone(&user);
            }
            self.deliver(Delivery::Profile(Arc::clone(&user)), ctx);
            let mut audience = watchers.remove(&row.id).unwrap_or_default();
            audience.push(row.id);
            let publication = Publication::to_users(audience, Outgoing::new("user.update", user)).by(row.id);
            self.deliver(Delivery::Publish(publication), ctx);
        }
    }
}

/// A user is deleted: those who saw them there are told otherwise.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub struct Departure {
    pub user: User,
    pub watchers: Vec<UserId>,
}

impl Handler<Departure> for Registry {
    type Result = ();

    fn handle(&mut self, Departure { user, watchers }: Departure, ctx: &mut Self::Context) {
        let id = user.id;
        if self.told.of(id).0 != Presence::Offline {
            let last_seen = Some(self.chat.now().into());
            let status = Status { user, status: Presence::Offline, text: None, last_seen };
            let event = Outgoing::new("status.update", status);
            self.deliver(Delivery::Publish(Publication::to_users(watchers, event).transient()), ctx);
        }
        self.told.forget(id);
    }
}
