//! How a callback is posted, and where to: never into a network that the operator did not open.
//!
//! An address is looked at twice: when an app names it, so that mistakes are told at once, and whenever it is called, on the very
//! addresses that are then connected to; what a name leads to may change in between. Nothing else leads elsewhere: redirects are
//! not followed, proxies not asked, connections not kept.

use crate::model::address::Allowed;
use crate::model::callback::signature;
use crate::model::limits::LINK_CHARS;
use crate::store::callbacks::Taken;
use chrono::{DateTime, Utc};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, StatusCode, Url, redirect};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The header that holds the signature.
const SIGNATURE: &str = "Palabre-Signature";
/// The header that names the delivery.
const DELIVERY: &str = "Palabre-Delivery";
/// How long a connection may take, name and TLS included.
const CONNECT: Duration = Duration::from_secs(5);
/// How long all of it may take, to the answer's status: an app takes note and does its work later.
const TOTAL: Duration = Duration::from_secs(10);
/// How long a name may take to be looked up.
const LOOK_UP: Duration = Duration::from_secs(4);

/// Why an address is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("must be an http or https address of at most {LINK_CHARS} characters")]
    Malformed,
    #[error("must hold no user name or password")]
    Credentials,
    #[error("must name a host that can be found")]
    Unknown,
    #[error("must not lead into a private network")]
    Private,
}

/// Decides which addresses are called.
#[derive(Debug, Default)]
pub struct Guard {
    allowed: Allowed,
}

impl Guard {
    /// A guard that lets pass the public internet and what is allowed beside.
    #[must_use]
    pub const fn new(allowed: Allowed) -> Self {
        Self { allowed }
    }

    /// Looks at an address that an app names, and where it leads now. The address in its normal form.
    ///
    /// # Errors
    /// Why it is refused.
    pub async fn check(&self, text: &str) -> Result<Url, Refused> {
        let url = parse(text)?;
        let host = url.host_str().ok_or(Refused::Malformed)?;
        match literal(&url) {
            Some(address) if self.allowed.permits(host, address) => Ok(url),
            Some(_) => Err(Refused::Private),
            None => self.look_up(host).await.map(|_| url),
        }
    }

    /// The addresses of a name, if all of them may be called.
    async fn look_up(&self, host: &str) -> Result<Vec<SocketAddr>, Refused> {
        let found = timeout(LOOK_UP, tokio::net::lookup_host((host, 0))).await;
        let found: Vec<SocketAddr> = found.map_err(|_| Refused::Unknown)?.map_err(|_| Refused::Unknown)?.collect();
        self.pass(host, found)
    }

    /// A name is as private as the most private of its addresses: else it would be a matter of chance.
    fn pass(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Refused> {
        if found.is_empty() {
            return Err(Refused::Unknown);
        }
        let is_open = found.iter().all(|address| self.allowed.permits(host, address.ip()));
        if is_open { Ok(found) } else { Err(Refused::Private) }
    }
}

fn parse(text: &str) -> Result<Url, Refused> {
    if text.chars().take(LINK_CHARS + 1).count() > LINK_CHARS {
        return Err(Refused::Malformed);
    }
    let mut url = Url::parse(text).map_err(|_| Refused::Malformed)?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Refused::Malformed);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Refused::Credentials);
    }
    url.set_fragment(None);
    // The normal form may be longer: other letters are escaped in it.
    if url.as_str().len() > LINK_CHARS { Err(Refused::Malformed) } else { Ok(url) }
}

/// The IP address that stands in the place of a host's name. Other ways to write one (`127.1`, `0x7f000001`) are in their normal form
/// by now.
fn literal(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Finds addresses for the client, so that it connects to none that was not looked at.
struct Guarded(Arc<Guard>);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.0);
        Box::pin(async move {
            let found = guard.look_up(name.as_str()).await?;
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// What an app made of a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Taken,
    /// It wants to hear no more.
    Unwanted,
    /// It is to be tried again; and why, for the log.
    Failed(String),
}

/// Posts callbacks.
pub struct Post {
    client: Client,
    guard: Arc<Guard>,
}

impl Post {
    /// A way to apps.
    ///
    /// # Errors
    /// A text for the operator where there can be no client.
    pub fn new(guard: Arc<Guard>) -> Result<Self, String> {
        let builder = || {
            Client::builder()
                .user_agent(concat!("palabre/", env!("CARGO_PKG_VERSION")))
                .dns_resolver(Arc::new(Guarded(Arc::clone(&guard))))
                .redirect(redirect::Policy::none())
                .no_proxy()
                .connect_timeout(CONNECT)
                .timeout(TOTAL)
                // What a kept connection led to was looked at long ago.
                .pool_max_idle_per_host(0)
                .http1_only()
        };
        let client = builder().build().or_else(|error| {
            // A machine without certificates of authorities: nobody's https can be trusted, all else is as well as ever.
            log::warn!(target: "palabre::callbacks", "apps are not called back over https: {error:?}");
            builder().tls_certs_only(Vec::new()).build()
        });
        Ok(Self { client: client.map_err(|error| error.to_string())?, guard })
    }

    /// Posts one. Of the answer only the status is read; what else there is of it is cut off.
    pub async fn send(&self, taken: &Taken, now: DateTime<Utc>) -> Answer {
        let Some(secret) = &taken.secret else { return Answer::Failed("the app has no secret".to_owned()) };
        let Ok(url) = parse(&taken.url) else { return Answer::Failed("no address to call".to_owned()) };
        // No name, so the client asks nobody where it leads.
        if let (Some(address), Some(host)) = (literal(&url), url.host_str())
            && !self.guard.allowed.permits(host, address)
        {
            return Answer::Failed(Refused::Private.to_string());
        }
        let posted = self
            .client
            .post(url)
            .header("Content-Type", "application/json")
            .header(SIGNATURE, signature(secret, now.timestamp(), &taken.body))
            .header(DELIVERY, taken.id.to_string())
            .body(taken.body.clone())
            .send();
        match posted.await.map(|response| response.status()) {
            Ok(status) if status.is_success() => Answer::Taken,
            Ok(StatusCode::GONE) => Answer::Unwanted,
            Ok(status) => Answer::Failed(format!("answered {}", status.as_u16())),
            Err(error) => Answer::Failed(reason(&error)),
        }
    }
}

/// What went wrong, without the address: its path may be a secret of the app's.
fn reason(error: &reqwest::Error) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(refused) = inner.downcast_ref::<Refused>() {
            return refused.to_string();
        }
        source = inner.source();
    }
    let what = if error.is_timeout() {
        "too slow"
    } else if error.is_connect() {
        "can't be reached"
    } else {
        "broke off"
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr;

    fn guard(list: &[&str]) -> Guard {
        Guard::new(Allowed::parse(list).unwrap())
    }

    async fn refused(text: &str) -> Refused {
        guard(&[]).check(text).await.unwrap_err()
    }

    #[tokio::test]
    async fn only_plain_addresses_of_the_web_pass() {
        for text in [
            "",
            "x",
            "/path",
            "ftp://1.1.1.1/",
            "file:///etc/passwd",
            "http://",
            "http:///",
            "https://[::1",
            "http://1.1.1.1:99999/",
        ] {
            assert_eq!(refused(text).await, Refused::Malformed, "{text}");
        }
        let long = format!("http://1.1.1.1/{}", "x".repeat(LINK_CHARS));
        assert_eq!(refused(&long).await, Refused::Malformed);
        assert_eq!(refused(&format!("http://1.1.1.1/{}", "é".repeat(LINK_CHARS - 20))).await, Refused::Malformed);
        assert_eq!(refused("http://user@1.1.1.1/").await, Refused::Credentials);
        assert_eq!(refused("http://:secret@1.1.1.1/").await, Refused::Credentials);
        assert_eq!(guard(&[]).check("HTTP://1.1.1.1:80/a?b#c").await.unwrap().as_str(), "http://1.1.1.1/a?b");
    }

    #[tokio::test]
    async fn however_it_is_written_the_inside_is_refused() {
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[64:ff9b::a00:1]/",
            "http://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1:8080/",
            "http://[fe80::1]/",
            "http://0/",
            "http://127.0.0.1./",
            "http://１２７.0.0.1/",
            "http://localhost/",
        ] {
            assert_eq!(refused(text).await, Refused::Private, "{text}");
        }
        let open = guard(&["127.0.0.0/8", "::1"]);
        for text in ["http://127.0.0.1:1/x", "http://0x7f000001/", "http://localhost:80/"] {
            assert!(open.check(text).await.is_ok(), "{text}");
        }
        assert!(guard(&["localhost"]).check("http://localhost/").await.is_ok());
    }

    #[test]
    fn one_private_address_is_enough_to_refuse_a_name() {
        let at = |text: &str| SocketAddr::from_str(text).unwrap();
        let guard = guard(&["10.0.0.0/8"]);
        assert!(guard.pass("x", vec![at("1.1.1.1:0"), at("10.0.0.1:0")]).is_ok());
        assert_eq!(guard.pass("x", vec![at("1.1.1.1:0"), at("192.168.0.1:0")]), Err(Refused::Private));
        assert_eq!(guard.pass("x", Vec::new()), Err(Refused::Unknown));
    }

    /// The client asks the guard, and nobody else, where a name leads: what was public when the app named it is refused when it
    /// leads inside by the time it is called.
    #[tokio::test]
    async fn a_name_is_looked_at_again_when_it_is_called() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let taken = Taken {
            id: uuid::Uuid::nil(),
            url: format!("http://localhost:{}/", listener.local_addr().unwrap().port()),
            target: String::new(),
            body: "{}".to_owned(),
            attempts: 1,
            secret: Some("secret".to_owned()),
        };
        let post = Post::new(Arc::new(guard(&[]))).unwrap();
        let answer = post.send(&taken, DateTime::UNIX_EPOCH).await;
        assert_eq!(answer, Answer::Failed("must not lead into a private network".to_owned()));
        let by_number = Taken { url: taken.url.replace("localhost", "127.0.0.1"), ..taken };
        assert_eq!(post.send(&by_number, DateTime::UNIX_EPOCH).await, answer);
        // Nobody so much as knocked.
        assert!(futures_util::FutureExt::now_or_never(listener.accept()).is_none());
    }
}
