//! Ends game invitations whose time is over, and has their rooms tell it.

use super::Chat;
use super::namespace::Enter;
use super::room::edit::Expired;
use crate::store::games;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often to look: a countdown on a screen may be that late.
const INTERVAL: Duration = Duration::from_secs(1);
/// Invitations ended at once.
const BATCH: i64 = 256;

/// How long a namespace may take to start a room; the next message of the conversation tells the game's state otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks once a second, on the current arbiter, until the task is aborted.
pub fn start(chat: &Chat) -> JoinHandle<()> {
    let chat = chat.clone();
    actix::spawn(async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = chat.now();
            let expired = chat.run(async |connection| games::expire(connection, now, BATCH).await).await;
            if expired.as_ref().is_ok_and(|expired| !expired.is_empty()) {
                chat.callbacks.wake();
            }
            for (project, conversation, message, _) in expired.into_iter().flatten() {
                let Some(handle) = chat.namespace(project) else { return };
                let enter = Enter { conversation, hub: 0 };
                if let Ok(Some(room)) = handle.namespace.send(enter).timeout(PATIENCE).await {
                    // A room too busy to take it tells the new state with the next look at the message.
                    let _ = room.try_send(Expired(message));
                }
            }
        }
    })
}
