//! A presence that a user chooses from outside a session: it holds for the sessions that there are, and for those to come.

use super::Registry;
use super::presence::SetStatus;
use crate::model::presence::{Presence, UserPresence};
use crate::model::{Failure, SessionId, UserId};
use crate::store::presence;
use crate::wire::shapes::{Status, User};
use actix::prelude::*;
use std::sync::Arc;

/// Sets what a user chose to show, without a session. Resolves with the presence as the user sees it.
#[derive(actix::Message)]
#[rtype(result = "Result<Status, Failure>")]
pub struct Choose {
    pub user: Arc<User>,
    pub status: Presence,
    pub text: Option<String>,
}

impl Handler<Choose> for Registry {
    type Result = ResponseActFuture<Self, Result<Status, Failure>>;

    fn handle(&mut self, choose: Choose, ctx: &mut Self::Context) -> Self::Result {
        let Choose { user, status, text } = choose;
        // It is the user's own only, and no session's.
        let set = SetStatus { session: SessionId::random(), user: user.id, status, text: text.clone() };
        if self.users.contains_key(&user.id) {
            return self.handle(set, ctx);
        }
        let chat = self.chat.clone();
        let save = async move {
            chat.run(async |connection| {
                let kept = presence::load(connection, user.id).await?;
                let mut chosen = UserPresence::new(kept.choice, kept.text);
                chosen.set(set.session, status, text.as_deref())?;
                presence::save_choice(connection, user.id, chosen.choice(), chosen.text()).await?;
                let (text, last_seen) = (chosen.text().map(str::to_owned), kept.last_seen.map(Into::into));
                Ok(Status { user: (*user).clone(), status: Presence::Offline, text, last_seen })
            })
            .await
            .map(|offline| (offline, set))
        };
        Box::pin(save.into_actor(self).then(|saved, registry, ctx| match saved {
            // A session came meanwhile, with what was chosen before.
            Ok((_, set)) if registry.users.contains_key(&set.user) => registry.handle(set, ctx),
            saved => Box::pin(fut::ready(saved.map(|(offline, _)| offline))),
        }))
    }
}

/// A user's presence as they see it themselves; `None` if no session of theirs is here.
#[derive(actix::Message)]
#[rtype(result = "Option<Status>")]
pub struct Own(pub UserId);

impl Handler<Own> for Registry {
    type Result = Option<Status>;

    fn handle(&mut self, Own(user): Own, _: &mut Self::Context) -> Self::Result {
        self.users.get(&user).map(super::Live::own_status)
    }
}
