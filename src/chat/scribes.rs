//! The scribes of a process: on a thread of their own, started anew when they fail.

use super::Core;
use super::guard::FailureGuard;
use super::scribe::{Drained, Entry, Full, Inbox, Scribe, Wake};
use crate::model::ConversationId;
use actix::prelude::*;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A scribe, whichever it is by now, and what waits for it.
struct Slot {
    inbox: Arc<Inbox>,
    scribe: Arc<ArcSwap<Addr<Scribe>>>,
}

/// The scribes; a conversation always meets the same one.
pub struct Scribes {
    arbiter: Arbiter,
    slots: Vec<Slot>,
}

impl Scribes {
    /// Starts so many scribes, at least one.
    pub fn start(core: &Arc<Core>, count: usize) -> Self {
        let arbiter = Arbiter::new();
        let slots = (0..count.max(1)).map(|index| start_slot(&arbiter, core, index)).collect();
        Self { arbiter, slots }
    }

    /// Hands something to the scribe of a conversation.
    ///
    /// # Errors
    /// [`Full`] when too much waits for that scribe.
    pub fn put(&self, conversation: ConversationId, entry: Entry) -> Result<(), Full> {
        let index = usize::try_from(conversation.0.as_u128() % self.slots.len() as u128).unwrap_or(0);
        let Some(slot) = self.slots.get(index) else { return Err(Full) };
        if slot.inbox.put(entry)? {
            // One that fails before it hears of this is replaced by one that looks by itself.
            slot.scribe.load().do_send(Wake);
        }
        Ok(())
    }

    /// Of each scribe the messages that wait for it, and the bytes of their bodies.
    pub fn depths(&self) -> Vec<(usize, usize)> {
        self.slots.iter().map(|slot| slot.inbox.depth()).collect()
    }

    /// Waits until nothing is left to store, at most so long, and ends the thread.
    pub async fn stop(&self, patience: Duration) {
        let drained = self.slots.iter().map(async |slot| {
            // One that fails has a successor, which is asked in its place.
            while !Addr::clone(&slot.scribe.load()).send(Drained).await.unwrap_or(false) {
                tokio::task::yield_now().await;
            }
        });
        if timeout(patience, futures_util::future::join_all(drained)).await.is_err() {
            log::warn!(target: "palabre::server", "messages were still being stored when the time to stop was over");
        }
        self.slots.iter().for_each(|slot| slot.inbox.close());
        self.arbiter.stop();
    }
}

fn start_slot(arbiter: &Arbiter, core: &Arc<Core>, index: usize) -> Slot {
    let inbox = Arc::default();
    let (scribe, mut failed) = start_scribe(&arbiter.handle(), core, &inbox, index);
    let slot = Slot { inbox, scribe: Arc::new(ArcSwap::from_pointee(scribe)) };
    let (kept, inbox, core) = (Arc::clone(&slot.scribe), Arc::clone(&slot.inbox), Arc::clone(core));
    arbiter.spawn(async move {
        while failed.await.is_ok() {
            let (scribe, failure) = start_scribe(&Arbiter::current(), &core, &inbox, index);
            kept.store(Arc::new(scribe));
            failed = failure;
        }
    });
    slot
}

fn start_scribe(
    arbiter: &ArbiterHandle,
    core: &Arc<Core>,
    inbox: &Arc<Inbox>,
    index: usize,
) -> (Addr<Scribe>, oneshot::Receiver<()>) {
    let (guard, failed) = FailureGuard::new(format!("scribe {index}"));
    let (core, inbox) = (Arc::clone(core), Arc::clone(inbox));
    (Scribe::start_in_arbiter(arbiter, move |_| Scribe::new(core, inbox, guard)), failed)
}
