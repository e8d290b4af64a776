//! Start and stop of everything, in order.

use crate::assistant::Models;
use crate::chat::callbacks::{Deliveries, Guard};
use crate::chat::channel::Socket;
use crate::chat::{Chat, Clock};
use crate::cluster::Delivery;
use crate::config::{ConfigError, Settings};
use crate::http::admin::{self, AdminState};
use crate::http::{HttpSettings, HttpState, idempotency, media, router};
use crate::model::Failure;
use crate::session::doors::Doors;
use crate::session::identity::{Identities, Issuers};
use crate::session::sign_in::SignIn;
use crate::session::tls::{Certificate, TlsError};
use crate::session::{tcp, ws};
use crate::store::demo;
use crate::store::objects::Objects;
use crate::store::opening::{self, Company, Opened};
use crate::wire::close::CloseCode;
use crate::wire::token::Tokens;
use actix_http::HttpService;
use actix_server::{Server, ServerHandle};
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_factory, fn_service, map_config};
use actix_tls::accept::rustls_0_23::{Acceptor, TlsStream};
use actix_web::dev::AppConfig;
use actix_web::{App, HttpServer, web};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
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
/// How long live feeds may take to say that they end: one whose reader is stuck is cut.
const FEED_GRACE: Duration = Duration::from_secs(1);
/// How long callbacks under way may take to arrive: one that does not is tried again by another node, or after the next start.
const CALLBACK_GRACE: Duration = Duration::from_secs(2);
/// Connections that wait to be accepted: a storm of clients that come back at once.
const BACKLOG: u32 = 4_096;

/// Why the server can't start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Opening(#[from] opening::Error),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Models(#[from] crate::assistant::models::Error),
    #[error("the database refused: {0}")]
    Database(#[from] Failure),
    #[error("{0}: {1}")]
    Listen(SocketAddr, io::Error),
    #[error("the event loops did not start")]
    EventLoops,
    #[error("apps can't be called back: {0}")]
    Callbacks(String),
}

impl Error {
    /// The exit status of the program: 2 for a setting that makes no sense, else 1.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            _ => 1,
        }
    }
}

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub http: SocketAddr,
    pub tcp: Option<SocketAddr>,
    pub admin: Option<SocketAddr>,
    /// The client listeners speak TLS.
    pub tls: bool,
}

impl fmt::Display for Addresses {
    /// The line that says that the server is ready.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (http, tcp) = if self.tls { ("https", "tls") } else { ("http", "tcp") };
        write!(f, "palabre is ready: {http}://{}", self.http)?;
        if let Some(address) = self.tcp {
            write!(f, " {tcp}://{address}")?;
        }
        if let Some(address) = self.admin {
            write!(f, " admin http://{address}")?;
        }
        Ok(())
    }
}

/// A server that is ready.
pub struct Running {
    pub addresses: Addresses,
    /// The actors, for tests of what holds when one fails.
    pub chat: Chat,
    doors: Arc<Doors>,
    state: web::Data<HttpState>,
    listening: Listening,
    deliveries: Deliveries,
    grace: Duration,
    opened: Opened,
}

/// What keeps the server going: listeners and tasks.
#[derive(Default)]
struct Listening {
    clients: Option<ServerHandle>,
    operators: Option<ServerHandle>,
    tasks: Vec<JoinHandle<()>>,
}

impl Listening {
    /// Opens the listeners and waits until the event loops run. After an error what was opened by then is to be closed.
    async fn start(
        &mut self,
        settings: &Settings,
        listeners: Listeners,
        doors: &Arc<Doors>,
        state: &web::Data<HttpState>,
        certificate: Option<Arc<Certificate>>,
    ) -> Result<Addresses, Error> {
        let addresses = listeners.addresses(certificate.is_some())?;
        let workers = settings.engine.worker_count().get();
        if let Some(listener) = listeners.admin {
            self.operators = Some(serve_operators(listener, settings, &doors.chat, &mut self.tasks)?);
        }
        let clients = serve_clients(listeners.http, listeners.tcp, workers, doors, state, certificate.as_ref())?;
        self.clients = Some(clients.handle());
        self.tasks.push(actix::spawn(ended("the client listeners", clients)));
        self.tasks.extend(certificate.map(|certificate| actix::spawn(certificate.keep_current())));
        let started = until(START_PATIENCE, || doors.chat.bus.loops() >= workers).await;
        if started { Ok(addresses) } else { Err(Error::EventLoops) }
    }

    async fn close(self) {
        for listener in [self.clients, self.operators].into_iter().flatten() {
            listener.stop(false).await;
        }
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Starts a server; ready when it returns. Must be called in an actix `System`.
///
/// # Errors
/// What kept it from starting; what was started by then is stopped.
pub async fn start(settings: Settings, clock: Clock) -> Result<Running, Error> {
    settings.validate()?;
    let models = Models::new(&settings.models)?;
    let listeners = Listeners::bind(&settings)?;
    let objects = Objects::at(settings.media_place()?);
    let certificate = match (&settings.listen.tls_cert, &settings.listen.tls_key) {
        (Some(chain), Some(key)) => Some(Certificate::read(chain, key)?),
        _ => None,
    };
    let opened = Opened::at(settings.database.place()?, settings.database.pool_size.get(), Company::Alone).await?;
    opened.migrate().await?;
    let database = opened.database.clone();
    let secret = settings.signing_secret()?;
    if settings.demo {
        demo::load(&mut *database.get().await?, clock.now()).await?;
    }
    let tokens = Arc::new(Tokens::new(secret.expose().as_bytes()));
    let scribes = settings.engine.scribes.get();
    let chat = Chat::start(database, settings.limits.clone(), scribes, clock);
    chat.start_bots(models);
    let sign_in =
        Arc::new(SignIn::new(chat.clone(), settings.engine.worker_count(), settings.auth.webhook_project.clone()));
    let by_password = (Arc::clone(&sign_in), settings.auth.token_lifetime());
    let issuers = Issuers::new(settings.auth.allowed_issuers()?);
    let identities = Arc::new(Identities::new(chat.clone(), tokens, issuers));
    let doors = Doors::new(chat.clone(), Arc::clone(&identities), by_password, settings.engine.compression);
    let doors = Arc::new(doors);
    let guard = Arc::new(Guard::new(settings.callbacks.allowed()?));
    let who = (sign_in, identities);
    let state = web::Data::new(HttpState::new(chat.clone(), who, objects, http_settings(&settings, &guard)));
    let swept = state.clone();
    let sweeper = actix::spawn(async move { idempotency::sweep(&swept).await });
    let swept = state.clone();
    let files = actix::spawn(async move { media::sweep::keep_going(&swept).await });
    let tasks = vec![chat.watch_expiry(), chat.watch_search(), chat.watch_quotas(), chat.watch_desk(), sweeper, files];
    let mut listening = Listening { tasks, ..Listening::default() };
    let started = listening.start(&settings, listeners, &doors, &state, certificate).await;
    let started = started.and_then(|addresses| {
        let deliveries = Deliveries::start(&chat, guard, settings.callbacks.expiry).map_err(Error::Callbacks)?;
        Ok((addresses, deliveries))
    });
    match started {
        Ok((addresses, deliveries)) => {
            let grace = settings.engine.shutdown_grace;
            Ok(Running { addresses, chat, doors, state, listening, deliveries, grace, opened })
        }
        Err(error) => {
            listening.close().await;
            chat.stop(LOOK).await;
            close_database(opened).await;
            Err(error)
        }
    }
}

fn http_settings(settings: &Settings, guard: &Arc<Guard>) -> HttpSettings {
    HttpSettings {
        token_lifetime: settings.auth.token_lifetime(),
        webhook_project: settings.auth.webhook_project.clone(),
        origins: settings.rest.cors_origins.clone(),
        open_organizations: settings.rest.open_organizations,
        admin_token: settings.listen.admin_token.as_ref().map(|token| token.expose().to_owned()),
        demo: settings.demo,
        callbacks: Arc::clone(guard),
        media: settings.media.settings(),
    }
}

impl Running {
    /// Stops in order: nobody is let in any more, clients are told to come back, what was accepted is stored, and all is
    /// closed. Takes at most the grace of the settings and the time PostgreSQL needs to stop.
    pub async fn stop(self) {
        let Self { chat, doors, state, listening, deliveries, grace, opened, .. } = self;
        let deadline = Instant::now() + grace;
        log::info!(target: "palabre::server", "stopping");
        doors.closing.store(true, Ordering::Relaxed);
        state.end_feeds();
        if let Some(clients) = &listening.clients {
            clients.pause().await;
        }
        if let Some(backlog) = chat.bus.deliver(Delivery::CloseAll(CloseCode::Shutdown)) {
            // A hub that doesn't take it is cut off below.
            let _ = timeout(grace / 4, backlog).await;
        }
        chat.stop(deadline.saturating_duration_since(Instant::now()) / 2).await;
        let left = deadline.saturating_duration_since(Instant::now());
        if !until(left, || chat.metrics.connections.get() == 0).await {
            log::warn!(target: "palabre::server", "{} connections are cut", chat.metrics.connections.get());
        }
        until(left.min(FEED_GRACE), || state.open_feeds() == 0).await;
        listening.close().await;
        // What could still happen has happened. What can't be delivered now is, by the next who starts.
        deliveries.stop(deadline.saturating_duration_since(Instant::now()).min(CALLBACK_GRACE)).await;
        close_database(opened).await;
        log::info!(target: "palabre::server", "stopped");
    }
}

async fn close_database(opened: Opened) {
    if let Err(error) = opened.close().await {
        log::error!(target: "palabre::server", "PostgreSQL could not be stopped: {error}");
    }
}

/// The sockets, bound before anything else is started: an address in use is known at once.
struct Listeners {
    http: TcpListener,
    tcp: Option<TcpListener>,
    admin: Option<TcpListener>,
}

impl Listeners {
    fn bind(settings: &Settings) -> Result<Self, Error> {
        let bind = |address: SocketAddr| listen(address).map_err(|error| Error::Listen(address, error));
        Ok(Self {
            http: bind(settings.listen.http)?,
            tcp: settings.listen.tcp.address().map(bind).transpose()?,
            admin: settings.listen.admin.address().map(bind).transpose()?,
        })
    }

    fn addresses(&self, tls: bool) -> Result<Addresses, Error> {
        let address = |listener: &TcpListener| listener.local_addr().map_err(|_| Error::EventLoops);
        Ok(Addresses {
            http: address(&self.http)?,
            tcp: self.tcp.as_ref().map(address).transpose()?,
            admin: self.admin.as_ref().map(address).transpose()?,
            tls,
        })
    }
}

/// A listening socket with a backlog for storms; the address is free again at once when the server is gone.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(address), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(i32::try_from(BACKLOG).unwrap_or(i32::MAX))?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The client listeners: REST and WebSockets on one port, plain TCP on another, all on the same event loops.
fn serve_clients(
    http: TcpListener,
    tcp: Option<TcpListener>,
    workers: usize,
    doors: &Arc<Doors>,
    state: &web::Data<HttpState>,
    certificate: Option<&Arc<Certificate>>,
) -> Result<Server, Error> {
    let address = http.local_addr().map_err(|_| Error::EventLoops)?;
    let on = |address| move |error| Error::Listen(address, error);
    let mut server =
        Server::build().workers(workers).backlog(BACKLOG).disable_signals().max_concurrent_connections(MANY);
    let (entrance, app) = (Arc::clone(doors), state.clone());
    server = match certificate {
        None => server.listen("http", http, move || {
            let app = App::new().configure(|config| router::configure(config, &app));
            HttpService::build()
                .upgrade(ws::upgrade::<TcpStream>(Arc::clone(&entrance)))
                .finish(map_config(app, |()| AppConfig::default()))
                .tcp()
        }),
        Some(certificate) => {
            let config = certificate.server_config()?;
            server.listen("https", http, move || {
                let app = App::new().configure(|config| router::configure(config, &app));
                HttpService::build()
                    .upgrade(ws::upgrade::<TlsStream<TcpStream>>(Arc::clone(&entrance)))
                    .finish(map_config(app, |()| AppConfig::default()))
                    .rustls_0_23(config.clone())
            })
        }
    }
    .map_err(on(address))?;
    let Some(tcp) = tcp else { return Ok(server.run()) };
    let address = tcp.local_addr().map_err(|_| Error::EventLoops)?;
    let entrance = Arc::clone(doors);
    server = match certificate {
        None => server.listen("tcp", tcp, move || frames::<TcpStream>(Arc::clone(&entrance))),
        Some(certificate) => {
            let config = certificate.server_config()?;
            server.listen("tcps", tcp, move || {
                Acceptor::new(config.clone()).map_err(|_| ()).map_init_err(|_| ()).and_then(frames::<
                    TlsStream<TcpStream>,
                >(
                    Arc::clone(&entrance)
                ))
            })
        }
    }
    .map_err(on(address))?;
    Ok(server.run())
}

/// Connections that an event loop may accept at once. Sessions leave the listener's count at once; their number is bounded by
/// the doors.
const MANY: usize = 100_000;

/// The service for connections of bare frames.
fn frames<T: Into<Socket> + 'static>(
    doors: Arc<Doors>,
) -> impl ServiceFactory<T, Config = (), Response = (), Error = (), InitError = (), Service: 'static, Future: 'static> {
    fn_factory(move || {
        let doors = Arc::clone(&doors);
        async move {
            let event_loop = doors.event_loop().ok_or(())?;
            Ok::<_, ()>(fn_service(move |stream: T| {
                tcp::serve(&doors, &event_loop, stream.into());
                async { Ok::<_, ()>(()) }
            }))
        }
    })
}

fn serve_operators(
    listener: TcpListener,
    settings: &Settings,
    chat: &Chat,
    tasks: &mut Vec<JoinHandle<()>>,
) -> Result<ServerHandle, Error> {
    let address = listener.local_addr().map_err(|_| Error::EventLoops)?;
    let metrics = Arc::clone(&chat.metrics);
    let token = settings.listen.admin_token.as_ref().map(crate::config::Secret::expose);
    let state = web::Data::new(AdminState::new(chat.clone(), Arc::new(move || metrics.snapshot()), address, token));
    let server = HttpServer::new(move || App::new().app_data(state.clone()).configure(admin::configure))
        .workers(1)
        .disable_signals()
        .listen(listener)
        .map_err(|error| Error::Listen(address, error))?
        .run();
    let handle = server.handle();
    tasks.push(actix::spawn(ended("the admin listener", server)));
    Ok(handle)
}

/// Runs a listener to its end and says when that was a failure.
async fn ended(what: &'static str, server: Server) {
    if let Err(error) = server.await {
        log::error!(target: "palabre::server", "{what} failed: {error}");
    }
}

/// Waits until something holds; false if it doesn't in time.
async fn until(patience: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + patience;
    while !holds() {
        if Instant::now() >= deadline {
            return false;
        }
        sleep(LOOK).await;
    }
    true
}
