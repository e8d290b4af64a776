//! The REST routes on a port of their own.

use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer, rt};
use palabre::chat::{Chat, Clock};
use palabre::config::{Limits, Media};
use palabre::http::{HttpSettings, HttpState, router};
use palabre::model::address::Allowed;
use palabre::session::identity::{Identities, Issuers};
use palabre::session::sign_in::SignIn;
use palabre::store::Database;
use palabre::store::objects::{Objects, Place};
use palabre::wire::token::Tokens;
use std::net::{SocketAddr, TcpListener};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// What tests sign their tokens with.
pub const SECRET: &str = "the secret of tests, 32 bytes or more";

/// Serves the client listener's routes; the address.
pub fn serve(database: Database) -> SocketAddr {
    let tokens = Arc::new(Tokens::new(SECRET.as_bytes()));
    let chat = Chat::start(database, Limits::default(), 1, Clock::system());
    let settings = HttpSettings {
        token_lifetime: Duration::from_secs(8 * 3600),
        webhook_project: "default".to_owned(),
        origins: Vec::new(),
        open_organizations: false,
        admin_token: None,
        demo: false,
        callbacks: Arc::default(),
        media: Media::default().settings(),
    };
    let sign_in = Arc::new(SignIn::new(chat.clone(), NonZeroUsize::new(2).unwrap(), "default".to_owned()));
    crate::support::crypto::provide();
    let identities = Arc::new(Identities::new(chat.clone(), tokens, Issuers::new(Allowed::default())));
    let objects = Objects::at(Place::Folder("/nonexistent".into()));
    let state = web::Data::new(HttpState::new(chat, (sign_in, identities), objects, settings));
    serve_routes(TcpListener::bind("127.0.0.1:0").unwrap(), move |config| router::configure(config, &state))
}

/// Serves any routes; the address. Needs an actix system: `#[actix_web::test]`.
pub fn serve_routes(
    listener: TcpListener,
    configure: impl Fn(&mut ServiceConfig) + Clone + Send + 'static,
) -> SocketAddr {
    let address = listener.local_addr().unwrap();
    let server = HttpServer::new(move || App::new().configure(configure.clone())).workers(1).disable_signals();
    rt::spawn(server.listen(listener).unwrap().run());
    address
}
