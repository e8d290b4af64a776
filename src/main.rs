//! The `palabre` program: reads its command line, and leaves the work to the library.

use clap::Parser;
use palabre::cli::{self, CliError};
use palabre::config::command::{Cli, Command, unknown_variables};
use std::process::ExitCode;

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn,palabre=info")).init();
    // More than one provider of cryptography may be linked in; rustls then wants to be told which one.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        log::warn!(target: "palabre", "another provider of cryptography for TLS is in place");
    }
    let Cli { command } = Cli::parse();
    for name in unknown_variables(std::env::vars_os().filter_map(|(name, _)| name.into_string().ok())) {
        log::warn!(target: "palabre::config", "{name} is set, but is no setting");
    }
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("palabre: {error}");
            ExitCode::from(error.status())
        }
    }
}

fn run(command: Command) -> Result<(), CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|source| CliError::File { what: "the runtime's threads".to_owned(), source })?;
    runtime.block_on(cli::run(command))
}
