//! The servers under load: Palabre's own program, and the raw limit, each a process of its own.

use super::common::database::{BenchDb, PROJECT, SECRET};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// Which server is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Palabre,
    RawLimit,
}

impl Kind {
    /// As results have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Palabre => "palabre",
            Self::RawLimit => "raw limit",
        }
    }
}

/// A running server; it is killed when this is dropped.
pub struct Contender {
    pub kind: Kind,
    pub http: SocketAddr,
    pub tcp: SocketAddr,
    child: Child,
}

impl Contender {
    /// Palabre on the benchmark's database, with limits that a load generator stays within. The others are its defaults.
    pub fn palabre(db: &BenchDb) -> Self {
        Self::palabre_at(db, [0, 0])
    }

    /// As [`Contender::palabre`], on these ports.
    pub fn palabre_at(db: &BenchDb, [http, tcp]: [u16; 2]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_palabre"));
        command
            .args(["serve", "--admin", "none", "--listen", &format!("127.0.0.1:{http}")])
            .args(["--tcp", &format!("127.0.0.1:{tcp}")])
            .args(["--events-per-second", "1000000", "--events-burst", "1000000"])
            .args(["--unauthenticated-connections", "50000"])
            .env("DATABASE_URL", db.url())
            .env("PALABRE_JWT_SECRET", SECRET)
            .env("PALABRE_WEBHOOK_PROJECT", PROJECT);
        Self::start(Kind::Palabre, command)
    }

    /// The raw limit: this program, told to be it. Its frames are `push_bytes` longer than what it is sent.
    pub fn raw_limit(push_bytes: usize) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.args(["raw-limit", &push_bytes.to_string()]);
        Self::start(Kind::RawLimit, command)
    }

    fn start(kind: Kind, mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("a server");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut addresses = [None; 2];
        for line in lines.by_ref().map_while(Result::ok) {
            for (index, scheme) in ["http://", "tcp://"].into_iter().enumerate() {
                if let Some((_, rest)) = line.split_once(scheme) {
                    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':').unwrap_or(rest.len());
                    addresses[index] = rest[..end].parse().ok();
                }
            }
            if line.contains("ready") {
                break;
            }
        }
        // Nobody reads on: what it prints later must not stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let [Some(http), Some(tcp)] = addresses else { panic!("{kind:?} did not say where it listens") };
        Self { kind, http, tcp, child }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Stops it in order.
    pub fn stop(mut self) {
        let pid = i32::try_from(self.pid()).expect("a process id");
        // SAFETY: no memory is touched; it is our own child, which was not waited for yet.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let _ = self.child.wait();
    }
}

impl Drop for Contender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
