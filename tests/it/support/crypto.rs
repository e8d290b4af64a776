//! The provider of cryptography for TLS: the program installs one when it starts, tests when they need it.

/// Installs it, unless another test has.
pub fn provide() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// An HTTP client.
pub fn http_client() -> reqwest::Client {
    provide();
    reqwest::Client::new()
}
