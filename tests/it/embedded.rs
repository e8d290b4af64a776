//! The server's own PostgreSQL: kept data, killed processes, what is left behind, and what it says when it can't.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use diesel::Connection;
use diesel::connection::SimpleConnection;
use diesel_async::AsyncPgConnection;
use diesel_async::async_connection_wrapper::AsyncConnectionWrapper;
use palabre::store::embedded::{Embedded, Error, Options};

use crate::support::db::{scratch_dir, throwaway};
use crate::support::wait::until;

/// Set for the process that plays the server in a test that kills it: its data directory.
const PLAY_OWNER: &str = "PALABRE_TEST_PLAY_OWNER";

fn try_run(url: &str, statements: &str) -> Option<()> {
    let mut connection = AsyncConnectionWrapper::<AsyncPgConnection>::establish(url).ok()?;
    connection.batch_execute(statements).ok()
}

fn run(url: &str, statements: &str) {
    assert!(try_run(url, statements).is_some(), "{statements}");
}

/// The process of the PostgreSQL that runs on a data directory.
fn postgres_pid(data_dir: &Path) -> i32 {
    let note = std::fs::read_to_string(data_dir.join("database/postmaster.pid")).unwrap();
    note.lines().next().unwrap().parse().unwrap()
}

/// Whether a process runs; one that has ended and is not reaped does not.
fn runs(pid: i32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|arguments| !arguments.is_empty())
}

fn kill(pid: i32) {
    // SAFETY: a system call without pointers.
    assert_eq!(unsafe { libc::kill(pid, libc::SIGKILL) }, 0);
}

#[test]
fn data_is_kept_from_one_start_to_the_next() {
    let data_dir = scratch_dir("kept");
    let first = Embedded::start(&data_dir, &throwaway()).unwrap();
    run(&first.url(), "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)");
    let pid = postgres_pid(&data_dir);
    first.stop();
    assert!(!runs(pid));

    let second = Embedded::start(&data_dir, &throwaway()).unwrap();
    run(&second.url(), "INSERT INTO kept SELECT n + 1 FROM kept");
    second.stop();
}

#[test]
fn a_second_owner_is_refused_and_a_guest_is_let_in() {
    let data_dir = scratch_dir("shared-dir");
    let owner = Embedded::start(&data_dir, &throwaway()).unwrap();
    run(&owner.url(), "CREATE TABLE seen_by_both ()");

    let refused = Embedded::start(&data_dir, &throwaway()).err().unwrap().to_string();
    assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");

    let guest = Embedded::attach_or_start(&data_dir, &throwaway()).unwrap();
    assert!(!guest.is_owner());
    run(&guest.url(), "SELECT * FROM seen_by_both");
    guest.stop();
    run(&owner.url(), "SELECT * FROM seen_by_both");
    owner.stop();

    let alone = Embedded::attach_or_start(&data_dir, &throwaway()).unwrap();
    assert!(alone.is_owner());
    run(&alone.url(), "SELECT * FROM seen_by_both");
}

#[test]
fn a_killed_postgresql_comes_back_with_everything_committed() {
    let data_dir = scratch_dir("killed");
    // Not a throwaway: what is shown is that nothing committed is lost.
    let options = Options { durable: true, ..throwaway() };
    let embedded = Embedded::start(&data_dir, &options).unwrap();
    run(&embedded.url(), "CREATE TABLE kept (n int)");
    for _ in 0..2 {
        run(&embedded.url(), "INSERT INTO kept VALUES (1)");
        kill(postgres_pid(&data_dir));
        until("PostgreSQL to be back", || try_run(&embedded.url(), "SELECT 1"));
    }
    run(&embedded.url(), "DO $$ BEGIN ASSERT (SELECT count(*) = 2 FROM kept); END $$");
    embedded.stop();
}

/// Not a test of its own: the process that another test starts, to be killed.
#[test]
fn play_owner() {
    let Some(data_dir) = std::env::var_os(PLAY_OWNER) else { return };
    let _embedded = Embedded::start(Path::new(&data_dir), &throwaway()).unwrap();
    loop {
        std::thread::park();
    }
}

fn start_owner(data_dir: &Path) -> std::process::Child {
    let mut owner = Command::new(std::env::current_exe().unwrap());
    owner.args(["--exact", "embedded::play_owner"]).env(PLAY_OWNER, data_dir);
    owner.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_killed_owner_takes_postgresql_with_it() {
    let data_dir = scratch_dir("killed-owner");
    let mut owner = start_owner(&data_dir);
    // Else this process would be the owner. The file is there before its lock; what is written in it comes after.
    until("the owner to have begun", || {
        let note = std::fs::read_to_string(data_dir.join("postgresql.lock")).ok()?;
        (!note.is_empty()).then_some(())
    });
    let guest = Embedded::attach_or_start(&data_dir, &throwaway()).unwrap();
    assert!(!guest.is_owner());
    run(&guest.url(), "CREATE TABLE kept ()");
    let pid = postgres_pid(&data_dir);
    owner.kill().unwrap();
    owner.wait().unwrap();

    // Whether the next start finds it on its way out or gone, it has to come up.
    let next = Embedded::start(&data_dir, &throwaway()).unwrap();
    assert!(!runs(pid));
    run(&next.url(), "SELECT * FROM kept");
    next.stop();
}

#[test]
fn a_postgresql_left_behind_is_stopped_and_one_of_our_own_started() {
    let data_dir = scratch_dir("orphan");
    Embedded::start(&data_dir, &throwaway()).unwrap().stop();
    let cluster = data_dir.join("database");
    let owner = std::os::unix::fs::MetadataExt::uid(&cluster.metadata().unwrap());

    // The same program on the same data, but of nobody who would stop it.
    let mut orphan = Command::new(postgres_program());
    orphan.arg("-D").arg(&cluster).args(["-c", "listen_addresses=", "-c"]);
    orphan.arg(format!("unix_socket_directories={}", data_dir.join("run").display()));
    orphan.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // SAFETY: a system call without preconditions.
    if unsafe { libc::geteuid() } == 0 {
        orphan.uid(owner);
    }
    let mut orphan = orphan.spawn().unwrap();
    until("the orphan to run", || {
        let note = std::fs::read_to_string(cluster.join("postmaster.pid")).ok()?;
        note.contains("ready").then_some(())
    });

    let embedded = Embedded::start(&data_dir, &throwaway()).unwrap();
    let ended = orphan.wait().unwrap();
    assert!(ended.success(), "a clean shutdown: {ended}");
    run(&embedded.url(), "SELECT 1");
    embedded.stop();
}

/// The program that a started server uses, as the kernel tells.
fn postgres_program() -> std::path::PathBuf {
    let data_dir = scratch_dir("which");
    let embedded = Embedded::start(&data_dir, &throwaway()).unwrap();
    let program = std::fs::read_link(format!("/proc/{}/exe", postgres_pid(&data_dir))).unwrap();
    embedded.stop();
    program
}

#[test]
fn a_stale_note_of_a_process_is_no_obstacle() {
    let data_dir = scratch_dir("stale");
    let embedded = Embedded::start(&data_dir, &throwaway()).unwrap();
    let note = data_dir.join("database/postmaster.pid");
    let stale = std::fs::read_to_string(&note).unwrap();
    let pid = postgres_pid(&data_dir).to_string();
    embedded.stop();

    // Its number has become another program's, and that is this one.
    std::fs::write(&note, stale.replacen(&pid, &std::process::id().to_string(), 1)).unwrap();
    let embedded = Embedded::start(&data_dir, &throwaway()).unwrap();
    run(&embedded.url(), "SELECT 1");
    embedded.stop();
}

#[test]
fn a_data_directory_with_a_long_and_odd_name_works() {
    let data_dir = scratch_dir("long").join(format!("a,b \"c\" %25 é {}", "x".repeat(120)));
    let embedded = Embedded::start(&data_dir, &throwaway()).unwrap();
    run(&embedded.url(), "SELECT 1");
    let socket_dir = embedded.url();
    embedded.stop();
    let socket_dir = socket_dir.split_once("host=").unwrap().1;
    std::fs::remove_dir(socket_dir).unwrap();
}

#[test]
fn missing_programs_are_explained_with_the_three_ways_out() {
    let data_dir = scratch_dir("missing");
    let options = Options { binaries: Some("/nonexistent".into()), durable: false };
    let error = Embedded::start(&data_dir, &options).err().unwrap();
    assert!(matches!(error, Error::NoBinaries { .. }));
    let text = error.to_string();
    let own = data_dir.canonicalize().unwrap().join("postgresql/bin");
    for way_out in ["apt-get install postgresql", "PALABRE_POSTGRES_BIN", own.to_str().unwrap(), "DATABASE_URL"] {
        assert!(text.contains(way_out), "{way_out} in {text}");
    }
}

#[test]
fn a_cluster_of_another_version_is_not_touched() {
    let data_dir = scratch_dir("version");
    std::fs::create_dir(data_dir.join("database")).unwrap();
    std::fs::write(data_dir.join("database/PG_VERSION"), "9\n").unwrap();
    let error = Embedded::start(&data_dir, &throwaway()).err().unwrap();
    assert!(matches!(error, Error::OtherVersion { wanted: 9, .. }), "{error}");
}

#[test]
fn as_root_a_directory_that_postgresql_cannot_enter_is_named() {
    // SAFETY: a system call without preconditions.
    if unsafe { libc::geteuid() } != 0 {
        return;
    }
    let closed = scratch_dir("closed");
    std::fs::set_permissions(&closed, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let error = Embedded::start(&closed.join("data"), &throwaway()).err().unwrap();
    let barrier = closed.canonicalize().unwrap();
    assert!(matches!(&error, Error::Unreachable { barrier: it, .. } if *it == barrier), "{error}");
}
