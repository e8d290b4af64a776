//! Contacts, invitations, blocks: one transaction each, then both sides are told what is theirs to know.

use super::Registry;
use crate::chat::Chat;
use crate::chat::namespace::IfAwake;
use crate::chat::room::Invalidate;
use crate::cluster::{Delivery, Publication};
use crate::model::contact::Action;
use crate::model::presence::Presence;
use crate::model::{ConversationId, Failure, ProjectId, SessionId, UserId};
use crate::store::contacts::{self, Applied};
use crate::store::{conversations, presence};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::{Contact, Conversation, Status};
use actix::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// Does something about a contact. Resolves with the contact as the actor now sees it.
#[derive(actix::Message)]
#[rtype(result = "Result<Contact, Failure>")]
pub struct Relate {
    pub session: SessionId,
    pub actor: UserId,
    pub target: UserId,
    pub action: Action,
}

/// What is to be told when it is stored.
struct Outcome {
    applied: Applied,
    /// The private conversation as each side sees it, when it is new or its permission changed.
    conversations: Vec<(UserId, Conversation)>,
    /// Each could see the other's presence before.
    saw: bool,
    /// Each can see it now.
    see: bool,
}

impl Handler<Relate> for Registry {
    type Result = ResponseActFuture<Self, Result<Contact, Failure>>;

    fn handle(&mut self, relate: Relate, _: &mut Self::Context) -> Self::Result {
        let Relate { session, actor, target, action } = relate;
        let pair = (actor.min(target), actor.max(target));
        let turn = Arc::clone(self.pairs.entry(pair).or_default());
        let (chat, project, made) = (self.chat.clone(), self.project, ConversationId::random());
        let work = async move {
            // Held until what was stored is told.
            let turn = turn.lock_owned().await;
            let outcome = chat.run(async |connection| {
                let saw = !presence::visible(connection, project, target, Some(&[actor])).await?.is_empty();
                let applied = contacts::apply(connection, project, actor, target, action, made).await?;
                let see = !presence::visible(connection, project, target, Some(&[actor])).await?.is_empty();
                let mut seen_by = Vec::new();
                if let (Some(id), true) =
                    (applied.conversation, applied.conversation_created || applied.permission_changed)
                {
                    for viewer in [actor, target] {
                        let seen = conversations::one(connection, project, id, Some(viewer)).await?;
                        seen_by.extend(seen.map(|conversation| (viewer, conversation)));
                    }
                }
                Ok(Outcome { applied, conversations: seen_by, saw, see })
            });
            let outcome = outcome.await;
            if let Ok(Outcome { applied: Applied { conversation: Some(conversation), .. }, .. }) = &outcome {
                refresh_room(&chat, project, *conversation).await;
            }
            (turn, outcome)
        };
        Box::pin(work.into_actor(self).map(move |(turn, outcome), registry, ctx| {
            let result = outcome.map(|outcome| {
                registry.tell_relation(&outcome, session, (actor, target), action, ctx);
                outcome.applied.mine
            });
            drop(turn);
            if registry.pairs.get(&pair).is_some_and(|turn| Arc::strong_count(turn) == 1) {
                registry.pairs.remove(&pair);
            }
            result
        }))
    }
}

impl Registry {
    fn tell_relation(
        &mut self,
        outcome: &Outcome,
        session: SessionId,
        (actor, target): (UserId, UserId),
        action: Action,
        ctx: &mut Context<Self>,
    ) {
        let Outcome { applied, conversations, saw, see } = outcome;
        if matches!(action, Action::Block | Action::Unblock) {
            let on = action == Action::Block;
            self.deliver(Delivery::Block { by: actor, whom: target, on }, ctx);
        }
        if applied.effect.changed {
            let mine = Outgoing::new("contact.update", applied.mine.clone());
            self.tell(Publication::to_users(vec![actor], mine).skipping(session), ctx);
        }
        if let Some(theirs) = &applied.theirs {
            self.tell(Publication::to_users(vec![target], Outgoing::new("contact.update", theirs.clone())), ctx);
        }
        if let (Some(conversation), true) = (applied.conversation, applied.conversation_created) {
            self.deliver(Delivery::Join { conversation, users: vec![actor, target] }, ctx);
        }
        // A conversation that comes of an acceptance of which the other side hears nothing isn't told to them either.
        let hears_nothing = applied.conversation_created && applied.theirs.is_none();
        for (viewer, seen) in conversations {
            if *viewer == actor || !hears_nothing {
                let event = Outgoing::new("group.update", seen.clone());
                self.tell(Publication::to_users(vec![*viewer], event), ctx);
            }
        }
        match (*saw, *see) {
            (false, true) => {
                self.show(actor, target, ctx);
                self.show(target, actor, ctx);
            }
            (true, false) => {
                self.hide(actor, target, ctx);
                self.hide(target, actor, ctx);
            }
            _ => {}
        }
    }

    /// Tells a user how another looks, if that one is there.
    fn show(&self, user: UserId, to: UserId, ctx: &mut Context<Self>) {
        let Some(live) = self.users.get(&user) else { return };
        let status = live.shown_status();
        if status.status != Presence::Offline {
            self.tell(Publication::to_users(vec![to], Outgoing::new("status.update", status)), ctx);
        }
    }

    /// Tells a user that another is offline, if they were seen otherwise.
    fn hide(&self, user: UserId, from: UserId, ctx: &mut Context<Self>) {
        let Some(live) = self.users.get(&user) else { return };
        let status = live.shown_status();
        if status.status != Presence::Offline {
            let last_seen = Some(self.chat.now().into());
            let offline = Status { status: Presence::Offline, text: None, last_seen, ..status };
            self.tell(Publication::to_users(vec![from], Outgoing::new("status.update", offline)), ctx);
        }
    }

    fn tell(&self, publication: Publication, ctx: &mut Context<Self>) {
        self.deliver(Delivery::Publish(publication), ctx);
    }
}

/// Has the private conversation's room, if it is awake, read anew who may write and who blocks whom. It does so before it looks
/// at anything that comes later, so whoever is told of the change after this finds it in force.
pub(in crate::chat) async fn refresh_room(chat: &Chat, project: ProjectId, conversation: ConversationId) {
    let Some(namespace) = chat.namespace_if_awake(project) else { return };
    if let Ok(Some(room)) = namespace.send(IfAwake(conversation)).timeout(NAMESPACE_PATIENCE).await {
        // Past the mailbox's bound: one message an action.
        room.do_send(Invalidate);
    }
}

/// How long the namespace may take to find a room: it only looks it up.
const NAMESPACE_PATIENCE: Duration = Duration::from_secs(5);
