//! `contact.update`: invite, accept, decline, remove, block, unblock.

use super::Reply;
use crate::chat::registry::relate::Relate;
use crate::model::Failure;
use crate::model::contact::Action;
use crate::session::who::Who;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    user: String,
    action: Action,
}

pub async fn run(who: Rc<Who>, Data { user, action }: Data) -> Result<Reply, Failure> {
    let target = who.chat.run(async |connection| who.resolve(connection, &user).await).await?.id;
    if target == who.id() {
        return Err(Failure::invalid("user", "must be somebody else"));
    }
    let relate = Relate { session: who.session, actor: who.id(), target, action };
    let contact = who.ask_registry(relate).await??;
    Ok(Reply::event("contact.update", contact))
}
