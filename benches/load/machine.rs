//! What processes have used, as the kernel counts it (`/proc`).

use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Ticks of the kernel's clock a second: fixed for programs at 100 on Linux.
const TICKS: f64 = 100.0;

/// CPU seconds that processes have used.
#[derive(Debug, Clone, Copy)]
pub struct Cpu {
    pub server: f64,
    pub database: f64,
    pub client: f64,
}

impl Cpu {
    /// Of a server, of PostgreSQL with all its children, and of this process.
    pub fn now(server: u32, postgres: u32) -> Self {
        Self { server: seconds(server), database: family(postgres), client: seconds(std::process::id()) }
    }

    /// Since then.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            server: self.server - earlier.server,
            database: self.database - earlier.database,
            client: self.client - earlier.client,
        }
    }
}

/// Resident memory of a process in KiB.
pub fn resident_kib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
}

/// Sockets that this process may open, with what it has of other files left out; the soft limit is raised to the hard one.
pub fn sockets() -> usize {
    const OTHER_FILES: u64 = 500;
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1024);
    usize::try_from(limit.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX)
}

struct Stat {
    parent: u32,
    own: f64,
    /// Of children that have ended.
    children: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name in parentheses that may hold anything.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        own: (ticks(11) + ticks(12)) / TICKS,
        children: (ticks(13) + ticks(14)) / TICKS,
    })
}

fn seconds(pid: u32) -> f64 {
    stat(pid).map_or(0.0, |stat| stat.own)
}

/// A process with its children, those that have ended included.
fn family(pid: u32) -> f64 {
    let processes = fs::read_dir(Path::new("/proc")).into_iter().flatten().flatten();
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let all: HashMap<u32, Stat> = pids.filter_map(|pid| Some((pid, stat(pid)?))).collect();
    all.iter()
        .filter(|(other, stat)| **other == pid || stat.parent == pid)
        .map(|(_, stat)| stat.own + stat.children)
        .sum()
}
