//! The database for the time of one command.

use super::CliError;
use crate::config;
use crate::model::ProjectId;
use crate::store::opening::{Company, Opened};
use crate::store::{Connection, accounts};
use std::path::Path;

/// The database that the settings name, as it is.
pub async fn open(settings: &config::Database) -> Result<Opened, CliError> {
    Ok(Opened::at(settings.place()?, settings.pool_size.get(), Company::Shared).await?)
}

/// The database that the settings name, with the schema of this program.
pub async fn open_migrated(settings: &config::Database) -> Result<Opened, CliError> {
    let opened = open(settings).await?;
    opened.migrate().await?;
    Ok(opened)
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
