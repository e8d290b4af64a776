//! `message.delete`: takes a message back; its number stays.

use super::Reply;
use crate::chat::room::edit::{Alter, Alteration};
use crate::model::{ConversationId, Failure, MessageId};
use crate::session::who::Who;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: ConversationId,
    message: MessageId,
}

pub async fn run(who: Rc<Who>, re: u32, Data { conversation, message }: Data) -> Result<Reply, Failure> {
    let user = who.user();
    who.ask_room(conversation, Alter { reply: who.reply_to(re), user, message, change: Alteration::Delete }).await?;
    Ok(Reply::InHub)
}
