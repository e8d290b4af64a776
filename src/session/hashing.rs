//! Checks of passwords, off the event loops and only so many at once.

use crate::model::{Failure, password};
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Checks that may wait for each core: at 50 ms a check, who comes later would wait for more than 6 s.
const WAITING_PER_CORE: usize = 128;

/// Where passwords are hashed and checked: on the blocking pool, as many at once as there are cores, so that a flood of sign-ins leaves
/// the event loops their share.
pub struct Hashing {
    /// Those who wait or are served.
    places: Arc<Semaphore>,
    /// Those who are served.
    turns: Arc<Semaphore>,
}

/// The right to check one password.
pub struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Hashing {
    /// Checks `cores` passwords at once.
    #[must_use]
    pub fn new(cores: NonZeroUsize) -> Self {
        let cores = cores.get();
        Self {
            places: Arc::new(Semaphore::new(cores.saturating_mul(WAITING_PER_CORE).min(Semaphore::MAX_PERMITS))),
            turns: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// [`Failure::Unavailable`] at once when too many wait already.
    pub async fn turn(&self) -> Result<Turn, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Failure::Unavailable)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| Failure::Unavailable)?;
        Ok(Turn { _place: place, _turn: turn })
    }
}

impl Turn {
    /// Whether `password` is the one behind `hash`; as slow, and false, when there is none.
    ///
    /// # Errors
    /// [`Failure::Internal`] if the check died.
    pub async fn verify(self, password: String, hash: Option<String>) -> Result<bool, Failure> {
        self.work(move || password::verify(&password, hash.as_deref())).await
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// As [`password::hash`].
    pub async fn hash(self, password: String) -> Result<String, Failure> {
        self.work(move || password::hash(&password, rand::random())).await?
    }

    async fn work<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Failure> {
        tokio::task::spawn_blocking(move || {
            let done = work();
            // Here and not with the caller: who goes away leaves the work running, and it still takes its core.
            drop(self);
            done
        })
        .await
        .map_err(|error| {
            log::error!(target: "palabre::http", "work on a password died: {error}");
            Failure::Internal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn only_so_many_are_served_and_only_so_many_wait() {
        let hashing = Hashing::new(NonZeroUsize::MIN);
        let served = hashing.turn().await.unwrap();
        let mut waiting: Vec<_> = (1..WAITING_PER_CORE).map(|_| Box::pin(hashing.turn())).collect();
        for turn in &mut waiting {
            assert!(turn.as_mut().now_or_never().is_none());
        }
        assert_eq!(hashing.turn().await.err(), Some(Failure::Unavailable));
        assert_eq!(served.verify("wrong".to_owned(), None).await, Ok(false));
        assert!(waiting[0].as_mut().now_or_never().is_some());
    }
}
