//! How live sessions hear of a pair that was stored: from the conversation's room, or, where the conversation is new, at once.

use super::super::Chat;
use super::super::llm::speaker::Speaker;
use super::super::room::govern::pushes_of_own;
use super::super::room::say::Attend;
use super::super::room::tell::{CatchUp, publication_of};
use crate::cluster::{Delivery, Publication};
use crate::model::{Failure, Usage, UserId};
use crate::store::exchanges::pairs::{Pair, Stored};
use crate::store::exchanges::turns::{Party, Seat};
use crate::store::{conversations, messages};
use crate::wire::shapes::Role;
use std::sync::Arc;

/// Sees that the room is awake, which then tells what is stored from now on. One that can't be had finds it when it is needed next.
pub async fn attend(chat: &Chat, seat: Seat) {
    let _ = Speaker::new(chat, seat.project, seat.conversation).ask(Attend).await;
}

/// Tells what was stored.
pub async fn tell(chat: &Chat, pair: &Pair, stored: &Stored) {
    let Seat { project, conversation, party } = pair.seat;
    chat.unindexed.note(std::iter::once(conversation));
    chat.metrics.stored.add(2);
    // Nobody lives in an instance.
    let Party::Person(user) = party else { return };
    if !stored.is_new {
        let _ = Speaker::new(chat, project, conversation).ask(CatchUp { is_certain: true }).await;
    } else if let Err(failure) = tell_new(chat, pair.seat, user, pair.usage).await {
        log::warn!(target: "palabre::chat", "a new conversation with a bot was not told: {failure}");
    }
}

/// No room tells the first messages of a conversation: whichever there is began after them.
async fn tell_new(chat: &Chat, seat: Seat, user: UserId, usage: Usage) -> Result<(), Failure> {
    let Seat { project, conversation: id, .. } = seat;
    deliver(chat, Delivery::Join { conversation: id, users: vec![user] }).await;
    let now = chat.now();
    let (told, owns, first) = chat
        .run(async |conn| {
            let told = conversations::one(conn, project, id, None).await?.ok_or(Failure::NotFound("conversation"))?;
            let owns = conversations::owns_of(conn, id, &[user]).await?;
            Ok((told, owns, messages::range(conn, project, id, 1, 2, now).await?))
        })
        .await?;
    for publication in pushes_of_own(&told, owns) {
        deliver(chat, Delivery::Publish(publication)).await;
    }
    for (_, message) in first {
        let usage = if message.role == Role::Assistant { usage } else { Usage::default() };
        publish(chat, publication_of(&Arc::new(message), usage)).await;
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
