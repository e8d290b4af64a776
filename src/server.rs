//! Start and stop of everything, in order.

use crate::chat::{Chat, Clock};
use crate::cluster::Delivery;
use crate::config::{ConfigError, Settings};
use crate::http::admin::{self, AdminState};
use crate::http::{HttpState, router};
use crate::model::Failure;
use crate::session::doors::Doors;
use crate::session::tls::{Certificate, TlsError};
use crate::session::{tcp, ws};
use crate::store::embedded::{self, Embedded};
use crate::store::{Database, demo, migrate, pool};
use crate::wire::close::CloseCode;
use crate::wire::token::Tokens;
use actix_http::HttpService;
use actix_server::{Server, ServerHandle};
use actix_service::{ServiceFactoryExt, fn_factory, fn_service, map_config};
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::dev::AppConfig;
use actix_web::{App, HttpServer, web};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How long the event loops may take to start.
const START_PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at something that ends by itself.
const LOOK: Duration = Duration::from_millis(5);
/// Connections that wait to be accepted: a storm of clients that come back at once.
const BACKLOG: u32 = 4_096;

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Embedded(#[from] embedded::Error),
    #[error(transparent)]
    Address(#[from] pool::Error),
    #[error(transparent)]
    Migrate(#[from] migrate::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the database refused: {0}")]
    Database(#[from] Failure),
    #[error("{0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error("the event loops did not start")]
    EventLoops,
}
