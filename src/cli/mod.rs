//! The commands beside `serve`: each opens the database, does one thing and prints what came of it.
//!
//! They work beside a running server and without one. On the server's own PostgreSQL they use the one that runs, or run it
//! for as long as they take.

mod accounts;
mod database;
mod import;
pub mod out;
mod token;

use crate::config::command::{AppCommand, Command, OrganizationCommand, ProjectCommand, UserCommand};
use crate::config::{ConfigError, Settings};
use crate::model::Failure;
use crate::store::opening::{self, Opened};
use database::{open, open_migrated};
use std::io;

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Database(#[from] opening::Error),
    #[error("{0}")]
    Refused(#[from] Failure),
    #[error("{what}: {source}")]
    File {
        /// What was read or written.
        what: String,
        source: io::Error,
    },
    /// Something about what was given, for a person.
    #[error("{0}")]
    Input(String),
}

impl CliError {
    /// The exit status: 2 for a setting that makes no sense, else 1.
    #[must_use]
    pub const fn status(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            _ => 1,
        }
    }
}

impl From<diesel::result::Error> for CliError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// Carries out a command; `serve` is not one of them and is refused.
///
/// # Errors
/// What kept it from being done.
pub async fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Serve(_) => Err(CliError::Input("serve is not a command of this kind".to_owned())),
        Command::CheckConfig(settings) => check_config(&settings),
        Command::Migrate(settings) => migrate(&open(&settings).await?).await,
        Command::Organization(OrganizationCommand::Create { name, password, database }) => {
            accounts::create_organization(&open_migrated(&database).await?, &name, password).await
        }
        Command::Project(ProjectCommand::Create { name, organization, origins, database }) => {
            accounts::create_project(&open_migrated(&database).await?, &name, &organization, &origins).await
        }
        Command::User(UserCommand::Create { username, project, role, name, password, database }) => {
            let opened = open_migrated(&database).await?;
            accounts::create_user(&opened, &project.project, &username, &role, name.as_deref(), password).await
        }
        Command::User(UserCommand::Import { file, project, threads, database }) => {
            import::run(&database, &file, &project.project, threads).await
        }
        Command::App(AppCommand::Create { name, project, database }) => {
            accounts::create_app(&open_migrated(&database).await?, &project.project, &name).await
        }
        Command::Token(args) => token::run(&args).await,
    }
}

fn check_config(settings: &Settings) -> Result<(), CliError> {
    settings.validate()?;
    settings.database.data_dir()?;
    out::line("the settings make sense")
}

async fn migrate(opened: &Opened) -> Result<(), CliError> {
    let done = opened.migrate().await?;
    for name in &done {
        out::line(name)?;
    }
    if done.is_empty() { out::line("nothing to do: the schema is up to date") } else { Ok(()) }
}
