//! What a process holds of its quotas: calls that it answers for, and places among those who wait.

use super::{Shared, locked};
use crate::model::Failure;
use crate::model::quota::Used;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use uuid::Uuid;

/// Calls that have used nothing and wait to be taken away; beyond that their leases end by themselves.
const ENDED: usize = 1_000;

/// A call that this process answers for: its lease is renewed, and it is booked when this is dropped.
pub(super) struct Held {
    pub(super) shared: Arc<Shared>,
    pub(super) id: Uuid,
    /// What is booked if nothing else is said; `None`: what was noted.
    pub(super) otherwise: Option<Used>,
    is_over: bool,
}

impl Held {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        let id = Uuid::new_v4();
        locked(&shared.living).insert(id);
        // A reservation that nobody got to see has used nothing.
        Self { shared: Arc::clone(shared), id, otherwise: Some(Used::default()), is_over: false }
    }

    /// It is over, in the database too.
    pub(super) fn forget(&mut self) {
        locked(&self.shared.living).remove(&self.id);
        self.is_over = true;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut ended = locked(&self.shared.ended);
        if self.otherwise == Some(Used::default()) && ended.len() >= ENDED {
            drop(ended);
            locked(&self.shared.living).remove(&self.id);
            return;
        }
        ended.insert(self.id, self.otherwise);
        drop(ended);
        self.shared.stirred.notify_one();
    }
}

/// A place among those who wait here.
pub(super) struct Place(Arc<Shared>);

impl Place {
    pub(super) fn take(shared: &Arc<Shared>) -> Result<Self, Failure> {
        let most = shared.settings.waiting;
        let take = |waiting: usize| (waiting < most).then_some(waiting + 1);
        let taken = shared.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(|_| Self(Arc::clone(shared))).map_err(|_| Failure::Unavailable)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
