//! Which event loops have somebody to tell: a bit a loop, by conversation and by user.
//!
//! Written when the first session of a loop joins or its last one leaves, read once a publication. The map is cut into shards,
//! each under a lock of its own, so that nothing global is locked on the way of a message.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Shards of an [`Interest`]: enough that a handful of loops rarely meet at one.
const SHARDS: usize = 32;
/// Event loops that fit in a mask.
pub const MAX_LOOPS: usize = 64;

/// For each key, the loops that want to hear of it.
#[derive(Debug)]
pub struct Interest<K> {
    hasher: RandomState,
    shards: Vec<Mutex<HashMap<K, u64>>>,
}

impl<K: Hash + Eq + Copy> Interest<K> {
    /// An empty map.
    #[must_use]
    pub fn new() -> Self {
        Self { hasher: RandomState::new(), shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }

    /// The loop `index` (below [`MAX_LOOPS`]) wants to hear of `key`.
    pub fn add(&self, key: K, index: usize) {
        *self.shard(&key).entry(key).or_insert(0) |= 1 << index;
    }

    /// The loop `index` has nobody left for `key`.
    pub fn remove(&self, key: K, index: usize) {
        let mut shard = self.shard(&key);
        if let Some(mask) = shard.get_mut(&key) {
            *mask &= !(1 << index);
            if *mask == 0 {
                shard.remove(&key);
            }
        }
    }

    /// The loops that want to hear of `key`, a bit each.
    pub fn mask(&self, key: K) -> u64 {
        self.shard(&key).get(&key).copied().unwrap_or(0)
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, u64>> {
        let index = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or(0);
        // A panic between two of the map's own operations leaves no half-written entry: the poison means nothing here.
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq + Copy> Default for Interest<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loops_come_and_go() {
        let interest = Interest::new();
        interest.add(7, 0);
        interest.add(7, 3);
        assert_eq!(interest.mask(7), 0b1001);
        assert_eq!(interest.mask(8), 0);
        interest.remove(7, 0);
        interest.remove(7, 0);
        assert_eq!(interest.mask(7), 0b1000);
        interest.remove(7, 3);
        assert_eq!(interest.mask(7), 0);
    }
}
