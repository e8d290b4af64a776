//! The `palabre` program: reads its command line, and leaves the work to the library.

use clap::Parser;
use palabre::chat::Clock;
use palabre::cli::{self, CliError, out};
use palabre::config::Settings;
use palabre::config::command::{Cli, Command, unknown_variables};
use palabre::server;
use std::process::ExitCode;
use tokio::signal::unix::{Signal, SignalKind, signal};

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
    let done = match command {
        Command::Serve(settings) => serve(*settings),
        command => run(command).map_err(|error| (error.to_string(), error.status())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((error, status)) => {
            eprintln!("palabre: {error}");
            ExitCode::from(status)
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

/// Runs the server until a signal ends it: the first lets it end in order, the second at once.
fn serve(settings: Settings) -> Result<(), (String, u8)> {
    // Each connection is a file; the usual soft limit of 1 024 is made for other programs.
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) => log::debug!(target: "palabre", "up to {files} files may be open"),
        Err(error) => log::warn!(target: "palabre", "the limit of open files stays as it is: {error}"),
    }
    actix::System::new().block_on(async {
        let running =
            server::start(settings, Clock::system()).await.map_err(|error| (error.to_string(), error.status()))?;
        let failed = |error: std::io::Error| (format!("signals can't be waited for: {error}"), 1);
        let mut signals = Signals::new().map_err(failed)?;
        out::line(running.addresses).map_err(|error| (error.to_string(), 1))?;
        signals.next().await;
        tokio::select! {
            () = running.stop() => Ok(()),
            () = signals.next() => Err(("stopped at once by a second signal".to_owned(), 130)),
        }
    })
}

/// The signals that end a server.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
