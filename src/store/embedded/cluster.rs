//! Making the cluster and the database in it.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use tokio_postgres::NoTls;

use super::Error;
use super::account::Account;
use super::binaries::Binaries;
use super::layout::{Layout, NAME};
use crate::store::pool::with_causes;

/// Makes the cluster if there is none. It is made beside its place and then moved there, so that a process killed over it
/// leaves nothing half-made that would be taken for data.
pub(super) fn make_cluster(
    account: &Account,
    layout: &Layout,
    binaries: &Binaries,
    durable: bool,
) -> Result<(), Error> {
    if layout.cluster_version().is_some() {
        return Ok(());
    }
    let unfinished = layout.data_dir.join("database.new");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(Error::file("can't clear", &unfinished))?;
    }
    account.make_private_dir(&unfinished)?;
    log::info!(
        target: "palabre::store",
        "making a PostgreSQL {} database in {}", binaries.version, layout.cluster.display()
    );
    initdb(account, &unfinished, binaries, durable)?;

    let sync_names = || File::open(&layout.data_dir)?.sync_all();
    std::fs::rename(&unfinished, &layout.cluster)
        .and_then(|()| sync_names())
        .map_err(Error::file("can't make", &layout.cluster))
}

fn initdb(account: &Account, directory: &Path, binaries: &Binaries, durable: bool) -> Result<(), Error> {
    let program = binaries.program("initdb");
    let mut initdb = command(account, &program);
    initdb.args(["--username", NAME, "--auth", "trust", "--encoding", "UTF8"]);
    // Sorted by bytes, so that no upgrade of the system's locales breaks an index; letters of all scripts are known.
    initdb.args(["--locale", "C", "--lc-ctype", "C.UTF-8"]);
    if !durable {
        initdb.arg("--no-sync");
    }
    let output = initdb.arg("--pgdata").arg(directory).stdin(Stdio::null()).output();
    let output = output.map_err(Error::file("can't run", &program))?;
    if !output.status.success() {
        let said = [output.stdout, output.stderr].concat();
        return Err(Error::Program { program: "initdb", output: String::from_utf8_lossy(&said).trim().to_owned() });
    }
    Ok(())
}

/// Makes the database if there is none. For a thread that is not part of an asynchronous runtime.
pub(super) fn make_database(socket_dir: &Path) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Database(error.to_string()))?;
    runtime.block_on(create_if_missing(socket_dir)).map_err(|error| Error::Database(with_causes(&error)))
}

async fn create_if_missing(socket_dir: &Path) -> Result<(), tokio_postgres::Error> {
    let mut config = tokio_postgres::Config::new();
    config.host_path(socket_dir).user(NAME).dbname("postgres").application_name(NAME);
    let (client, connection) = config.connect(NoTls).await?;
    let driver = tokio::spawn(connection);
    if client.query_opt("SELECT 1 FROM pg_database WHERE datname = $1", &[&NAME]).await?.is_none() {
        client.batch_execute(&format!("CREATE DATABASE {NAME}")).await?;
    }
    drop(client);
    // A failure to say goodbye harms nobody: what was asked for is done.
    let _ = driver.await;
    Ok(())
}

/// One of PostgreSQL's programs, to be run as its user, without what the environment would have it do otherwise.
pub(super) fn command(account: &Account, program: &Path) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("PG") || name.starts_with("LC_") || name == "LANG") {
            command.env_remove(name);
        }
    }
    // Its user may not be able to enter the directory that the server was started in.
    command.current_dir("/");
    account.apply(&mut command);
    command
}
