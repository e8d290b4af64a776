//! `contact.summary`: one's contacts, page by page.

use super::Reply;
use crate::model::Failure;
use crate::session::pages::Contacts;
use crate::session::who::Who;
use crate::store::contacts;
use crate::wire::limits::PAGE_CONTACTS;
use serde::Deserialize;
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    after: Option<String>,
}

pub async fn run(who: Rc<Who>, data: Data) -> Result<Reply, Failure> {
    let page = who
        .chat
        .run(async |connection| {
            let after = match &data.after {
                Some(name) => Some(who.resolve(connection, name).await?.id),
                None => None,
            };
            Ok(contacts::page(connection, who.id(), after, PAGE_CONTACTS).await?)
        })
        .await?;
    Ok(Reply::event("contact.summary", Contacts::new(page, &who)))
}
