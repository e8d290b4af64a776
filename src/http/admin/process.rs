//! What the system says of this process. It reads files, so it is for the blocking pool.

use std::fs;

/// The kernel tells processor time in hundredths of a second, whatever its own clock is.
const TICKS: f64 = 100.0;

/// Figures of a process; `None` where the system does not tell them.
#[derive(Debug, Default, Clone, Copy)]
pub struct Process {
    pub resident_bytes: Option<u64>,
    pub cpu_seconds: Option<f64>,
    pub open_files: Option<usize>,
    pub most_files: Option<u64>,
}

impl Process {
    /// The figures of now.
    #[must_use]
    pub fn read() -> Self {
        Self {
            resident_bytes: fs::read_to_string("/proc/self/status").ok().and_then(|status| resident(&status)),
            cpu_seconds: fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu(&stat)),
            open_files: fs::read_dir("/proc/self/fd").ok().map(Iterator::count),
            most_files: rlimit::Resource::NOFILE.get_soft().ok(),
        }
    }
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}

fn cpu(stat: &str) -> Option<f64> {
    // The name stands in brackets and may hold anything; after it come the fields from the third on.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let (user, system) = (times.next()?.parse::<f64>().ok()?, times.next()?.parse::<f64>().ok()?);
    Some((user + system) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\n"), Some(2_097_152));
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 9 1 1";
        assert_eq!(cpu(stat), Some(3.0));
    }

    #[test]
    fn this_process_has_figures() {
        let process = Process::read();
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 0));
        assert!(process.cpu_seconds.is_some() && process.open_files.is_some_and(|open| open > 2));
    }
}
