//! A whole server on ports of its own, in a thread of its own.

use super::client::{Client, Via};
use super::crypto;
use super::db::TestDb;
use super::http::SECRET;
use super::project::{Project, TestUser};
use chrono::{TimeDelta, Utc};
use palabre::chat::{Chat, Clock};
use palabre::config::{Door, Limits, Secret, Settings};
use palabre::server::{self, Addresses};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// A clock that is as far ahead of the machine's as a test wants.
#[derive(Clone, Default)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Lets so much time pass at once.
    pub fn advance(&self, time: Duration) {
        self.0.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// Sets it back, as another node's may be.
    pub fn set_back(&self, time: Duration) {
        self.0.fetch_sub(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    fn clock(&self) -> Clock {
        let ahead = Arc::clone(&self.0);
        Clock::from_fn(move || Utc::now() + TimeDelta::milliseconds(ahead.load(Ordering::SeqCst)))
    }
}

/// How a server is to be started.
pub struct Builder {
    settings: Settings,
    clock: Clock,
    db: Option<Arc<TestDb>>,
}

impl Builder {
    /// Sets limits.
    pub fn limits(mut self, set: impl FnOnce(&mut Limits)) -> Self {
        set(&mut self.settings.limits);
        self
    }

    /// Sets anything else.
    pub fn settings(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.settings);
        self
    }

    /// Gives it a clock that the test sets.
    pub fn clock(mut self, clock: &TestClock) -> Self {
        self.clock = clock.clock();
        self
    }

    /// Another node on the database of a server.
    pub fn beside(mut self, other: &TestServer) -> Self {
        self.db = Some(Arc::clone(&other.db));
        self
    }

    /// On a database that is there, which the server reaches at this address.
    pub fn on(mut self, db: &Arc<TestDb>, url: String) -> Self {
        self.db = Some(Arc::clone(db));
        self.settings.database.url = Some(Secret::from(url));
        self
    }

    /// Starts it; ready when this returns.
    pub async fn start(self) -> TestServer {
        crypto::provide();
        let Self { mut settings, clock, db } = self;
        if std::env::var_os("RUST_LOG").is_some() {
            // Another test may have been first.
            let _ = env_logger::builder().is_test(true).try_init();
        }
        let db = match db {
            Some(db) => db,
            None => Arc::new(TestDb::new().await),
        };
        if settings.media.s3_bucket.is_none() {
            settings.media.dir.get_or_insert_with(|| db.files());
        }
        settings.database.url.get_or_insert_with(|| Secret::from(db.url().to_owned()));
        let (started, is_started) = oneshot::channel();
        let (stop, told_to_stop) = oneshot::channel::<()>();
        let (stopped, is_stopped) = oneshot::channel();
        let kept = Arc::clone(&db);
        std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let running = server::start(settings, clock).await.unwrap();
                started.send((running.addresses, running.chat.clone())).ok().unwrap();
                // Told so, or the test is over.
                let _ = told_to_stop.await;
                running.stop().await;
            });
            // The last to have it drops the database: after the server.
            drop(kept);
            let _ = stopped.send(());
        });
        let (addresses, chat) = is_started.await.expect("the server did not start");
        TestServer { addresses, chat, db, stop: Some(stop), stopped: Some(is_stopped) }
    }
}

/// A running server. It stops in order when this is dropped, in its own time.
pub struct TestServer {
    pub addresses: Addresses,
    /// The actors, to fail them.
    pub chat: Chat,
    pub db: Arc<TestDb>,
    stop: Option<oneshot::Sender<()>>,
    stopped: Option<oneshot::Receiver<()>>,
}

impl TestServer {
    /// A server with the default settings, but for where it listens.
    pub fn builder() -> Builder {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Settings::default();
        settings.listen.http = any;
        settings.listen.tcp = Door::At(any);
        settings.listen.admin = Door::At(any);
        settings.auth.jwt_secret = Some(Secret::from(SECRET.to_owned()));
        settings.database.pool_size = NonZeroUsize::new(8).unwrap();
        // Two, so that whatever is told goes from one event loop to another.
        settings.engine.workers = NonZeroUsize::new(2);
        Builder { settings, clock: Clock::system(), db: None }
    }

    pub async fn start() -> Self {
        Self::builder().start().await
    }

    /// A new project.
    pub async fn project(&self, name: &str) -> Project {
        Project::create(&self.db, name, &[]).await
    }

    /// A new project whose pages live at these origins.
    pub async fn project_with_origins(&self, name: &str, origins: &[&str]) -> Project {
        Project::create(&self.db, name, origins).await
    }

    /// A session of a user, over the WebSocket with JSON, past its opening.
    pub async fn connect(&self, user: &TestUser) -> Client {
        self.connect_via(user, Via::WsJson).await
    }

    /// As [`TestServer::connect`], in any way.
    pub async fn connect_via(&self, user: &TestUser, via: Via) -> Client {
        Client::connect(self, user, via).await
    }

    /// Sessions of several users at once.
    pub async fn connect_all<const N: usize>(&self, users: [&TestUser; N]) -> [Client; N] {
        let mut clients = Vec::with_capacity(N);
        for user in users {
            clients.push(self.connect(user).await);
        }
        clients.try_into().ok().unwrap()
    }

    /// Stops it and waits for that.
    pub async fn stop(mut self) {
        drop(self.stop.take());
        self.stopped.take().unwrap().await.expect("the server did not stop in order");
    }
}
