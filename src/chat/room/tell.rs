//! Telling what is stored: in the order of its numbers, without a gap, each message once.
//!
//! What comes out of order waits. What others stored, on another node or behind a report that was lost, the room reads from the
//! database and tells first.

use super::Room;
use crate::cluster::{Publication, ReplyTo};
use crate::model::ConversationId;
use crate::model::{Failure, MessageId, Usage};
use crate::store::{answers, messages};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::{Message, MessageKind, Role};
use actix::prelude::*;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::oneshot;
use utoipa::ToSchema;

/// Messages read at once when the room catches up.
const CATCH_UP: i64 = 200;

/// Told when a message is stored and on its way, and what was stored, or why it is not. Dropped without a word with a room that
/// failed.
pub type Said = oneshot::Sender<Result<Arc<Message>, Failure>>;

/// The data of `llm.done`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnswerDone)]
pub struct Done {
    conversation: ConversationId,
    message: Arc<Message>,
    usage: Usage,
}

/// A stored message that waits for those before it to be told.
pub(super) struct Untold {
    pub(super) message: Arc<Message>,
    /// Of a bot's message.
    pub(super) usage: Usage,
    /// Who waits for it, unless that took too long.
    pub(super) asked: Option<(Option<ReplyTo>, Said)>,
    pub(super) since: Instant,
}

/// What is to be told when a room has looked through all reports of a batch: together, so that each hub gets one message.
#[derive(Default)]
pub(super) struct Telling {
    publications: Vec<Publication>,
    /// Who hears that it is on its way, once it is.
    done: Vec<(Said, Arc<Message>)>,
    /// Among it is what people said.
    by_people: bool,
}

/// Messages were stored behind the room's back, or may have been: it tells them.
#[derive(actix::Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct CatchUp {
    /// They are there; else nobody knows yet.
    pub is_certain: bool,
}

/// Tells a bot's stored message, once.
fn done(message: &Arc<Message>, usage: Usage) -> Publication {
    let (conversation, size) = (message.conversation, message.texts());
    let data = Done { conversation, message: Arc::clone(message), usage };
    Publication::to_conversation(conversation, Outgoing::saying_within("llm.done", data, Arc::clone(message)))
        .sized(size)
}

impl Handler<CatchUp> for Room {
    type Result = Result<(), Failure>;

    fn handle(&mut self, CatchUp { is_certain }: CatchUp, ctx: &mut Self::Context) -> Self::Result {
        self.touch();
        if !is_certain {
            self.speech.suspect();
        }
        if self.speech.catching_up {
            // The look that is under way may have been too early.
            self.speech.again = true;
        } else {
            self.catch_up(ctx);
        }
        Ok(())
    }
}

impl Room {
    /// Tells a stored message in its turn: at once when it is the next, after the missing ones when it is not, and to its
    /// sender only when all were told already.
    pub(super) fn tell(&mut self, untold: Untold, telling: &mut Telling, ctx: &mut Context<Self>) {
        let (seq, told) = (untold.message.seq, self.told());
        if self.speech.catching_up || seq > told + 1 {
            self.speech.untold.push(untold);
            self.catch_up(ctx);
            return;
        }
        let Untold { message, usage, asked, .. } = untold;
        let kind = message_event(message.kind);
        let (reply, done) = asked.unzip();
        let reply = reply.flatten();
        if seq > told {
            self.told.store(seq, Ordering::Relaxed);
            self.watermarks.spoke(message.author.id, seq);
            telling.by_people |= message.role == Role::User;
            telling.publications.push(self.publication(&message, usage).replying(reply));
        } else if let Some(reply) = reply {
            telling.publications.push(Publication::reply_only(reply, kind, Arc::clone(&message)));
        }
        telling.done.extend(done.map(|done| (done, message)));
    }

    /// As [`publication_of`]; of an answer that is at its end nothing is kept for who comes in the middle, whoever ended it.
    fn publication(&self, message: &Arc<Message>, usage: Usage) -> Publication {
        if message.role == Role::Assistant {
            self.chat.bus.answers.end(self.id, message.id);
        }
        publication_of(message, usage)
    }

    /// Tells one stored message.
    pub(super) fn tell_one(&mut self, untold: Untold, ctx: &mut Context<Self>) {
        let mut telling = Telling::default();
        self.tell(untold, &mut telling, ctx);
        self.finish(telling, ctx);
    }

    /// Publishes what was gathered, and then says so: a session whose requests are all done may close.
    pub(super) fn finish(&self, telling: Telling, ctx: &mut Context<Self>) {
        if telling.by_people {
            self.hand_to_bot();
        }
        if !telling.publications.is_empty()
            && let Some(backlog) = self.chat.bus.publish_all(telling.publications)
        {
            ctx.wait(backlog.into_actor(self));
        }
        for (done, message) in telling.done {
            let _ = done.send(Ok(message));
        }
    }

    /// Reads from the database what was stored and not told, and tells it.
    pub(super) fn catch_up(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.speech.catching_up, true) {
            return;
        }
        let (chat, project, id, after) = (self.chat.clone(), self.project, self.id, self.told());
        let read = async move {
            let now = chat.now();
            chat.run(async |connection| {
                let missed = messages::range(connection, project, id, after + 1, after + CATCH_UP, now).await?;
                let missed: Vec<Message> = missed.into_iter().map(|(_, message)| message).collect();
                let of_bots = missed.iter().filter(|message| message.role == Role::Assistant).map(|message| message.id);
                let usages = answers::usage_of(connection, &of_bots.collect::<Vec<_>>()).await?;
                Ok((missed, usages))
            })
            .await
        };
        let apply = read.into_actor(self).map(|result, room, ctx| room.caught_up(result, ctx));
        ctx.spawn(apply);
    }

    fn caught_up(&mut self, result: Result<Missed, Failure>, ctx: &mut Context<Self>) {
        self.speech.catching_up = false;
        let again = std::mem::take(&mut self.speech.again);
        let Ok((missed, usages)) = result else {
            // The tick tries again.
            self.speech.suspicious = true;
            return;
        };
        self.speech.suspicious = false;
        let more = missed.len() >= usize::try_from(CATCH_UP).unwrap_or(usize::MAX);
        let mut untold = std::mem::take(&mut self.speech.untold);
        if missed.is_empty() && untold.iter().any(|waiting| waiting.message.seq > self.told() + 1) {
            // What should be there is gone: the conversation was deleted, by another node.
            for (_, done) in untold.into_iter().filter_map(|waiting| waiting.asked) {
                let _ = done.send(Err(Failure::Unavailable));
            }
            self.read(ctx);
            return;
        }
        let mut telling = Telling::default();
        for message in missed {
            if message.seq != self.told() + 1 {
                // Told meanwhile.
                continue;
            }
            match untold.iter().position(|waiting| waiting.message.id == message.id) {
                Some(at) => {
                    let waiting = untold.swap_remove(at);
                    self.tell(waiting, &mut telling, ctx);
                }
                None => {
                    self.told.store(message.seq, Ordering::Relaxed);
                    telling.by_people |= message.role == Role::User;
                    let usage = usages.get(&message.id).copied().unwrap_or_default();
                    telling.publications.push(self.publication(&Arc::new(message), usage));
                }
            }
        }
        untold.sort_by_key(|waiting| waiting.message.seq);
        for waiting in untold {
            self.tell(waiting, &mut telling, ctx);
        }
        self.finish(telling, ctx);
        if more || again {
            self.catch_up(ctx);
        }
    }
}

/// What was stored and not told, and what its answers took.
type Missed = (Vec<Message>, HashMap<MessageId, Usage>);

/// Tells a message: people's by an event of its kind, a bot's as the end of its answer.
pub(in crate::chat) fn publication_of(message: &Arc<Message>, usage: Usage) -> Publication {
    match message.role {
        Role::Assistant => done(message, usage),
        Role::User => Publication::of_new_message(message_event(message.kind), Arc::clone(message)),
    }
}

/// The event that tells a message of this kind.
pub(super) fn message_event(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Game => "message.game",
        MessageKind::Text | MessageKind::System => "message.text",
    }
}
