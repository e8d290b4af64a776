//! The real program as a process of its own, with its own PostgreSQL in a directory of its own.

use crate::support::db::throwaway;
use crate::support::http::SECRET;
use crate::support::wait::until;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

/// A server process. It is killed when this is dropped.
pub struct Program {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    pub http: SocketAddr,
    pub tcp: SocketAddr,
}

/// The program with nothing of our own environment's settings.
pub fn command(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
    let ours = |name: &str| name.starts_with("PALABRE_") || name == "DATABASE_URL";
    for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// `palabre serve` on a data directory, with ports of its own and the demo's people.
pub fn serve(data_dir: &Path) -> Command {
    let mut command = command(["serve", "--demo", "--jwt-secret", SECRET]);
    command.args(["--listen", "127.0.0.1:0", "--tcp", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.arg("--data-dir").arg(data_dir);
    if let Some(binaries) = throwaway().binaries {
        command.arg("--postgres-bin").arg(binaries);
    }
    command
}

impl Program {
    /// Starts a server; ready when this returns. It says what it has to say in `palabre.log` of its data directory.
    pub fn start(data_dir: &Path) -> Self {
        Self::spawn(serve(data_dir), data_dir)
    }

    /// Starts a server by this command.
    pub fn spawn(mut command: Command, data_dir: &Path) -> Self {
        let log = data_dir.join("palabre.log");
        let stderr = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (output, kept) = (BufReader::new(child.stdout.take().unwrap()), Arc::clone(&lines));
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                kept.lock().unwrap().push(line);
            }
        });
        let ready = until("the server to be ready", || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended ({status}): {}", std::fs::read_to_string(&log).unwrap());
            }
            lines.lock().unwrap().first().cloned()
        });
        let address = |scheme: &str| {
            let (_, rest) = ready.split_once(scheme).unwrap();
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        let (http, tcp) = (address(": http://"), address(" tcp://"));
        Self { child, lines, http, tcp }
    }

    /// What it printed so far.
    pub fn printed(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Kills it as a power cut would, and waits for its end.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: libc::c_int) {
        // SAFETY: a system call without pointers, on a child that is not reaped yet.
        assert_eq!(unsafe { libc::kill(self.pid(), signal) }, 0);
    }

    /// Waits for its end.
    pub fn ended(&mut self) -> ExitStatus {
        until("the server to end", || self.child.try_wait().unwrap())
    }

    /// Memory that it has in use, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn pid(&self) -> libc::pid_t {
        libc::pid_t::try_from(self.child.id()).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Tokens for users of the demo's project, made beside a server that runs.
pub fn tokens(data_dir: &Path, users: &[&str]) -> Vec<String> {
    let mut command = command(["token", "--jwt-secret", SECRET, "--data-dir"]);
    command.arg(data_dir);
    users.iter().for_each(|user| {
        command.args(["--user", user]);
    });
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// The processes that run on a data directory: PostgreSQL's, unless a server does not know of them.
pub fn processes_on(data_dir: &Path) -> Vec<PathBuf> {
    let directory = data_dir.as_os_str().as_encoded_bytes();
    let names_it = |process: &PathBuf| {
        let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
        arguments.windows(directory.len()).any(|part| part == directory)
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    processes.filter(names_it).collect()
}
