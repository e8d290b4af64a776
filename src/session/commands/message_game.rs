//! `message.game`: an invitation to a game, or an answer to one.

use super::Reply;
use super::message_text::address;
use crate::chat::room::edit::{Alter, Alteration};
use crate::chat::room::say::{Draft, Say};
use crate::model::game::{Answer, State};
use crate::model::limits::GAME_SEATS;
use crate::model::{ConversationId, Failure, MessageId, text};
use crate::session::who::Who;
use crate::store::messages;
use crate::wire::limits::GAME_PAYLOAD_BYTES;
use crate::wire::shapes::{Game, MessageKind};
use crate::wire::time::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    // An invitation.
    conversation: Option<ConversationId>,
    to: Option<String>,
    id: Option<MessageId>,
    #[schema(min_length = 1, max_length = 64, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    game: Option<String>,
    payload: Option<Value>,
    #[schema(minimum = 1, maximum = 100, default = 1)]
    capacity: Option<i32>,
    expires_at: Option<Timestamp>,
    // An answer.
    message: Option<MessageId>,
    action: Option<Answer>,
}

pub async fn run(who: Rc<Who>, re: u32, data: Data) -> Result<Reply, Failure> {
    match (data.message, data.action) {
        (None, None) => invite(&who, re, data).await,
        (Some(message), Some(answer)) => {
            let is_invitation = data.conversation.is_some()
                || data.to.is_some()
                || data.id.is_some()
                || data.game.is_some()
                || data.payload.is_some()
                || data.capacity.is_some()
                || data.expires_at.is_some();
            if is_invitation {
                return Err(Failure::invalid("message", "an answer has only message and action"));
            }
            reply(&who, re, message, answer).await
        }
        (Some(_), None) => Err(Failure::invalid("action", "is required")),
        (None, Some(_)) => Err(Failure::invalid("message", "is required")),
    }
}

async fn invite(who: &Who, re: u32, data: Data) -> Result<Reply, Failure> {
    let id = data.id.ok_or_else(|| Failure::invalid("id", "is required"))?;
    let name = data.game.ok_or_else(|| Failure::invalid("game", "is required"))?;
    text::game_name("game", &name)?;
    let payload = data.payload.ok_or_else(|| Failure::invalid("payload", "is required"))?;
    if payload.to_string().len() > GAME_PAYLOAD_BYTES {
        return Err(Failure::invalid("payload", format!("must be at most {GAME_PAYLOAD_BYTES} bytes as compact JSON")));
    }
    let capacity = data.capacity.unwrap_or(1);
    if !(1..=GAME_SEATS).contains(&capacity) {
        return Err(Failure::invalid("capacity", format!("must be from 1 to {GAME_SEATS}")));
    }
    if data.expires_at.is_some_and(|expires_at| expires_at.0 <= who.chat.now()) {
        return Err(Failure::invalid("expires_at", "must be in the future"));
    }
    let conversation = address(who, data.conversation, data.to.as_deref()).await?;
    let game = Game {
        name,
        payload,
        capacity,
        seats: Vec::new(),
        declined: Vec::new(),
        state: State::Offered,
        expires_at: data.expires_at,
    };
    let draft = Draft {
        id,
        kind: MessageKind::Game,
        body: String::new(),
        reply_to: None,
        tone: None,
        attachments: Vec::new(),
        game: Some(game),
        by_app: None,
    };
    let author = who.user();
    who.say(conversation, |done| Say { reply: who.reply_to(re), author, draft, done }).await?;
    Ok(Reply::InHub)
}

async fn reply(who: &Who, re: u32, message: MessageId, answer: Answer) -> Result<Reply, Failure> {
    let conversation = who
        .chat
        .run(async |connection| messages::conversation_of(connection, who.project, who.id(), message).await)
        .await?;
    let user = who.user();
    who.ask_room(conversation, Alter { reply: who.reply_to(re), user, message, change: Alteration::Answer(answer) })
        .await?;
    Ok(Reply::InHub)
}
