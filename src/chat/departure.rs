//! A user or a whole project is deleted: stored, then told.

use super::Chat;
use super::registry::CheckAccounts;
use super::registry::profile::Departure;
use super::registry::relate::refresh_room;
use crate::cluster::{Delivery, Publication};
use crate::model::contact::View;
use crate::model::{Failure, ProjectId, UserId};
use crate::store::departure::{self, Departed, Left};
use crate::store::{conversations, projects, users};
use crate::wire::close::CloseCode;
use crate::wire::outgoing::Outgoing;
use crate::wire::shapes::Contact;
use chrono::{DateTime, Utc};
use std::time::Duration;

/// How long the registry may take to end the sessions of a project.
const PATIENCE: Duration = Duration::from_secs(15);

/// Deletes a user of a project and tells all whom it concerns. Runs where it is called, not in an actor: it is as long as the
/// user's list of conversations.
///
/// # Errors
/// [`Failure::NotFound`] if the project has no such user.
pub async fn delete_user(chat: &Chat, project: ProjectId, id: UserId) -> Result<(), Failure> {
    let departed = chat.run(async |connection| departure::delete(connection, project, id).await).await?;
    let Departed { user, watchers, contacts, conversations: left } = departed;
    let end = Delivery::End { user: id, issued_before: DateTime::<Utc>::MAX_UTC, code: CloseCode::AccountGone };
    deliver(chat, end).await;
    let user = users::shape(&user);
    if let Some(registry) = chat.registry_if_awake(project) {
        // Past the mailbox's bound: one message a user.
        registry.do_send(Departure { user: user.clone(), watchers });
    }
    let contact = Contact { user, status: View::Removed, conversation: None };
    deliver(chat, Delivery::Publish(Publication::to_users(contacts, Outgoing::new("contact.update", contact)))).await;
    for conversation in left {
        // What can't be read now is read when somebody asks: it is stored.
        if let Err(failure) = tell_left(chat, project, conversation).await {
            log::warn!(target: "palabre::chat", "members were not told that a user was deleted: {failure}");
        }
    }
    Ok(())
}

/// Deletes a project with everything in it. First nobody comes in any more and the sessions end; then it is taken away piece by
/// piece, so that nothing else waits. Asked again after a failure it goes on.
///
/// # Errors
/// [`Failure::Unavailable`] when the database is away.
pub async fn delete_project(chat: &Chat, project: ProjectId) -> Result<(), Failure> {
    let now = chat.now();
    chat.run(async |connection| Ok(projects::close(connection, project, now).await?)).await?;
    end_sessions(chat, project).await?;
    while !chat.run(async |connection| Ok(projects::delete_some(connection, project).await?)).await? {}
    // Those whose sign-in was under way.
    end_sessions(chat, project).await?;
    chat.forget_namespace(project);
    Ok(())
}

/// Ends the sessions on this node of all whose account is closed. Other nodes see for themselves.
async fn end_sessions(chat: &Chat, project: ProjectId) -> Result<(), Failure> {
    let Some(registry) = chat.registry_if_awake(project) else { return Ok(()) };
    registry.send(CheckAccounts).timeout(PATIENCE).await.map_err(|_| Failure::Unavailable)?
}

/// Tells those who stay; with their own permission those for whom it changed.
async fn tell_left(chat: &Chat, project: ProjectId, Left { id, changed }: Left) -> Result<(), Failure> {
    refresh_room(chat, project, id).await;
    let (shared, own) = chat
        .run(async |connection| {
            let shared = conversations::one(connection, project, id, None).await?;
            let mut own = Vec::with_capacity(changed.len());
            for member in changed {
                own.extend(conversations::one(connection, project, id, Some(member)).await?.map(|seen| (member, seen)));
            }
            Ok((shared, own))
        })
        .await?;
    if let Some(shared) = shared {
        let event = Outgoing::new("group.update", shared);
        deliver(chat, Delivery::Publish(Publication::to_conversation(id, event))).await;
    }
    for (member, seen) in own {
        let event = Outgoing::new("group.update", seen);
        deliver(chat, Delivery::Publish(Publication::to_users(vec![member], event))).await;
    }
    Ok(())
}

async fn deliver(chat: &Chat, delivery: Delivery) {
    if let Some(backlog) = chat.bus.deliver(delivery) {
        backlog.await;
    }
}
