//! `group.update`: a new group, or a change to one.

use super::Reply;
use crate::chat::founding::found;
use crate::chat::room::govern::ChangeGroup;
use crate::model::permission::Permission;
use crate::model::{ConversationId, Failure, UserId, text};
use crate::session::who::Who;
use crate::store::groups::GroupEdit;
use crate::store::users;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use utoipa::ToSchema;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    conversation: Option<ConversationId>,
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9!?_().&#,<>-]+$")]
    name: Option<String>,
    #[schema(max_length = 255, pattern = "^[^\\x00-\\x1f\\x7f-\\x9f]*$")]
    title: Option<String>,
    add: Option<Vec<String>>,
    remove: Option<Vec<String>>,
    permissions: Option<BTreeMap<String, Permission>>,
}

pub async fn run(who: Rc<Who>, data: Data) -> Result<Reply, Failure> {
    if let Some(name) = &data.name {
        text::group_name("name", name)?;
    }
    // An empty title takes it away.
    if let Some(title) = data.title.as_ref().filter(|title| !title.is_empty()) {
        text::title("title", title)?;
    }
    let conversation = data.conversation;
    let edit = resolve(&who, data).await?;
    let seen = match conversation {
        Some(conversation) => {
            let change = ChangeGroup { session: who.session, actor: who.id(), edit };
            *who.ask_room(conversation, change).await?
        }
        None => found(&who.chat, who.project, who.id(), Some(who.session), &edit).await?,
    };
    Ok(Reply::event("group.update", seen))
}

/// Finds the users whom a request names. Who is named twice, by whatever name, is an error that says so.
async fn resolve(who: &Who, data: Data) -> Result<GroupEdit, Failure> {
    let (add, remove) = (data.add.unwrap_or_default(), data.remove.unwrap_or_default());
    let permissions = data.permissions.unwrap_or_default();
    let most = who.chat.limits.members_per_request;
    for (field, count) in [("add", add.len()), ("remove", remove.len()), ("permissions", permissions.len())] {
        if count > most {
            return Err(Failure::invalid(field, format!("must name at most {most} users")));
        }
    }
    let names: Vec<&str> =
        add.iter().chain(&remove).map(String::as_str).chain(permissions.keys().map(String::as_str)).collect();
    if names.is_empty() {
        return Ok(GroupEdit { name: data.name, title: data.title, ..GroupEdit::default() });
    }
    let found = who.chat.run(async |connection| Ok(users::resolve(connection, who.project, &names).await?)).await?;
    let ids: HashMap<&str, UserId> =
        names.iter().zip(found).filter_map(|(name, user)| Some((*name, user?.id))).collect();
    let id = |field: String, name: &str| {
        ids.get(name).copied().ok_or_else(|| Failure::invalid(field, format!("there is no user {name}")))
    };
    let list = |field: &str, names: &[String]| {
        let ids = names.iter().enumerate().map(|(index, name)| id(format!("{field}[{index}]"), name));
        let ids = ids.collect::<Result<Vec<_>, _>>()?;
        for (index, user) in ids.iter().enumerate() {
            if ids.iter().take(index).any(|earlier| earlier == user) {
                let name = names.get(index).map_or("a user", String::as_str);
                return Err(Failure::invalid(format!("{field}[{index}]"), format!("{name} is named twice")));
            }
        }
        Ok(ids)
    };
    let (add, remove) = (list("add", &add)?, list("remove", &remove)?);
    let permissions = permissions
        .iter()
        .map(|(name, permission)| Ok((id(format!("permissions.{name}"), name)?, *permission)))
        .collect::<Result<Vec<_>, Failure>>()?;
    Ok(GroupEdit { name: data.name, title: data.title, add, remove, permissions })
}
