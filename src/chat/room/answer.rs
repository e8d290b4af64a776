//! What a bot says in the conversation: piece by piece while it comes, and at last the message.
//!
//! The room is where an answer of an older turn is refused: once somebody else is to answer, no further piece is told. Its message
//! is refused by the database, under the lock that a change of turn takes too.

use super::Room;
use super::tell::Untold;
use crate::chat::metrics::ProjectFigures;
use crate::cluster::{Chunk, Publication};
use crate::model::{ConversationId, Failure, MessageId, UserId};
use crate::store::answers::{self, Ending, Finished};
use crate::wire::error::{ErrorCode, ErrorData};
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::{Message, MessageKind, MessageStatus, Mode, Role, User};
use actix::prelude::*;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;
use utoipa::ToSchema;

/// A piece of an answer. Refused with [`Failure::Conflict`] when somebody else is to answer by now.
#[derive(actix::Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct Utter {
    pub answer: MessageId,
    pub turn: i64,
    pub text: String,
}

/// The end of an answer: its message is stored and told, and so is what went wrong.
#[derive(actix::Message)]
#[rtype(result = "Result<(), Failure>")]
pub struct Conclude {
    pub ending: Ending,
    pub failure: Option<Failure>,
}

/// The data of `llm.error`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AnswerFailed)]
pub struct Failed {
    conversation: ConversationId,
    code: ErrorCode,
    message: String,
}

impl Handler<Utter> for Room {
    type Result = Result<(), Failure>;

    fn handle(&mut self, Utter { answer, turn, text }: Utter, ctx: &mut Self::Context) -> Self::Result {
        self.touch();
        let picture = self.picture.as_ref().map_err(Clone::clone)?;
        // Of a newer turn than the room knows of: another node has switched.
        let is_behind = picture.turn < turn;
        if picture.turn > turn || (!is_behind && picture.mode != Mode::Bot) {
            return Err(SUPERSEDED);
        }
        let chunk = self.chat.bus.answers.add(self.id, answer, text);
        self.tell_chunk(chunk, ctx);
        if is_behind && !self.is_fresh() {
            self.read(ctx);
        }
        Ok(())
    }
}

const SUPERSEDED: Failure = Failure::Conflict("somebody else is to answer by now");
const SAID_NOTHING: Failure = Failure::ModelFailed("the answer ended before anything was said");

impl Handler<Conclude> for Room {
    type Result = AtomicResponse<Self, Result<(), Failure>>;

    fn handle(&mut self, Conclude { ending, failure }: Conclude, _: &mut Self::Context) -> Self::Result {
        self.touch();
        let (chat, project, id) = (self.chat.clone(), self.project, self.id);
        let work = async move {
            let now = chat.now();
            let finished =
                chat.run(async |connection| answers::finish(connection, project, id, &ending, now).await).await;
            (finished, ending)
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(move |(finished, ending), room, ctx| {
            // What can't be known now is asked for again.
            let finished = finished?;
            room.chat.bus.answers.end(id, ending.id);
            let failure = match finished {
                Finished::Stored { seq, created_at, chatbot, name } => {
                    let author =
                        User { id: UserId(chatbot.0), username: name, name: None, avatar: None, profile: None };
                    let message = Arc::new(told_answer(id, Arc::new(author), &ending, seq, created_at.into()));
                    figure(&room.figures);
                    let untold = Untold { message, usage: ending.usage, asked: None, since: Instant::now() };
                    room.tell_one(untold, ctx);
                    failure
                }
                Finished::Silent => Some(failure.unwrap_or(SAID_NOTHING)),
                Finished::Superseded => Some(SUPERSEDED),
                Finished::EndedBefore { is_stored: true } => {
                    room.speech.suspect();
                    room.catch_up(ctx);
                    None
                }
                // Somebody may still wait for it.
                Finished::EndedBefore { is_stored: false } => Some(failure.unwrap_or(SUPERSEDED)),
                Finished::Gone => None,
            };
            if let Some(failure) = failure {
                let ErrorData { code, message, .. } = (&failure).into();
                let event = Outgoing::new("llm.error", Failed { conversation: id, code, message });
                room.publish(Publication::to_conversation(id, event), ctx);
            }
            Ok(())
        })))
    }
}

fn figure(figures: &ProjectFigures) {
    figures.stored.add(1);
}

fn told_answer(
    conversation: ConversationId,
    author: Arc<User>,
    ending: &Ending,
    seq: i64,
    date: crate::wire::time::Timestamp,
) -> Message {
    Message {
        id: ending.id,
        conversation,
        seq,
        author,
        kind: MessageKind::Text,
        role: Role::Assistant,
        body: ending.body.clone(),
        reply_to: None,
        tone: None,
        attachments: Vec::new(),
        game: None,
        reactions: BTreeMap::new(),
        reaction_counts: BTreeMap::new(),
        status: MessageStatus::Sent,
        date,
        edited_at: None,
        deleted_at: None,
        ended: ending.ended,
    }
}

impl Room {
    fn tell_chunk(&self, chunk: Chunk, ctx: &mut Context<Self>) {
        let (place, size) = (chunk.place(), chunk.text.len());
        let event = Outgoing::new("llm.chunk", chunk);
        let mut publication = Publication::to_conversation(self.id, event).sized(size).transient();
        publication.chunk = Some(place);
        self.publish(publication, ctx);
    }

    /// Something was said that may be for a bot: the registry hands it on.
    pub(super) fn hand_to_bot(&self) {
        if self.picture.as_ref().is_ok_and(|picture| picture.mode == Mode::Bot)
            && let Some(registry) = self.chat.registry_if_awake(self.project)
        {
            // One that is full loses it; the bot's own look at what nobody answered finds it.
            let _ = registry.try_send(crate::chat::registry::ForBot(self.id));
        }
    }
}
