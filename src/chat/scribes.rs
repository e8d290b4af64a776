//! The scribes of a process: on a thread of their own, started anew when they fail.

use super::Core;
use super::guard::FailureGuard;
use super::scribe::{Drained, Scribe};
use crate::model::ConversationId;
use actix::dev::{SendError, ToEnvelope};
use actix::prelude::*;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

type Slot = Arc<ArcSwap<Addr<Scribe>>>;

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

    /// Hands something to the scribe of a conversation, if its mailbox isn't full.
    ///
    /// Everybody sends through the one address that is kept here: a clone of it would have a place of its own in the mailbox
    /// beside the bound, so that senders who each made one would never find it full.
    ///
    /// # Errors
    /// With the message, when the mailbox is full or the scribe has failed and isn't replaced yet.
    pub fn try_send<M>(&self, conversation: ConversationId, message: M) -> Result<(), SendError<M>>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        Scribe: Handler<M>,
        <Scribe as Actor>::Context: ToEnvelope<Scribe, M>,
    {
        let index = usize::try_from(conversation.0.as_u128() % self.slots.len() as u128).unwrap_or(0);
        match self.slots.get(index) {
            Some(slot) => slot.load().try_send(message),
            None => Err(SendError::Closed(message)),
        }
    }

    /// Waits until nothing is left to store, at most so long, and ends the thread.
    pub async fn stop(&self, patience: Duration) {
        let drained = self.slots.iter().map(|slot| Addr::clone(&slot.load())).map(async |scribe| {
            // One that fails now has nothing to wait for.
            let _ = scribe.send(Drained).await;
        });
        if timeout(patience, futures_util::future::join_all(drained)).await.is_err() {
            log::warn!(target: "palabre::server", "messages were still being stored when the time to stop was over");
        }
        self.arbiter.stop();
    }
}

fn start_slot(arbiter: &Arbiter, core: &Arc<Core>, index: usize) -> Slot {
    let (scribe, mut failed) = start_scribe(&arbiter.handle(), core, index);
    let slot = Arc::new(ArcSwap::from_pointee(scribe));
    let (kept, core) = (Arc::clone(&slot), Arc::clone(core));
    arbiter.spawn(async move {
        while failed.await.is_ok() {
            let (scribe, failure) = start_scribe(&Arbiter::current(), &core, index);
            kept.store(Arc::new(scribe));
            failed = failure;
        }
    });
    slot
}

fn start_scribe(arbiter: &ArbiterHandle, core: &Arc<Core>, index: usize) -> (Addr<Scribe>, oneshot::Receiver<()>) {
    let (guard, failed) = FailureGuard::new(format!("scribe {index}"));
    let core = Arc::clone(core);
    (Scribe::start_in_arbiter(arbiter, move |_| Scribe::new(core, guard)), failed)
}
