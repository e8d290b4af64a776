//! The pool of connections to PostgreSQL.
//!
//! The task that drives a connection's socket runs on a runtime of the pool's own. On the runtime of whoever happened to
//! open the connection it would share that event loop's fate: a busy loop would slow the queries of all others, a stopped
//! one would cut them off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::Runtime as PoolRuntime;
use deadpool::managed::TimeoutType;
use diesel::{ConnectionError, ConnectionResult};
use diesel_async::AsyncPgConnection;
use diesel_async::pooled_connection::deadpool::{Object, Pool, PoolError};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod};
use futures_util::FutureExt;
use tokio::runtime::{Handle, Runtime};
use tokio_postgres::NoTls;
use tokio_postgres::config::{Config, SslMode};

use crate::model::Failure;

/// How long a query waits for a connection: beyond it clients are better told to try again.
const WAIT: Duration = Duration::from_secs(5);
/// How long opening a connection may take, handshake and settings included.
const CREATE: Duration = Duration::from_secs(5);
/// How long a peer may leave sent bytes unacknowledged before its connection counts as lost: without it, queries to a
/// machine that vanished would hang for a quarter of an hour.
const UNACKNOWLEDGED: Duration = Duration::from_secs(10);

/// What a connection is set to when it is opened. Statements end after 30 s because none of ours needs one, and a
/// transaction left open after 60 s because it holds locks. Nothing is compiled: where PostgreSQL thinks a statement large
/// enough for that, ours take a millisecond and their compilation two hundred. English messages are wished for so that
/// [`super::outage`] can read them; where the role may not choose, the server's language stays.
const SETTINGS: &str = "
    SET statement_timeout = '30s';
    SET idle_in_transaction_session_timeout = '60s';
    SET jit = off;
    DO $$ BEGIN
        PERFORM set_config('lc_messages', 'C', false);
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END $$;";

/// A connection lent by the pool; it goes back when dropped. One that broke, or was dropped in the middle of a transaction,
/// is thrown away instead. It works as long as a clone of its
/// [`Database`] is there.
pub type Connection = Object<AsyncPgConnection>;

/// The database: a pool of connections, cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
    url: Arc<str>,
    timeouts: Arc<AtomicU64>,
    /// Kept for the connections' sake: they end when the last clone is gone.
    _drivers: Arc<Drivers>,
}

/// What a pool has under way.
#[derive(Debug, Clone, Copy)]
pub struct PoolFigures {
    /// Connections that it may open.
    pub most: usize,
    /// Connections that are open.
    pub open: usize,
    /// Connections that are lent.
    pub in_use: usize,
    /// Requests that wait for a connection.
    pub waiting: usize,
    /// Requests that waited in vain, since the start.
    pub timeouts: u64,
}

/// Why there can be no pool for an address.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can't be understood.
    #[error("DATABASE_URL can't be read: {0}")]
    Address(String),
    /// The address asks for what is not there.
    #[error(
        "DATABASE_URL asks for TLS (sslmode=require), which connections to the database can't do: use a Unix socket, a \
         private network or a local proxy that adds TLS, and sslmode=disable or prefer"
    )]
    Tls,
    /// The threads that drive the connections can't be started.
    #[error("the database's threads can't be started: {0}")]
    Threads(#[from] std::io::Error),
    /// The pool's settings contradict each other.
    #[error("{0}")]
    Pool(String),
}

impl Database {
    /// A pool of up to `size` connections to the database at `url` (`postgres://…`, or libpq's `key=value` form). Nothing is
    /// opened before it is needed; [`Database::ping`] tells whether there is a database.
    pub fn connect(url: &str, size: usize) -> Result<Self, Error> {
        let config = parse(url)?;
        let drivers = Drivers::start()?;
        let handle = drivers.handle.clone();

        let mut manager = ManagerConfig::default();
        // No query at each checkout: whether the driver still runs is checked anyway, and a query that meets a connection
        // lost a moment ago fails with an error that clients may try again after.
        manager.recycling_method = RecyclingMethod::Fast;
        manager.custom_setup = Box::new(move |_| open(handle.clone(), config.clone()).boxed());
        let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new_with_config(url, manager);

        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(PoolRuntime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CREATE))
            .build()
            .map_err(|error| Error::Pool(error.to_string()))?;
        Ok(Self { pool, url: url.into(), timeouts: Arc::default(), _drivers: Arc::new(drivers) })
    }

    /// Lends a connection, waiting up to 5 s for one to be free.
    ///
    /// Fails with [`Failure::Unavailable`] when none comes free or none can be opened.
    pub async fn get(&self) -> Result<Connection, Failure> {
        Ok(self.pool.get().await.inspect_err(|error| {
            if matches!(error, PoolError::Timeout(TimeoutType::Wait)) {
                self.timeouts.fetch_add(1, Ordering::Relaxed);
            }
        })?)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), Failure> {
        let mut connection = self.get().await?;
        diesel_async::RunQueryDsl::execute(diesel::sql_query("SELECT 1"), &mut connection).await?;
        Ok(())
    }

    /// What the pool has under way.
    #[must_use]
    pub fn figures(&self) -> PoolFigures {
        let status = self.pool.status();
        PoolFigures {
            most: status.max_size,
            open: status.size,
            in_use: status.size.saturating_sub(status.available),
            waiting: status.waiting,
            timeouts: self.timeouts.load(Ordering::Relaxed),
        }
    }

    /// Where the database is. It may hold a password: not for logs.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Reads an address and refuses what we can't do, before anything is tried.
pub(super) fn parse(url: &str) -> Result<Config, Error> {
    let mut config: Config = url.parse().map_err(|error| Error::Address(with_causes(&error)))?;
    if config.get_ssl_mode() == SslMode::Require {
        return Err(Error::Tls);
    }
    if config.get_application_name().is_none() {
        config.application_name("palabre");
    }
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CREATE);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED);
    }
    Ok(config)
}

/// Opens a connection whose socket lives on the drivers' runtime.
async fn open(drivers: Handle, config: Config) -> ConnectionResult<AsyncPgConnection> {
    let opening = drivers.spawn(async move {
        let (client, connection) = config.connect(NoTls).await.map_err(bad_connection)?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                log::debug!(target: "palabre::store", "a connection to the database ended: {}", with_causes(&error));
            }
        });
        client.batch_execute(SETTINGS).await.map_err(bad_connection)?;
        AsyncPgConnection::try_from(client).await
    });
    opening.await.map_err(|error| ConnectionError::BadConnection(error.to_string()))?
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn bad_connection(error: tokio_postgres::Error) -> ConnectionError {
    ConnectionError::BadConnection(with_causes(&error))
}

/// The error and what led to it, in one line; tokio-postgres names the interesting part only as the source.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The runtime that drives the connections.
struct Drivers {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Drivers {
    fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("palabre-db")
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }
}

impl Drop for Drivers {
    fn drop(&mut self) {
        // A plain drop would wait for the thread, which a task of another runtime must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_asks_for_tls_is_refused_with_the_ways_out() {
        let error = parse("postgres://palabre@db.example/palabre?sslmode=require").err().unwrap();
        assert!(error.to_string().contains("sslmode"), "{error}");
    }

    #[test]
    fn an_address_that_is_none_is_refused_without_repeating_it() {
        let error = parse("postgres://palabre:secret@db.example:notaport/palabre").err().unwrap();
        assert!(!error.to_string().contains("secret"), "{error}");
    }

    #[tokio::test]
    async fn no_database_is_unavailable() {
        let database = Database::connect("postgres://palabre@/palabre?host=/nonexistent", 1).unwrap();
        assert_eq!(database.ping().await, Err(Failure::Unavailable));
    }
}
