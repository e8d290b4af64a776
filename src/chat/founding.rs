//! Making a group, or a conversation with a bot. It needs no room: nobody speaks in it before its members are told.

use super::Chat;
use super::room::govern::pushes_of_own;
use crate::cluster::{Delivery, Publication};
use crate::model::permission::Permission;
use crate::model::{ChatbotId, ConversationId, Failure, ProjectId, SessionId, UserId};
use crate::store::groups::{self, GroupEdit};
use crate::store::{conversations, modes};
use crate::wire::shapes::{Conversation, Own};
use diesel_async::AsyncPgConnection;

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
    let (members, made) = chat
        .run(async |connection| {
            let created = groups::create_group(connection, project, creator, id, edit).await?;
            Ok((created.members, read(connection, project, creator, id).await?))
        })
        .await?;
    Ok(tell(chat, members, made, session).await)
}

/// Makes a conversation of one person with a bot, in which it answers from the first message on: the one named, else the project's
/// assistant. All sessions of the person are told.
///
/// # Errors
/// Those of [`modes::create_assistant`].
pub async fn found_assistant(
    chat: &Chat,
    project: ProjectId,
    person: UserId,
    chatbot: Option<ChatbotId>,
    title: Option<&str>,
) -> Result<Conversation, Failure> {
    let id = ConversationId::random();
    let made = chat
        .run(async |connection| {
            modes::create_assistant(connection, project, person, id, chatbot, title).await?;
            read(connection, project, person, id).await
        })
        .await?;
    Ok(tell(chat, vec![(person, Permission::Own)], made, None).await)
}

/// What was made, as its creator sees it, and as all do.
struct Made {
    seen: Conversation,
    told: Conversation,
}

async fn read(
    connection: &mut AsyncPgConnection,
    project: ProjectId,
    creator: UserId,
    id: ConversationId,
) -> Result<Made, Failure> {
    let seen = conversations::one(connection, project, id, Some(creator)).await?;
    let told = conversations::one(connection, project, id, None).await?;
    Ok(Made { seen: seen.ok_or(Failure::NotFound("conversation"))?, told: told.ok_or(Failure::Internal)? })
}

/// Tells the members of what was made, but not the session that asked.
async fn tell(
    chat: &Chat,
    members: Vec<(UserId, Permission)>,
    Made { seen, told }: Made,
    session: Option<SessionId>,
) -> Conversation {
    let users = members.iter().map(|(user, _)| *user).collect();
    deliver(chat, Delivery::Join { conversation: seen.id, users }).await;
    let own = |permission| Own { permission, read_seq: 0, unread: 0 };
    let owns = members.into_iter().map(|(user, permission)| (user, own(permission)));
    for publication in pushes_of_own(&told, owns.collect()) {
        deliver(chat, Delivery::Publish(Publication { skip: session, ..publication })).await;
    }
    seen
}

async fn deliver(chat: &Chat, delivery: Delivery) {
    if let Some(backlog) = chat.bus.deliver(delivery) {
        backlog.await;
    }
}
