//! `status.update`: what one looks like to others.

use super::Reply;
use crate::chat::registry::presence::SetStatus;
use crate::model::Failure;
use crate::model::presence::Presence;
use crate::session::who::Who;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    status: Presence,
    text: Option<String>,
}

pub async fn run(who: Rc<Who>, Data { status, text }: Data) -> Result<Reply, Failure> {
    let set = SetStatus { session: who.session, user: who.id(), status, text };
    let own = who.ask_registry(set).await??;
    match status {
        Presence::Online => who.channel.away.set(false),
        Presence::Away => who.channel.away.set(true),
        Presence::Busy | Presence::Invisible | Presence::Offline => {}
    }
    Ok(Reply::event("status.update", own))
}
