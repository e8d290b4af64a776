//! `llm.stop`: the bot's answer under way ends; what was said stays.

use super::Reply;
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure};
use crate::session::who::Who;
use crate::store::{answers, members};
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AnswerStop)]
pub struct Data {
    conversation: ConversationId,
}

pub async fn run(who: Rc<Who>, data: Data) -> Result<Reply, Failure> {
    let (chat, conversation) = (&who.chat, data.conversation);
    let own = chat
        .run(async |connection| Ok(members::permission(connection, who.project, conversation, who.id()).await?))
        .await?
        .ok_or(Failure::NotFound("conversation"))?;
    if own < Permission::Write {
        return Err(Failure::ReadOnly);
    }
    let is_here = match chat.llm() {
        Some(llm) => llm.end_answer(conversation).await,
        None => false,
    };
    if !is_here {
        // Another node may work on it; that one looks each second.
        chat.run(async |connection| Ok(answers::stop(connection, who.project, conversation).await?)).await?;
    }
    Ok(Reply::event("llm.stop", data))
}
