//! `status.fetch`: how one's contacts look, or those named; whom one may not see is left out.

use super::Reply;
use crate::chat::registry::presence::Look;
use crate::model::{Failure, UserId};
use crate::session::pages::Statuses;
use crate::session::who::Who;
use crate::store::{presence, users};
use crate::wire::limits::STATUSES_PER_REQUEST;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    #[schema(max_items = 500)]
    users: Option<Vec<String>>,
}

pub async fn run(who: Rc<Who>, data: Data) -> Result<Reply, Failure> {
    if data.users.as_ref().is_some_and(|names| names.len() > STATUSES_PER_REQUEST) {
        return Err(Failure::invalid("users", format!("must name at most {STATUSES_PER_REQUEST}")));
    }
    let seen = who
        .chat
        .run(async |connection| {
            let named: Option<Vec<UserId>> = match &data.users {
                Some(names) => {
                    let found = users::resolve(connection, who.project, names).await?;
                    Some(found.into_iter().flatten().map(|user| user.id).collect())
                }
                None => None,
            };
            Ok(presence::visible(connection, who.project, who.id(), named.as_deref()).await?)
        })
        .await?;
    let statuses = who.ask_registry(Look(seen)).await?;
    Ok(Reply::event("status.fetch", Statuses::new(statuses, &who)))
}
