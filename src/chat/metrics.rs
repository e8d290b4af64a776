//! Figures of this process and of each project, counted without locks: what is on the way of a message pays one relaxed
//! addition for each.

mod histogram;
mod project;

pub use histogram::Histogram;
pub use project::ProjectFigures;

use crate::wire::close::CloseCode;
use histogram::{MESSAGES, SECONDS};
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

    /// It is this many now.
    pub fn set(&self, count: i64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// So many less.
    pub fn down_by(&self, by: usize) {
        self.0.fetch_sub(i64::try_from(by).unwrap_or(i64::MAX), Ordering::Relaxed);
    }

    /// How many there are.
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What this process has done and has under way.
#[derive(Debug)]
pub struct Metrics {
    /// Connections, authenticated or not.
    pub connections: Gauge,
    /// Authenticated sessions.
    pub sessions: Gauge,
    /// Sessions that were opened.
    pub opened: Counter,
    /// Rooms awake.
    pub rooms: Gauge,
    /// Requests answered, errors included.
    pub requests: Counter,
    /// Messages stored.
    pub stored: Counter,
    /// Messages in each transaction that stored some.
    pub batches: Histogram,
    /// Time that those transactions took, in microseconds, waiting for a connection included.
    pub commits: Histogram,
    /// Events handed to sessions.
    pub delivered: Counter,
    /// Callbacks that wait to be delivered, of all nodes, as of the last look.
    pub callbacks_waiting: Gauge,
    /// Callbacks that apps took.
    pub callbacks_delivered: Counter,
    /// Tries to deliver one that failed.
    pub callbacks_failed: Counter,
    /// Callbacks that nobody ever took.
    pub callbacks_expired: Counter,
    /// Sessions closed because they read too slowly.
    pub slow: Counter,
    /// Connections closed by the server, by its code.
    pub closes: Closes,
    /// Passwords that were right.
    pub passwords_right: Counter,
    /// Passwords that were wrong, or of nobody.
    pub passwords_wrong: Counter,
    /// Answers of the REST API.
    pub rest: Answers,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            connections: Gauge::default(),
            sessions: Gauge::default(),
            opened: Counter::default(),
            rooms: Gauge::default(),
            requests: Counter::default(),
            stored: Counter::default(),
            batches: Histogram::new(MESSAGES),
            commits: Histogram::new(SECONDS),
            delivered: Counter::default(),
            callbacks_waiting: Gauge::default(),
            callbacks_delivered: Counter::default(),
            callbacks_failed: Counter::default(),
            callbacks_expired: Counter::default(),
            slow: Counter::default(),
            closes: Closes::default(),
            passwords_right: Counter::default(),
            passwords_wrong: Counter::default(),
            rest: Answers::default(),
        }
    }
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
            "batches": self.batches.count(),
            "events_delivered": self.delivered.get(),
            "slow_sessions": self.slow.get(),
        })
    }
}

/// Connections that the server closed, by code.
#[derive(Debug, Default)]
pub struct Closes([Counter; CloseCode::ALL.len()]);

impl Closes {
    /// One more was closed with this code.
    pub fn count(&self, code: CloseCode) {
        if let Some((_, counter)) = self.each().find(|(known, _)| *known == code) {
            counter.add(1);
        }
    }

    /// Every code, with how many were closed with it.
    pub fn each(&self) -> impl Iterator<Item = (CloseCode, &Counter)> {
        CloseCode::ALL.into_iter().zip(&self.0)
    }
}

/// The classes of HTTP's statuses.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Answers over HTTP, by the class of their status.
#[derive(Debug, Default)]
pub struct Answers([Counter; CLASSES.len()]);

impl Answers {
    /// One more had this status.
    pub fn count(&self, status: u16) {
        let class = usize::from(status / 100).checked_sub(1);
        if let Some(counter) = class.and_then(|class| self.0.get(class)) {
            counter.add(1);
        }
    }

    /// Every class, with how many answers were of it.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, &Counter)> {
        CLASSES.into_iter().zip(&self.0)
    }
}
