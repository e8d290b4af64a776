//! Who hears of a step, and how sessions come into a conversation and out of it.

use super::super::Chat;
use super::super::namespace::Enter;
use super::super::registry::relate::refresh_room;
use super::super::room::Invalidate;
use super::super::room::govern::{Gone, pushes_of_own};
use crate::cluster::{Delivery, Publication};
use crate::model::{ConversationId, Failure, ProjectId, RequestId, UserId};
use crate::store::support::{Changed, Moved, agents, requests, sessions};
use crate::store::{conversations, messages};
use crate::wire::outgoing::Outgoing;
use crate::wire::support::AgentPush;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// How long a room may take to start and read its conversation.
const PATIENCE: Duration = Duration::from_secs(10);

/// Has the room of the talk about a request awake, with its members as they are now, before somebody has to leave it: it then sees who
/// left before it tells anything that was said after.
///
/// # Errors
/// [`Failure::Unavailable`] when the database is away, or the room.
pub async fn prepare(chat: &Chat, project: ProjectId, id: RequestId) -> Result<(), Failure> {
    let talk = chat.run(async |conn| Ok(sessions::active_conversation(conn, project, id).await?)).await?;
    let Some(conversation) = talk else { return Ok(()) };
    let namespace = chat.namespace(project).ok_or(Failure::Unavailable)?.namespace;
    let hub = conversation.0.as_u128() % u128::try_from(chat.bus.loops().max(1)).unwrap_or(1);
    let enter = Enter { conversation, hub: usize::try_from(hub).unwrap_or(0) };
    let unavailable = |_| Failure::Unavailable;
    let room = namespace.send(enter).timeout(PATIENCE).await.map_err(unavailable)?.ok_or(Failure::Unavailable)?;
    // Answered when the room has read its conversation and comes to what waits.
    room.send(Invalidate).timeout(PATIENCE).await.map_err(unavailable)
}

/// Tells what a step changed. What can't be read now is read when somebody asks: it is stored.
pub async fn tell(chat: &Chat, project: ProjectId, changed: Changed) {
    for moved in &changed.moved {
        move_members(chat, project, moved).await;
    }
    if let Err(failure) = tell_all(chat, project, &changed).await {
        log::warn!(target: "palabre::chat", "a step of the support desk was not told: {failure}");
    }
}

/// An agent's status is another one: the others at the desk hear of it.
///
/// # Errors
/// [`Failure::Unavailable`] when the database is away.
pub async fn tell_agent(chat: &Chat, project: ProjectId, agent: AgentPush) -> Result<(), Failure> {
    let told = chat.run(async |conn| Ok(agents::told(conn, project, false).await?)).await?;
    publish(chat, Publication::to_users(told, Outgoing::new("support.agent", agent))).await;
    Ok(())
}

/// First who left hears no more, and who came hears from here on; then the room looks.
async fn move_members(chat: &Chat, project: ProjectId, moved: &Moved) {
    let conversation = moved.conversation;
    if let Some(left) = moved.left {
        deliver(chat, Delivery::Leave { conversation, users: vec![left] }).await;
    }
    if !moved.joined.is_empty() {
        deliver(chat, Delivery::Join { conversation, users: moved.joined.clone() }).await;
    }
    refresh_room(chat, project, conversation).await;
}

async fn tell_all(chat: &Chat, project: ProjectId, changed: &Changed) -> Result<(), Failure> {
    for moved in &changed.moved {
        tell_moved(chat, project, moved).await?;
    }
    if let Some(conversation) = changed.said {
        tell_first(chat, project, conversation).await?;
    }
    let Some(id) = changed.request else { return Ok(()) };
    let (request, talks, agent, mut staff) = chat
        .run(async |conn| {
            let request = requests::one(conn, project, id).await?;
            let talks = sessions::shapes(conn, &changed.sessions).await?;
            let staff = if changed.queue { agents::told(conn, project, true).await? } else { Vec::new() };
            let mut staff: BTreeSet<UserId> = staff.into_iter().collect();
            let agent = request.agent.as_ref().map(|agent| agent.id);
            // Who is no agent any more hears no more of what agents see.
            for concerned in [agent, changed.before].into_iter().flatten() {
                if agents::is_staff(conn, project, concerned).await? {
                    staff.insert(concerned);
                }
            }
            Ok((request, talks, agent.filter(|agent| staff.contains(agent)), staff))
        })
        .await?;
    // A customer who was deleted has no sessions to hear of it.
    let customer = request.customer.id;
    for talk in talks {
        let sides = std::iter::once(customer).chain(agent).collect();
        publish(chat, Publication::to_users(sides, Outgoing::new("support.session", talk))).await;
    }
    staff.remove(&customer);
    let event = Outgoing::new("support.request", request.for_customer());
    publish(chat, Publication::to_users(vec![customer], event)).await;
    if !staff.is_empty() {
        let event = Outgoing::new("support.request", request);
        publish(chat, Publication::to_users(staff.into_iter().collect(), event)).await;
    }
    Ok(())
}

/// As a change of any conversation is told: who came and whose permission changed what it is to them, the others how it is, who
/// left that it is gone.
async fn tell_moved(chat: &Chat, project: ProjectId, moved: &Moved) -> Result<(), Failure> {
    let id = moved.conversation;
    if let Some(left) = moved.left {
        let gone = Outgoing::new("group.delete", Gone { conversation: id });
        publish(chat, Publication::to_users(vec![left], gone)).await;
    }
    let concerned = [moved.joined.as_slice(), &moved.changed].concat();
    let (told, owns) = chat
        .run(async |conn| {
            let told = conversations::one(conn, project, id, None).await?;
            Ok((told, conversations::owns_of(conn, id, &concerned).await?))
        })
        .await?;
    let Some(told) = told else { return Ok(()) };
    let alone: HashSet<UserId> = owns.iter().map(|(user, _)| *user).collect();
    for publication in pushes_of_own(&told, owns) {
        publish(chat, publication).await;
    }
    let hidden = (!alone.is_empty()).then(|| Arc::new(alone));
    let event = Outgoing::new("group.update", told.clone());
    publish(chat, Publication::to_conversation(id, event).hiding_from(hidden)).await;
    if moved.mode_changed {
        if let Some(llm) = chat.llm() {
            llm.turn_is_over(id);
        }
        publish(chat, Publication::to_conversation(id, Outgoing::new("conversation.mode", told))).await;
    }
    Ok(())
}

/// The message that came with a request. Whatever room there is by now began after it.
async fn tell_first(chat: &Chat, project: ProjectId, conversation: ConversationId) -> Result<(), Failure> {
    chat.unindexed.note(std::iter::once(conversation));
    let now = chat.now();
    let first = chat.run(async |conn| Ok(messages::range(conn, project, conversation, 1, 1, now).await?)).await?;
    for (_, message) in first {
        publish(chat, Publication::of_message("message.text", message)).await;
    }
    if let Some(llm) = chat.llm() {
        // It looks itself whether a bot is to answer.
        llm.heed(project, conversation);
    }
    Ok(())
}

async fn publish(chat: &Chat, publication: Publication) {
    deliver(chat, Delivery::Publish(publication)).await;
}

async fn deliver(chat: &Chat, delivery: Delivery) {
    if let Some(backlog) = chat.bus.deliver(delivery) {
        backlog.await;
    }
}
