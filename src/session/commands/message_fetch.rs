//! `message.fetch`: a page of history.

use super::{Reply, page_size};
use crate::model::{ConversationId, Failure};
use crate::session::pages::History;
use crate::session::who::Who;
use crate::store::members;
use crate::store::messages::{self, Page};
use crate::wire::limits::{PAGE_MESSAGES, PAGE_MESSAGES_DEFAULT};
use crate::wire::time::Timestamp;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: ConversationId,
    before_seq: Option<i64>,
    after_seq: Option<i64>,
    before: Option<Timestamp>,
    #[schema(minimum = 1, maximum = 200, default = 50)]
    limit: Option<i64>,
}

pub async fn run(who: Rc<Who>, data: Data) -> Result<Reply, Failure> {
    let conversation = data.conversation;
    let limit = page_size(data.limit, PAGE_MESSAGES_DEFAULT, PAGE_MESSAGES)?;
    let from = match (data.before_seq, data.after_seq, data.before) {
        (None, None, None) => Page::Latest,
        (Some(seq), None, None) => Page::BeforeSeq(seq),
        (None, Some(seq), None) => Page::AfterSeq(seq),
        (None, None, Some(Timestamp(date))) => Page::Before(date),
        (Some(_), Some(_), _) => return Err(Failure::invalid("after_seq", "goes without before_seq")),
        (_, _, Some(_)) => return Err(Failure::invalid("before", "goes without before_seq and after_seq")),
    };
    let backward = !matches!(from, Page::AfterSeq(_));
    let page = who
        .chat
        .run(async |connection| {
            let permission = members::permission(connection, who.project, conversation, who.id()).await?;
            permission.ok_or(Failure::NotFound("conversation"))?;
            let now = who.chat.now();
            Ok(messages::page(connection, who.project, conversation, who.id(), from, limit, now).await?)
        })
        .await?;
    Ok(Reply::event("message.fetch", History::new(conversation, page, backward, &who)))
}
