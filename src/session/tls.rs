//! The certificate of the client listeners, read again when its files change: no connection is cut and nothing restarts.

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::MissedTickBehavior;

/// How often to look whether the files changed.
const LOOK: Duration = Duration::from_secs(2);

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: {source}", .path.display())]
    Pem { path: PathBuf, source: rustls::pki_types::pem::Error },
    #[error("{}: holds no certificate", .path.display())]
    Empty { path: PathBuf },
    #[error("{} and {}: the certificate and the key don't serve: {source}", .chain.display(), .key.display())]
    Unusable { chain: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("TLS can't be had: {0}")]
    Unavailable(#[from] rustls::Error),
}

/// A certificate chain and its key, in files.
#[derive(Debug)]
pub struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
    /// When the files had changed last before they were read.
    first_seen: [Option<SystemTime>; 2],
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`] naming the file at fault.
    pub fn read(chain: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        // The dates come first: what changes while the files are read is seen as a change.
        let first_seen = [chain, key].map(changed_at);
        let current = ArcSwap::from_pointee(load(chain, key)?);
        Ok(Arc::new(Self { chain: chain.to_owned(), key: key.to_owned(), current, first_seen }))
    }

    /// The TLS settings of a listener: version 1.2 and newer, no client certificates.
    ///
    /// # Errors
    /// When the provider of cryptography offers no such version, which would be a mistake in the build.
    pub fn server_config(self: &Arc<Self>) -> Result<ServerConfig, TlsError> {
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        Ok(config)
    }

    /// Reads the files again whenever they change, for ever. What can't be used is logged, and the one before stays.
    pub async fn keep_current(self: Arc<Self>) {
        let mut seen = self.first_seen;
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = [self.chain.as_path(), &self.key].map(changed_at);
            if now == seen {
                continue;
            }
            match load(&self.chain, &self.key) {
                Ok(fresh) => {
                    self.current.store(Arc::new(fresh));
                    log::info!(target: "palabre::tls", "the certificate was read again");
                }
                // Half-written files are read again when the rest is there.
                Err(error) => log::warn!(target: "palabre::tls", "the new certificate is not used: {error}"),
            }
            seen = now;
        }
    }
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn load(chain: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let pem = |path: &Path| {
        let path = path.to_owned();
        move |source| TlsError::Pem { path, source }
    };
    let certificates =
        CertificateDer::pem_file_iter(chain).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(pem(chain))?;
    if certificates.is_empty() {
        return Err(TlsError::Empty { path: chain.to_owned() });
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(pem(key))?;
    CertifiedKey::from_der(certificates, private, &ring::default_provider()).map_err(|source| TlsError::Unusable {
        chain: chain.to_owned(),
        key: key.to_owned(),
        source,
    })
}
