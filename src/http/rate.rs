//! How many requests a caller may make: a bucket a caller that fills at a rate and holds a burst.

use crate::model::{ChatbotId, Failure, OrganizationId, UserId};
use crate::session::throttle::network;
use crate::wire::bounds::Limits;
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Callers that are remembered: some megabytes. Who is not among them has a full bucket, so when there are more than this at
/// once those with the fullest buckets are forgotten.
const REMEMBERED: usize = 32_768;

/// Who makes a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallerKey {
    /// Nobody who said who they are.
    Address(Option<IpAddr>),
    User(UserId),
    App(Uuid),
    Organization(OrganizationId),
    /// The back end of a bot.
    Bot(ChatbotId),
}

impl CallerKey {
    /// A stranger at this address.
    #[must_use]
    pub fn stranger(address: Option<IpAddr>) -> Self {
        Self::Address(address.map(network))
    }
}

impl fmt::Display for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(Some(address)) => write!(f, "address {address}"),
            Self::Address(None) => f.write_str("nowhere"),
            Self::User(id) => write!(f, "user {id}"),
            Self::App(id) => write!(f, "app {id}"),
            Self::Organization(id) => write!(f, "organization {id}"),
            Self::Bot(id) => write!(f, "bot {id}"),
        }
    }
}

/// What a bucket is like.
#[derive(Debug, Clone, Copy)]
struct Rate {
    /// In which one request's worth comes back.
    interval: Duration,
    /// In which an empty bucket is full again.
    depth: Duration,
}

impl Rate {
    fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, depth: interval * burst.max(1) }
    }
}

/// The buckets of all callers.
pub struct Rates {
    people: Rate,
    apps: Rate,
    /// When each caller's bucket is full again: all that has to be known of a bucket.
    full_at: Mutex<HashMap<CallerKey, Instant>>,
}

impl Rates {
    /// Full buckets.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            people: Rate::new(limits.calls_per_second, limits.calls_burst),
            apps: Rate::new(limits.app_calls_per_second, limits.app_calls_burst),
            full_at: Mutex::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`Failure::RateLimited`] when the caller has made too many.
    pub fn take(&self, caller: CallerKey, now: Instant) -> Result<(), Failure> {
        let is_program = matches!(caller, CallerKey::App(_) | CallerKey::Bot(_));
        let rate = if is_program { self.apps } else { self.people };
        // Counts are right after any single step, so a panic elsewhere spoils nothing.
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let before = full_at.get(&caller).copied().filter(|at| *at > now).unwrap_or(now);
        let after = before + rate.interval;
        if let Some(over) = after.checked_duration_since(now + rate.depth).filter(|over| !over.is_zero()) {
            return Err(Failure::RateLimited { retry_after: over });
        }
        if full_at.len() >= REMEMBERED && !full_at.contains_key(&caller) {
            forget(&mut full_at, now);
        }
        full_at.insert(caller, after);
        Ok(())
    }
}

/// Makes room: full buckets go, and if there are none the fuller half, so that this is seldom done.
fn forget(full_at: &mut HashMap<CallerKey, Instant>, now: Instant) {
    full_at.retain(|_, at| *at > now);
    if full_at.len() >= REMEMBERED {
        let mut times: Vec<Instant> = full_at.values().copied().collect();
        let middle = times.len() / 2;
        let (_, median, _) = times.select_nth_unstable(middle);
        let median = *median;
        full_at.retain(|_, at| *at > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates() -> Rates {
        let limits = Limits { calls_per_second: 10, calls_burst: 3, app_calls_per_second: 100, ..Limits::DEFAULT };
        Rates::new(&limits)
    }

    fn user(number: u128) -> CallerKey {
        CallerKey::User(UserId(Uuid::from_u128(number)))
    }

    #[test]
    fn a_burst_then_the_rate() {
        let (rates, start) = (rates(), Instant::now());
        assert!((0..3).all(|_| rates.take(user(1), start).is_ok()));
        let refused = rates.take(user(1), start);
        assert_eq!(refused, Err(Failure::RateLimited { retry_after: Duration::from_millis(100) }));
        assert_eq!(rates.take(user(2), start), Ok(()));
        assert_eq!(rates.take(CallerKey::App(Uuid::from_u128(1)), start), Ok(()));
        assert_eq!(rates.take(user(1), start + Duration::from_millis(100)), Ok(()));
        let later = start + Duration::from_secs(60);
        assert_eq!((0..9).filter(|_| rates.take(user(1), later).is_ok()).count(), 3);
    }

    #[test]
    fn an_ipv6_network_is_one_stranger() {
        let stranger = |address: &str| CallerKey::stranger(address.parse().ok());
        assert_eq!(stranger("2001:db8::1"), stranger("2001:db8::2"));
        assert_ne!(stranger("2001:db8::1"), stranger("2001:db8:0:1::1"));
        assert_eq!(stranger("::ffff:192.0.2.1"), stranger("192.0.2.1"));
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_are_remembered() {
        let (rates, now) = (rates(), Instant::now());
        assert!((0..3).all(|_| rates.take(user(0), now).is_ok()));
        for number in 1..100_000 {
            rates.take(user(number), now).unwrap();
        }
        assert!(rates.full_at.lock().unwrap().len() <= REMEMBERED);
        assert!(rates.take(user(0), now).is_err());
    }
}
