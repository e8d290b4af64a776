//! Changes to messages that are there: edits, deletions, reactions, answers to games.
//!
//! They are rare beside new messages, so each is one transaction of its own, and the room does nothing else until it is done:
//! what is told comes in the order in which it was stored.

use super::{Room, lacks};
use crate::chat::room::tell::message_event;
use crate::cluster::{Publication, ReplyTo, Tailor};
use crate::model::game::Answer;
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, MessageId, UserId};
use crate::store::{games, members, messages};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::{Message, User};
use actix::prelude::*;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// Changes a message. Resolves with it as it is then, when that is stored and told; a session's reply itself goes through the hub.
#[derive(actix::Message)]
#[rtype(result = "Result<Arc<Message>, Failure>")]
pub struct Alter {
    pub reply: Option<ReplyTo>,
    pub user: Arc<User>,
    pub message: MessageId,
    pub change: Alteration,
}

/// What is done to a message.
#[derive(Debug, Clone)]
pub enum Alteration {
    Edit {
        body: String,
    },
    Delete,
    React {
        emoji: String,
        on: bool,
    },
    Answer(Answer),
    /// The app that made an invitation takes it back, whatever the user may do in the conversation.
    WithdrawBy(Uuid),
}

impl Alteration {
    /// The right in the conversation that it needs, if any; what depends on the message itself is checked where it is locked.
    fn needs(&self) -> Option<Permission> {
        match self {
            Self::Edit { .. } | Self::React { .. } | Self::Answer(_) => Some(Permission::Write),
            Self::Delete => Some(Permission::Read),
            Self::WithdrawBy(_) => None,
        }
    }
}

/// What the members are told of a reaction.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Reaction)]
pub struct ReactionPush {
    conversation: ConversationId,
    message: MessageId,
    user: Arc<User>,
    emoji: String,
    on: bool,
    count: i64,
}

/// What a change has come to.
enum Altered {
    /// The members are told the message.
    Message(Message),
    /// Nothing changed: only who asked hears how it is.
    Unchanged(Message),
    Reaction {
        message: Message,
        push: ReactionPush,
    },
}

impl Handler<Alter> for Room {
    type Result = AtomicResponse<Self, Result<Arc<Message>, Failure>>;

    fn handle(&mut self, alter: Alter, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let (chat, project, id) = (self.chat.clone(), self.project, self.id);
        let work = async move {
            let altered = chat.run(async |connection| {
                let now = chat.now();
                let Alter { user, message, change, .. } = &alter;
                let (message, user_id) = (*message, user.id);
                // The right comes from the database: what the room keeps may be a moment old.
                let mut may_administer = false;
                if let Some(needed) = change.needs() {
                    let permission = members::permission(connection, project, id, user_id).await?;
                    let permission = permission.ok_or(Failure::NotFound("conversation"))?;
                    if permission < needed {
                        return Err(lacks(needed));
                    }
                    may_administer = permission.may_administer();
                }
                Ok(match change {
                    Alteration::Edit { body } => {
                        Altered::Message(messages::edit(connection, project, id, message, user_id, body, now).await?)
                    }
                    Alteration::Delete => {
                        let any = may_administer;
                        Altered::Message(messages::delete(connection, project, id, message, user_id, any, now).await?)
                    }
                    Alteration::React { emoji, on } => {
                        let reacted =
                            messages::react(connection, project, id, message, user_id, emoji, *on, now).await?;
                        if reacted.changed {
                            let push = ReactionPush {
                                conversation: id,
                                message,
                                user: Arc::clone(user),
                                emoji: emoji.clone(),
                                on: *on,
                                count: reacted.count,
                            };
                            Altered::Reaction { message: reacted.message, push }
                        } else {
                            Altered::Unchanged(reacted.message)
                        }
                    }
                    Alteration::Answer(answer) => {
                        let (changed, message) =
                            games::answer(connection, project, id, message, user_id, *answer, now).await?;
                        if changed { Altered::Message(message) } else { Altered::Unchanged(message) }
                    }
                    Alteration::WithdrawBy(app) => {
                        let (changed, message) = games::withdraw(connection, project, id, message, *app, now).await?;
                        if changed { Altered::Message(message) } else { Altered::Unchanged(message) }
                    }
                })
            });
            Ok((altered.await?, alter))
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|result: Result<_, Failure>, room, ctx| {
            let (altered, alter) = result?;
            Ok(room.tell_altered(altered, &alter, ctx))
        })))
    }
}

impl Room {
    fn tell_altered(&mut self, altered: Altered, alter: &Alter, ctx: &mut Context<Self>) -> Arc<Message> {
        let event = match alter.change {
            Alteration::Edit { .. } => "message.edit",
            Alteration::Delete => "message.delete",
            Alteration::React { .. } => "message.react",
            Alteration::Answer(_) | Alteration::WithdrawBy(_) => "message.game",
        };
        if event != "message.edit" && event != "message.react" {
            // An app may be waiting for it.
            self.chat.callbacks.wake();
        }
        match altered {
            Altered::Message(message) => {
                let message = Arc::new(message);
                let mut publication = Publication::of_message(event, Arc::clone(&message)).replying(alter.reply);
                // Who sees a message must see that it is gone, whoever deleted it.
                if !matches!(alter.change, Alteration::Delete) {
                    publication = publication.by(alter.user.id);
                }
                self.publish(publication, ctx);
                message
            }
            Altered::Unchanged(message) => self.answer(alter.reply, event, message, ctx),
            Altered::Reaction { message, push } => {
                let author = message.author.id;
                let reactors =
                    message.reactions.get(&push.emoji).map(|users| users.iter().map(|user| user.id).collect());
                let reactors = reactors.unwrap_or_default();
                let message = self.answer(alter.reply, event, message, ctx);
                let skipped = alter.reply.map(|reply| reply.session);
                self.publish(Publication { skip: skipped, ..reaction(event, push, author, reactors) }, ctx);
                message
            }
        }
    }

    /// Tells only who asked.
    fn answer(
        &self,
        reply: Option<ReplyTo>,
        event: &'static str,
        message: Message,
        ctx: &mut Context<Self>,
    ) -> Arc<Message> {
        let message = Arc::new(message);
        if let Some(reply) = reply {
            self.publish(Publication::reply_only(reply, event, Arc::clone(&message)), ctx);
        }
        message
    }
}

/// The push of a reaction to a message of `author`. A reader who blocks one of the `reactors` gets a count without them; those
/// beyond the listed ones stay counted.
fn reaction(event: &'static str, push: ReactionPush, author: UserId, reactors: Vec<UserId>) -> Publication {
    let (conversation, by, shared) = (push.conversation, push.user.id, Outgoing::new(event, push.clone()));
    let tailor = move |blocked: &HashSet<UserId>| {
        let hidden = reactors.iter().filter(|user| blocked.contains(user)).count();
        let count = push.count.saturating_sub(i64::try_from(hidden).unwrap_or(0));
        (hidden > 0).then(|| Outgoing::new(event, ReactionPush { count, ..push.clone() }))
    };
    Publication {
        about: Some(author),
        tailor: Some(Tailor(Box::new(tailor))),
        ..Publication::to_conversation(conversation, shared).by(by)
    }
}

/// A game's time ran out: its new form is told.
#[derive(actix::Message)]
#[rtype(result = "()")]
pub struct Expired(pub MessageId);

impl Handler<Expired> for Room {
    type Result = AtomicResponse<Self, ()>;

    fn handle(&mut self, Expired(message): Expired, _: &mut Self::Context) -> Self::Result {
        let (chat, project, id) = (self.chat.clone(), self.project, self.id);
        let read = async move {
            let now = chat.now();
            chat.run(async |connection| Ok(messages::by_id(connection, project, id, message, None, now).await?)).await
        };
        AtomicResponse::new(Box::pin(read.into_actor(self).map(|result, room, ctx| {
            if let Ok(Some(message)) = result {
                room.publish(Publication::of_message(message_event(message.kind), message), ctx);
            }
        })))
    }
}
