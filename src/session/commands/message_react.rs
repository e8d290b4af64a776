//! `message.react`: an emoji on a message, or its taking back.

use super::Reply;
use crate::chat::room::edit::{Alter, Alteration};
use crate::model::{ConversationId, Failure, MessageId, text};
use crate::session::who::Who;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: ConversationId,
    message: MessageId,
    #[schema(min_length = 1, max_length = 64)]
    emoji: String,
    on: bool,
}

pub async fn run(who: Rc<Who>, re: u32, data: Data) -> Result<Reply, Failure> {
    text::emoji("emoji", &data.emoji)?;
    let Data { conversation, message, emoji, on } = data;
    let user = who.user();
    let change = Alteration::React { emoji, on };
    who.ask_room(conversation, Alter { reply: who.reply_to(re), user, message, change }).await?;
    Ok(Reply::InHub)
}
