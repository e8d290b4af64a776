//! `message.edit`: a new body for a message of one's own.

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
    #[schema(min_length = 1, max_length = 16384)]
    body: String,
}

pub async fn run(who: Rc<Who>, re: u32, Data { conversation, message, body }: Data) -> Result<Reply, Failure> {
    text::body("body", &body)?;
    let user = who.user();
    who.ask_room(conversation, Alter { reply: who.reply_to(re), user, message, change: Alteration::Edit { body } })
        .await?;
    Ok(Reply::InHub)
}
