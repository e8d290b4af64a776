//! Members, names, permissions, mode, deletion.
//!
//! Each is one transaction that checks the right on the locked conversation; then the room reads the conversation anew and tells
//! those concerned. Who was added or whose permission changed gets a push of their own, with what the conversation is to them.

use super::Room;
use crate::cluster::{Delivery, Publication};
use crate::model::{ChatbotId, ConversationId, Failure, SessionId, UserId};
use crate::store::groups::{self, ChangedGroup, GroupEdit};
use crate::store::{conversations, modes};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::{Conversation, Mode, Own};
use actix::prelude::*;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// Changes a group. Resolves with the group as the actor now sees it.
#[derive(actix::Message)]
#[rtype(result = "Result<Box<Conversation>, Failure>")]
pub struct ChangeGroup {
    pub session: SessionId,
    pub actor: UserId,
    pub edit: GroupEdit,
}

/// Sets who answers. Resolves with the conversation as the actor now sees it.
#[derive(actix::Message)]
#[rtype(result = "Result<Box<Conversation>, Failure>")]
pub struct SetMode {
    pub session: SessionId,
    pub actor: UserId,
    pub mode: Mode,
    pub chatbot: Option<ChatbotId>,
}

/// Deletes a group with everything in it.
#[derive(actix::Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct DeleteGroup {
    pub session: SessionId,
    pub actor: UserId,
}

/// What is told of a conversation that is gone, for all or for who was removed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ConversationGone)]
pub struct Gone {
    pub conversation: ConversationId,
}

impl Handler<ChangeGroup> for Room {
    type Result = AtomicResponse<Self, Result<Box<Conversation>, Failure>>;

    fn handle(&mut self, ChangeGroup { session, actor, edit }: ChangeGroup, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let (chat, project, id) = (self.chat.clone(), self.project, self.id);
        let work = async move {
            chat.run(async |connection| {
                let changed = groups::change_group(connection, project, id, actor, &edit).await?;
                let seen = conversations::one(connection, project, id, Some(actor)).await?;
                if !changed.changed {
                    return Ok((seen, None));
                }
                let told = conversations::one(connection, project, id, None).await?;
                // Gone in the same moment.
                let told = told.ok_or(Failure::NotFound("conversation"))?;
                let concerned = [changed.added.as_slice(), &changed.permissions_changed].concat();
                let owns = conversations::owns_of(connection, id, &concerned).await?;
                Ok((seen, Some((changed, told, owns))))
            })
            .await
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(move |result, room, ctx| {
            let (seen, change) = result?;
            let told = change.map(|(changed, told, owns)| {
                room.tell_change(&changed, &told, owns, session, ctx);
                room.read(ctx);
                told
            });
            // Who removed themselves sees it as they left it: as the others do.
            seen.or(told).map(Box::new).ok_or(Failure::NotFound("conversation"))
        })))
    }
}

impl Handler<SetMode> for Room {
    type Result = AtomicResponse<Self, Result<Box<Conversation>, Failure>>;

    fn handle(&mut self, set: SetMode, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let (chat, project, id) = (self.chat.clone(), self.project, self.id);
        let SetMode { session, actor, mode, chatbot } = set;
        let work = async move {
            chat.run(async |connection| {
                let changed = modes::set_mode(connection, project, id, actor, mode, chatbot).await?.changed;
                let seen = conversations::one(connection, project, id, Some(actor)).await?;
                let told = if changed { conversations::one(connection, project, id, None).await? } else { None };
                Ok((seen.ok_or(Failure::NotFound("conversation"))?, told))
            })
            .await
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(move |result, room, ctx| {
            let (seen, told) = result?;
            if let Some(told) = told {
                if let Some(llm) = room.chat.llm() {
                    llm.turn_is_over(id);
                }
                let told = Outgoing::new("conversation.mode", told);
                room.publish(Publication::to_conversation(id, told).skipping(session), ctx);
                room.read(ctx);
            }
            Ok(Box::new(seen))
        })))
    }
}

impl Handler<DeleteGroup> for Room {
    type Result = AtomicResponse<Self, Result<(), Failure>>;

    fn handle(&mut self, DeleteGroup { session, actor }: DeleteGroup, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let (chat, project, id) = (self.chat.clone(), self.project, self.id);
        let work = async move {
            chat.run(async |connection| groups::delete_group(connection, project, id, actor).await).await
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(move |result, room, ctx| {
            let members = result?;
            let gone = Outgoing::new("group.delete", Gone { conversation: id });
            room.publish(Publication::to_users(members.clone(), gone).skipping(session), ctx);
            room.deliver(Delivery::Leave { conversation: id, users: members }, ctx);
            room.picture = Err(Failure::NotFound("conversation"));
            Ok(())
        })))
    }
}

impl Room {
    /// Tells a change to the members, to those who are new and to those who are no longer.
    fn tell_change(
        &self,
        changed: &ChangedGroup,
        told: &Conversation,
        owns: Vec<(UserId, Own)>,
        session: SessionId,
        ctx: &mut Context<Self>,
    ) {
        let id = self.id;
        if !changed.removed.is_empty() {
            self.deliver(Delivery::Leave { conversation: id, users: changed.removed.clone() }, ctx);
            let gone = Outgoing::new("group.delete", Gone { conversation: id });
            self.publish(Publication::to_users(changed.removed.clone(), gone).skipping(session), ctx);
        }
        if !changed.added.is_empty() {
            self.deliver(Delivery::Join { conversation: id, users: changed.added.clone() }, ctx);
        }
        let told_alone: HashSet<_> = owns.iter().map(|(user, _)| *user).collect();
        for publication in pushes_of_own(told, owns) {
            self.publish(publication.skipping(session), ctx);
        }
        let event = Outgoing::new("group.update", told.clone());
        let publication = Publication::to_conversation(id, event).skipping(session);
        self.publish(publication.hiding_from((!told_alone.is_empty()).then(|| Arc::new(told_alone))), ctx);
    }
}

/// Tells users what a conversation is to them: one push for all of those to whom it is the same.
pub fn pushes_of_own(told: &Conversation, owns: Vec<(UserId, Own)>) -> Vec<Publication> {
    let mut alike: Vec<(Own, Vec<UserId>)> = Vec::new();
    for (user, own) in owns {
        match alike.iter_mut().find(|(known, _)| *known == own) {
            Some((_, users)) => users.push(user),
            None => alike.push((own, vec![user])),
        }
    }
    let push = |(own, users)| {
        let event = Outgoing::new("group.update", Conversation { own: Some(own), ..told.clone() });
        Publication::to_users(users, event)
    };
    alike.into_iter().map(push).collect()
}
