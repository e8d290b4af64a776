//! The keys of issuers: fetched when they are needed, kept, and fetched again when a token names one that is not among them, but not
//! more than once a minute.
//!
//! An issuer that is away does no harm as long as the keys of before will do.

use crate::model::Failure;
use crate::model::address::Allowed;
use crate::wire::foreign::{Claimed, Keys};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::StreamExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Url, redirect};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the keys of one address are fetched at most.
const PAUSE: TimeDelta = TimeDelta::seconds(60);
/// After that they are fetched anew, though they may do: an issuer takes keys back by leaving them out.
const FRESH: TimeDelta = TimeDelta::hours(1);
/// So long keys are good while their issuer is away.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// How long fetching may take in all.
const TOTAL: Duration = Duration::from_secs(5);
/// Bytes of a JWKS: some dozen keys with their certificates.
const BYTES: usize = 256 * 1024;
/// Addresses whose keys are kept; beyond that the one that was fetched longest ago is forgotten.
const ADDRESSES: usize = 1_000;

/// The issuers whose tokens were seen.
pub struct Issuers {
    client: Option<Client>,
    allowed: Allowed,
    known: Mutex<HashMap<String, Arc<Issuer>>>,
}

/// One address. Who wants its keys fetched waits for who does that already.
#[derive(Default)]
struct Issuer(tokio::sync::Mutex<State>);

#[derive(Default)]
struct State {
    keys: Option<(Arc<Keys>, DateTime<Utc>)>,
    tried_at: Option<DateTime<Utc>>,
    failed: bool,
}

impl Issuers {
    /// Fetches from the public internet, and from what is allowed beside.
    #[must_use]
    pub fn new(allowed: Allowed) -> Self {
        let client = Client::builder()
            .redirect(redirect::Policy::none())
            .no_proxy()
            .timeout(TOTAL)
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(Guarded(allowed.clone())))
            .build()
            .inspect_err(|error| log::error!(target: "palabre::session", "no HTTP client for keys: {error}"));
        Self { client: client.ok(), allowed, known: Mutex::default() }
    }

    /// Whether keys may be fetched from an address: `https`, or `http` where the operator allows the host, and in no private network
    /// that is not allowed.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn check_address(&self, address: &str) -> Result<Url, &'static str> {
        let url = Url::parse(address).map_err(|_| "must be an address such as https://id.example.org/keys")?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("must name a host")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must hold no user name or password");
        }
        let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        if literal.is_some_and(|literal| !self.allowed.permits(host, literal)) {
            return Err("must not lead into a private network");
        }
        // What is permitted beside the public internet is what the operator named.
        let is_named = self.allowed.permits(host, literal.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
            && literal.is_none_or(|literal| !crate::model::address::is_public(literal));
        match url.scheme() {
            "https" => Ok(url),
            "http" if is_named => Ok(url),
            _ => Err("must begin with https://"),
        }
    }

    /// Keys among which the one is that a token claims, if there is such a one.
    ///
    /// # Errors
    /// [`Failure::Unauthorized`] if there is none, [`Failure::Unavailable`] if nobody can tell for the moment.
    pub async fn keys(&self, address: &str, claimed: &Claimed, now: DateTime<Utc>) -> Result<Arc<Keys>, Failure> {
        let issuer = self.issuer(address);
        let mut state = issuer.0.lock().await;
        let is_due = state.tried_at.is_none_or(|at| now - at >= PAUSE || at > now);
        let age = state.keys.as_ref().map(|(_, fetched_at)| now - *fetched_at);
        let will_do = state.keys.as_ref().is_some_and(|(keys, _)| keys.has(claimed));
        if is_due && (!will_do || age.is_none_or(|age| age >= FRESH)) {
            state.tried_at = Some(now);
            // Should the caller go away, the next one finds it failed.
            state.failed = true;
            match self.fetch(address).await {
                Ok(keys) => {
                    state.keys = Some((Arc::new(keys), now));
                    state.failed = false;
                }
                Err(error) => log::warn!(target: "palabre::session", "the keys at {address} can't be fetched: {error}"),
            }
        }
        match &state.keys {
            Some((keys, fetched_at)) if keys.has(claimed) && now - *fetched_at < KEPT => Ok(Arc::clone(keys)),
            _ if state.failed => Err(Failure::Unavailable),
            _ => Err(Failure::Unauthorized),
        }
    }

    fn issuer(&self, address: &str) -> Arc<Issuer> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issuer) = known.get(address) {
            return Arc::clone(issuer);
        }
        if known.len() >= ADDRESSES {
            // One under way counts as new.
            let tried = |issuer: &Issuer| {
                issuer.0.try_lock().map_or(DateTime::<Utc>::MAX_UTC, |it| it.tried_at.unwrap_or_default())
            };
            let oldest = known.iter().min_by_key(|(_, issuer)| tried(issuer)).map(|(address, _)| address.clone());
            oldest.and_then(|address| known.remove(&address));
        }
        Arc::clone(known.entry(address.to_owned()).or_default())
    }

    async fn fetch(&self, address: &str) -> Result<Keys, String> {
        let url = self.check_address(address)?;
        let client = self.client.as_ref().ok_or("there is no client")?;
        let answer = client.get(url).send().await.map_err(|error| error.without_url().to_string())?;
        if !answer.status().is_success() {
            return Err(format!("status {}", answer.status().as_u16()));
        }
        let (mut document, mut parts) = (Vec::new(), answer.bytes_stream());
        while let Some(part) = parts.next().await {
            let part = part.map_err(|error| error.without_url().to_string())?;
            if document.len() + part.len() > BYTES {
                return Err("too large".to_owned());
            }
            document.extend_from_slice(&part);
        }
        Keys::parse(&document).map_err(|error| error.to_string())
    }
}

/// Finds addresses for the client, so that it connects to none that is not permitted, whatever a name leads to by now.
struct Guarded(Allowed);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            if found.is_empty() || !found.iter().all(|address| allowed.permits(host, address.ip())) {
                return Err("the host is unknown or in a private network".into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_from_where_they_may() {
        // Another test may have been first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let issuers = Issuers::new(Allowed::parse(&["127.0.0.1", "keys.internal"]).unwrap());
        for good in [
            "https://id.example.org/keys",
            "https://127.0.0.1:8443/keys",
            "http://127.0.0.1/keys",
            "http://keys.internal:8080/",
        ] {
            assert!(issuers.check_address(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "keys",
            "ftp://id.example.org/",
            "http://id.example.org/",
            "http://93.184.216.34/",
            "https://127.0.0.2/",
            "https://[::1]/",
            "https://10.0.0.1/",
            "https://169.254.169.254/",
            "https://me:secret@id.example.org/",
        ] {
            assert!(issuers.check_address(bad).is_err(), "{bad}");
        }
    }
}
