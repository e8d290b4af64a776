//! `typing.update`: one is typing, or no longer.

use super::Reply;
use crate::chat::room::typing::Type;
use crate::model::{ConversationId, Failure};
use crate::session::who::Who;
use serde::{Deserialize, Serialize};
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TypingState)]
pub struct Data {
    conversation: ConversationId,
    typing: bool,
}

pub async fn run(who: Rc<Who>, data: Data) -> Result<Reply, Failure> {
    let invisible = who.channel.invisible.get();
    let (session, user) = (who.session, who.user());
    who.ask_room(data.conversation, Type { session, user, typing: data.typing, invisible }).await?;
    Ok(Reply::event("typing.update", data))
}
