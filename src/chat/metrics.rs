//! Figures of this process, counted without locks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, by: usize) {
        self.0.fetch_add(by as u64, Ordering::Relaxed);
    }

    /// What it has come to.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// One more.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What this process has done and has under way.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Connections, authenticated or not.
    pub connections: Gauge,
    /// Authenticated sessions.
    pub sessions: Gauge,
    /// Rooms awake.
    pub rooms: Gauge,
    /// Requests answered, errors included.
    pub requests: Counter,
    /// Messages stored.
    pub stored: Counter,
    /// Transactions that stored messages.
    pub batches: Counter,
    /// Events handed to sessions.
    pub delivered: Counter,
    /// Sessions closed because they read too slowly.
    pub slow: Counter,
}

impl Metrics {
    /// The figures as a JSON object.
    #[must_use]
    pub fn snapshot(&self) -> serde_json::Value {
        serde_json::json!({
            "connections": self.connections.get(),
            "sessions": self.sessions.get(),
            "rooms": self.rooms.get(),
            "requests": self.requests.get(),
            "messages_stored": self.stored.get(),
            "batches": self.batches.get(),
            "events_delivered": self.delivered.get(),
            "slow_sessions": self.slow.get(),
        })
    }
}
