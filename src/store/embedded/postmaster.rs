//! One run of PostgreSQL: its start, its readiness, its end, and what an earlier run left behind.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::account::Account;
use super::binaries::Binaries;
use super::layout::Layout;
use super::{Error, LOOK_INTERVAL, cluster};

/// How long an orphan may take to shut down before it is killed.
const ORPHAN_PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of the log beyond which it is begun anew at the next start.
const LOG_BYTES: u64 = 10 * 1024 * 1024;
/// How much of the end of the log an error repeats.
const LOG_TAIL_LINES: usize = 8;

/// Starts PostgreSQL as a child of the calling thread, which must live on: the kernel takes the end of the thread, not only
/// of the process, as the sign to shut PostgreSQL down.
pub(super) fn spawn(account: &Account, layout: &Layout, binaries: &Binaries, durable: bool) -> Result<Child, Error> {
    let log = open_log(&layout.log)?;
    let program = binaries.program("postgres");
    let mut postgres = cluster::command(account, &program);
    postgres.arg("-D").arg(&layout.cluster);
    postgres.args(["-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"]);
    postgres.arg("-c").arg(format!("unix_socket_directories={}", quoted(&layout.socket_dir)?));
    postgres.args(["-c", "logging_collector=off", "-c", "log_destination=stderr"]);
    if !durable {
        postgres.args(["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]);
        // Tests run many servers' pools at once.
        postgres.args(["-c", "max_connections=400"]);
    }
    let also_log = log.try_clone().map_err(Error::file("can't write", &layout.log))?;
    postgres.stdin(Stdio::null()).stdout(also_log).stderr(log);
    // Ctrl-C in a terminal is for the server, which then stops PostgreSQL last.
    postgres.process_group(0);
    end_with_this_thread(&mut postgres);
    postgres.spawn().map_err(Error::file("can't run", &program))
}

/// Lets the kernel send SIGINT, a fast and clean shutdown, when the thread that spawned the program ends.
fn end_with_this_thread(command: &mut Command) {
    let parent = std::process::id();
    let hook = move || {
        // SAFETY: both are plain system calls without pointers.
        let (done, parent_now) = unsafe {
            (libc::prctl(libc::PR_SET_PDEATHSIG, libc::c_ulong::from(libc::SIGINT.unsigned_abs())), libc::getppid())
        };
        if done != 0 {
            return Err(std::io::Error::last_os_error());
        }
        // The parent may have ended before the line above: nobody would send the signal then.
        if u32::try_from(parent_now) != Ok(parent) {
            return Err(std::io::Error::from_raw_os_error(libc::ESRCH));
        }
        Ok(())
    };
    // SAFETY: between fork and exec the hook only makes system calls; it neither allocates nor takes a lock.
    unsafe {
        command.pre_exec(hook);
    }
}

/// Opens the log for nobody else to read: it repeats queries that fail, values included.
fn open_log(path: &Path) -> Result<File, Error> {
    let open = || {
        let file = File::options().create(true).append(true).mode(0o600).open(path)?;
        if file.metadata()?.len() > LOG_BYTES {
            file.set_len(0)?;
        }
        Ok(file)
    };
    open().map_err(Error::file("can't write", path))
}

/// The end of the log, for an error that has to say why PostgreSQL does not start.
pub(super) fn log_tail(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().rev().take(LOG_TAIL_LINES).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

/// A path as an element of one of PostgreSQL's lists: commas are part of it.
fn quoted(path: &Path) -> Result<String, Error> {
    let path = path.to_str().ok_or_else(|| Error::Path(path.to_owned()))?;
    Ok(format!("\"{}\"", path.replace('"', "\"\"")))
}

/// What PostgreSQL notes of itself in its cluster while it runs.
struct Note {
    pid: libc::pid_t,
    socket_dir: Option<PathBuf>,
    ready: bool,
}

impl Note {
    fn path(cluster: &Path) -> PathBuf {
        cluster.join("postmaster.pid")
    }

    /// The lines are: process, cluster, start, port, socket directory, address, shared memory, state.
    fn read(cluster: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(Self::path(cluster)).ok()?;
        let line = |number: usize| text.lines().nth(number - 1).map(str::trim);
        Some(Self {
            pid: line(1)?.parse().ok().filter(|pid| *pid > 0)?,
            socket_dir: line(5).filter(|line| !line.is_empty()).map(PathBuf::from),
            ready: line(8) == Some("ready"),
        })
    }
}

/// Whether the PostgreSQL with this process id takes connections.
pub(super) fn is_ready(cluster: &Path, pid: libc::pid_t) -> bool {
    Note::read(cluster).is_some_and(|note| note.ready && note.pid == pid)
}

/// Where a PostgreSQL that runs on the cluster and takes connections has its socket.
pub(super) fn ready_socket_dir(cluster: &Path) -> Option<PathBuf> {
    let note = Note::read(cluster)?;
    if note.ready && runs_on(note.pid, cluster) { note.socket_dir } else { None }
}

/// Deals with what an earlier run left: a PostgreSQL that still runs is stopped, a note whose process is gone, or has become
/// another program's, is removed. The caller holds the owner's lock, so no palabre needs either.
pub(super) fn clear_away(cluster: &Path) -> Result<(), Error> {
    let path = Note::path(cluster);
    if !path.exists() {
        return Ok(());
    }
    if let Some(note) = Note::read(cluster)
        && runs_on(note.pid, cluster)
    {
        log::warn!(target: "palabre::store", "stopping the PostgreSQL that an earlier run left behind (process {})", note.pid);
        signal(note.pid, libc::SIGINT);
        let deadline = Instant::now() + ORPHAN_PATIENCE;
        while runs_on(note.pid, cluster) {
            if Instant::now() >= deadline {
                signal(note.pid, libc::SIGKILL);
            }
            std::thread::sleep(LOOK_INTERVAL);
        }
    }
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file("can't remove", &path)(error)),
        _ => Ok(()),
    }
}

/// Whether the process is a PostgreSQL on this cluster: its number alone says nothing, as numbers are used again.
fn runs_on(pid: libc::pid_t, cluster: &Path) -> bool {
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let arguments: Vec<&[u8]> = arguments.split(|byte| *byte == 0).collect();
    let cluster = cluster.as_os_str().as_encoded_bytes();
    arguments.windows(2).any(|pair| matches!(pair, [flag, value] if *flag == b"-D" && *value == cluster))
}

/// Sends a signal to a process; one that has ended meanwhile does not matter.
pub(super) fn signal(pid: libc::pid_t, signal: libc::c_int) {
    // SAFETY: kill takes no pointers; the callers know that the process is a PostgreSQL of ours.
    unsafe {
        libc::kill(pid, signal);
    }
}

/// Waits until a child has ended, without taking its number from it: until it is reaped no other process can get it.
pub(super) fn wait_for_end(pid: libc::pid_t) {
    let Ok(id) = libc::id_t::try_from(pid) else { return };
    loop {
        // SAFETY: an all-zero siginfo_t is valid, it is plain data.
        let mut information: libc::siginfo_t = unsafe { std::mem::zeroed() };
        // SAFETY: `information` outlives the call.
        let done = unsafe { libc::waitid(libc::P_PID, id, &raw mut information, libc::WEXITED | libc::WNOWAIT) };
        let interrupted = done != 0 && std::io::Error::last_os_error().kind() == std::io::ErrorKind::Interrupted;
        if !interrupted {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_of_a_process_that_is_not_postgresql_is_removed_and_the_process_left_alone() {
        let cluster = tempfile::tempdir().unwrap();
        std::fs::write(Note::path(cluster.path()), format!("{}\n", std::process::id())).unwrap();
        clear_away(cluster.path()).unwrap();
        assert!(!Note::path(cluster.path()).exists());
    }

    #[test]
    fn a_socket_directory_may_hold_any_character() {
        assert_eq!(quoted(Path::new("/a,\"b\"")).unwrap(), "\"/a,\"\"b\"\"\"");
    }
}
