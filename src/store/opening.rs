//! Opens the database: one that runs elsewhere, or the PostgreSQL of Palabre's own.

use super::embedded::{self, Embedded, Options};
use super::{Database, migrate, pool};
use std::path::PathBuf;
use tokio::task::{JoinError, spawn_blocking};

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// At an address, as [`Database::connect`] takes it.
    Address(String),
    /// In a PostgreSQL of our own.
    Own {
        data_dir: PathBuf,
        /// Where PostgreSQL's programs are, instead of the usual places.
        binaries: Option<PathBuf>,
    },
}

/// Whether a PostgreSQL of our own may be another process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Company {
    /// It must be this process's, which takes it to its end: a server's.
    Alone,
    /// Another's will do: a command beside a server.
    Shared,
}

/// Why the database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Embedded(#[from] embedded::Error),
    #[error(transparent)]
    Address(#[from] pool::Error),
    #[error(transparent)]
    Migrate(#[from] migrate::Error),
    /// The thread that starts PostgreSQL ended early.
    #[error("the start of PostgreSQL was cut short: {0}")]
    CutShort(#[from] JoinError),
}

/// An open database. Field order matters: the pool goes before the PostgreSQL that it is connected to.
pub struct Opened {
    pub database: Database,
    embedded: Option<Embedded>,
}

impl Opened {
    /// Opens the database as it is, with a pool of so many connections. An address is not tried: what is there shows with the
    /// first query.
    ///
    /// # Errors
    /// [`Error`]; what was started by then is stopped.
    pub async fn at(place: Place, pool_size: usize, company: Company) -> Result<Self, Error> {
        match place {
            Place::Address(url) => Ok(Self { database: Database::connect(&url, pool_size)?, embedded: None }),
            Place::Own { data_dir, binaries } => {
                let options = Options { binaries, ..Options::default() };
                let start = match company {
                    Company::Alone => Embedded::start,
                    Company::Shared => Embedded::attach_or_start,
                };
                let embedded = spawn_blocking(move || start(&data_dir, &options)).await??;
                Ok(Self { database: Database::connect(&embedded.url(), pool_size)?, embedded: Some(embedded) })
            }
        }
    }

    /// Brings the schema to this program's; the names of the migrations that were run.
    ///
    /// # Errors
    /// [`Error::Migrate`].
    pub async fn migrate(&self) -> Result<Vec<String>, Error> {
        Ok(migrate::run(self.database.url()).await?)
    }

    /// Stops PostgreSQL, if it is this process's own.
    ///
    /// # Errors
    /// [`Error::CutShort`] if that ended early.
    pub async fn close(self) -> Result<(), Error> {
        let Self { embedded: Some(embedded), .. } = self else { return Ok(()) };
        Ok(spawn_blocking(move || embedded.stop()).await?)
    }
}
