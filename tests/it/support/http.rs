//! The REST routes on a port of their own.

use actix_web::web::{self, ServiceConfig};
use actix_web::{App, HttpServer, rt};
use palabre::http::{HttpState, router};
use palabre::store::Database;
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
    let cores = NonZeroUsize::new(2).unwrap();
    let hours_8 = Duration::from_secs(8 * 3600);
    let state = web::Data::new(HttpState::new(
        database,
        tokens,
        palabre::chat::Clock::system(),
        hours_8,
        "default".to_owned(),
        cores,
    ));
    serve_routes(TcpListener::bind("127.0.0.1:0").unwrap(), move |config| {
        config.app_data(state.clone());
        router::configure(config);
    })
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
