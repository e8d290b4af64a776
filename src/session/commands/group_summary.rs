//! `group.summary`: one's conversations, those with the latest activity first.

use super::Reply;
use crate::model::Failure;
use crate::session::pages::Summary;
use crate::session::who::Who;
use crate::store::conversations;
use crate::wire::limits::SUMMARY_CONVERSATIONS;
use crate::wire::time::Timestamp;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    before: Option<Timestamp>,
}

pub async fn run(who: Rc<Who>, data: Data) -> Result<Reply, Failure> {
    let page = who
        .chat
        .run(async |connection| {
            let now = who.chat.now();
            let (project, user, before) = (who.project, who.id(), data.before.map(|before| before.0));
            Ok(conversations::summary(connection, project, user, before, SUMMARY_CONVERSATIONS, now).await?)
        })
        .await?;
    Ok(Reply::event("group.summary", Summary::new(page, &who)))
}
