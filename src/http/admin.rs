//! The operators' listener: `GET /health`, `GET /metrics` for Prometheus, and `GET /live`, a WebSocket that tells the server's
//! figures each second.
//!
//! It often listens on loopback without a token. There the danger is a page in the operator's own browser: it could send
//! requests here under another name (`Host`), or open the WebSocket from another site (`Origin`). Both are refused.

mod exposition;
mod guard;
mod live;
mod metrics;
mod process;

use super::{problem, v1};
use crate::chat::Chat;
use actix_web::http::StatusCode;
use actix_web::middleware::{DefaultHeaders, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Gives the server's figures of now. It is called on an event loop, so it must not block.
pub type Snapshot = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// What the admin listener needs. Make one, and give each `App` a clone of its [`web::Data`].
pub struct AdminState {
    chat: Chat,
    snapshot: Snapshot,
    /// Where the listener is: its address is one of the hosts that requests may name.
    listener: SocketAddr,
    /// SHA-256 of the token that is asked for. Hashes are compared, so that the time tells nothing of the token.
    token: Option<[u8; 32]>,
    /// Live feeds that are open.
    feeds: Arc<AtomicUsize>,
}

impl AdminState {
    /// The state of the listener at `listener`. Where a token is given, every request needs it; settings see to it that
    /// there is one beyond loopback.
    #[must_use]
    pub fn new(chat: Chat, snapshot: Snapshot, listener: SocketAddr, token: Option<&str>) -> Self {
        let token = token.map(|token| Sha256::digest(token).into());
        Self { chat, snapshot, listener, token, feeds: Arc::default() }
    }
}

/// Adds all routes. They need a `web::Data<AdminState>`.
pub fn configure(config: &mut ServiceConfig) {
    config.service(
        web::scope("")
            .wrap(from_fn(guard::check))
            .wrap(DefaultHeaders::new().add(("X-Content-Type-Options", "nosniff")).add(("Cache-Control", "no-store")))
            .service(
                web::resource("/health")
                    .get(health)
                    .default_service(web::to(async || problem::method_not_allowed("GET"))),
            )
            .service(
                web::resource("/metrics")
                    .get(metrics::show)
                    .default_service(web::to(async || problem::method_not_allowed("GET"))),
            )
            .service(
                web::resource("/live")
                    .get(live::open)
                    .default_service(web::to(async || problem::method_not_allowed("GET"))),
            )
            .default_service(web::to(async |_: HttpRequest| problem::status(StatusCode::NOT_FOUND))),
    );
}

async fn health(state: web::Data<AdminState>) -> HttpResponse {
    v1::health::answer(&state.chat.database).await
}
