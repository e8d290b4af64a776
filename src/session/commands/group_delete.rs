//! `group.delete`: the end of a group, by an owner.

use super::Reply;
use crate::chat::room::govern::{DeleteGroup, Gone};
use crate::model::{ConversationId, Failure};
use crate::session::who::Who;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: ConversationId,
}

pub async fn run(who: Rc<Who>, Data { conversation }: Data) -> Result<Reply, Failure> {
    who.ask_room(conversation, DeleteGroup { session: who.session, actor: who.id() }).await?;
    Ok(Reply::event("group.delete", Gone { conversation }))
}
