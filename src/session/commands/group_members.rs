//! `group.members`: who is in a conversation, page by page.

use super::{Reply, page_size};
use crate::model::{ConversationId, Failure};
use crate::session::pages::Members;
use crate::session::who::Who;
use crate::store::members;
use crate::wire::limits::PAGE_MEMBERS;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: ConversationId,
    after: Option<String>,
    #[schema(minimum = 1, maximum = 200, default = 200)]
    limit: Option<i64>,
}

pub async fn run(who: Rc<Who>, data: Data) -> Result<Reply, Failure> {
    let limit = page_size(data.limit, PAGE_MEMBERS, PAGE_MEMBERS)?;
    let conversation = data.conversation;
    let page = who
        .chat
        .run(async |connection| {
            let permission = members::permission(connection, who.project, conversation, who.id()).await?;
            permission.ok_or(Failure::NotFound("conversation"))?;
            let after = match &data.after {
                Some(name) => Some(who.resolve(connection, name).await?.id),
                None => None,
            };
            Ok(members::page(connection, conversation, who.id(), after, limit).await?)
        })
        .await?;
    Ok(Reply::event("group.members", Members::new(conversation, page, &who)))
}
