//! Figures of one project on this node. Those who count hold them by reference, so that no message needs a look-up.

use super::{Counter, Gauge};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a project has done and has under way. Its namespace makes them, and hands them on to the next one if it fails.
#[derive(Debug, Default)]
pub struct ProjectFigures {
    /// Authenticated sessions.
    pub sessions: Gauge,
    /// Users with a session.
    pub users: Gauge,
    /// Rooms awake.
    pub rooms: Gauge,
    /// Requests of sessions that were answered, errors included.
    pub requests: Counter,
    /// Messages stored.
    pub stored: Counter,
    /// Events handed to sessions.
    pub delivered: Counter,
    /// Sessions closed because they read too slowly.
    pub slow: Counter,
    /// Live feeds that show these.
    feeds: AtomicUsize,
}

impl ProjectFigures {
    /// Takes one of `most` places for a live feed; false if all are taken.
    pub fn take_feed(&self, most: usize) -> bool {
        let free = |open| (open < most).then_some(open + 1);
        self.feeds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, free).is_ok()
    }

    /// Gives a place back.
    pub fn give_feed_back(&self) {
        self.feeds.fetch_sub(1, Ordering::Relaxed);
    }
}
