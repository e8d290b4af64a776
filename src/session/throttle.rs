//! Sign-ins that failed: so many a minute for one name and one address, then a pause.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Over which failures are counted.
const WINDOW: Duration = Duration::from_secs(60);
/// Failures in a window for one name.
const PER_NAME: usize = 20;
/// Failures in a window for one address; more than for a name, as many people may share one.
const PER_ADDRESS: usize = 100;
/// Characters of a name that count: those of a project's id and of a username, with some room. What strangers send takes only so
/// much memory.
const NAME_CHARS: usize = 160;
/// Names, and addresses, that are remembered. One core checks some 1 200 passwords in a window, so it takes many cores under
/// attack to fill this; then those who failed longest ago are forgotten first.
const REMEMBERED: usize = 16_384;

/// Counts failures of signing in, by name (of a user in a project, or of an organization) and address.
#[derive(Default)]
pub struct Throttle {
    failures: Mutex<Failures>,
}

#[derive(Default)]
struct Failures {
    by_name: HashMap<String, VecDeque<Instant>>,
    by_address: HashMap<IpAddr, VecDeque<Instant>>,
}

/// A try under way. It counts as a failure unless it [succeeds](Attempt::succeed): who goes away before the answer gains
/// nothing, and many tries at once count as much as one after the other.
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    name: String,
    address: Option<IpAddr>,
    at: Instant,
}

impl Throttle {
    /// Whether there may be another try now.
    ///
    /// # Errors
    /// The time until then, when there were too many failures.
    pub fn check(&self, name: &str, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let (name, address) = keys(name, address);
        self.lock().check(&name, address, now)
    }

    /// Whether there may be another try from this address now, whoever it is for.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_address(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        self.check("", address, now)
    }

    /// Begins a try, if there may be one now.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn begin(&self, name: &str, address: Option<IpAddr>, now: Instant) -> Result<Attempt<'_>, Duration> {
        let (name, address) = keys(name, address);
        let mut failures = self.lock();
        failures.check(&name, address, now)?;
        note(&mut failures.by_name, name.clone(), now);
        if let Some(address) = address {
            note(&mut failures.by_address, address, now);
        }
        drop(failures);
        Ok(Attempt { throttle: self, name, address, at: now })
    }

    fn lock(&self) -> MutexGuard<'_, Failures> {
        // Counts are right after any single step, so a panic elsewhere spoils nothing.
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt<'_> {
    /// The password was right: this try is no failure.
    pub fn succeed(self) {
        let mut failures = self.throttle.lock();
        forget(&mut failures.by_name, &self.name, self.at);
        if let Some(address) = &self.address {
            forget(&mut failures.by_address, address, self.at);
        }
    }
}

impl Failures {
    fn check(&self, name: &str, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let for_name = pause(self.by_name.get(name), PER_NAME, now);
        let for_address = pause(address.and_then(|address| self.by_address.get(&address)), PER_ADDRESS, now);
        match for_name.max(for_address) {
            Some(pause) => Err(pause),
            None => Ok(()),
        }
    }
}

/// Under which keys a try is counted.
fn keys(name: &str, address: Option<IpAddr>) -> (String, Option<IpAddr>) {
    (name.chars().take(NAME_CHARS).collect(), address.map(network))
}

/// What counts as one address: of IPv6 the whole /64, for one customer has as many addresses as they like of it.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// How long to wait until fewer than `allowed` of these failures are in the window.
fn pause(failures: Option<&VecDeque<Instant>>, allowed: usize, now: Instant) -> Option<Duration> {
    let failures = failures?;
    let deciding = *failures.get(failures.len().checked_sub(allowed)?)?;
    (deciding + WINDOW).checked_duration_since(now).filter(|pause| !pause.is_zero())
}

fn note<K: Hash + Eq + Clone>(table: &mut HashMap<K, VecDeque<Instant>>, key: K, now: Instant) {
    if table.len() >= REMEMBERED && !table.contains_key(&key) {
        table.retain(|_, failures| failures.back().is_some_and(|last| *last + WINDOW > now));
        if table.len() >= REMEMBERED {
            let oldest = table.iter().min_by_key(|(_, failures)| failures.back().copied()).map(|(key, _)| key.clone());
            oldest.and_then(|key| table.remove(&key));
        }
    }
    let failures = table.entry(key).or_default();
    while failures.front().is_some_and(|first| *first + WINDOW <= now) {
        failures.pop_front();
    }
    failures.push_back(now);
}

fn forget<K: Hash + Eq>(table: &mut HashMap<K, VecDeque<Instant>>, key: &K, at: Instant) {
    let Some(failures) = table.get_mut(key) else { return };
    if let Some(index) = failures.iter().position(|failure| *failure == at) {
        failures.remove(index);
    }
    if failures.is_empty() {
        table.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    #[test]
    fn the_21st_failure_of_a_name_waits_until_the_first_is_a_minute_old() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for second in 0..20 {
            assert!(throttle.begin("khora", address(1), start + Duration::from_secs(second)).is_ok());
        }
        let now = start + Duration::from_secs(20);
        assert_eq!(throttle.check("khora", address(2), now), Err(Duration::from_secs(40)));
        assert_eq!(throttle.begin("khora", address(2), now).err(), Some(Duration::from_secs(40)));
        assert_eq!(throttle.check("alice", address(1), now), Ok(()));
        assert_eq!(throttle.check("khora", address(2), start + WINDOW), Ok(()));
    }

    #[test]
    fn successes_do_not_count() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for _ in 0..1000 {
            throttle.begin("khora", address(1), start).map(Attempt::succeed).unwrap();
        }
        assert!(throttle.lock().by_name.is_empty() && throttle.lock().by_address.is_empty());
    }

    #[test]
    fn an_address_is_counted_over_all_names_and_an_ipv6_network_as_one() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for number in 0..100u32 {
            let address: IpAddr = format!("2001:db8::{number:x}").parse().unwrap();
            assert!(throttle.begin(&format!("user {number}"), Some(address), start).is_ok());
        }
        assert_eq!(throttle.check("khora", "2001:db8::ffff".parse().ok(), start), Err(WINDOW));
        assert_eq!(throttle.check("khora", "2001:db8:0:1::1".parse().ok(), start), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let (throttle, start) = (Throttle::default(), Instant::now());
        for number in 0..REMEMBERED + 10 {
            let at = start + Duration::from_micros(u64::try_from(number).unwrap());
            drop(throttle.begin(&format!("{number}{}", "x".repeat(1000)), None, at));
        }
        let failures = throttle.lock();
        assert_eq!(failures.by_name.len(), REMEMBERED);
        assert!(failures.by_name.keys().all(|name| name.chars().count() <= NAME_CHARS));
    }
}
