//! `conversation.mode`: whether people or a bot answer.

use super::Reply;
use crate::chat::room::govern::SetMode;
use crate::model::{ChatbotId, ConversationId, Failure};
use crate::session::who::Who;
use crate::wire::shapes::Mode;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: ConversationId,
    mode: Mode,
    chatbot: Option<ChatbotId>,
}

pub async fn run(who: Rc<Who>, Data { conversation, mode, chatbot }: Data) -> Result<Reply, Failure> {
    let set = SetMode { session: who.session, actor: who.id(), mode, chatbot };
    let seen = who.ask_room(conversation, set).await?;
    Ok(Reply::event("conversation.mode", *seen))
}
