//! The command line.

use super::{Auth, Database, Secret, Settings};
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// What stands below the list of settings.
const UNITS: &str = "A TIME is a whole number and its unit: 500ms, 30s, 2m, 8h. BYTES are bytes.";

/// One self-hosted server for all the talk in other people's products
///
/// Every setting is a flag and an environment variable; the flag wins. Results go to standard output, all else to standard
/// error. Exit status: 0 done, 1 it did not work, 2 the command line or a setting makes no sense.
#[derive(Debug, Parser)]
#[command(name = "palabre", version, max_term_width = 120)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the server until SIGINT or SIGTERM; a second one cuts the shutdown short
    #[command(after_help = UNITS)]
    Serve(Box<Settings>),
    /// Bring the database's schema up to date
    Migrate(Database),
    /// Organizations: customer accounts that own projects
    #[command(subcommand)]
    Organization(OrganizationCommand),
    /// Projects: walls between users, conversations and bots
    #[command(subcommand)]
    Project(ProjectCommand),
    /// Users of a project
    #[command(subcommand)]
    User(UserCommand),
    /// Apps: other programs that act in a project by an access key
    #[command(subcommand)]
    App(AppCommand),
    /// Print an access token for each user named, one a line, in that order
    Token(TokenArgs),
    /// Check the settings that `serve` would use, and open nothing
    #[command(after_help = UNITS)]
    CheckConfig(Box<Settings>),
}

#[derive(Debug, Subcommand)]
pub enum OrganizationCommand {
    /// Create an organization and print its id
    Create {
        /// Its name, unique on the server
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        database: Database,
    },
}

#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Create a project and print its id
    Create {
        /// Its name, unique on the server; stands in addresses (/ws/NAME)
        name: String,
        /// The organization that owns it, by name or id
        #[arg(long, value_name = "NAME")]
        organization: String,
        /// Web origin whose pages may open a WebSocket, such as https://example.org; may be given again
        #[arg(long = "origin", value_name = "ORIGIN")]
        origins: Vec<String>,
        #[command(flatten)]
        database: Database,
    },
}

#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create a user and print their id
    Create {
        /// The name to sign in with, 1 to 100 characters, unique in the project
        username: String,
        #[command(flatten)]
        project: ProjectArgs,
        /// What the user may do beyond their own conversations
        #[arg(long, value_name = "ROLE", default_value = "user", value_parser = ["user", "agent", "admin"])]
        role: String,
        /// The name to show
        #[arg(long, value_name = "TEXT")]
        name: Option<String>,
        #[command(flatten)]
        password: PasswordArgs,
        #[command(flatten)]
        database: Database,
    },
    /// Create the users of a CSV file, all or none, and print how many
    ///
    /// The first line names the columns, in any order: username, then password or password_hash (bcrypt, cost 10 to 12), and
    /// if wanted name and role (user, agent or admin).
    Import {
        /// The file, UTF-8; `-` reads standard input
        file: PathBuf,
        #[command(flatten)]
        project: ProjectArgs,
        /// Passwords hashed at once [default: one a core]
        #[arg(long, value_name = "COUNT")]
        threads: Option<NonZeroUsize>,
        #[command(flatten)]
        database: Database,
    },
}

#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// Create an app and print its access key, which can't be had again: only its SHA-256 is kept
    Create {
        /// Its name, unique in the project
        name: String,
        #[command(flatten)]
        project: ProjectArgs,
        #[command(flatten)]
        database: Database,
    },
}

#[derive(Debug, Args)]
pub struct TokenArgs {
    #[command(flatten)]
    pub project: ProjectArgs,
    /// A user, by name or id; may be given again
    #[arg(long = "user", value_name = "USER", required = true)]
    pub users: Vec<String>,
    #[command(flatten)]
    pub auth: Auth,
    #[command(flatten)]
    pub database: Database,
}

/// In which project.
#[derive(Debug, Args)]
pub struct ProjectArgs {
    /// The project, by name or id
    #[arg(long, env = "PALABRE_PROJECT", value_name = "NAME", default_value = "default")]
    pub project: String,
}

/// A new password.
#[derive(Debug, Args)]
pub struct PasswordArgs {
    /// The password, 6 to 72 bytes [default: the first line of standard input]
    #[arg(long, env = "PALABRE_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub password: Option<Secret>,
}

/// Those of `variables` that look like settings but are none, such as misspelt ones.
pub fn unknown_variables(variables: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut known = BTreeSet::new();
    collect_variables(&Cli::command(), &mut known);
    variables.into_iter().filter(|name| name.starts_with("PALABRE_") && !known.contains(name)).collect()
}

fn collect_variables(command: &clap::Command, known: &mut BTreeSet<String>) {
    known.extend(command.get_arguments().filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned)));
    for inner in command.get_subcommands() {
        collect_variables(inner, known);
    }
}
