//! Making a group. It needs no room: nobody speaks in it before its members are told.

use super::Chat;
use super::room::govern::pushes_of_own;
use crate::cluster::{Delivery, Publication};
use crate::model::{ConversationId, Failure, ProjectId, SessionId, UserId};
use crate::store::conversations;
use crate::store::groups::{self, GroupEdit};
use crate::wire::shapes::{Conversation, Own};

/// Makes a group and tells its members, but not the session that asked, if one did. The group as its creator sees it.
///
/// # Errors
/// Those of [`groups::create_group`]; [`Failure::Invalid`] where somebody is to be removed.
pub async fn found(
    chat: &Chat,
    project: ProjectId,
    creator: UserId,
    session: Option<SessionId>,
    edit: &GroupEdit,
) -> Result<Conversation, Failure> {
    if !edit.remove.is_empty() {
        return Err(Failure::invalid("remove", "a new group has nobody to remove"));
    }
    let id = ConversationId::random();
    let (created, seen, told) = chat
        .run(async |connection| {
            let created = groups::create_group(connection, project, creator, id, edit).await?;
            let seen = conversations::one(connection, project, id, Some(creator)).await?;
            let told = conversations::one(connection, project, id, None).await?;
            Ok((created, seen.ok_or(Failure::NotFound("conversation"))?, told.ok_or(Failure::Internal)?))
        })
        .await?;
    let users = created.members.iter().map(|(user, _)| *user).collect();
    deliver(chat, Delivery::Join { conversation: id, users }).await;
    let own = |permission| Own { permission, read_seq: 0, unread: 0 };
    let owns = created.members.into_iter().map(|(user, permission)| (user, own(permission)));
    for publication in pushes_of_own(&told, owns.collect()) {
        deliver(chat, Delivery::Publish(Publication { skip: session, ..publication })).await;
    }
    Ok(seen)
}

async fn deliver(chat: &Chat, delivery: Delivery) {
    if let Some(backlog) = chat.bus.deliver(delivery) {
        backlog.await;
    }
}
