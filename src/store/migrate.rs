//! Brings the database's schema to this program's.

use std::collections::HashSet;
use std::time::Duration;

use diesel::migration::{Migration, MigrationSource};
use diesel::pg::Pg;
use diesel::{Connection, QueryResult, RunQueryDsl};
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::pool;

/// The migrations of this program, oldest first.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// The advisory lock that only one migrating process holds: the bytes of "palabre".
const LOCK: i64 = 0x0070_616c_6162_7265;
/// Between two tries to get the lock.
const LOCK_INTERVAL: Duration = Duration::from_millis(50);

/// A synchronous face on the asynchronous connection, for the migrations' sake.
type SyncConnection = AsyncConnectionWrapper<AsyncPgConnection>;

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is of no use.
    #[error(transparent)]
    Address(#[from] pool::Error),
    /// The database can't be reached.
    #[error("the database can't be reached: {0}")]
    Connection(#[from] diesel::ConnectionError),
    /// Another, newer program was here.
    #[error(
        "the database is newer than this program: it has the migrations {} that are not known here; run the newer program \
         again, or restore a backup made before the upgrade",
        .versions.join(", ")
    )]
    Newer {
        /// The versions that this program does not have.
        versions: Vec<String>,
    },
    /// A migration, or the table that lists them, is broken.
    #[error("a migration failed, what it did was taken back: {0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
    /// A query beside the migrations failed.
    #[error("the database failed while it was being migrated: {0}")]
    Query(#[from] diesel::result::Error),
    /// The thread that did it ended early.
    #[error("the migrations were cut short: {0}")]
    CutShort(String),
}

/// Runs the migrations that the database at `url` has not seen, and returns their names. Any number of processes may do this
/// at once: one works, the others wait and find nothing left to do.
pub async fn run(url: &str) -> Result<Vec<String>, Error> {
    let url = url.to_owned();
    // Diesel's migrations are synchronous; on an event loop they would block it.
    tokio::task::spawn_blocking(move || run_blocking(&url)).await.map_err(|error| Error::CutShort(error.to_string()))?
}

fn run_blocking(url: &str) -> Result<Vec<String>, Error> {
    pool::parse(url)?;
    let mut connection = SyncConnection::establish(url)?;
    lock(&mut connection)?;
    refuse_newer(&mut connection)?;
    let done = connection.run_pending_migrations(MIGRATIONS).map_err(Error::Migration)?;
    let done: Vec<String> = done.iter().map(ToString::to_string).collect();
    if !done.is_empty() {
        log::info!(target: "palabre::store", "migrated the database by {}", done.join(", "));
    }
    // The lock goes with the connection.
    Ok(done)
}

/// Waits for the lock by asking again and again: a session that waited inside the database would have a statement under way,
/// and a migration that builds an index concurrently waits for those in turn.
fn lock(connection: &mut SyncConnection) -> QueryResult<()> {
    diesel::define_sql_function! {
        /// Takes a lock of the session, if it is free.
        fn pg_try_advisory_lock(key: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
    }

    let mut told = false;
    while !diesel::select(pg_try_advisory_lock(LOCK)).get_result::<bool>(connection)? {
        if !told {
            log::info!(target: "palabre::store", "another process migrates the database, waiting for it");
            told = true;
        }
        std::thread::sleep(LOCK_INTERVAL);
    }
    Ok(())
}

/// A schema of tomorrow may mean something else by the same names: better not to start than to write into it.
fn refuse_newer(connection: &mut SyncConnection) -> Result<(), Error> {
    let known: Vec<Box<dyn Migration<Pg>>> = MIGRATIONS.migrations().map_err(Error::Migration)?;
    let known: HashSet<String> = known.iter().map(|migration| migration.name().version().to_string()).collect();
    let applied = connection.applied_migrations().map_err(Error::Migration)?;
    let mut versions: Vec<String> = applied.iter().map(ToString::to_string).filter(|it| !known.contains(it)).collect();
    versions.sort();
    if versions.is_empty() { Ok(()) } else { Err(Error::Newer { versions }) }
}
