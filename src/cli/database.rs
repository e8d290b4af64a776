//! The database for the time of one command.

use super::CliError;
use crate::config;
use crate::model::ProjectId;
use crate::store::embedded::{Embedded, Options};
use crate::store::{Connection, Database, accounts, migrate};
use std::path::Path;

/// An open database. Field order matters: the pool goes before the PostgreSQL that it is connected to.
pub struct Opened {
    pub database: Database,
    _embedded: Option<Embedded>,
}

impl Opened {
    /// The database that the settings name, as it is.
    pub async fn at(settings: &config::Database) -> Result<Self, CliError> {
        let size = settings.pool_size.get();
        if let Some(url) = &settings.url {
            return Ok(Self { database: Database::connect(url.expose(), size)?, _embedded: None });
        }
        let data_dir = settings.data_dir()?;
        let options = Options { binaries: settings.postgres_bin.clone(), ..Options::default() };
        let embedded = on_blocking_pool(move || Embedded::attach_or_start(&data_dir, &options)).await??;
        Ok(Self { database: Database::connect(&embedded.url(), size)?, _embedded: Some(embedded) })
    }

    /// The database that the settings name, with the schema of this program.
    pub async fn migrated(settings: &config::Database) -> Result<Self, CliError> {
        let opened = Self::at(settings).await?;
        migrate::run(opened.database.url()).await?;
        Ok(opened)
    }

    /// A connection.
    pub async fn conn(&self) -> Result<Connection, CliError> {
        Ok(self.database.get().await?)
    }
}

/// The id of the project of this name or id.
pub async fn project(conn: &mut Connection, name: &str) -> Result<ProjectId, CliError> {
    let found = accounts::project_by(conn, name).await?;
    found.map(|project| project.id).ok_or_else(|| CliError::Input(format!("there is no project {name}")))
}

/// Runs what takes its time where it keeps nobody waiting.
pub async fn on_blocking_pool<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, CliError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| CliError::Input(format!("the work was cut short: {error}")))
}

/// What went wrong with a file.
pub fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> CliError {
    let what = path.display().to_string();
    |source| CliError::File { what, source }
}
