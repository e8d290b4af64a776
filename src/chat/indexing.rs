//! Makes what was stored findable, behind the back of those who store it: scribes only note which conversations have something
//! new, and from there texts are copied for search in batches, a mark a conversation.

use super::Chat;
use crate::model::ConversationId;
use crate::store::messages::{self, Copied};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Between two batches: search is about that late, and later while more is stored than batches take.
const INTERVAL: Duration = Duration::from_millis(500);
/// Messages stored in that time that mean that the server has better to do.
const BUSY: u64 = 1_000;
/// How long search waits for a busy server before it takes its share all the same.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a batch at least so many times as long as it took nothing is copied: its share is a fifth of a core.
const REST: u32 = 4;
/// How often conversations are looked for that nobody noted: stored by another node, or by this one before it was stopped.
const SWEEP: Duration = Duration::from_secs(600);
/// Conversations that such a look finds at most.
const SWEPT: i64 = 10_000;
/// Conversations in a batch.
const BATCH: usize = 64;
/// Conversations that may be noted; a later look finds the others.
const NOTED: usize = 100_000;

/// Conversations with something new.
#[derive(Default)]
pub struct Unindexed(Mutex<HashSet<ConversationId>>);

impl Unindexed {
    /// Something was stored in these.
    pub fn note(&self, conversations: impl Iterator<Item = ConversationId>) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for conversation in conversations {
            if noted.len() < NOTED {
                noted.insert(conversation);
            }
        }
    }

    fn take(&self) -> Vec<ConversationId> {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let batch: Vec<_> = noted.iter().take(BATCH).copied().collect();
        for conversation in &batch {
            noted.remove(conversation);
        }
        batch
    }
}

/// Copies what is noted, on the current arbiter, until the task is aborted.
pub fn start(chat: &Chat) -> JoinHandle<()> {
    let chat = chat.clone();
    actix::spawn(async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut before, mut sweep_at) = (Vec::new(), Instant::now());
        let (mut stored, mut waits_since) = (0, None);
        loop {
            ticks.tick().await;
            let now = chat.metrics.stored.get();
            let is_busy = now.saturating_sub(std::mem::replace(&mut stored, now)) > BUSY;
            if is_busy && waits_since.get_or_insert_with(Instant::now).elapsed() < PATIENCE {
                continue;
            }
            waits_since = None;
            let began = Instant::now();
            if sweep_at <= Instant::now() {
                let behind = chat.run(async |connection| Ok(messages::behind(connection, SWEPT).await?)).await;
                if let Ok(behind) = behind {
                    sweep_at = Instant::now() + SWEEP;
                    chat.unindexed.note(behind.into_iter());
                }
            }
            copy(&chat, &mut before).await;
            tokio::time::sleep(began.elapsed() * REST).await;
        }
    })
}

/// One batch. `before` is what the last one copied.
async fn copy(chat: &Chat, before: &mut Vec<Copied>) {
    let batch = chat.unindexed.take();
    if batch.is_empty() && before.is_empty() {
        return;
    }
    let copied = chat.run(async |connection| {
        messages::mend(connection, before).await?;
        if batch.is_empty() { Ok(Vec::new()) } else { Ok(messages::copy(connection, &batch).await?) }
    });
    match copied.await {
        Ok(copied) => {
            chat.unindexed.note(copied.iter().filter(|copied| copied.more).map(|copied| copied.conversation));
            *before = copied;
        }
        // The database is away, or a row was in use: again with the next batch.
        Err(_) => chat.unindexed.note(batch.into_iter()),
    }
}
