//! Where PostgreSQL's programs are.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Error;
use super::layout::Layout;

/// The oldest major version that will do: what the oldest supported Debian has.
pub(super) const OLDEST: u32 = 15;
/// Where Debian and its relatives keep a directory for each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A directory of programs that will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binaries {
    /// Holds `postgres` and `initdb`.
    pub(super) directory: PathBuf,
    /// The major version.
    pub(super) version: u32,
}

impl Binaries {
    /// The programs to use: those of the directory that was named, else the first that will do of the data directory's own,
    /// Debian's newest, `pg_config`'s and those on `PATH`. A cluster that exists already needs its own major version.
    pub(super) fn find(layout: &Layout, named: Option<&Path>) -> Result<Self, Error> {
        let candidates = match named {
            Some(directory) => vec![directory.to_owned()],
            None => candidates(layout),
        };
        let (found, rejected) = judge(candidates);
        let Some(best) = found.first() else {
            let rejected = if rejected.is_empty() { String::new() } else { format!(" ({})", rejected.join("; ")) };
            return Err(Error::NoBinaries { rejected, own: layout.own_binaries() });
        };
        let Some(wanted) = layout.cluster_version() else { return Ok(best.clone()) };
        found.iter().find(|it| it.version == wanted).cloned().ok_or_else(|| Error::OtherVersion {
            directory: layout.cluster.clone(),
            wanted,
            found: found.iter().map(|it| it.version.to_string()).collect::<Vec<_>>().join(", "),
        })
    }

    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// All directories that may hold PostgreSQL, in the order of preference.
fn candidates(layout: &Layout) -> Vec<PathBuf> {
    let mut all = vec![layout.own_binaries()];
    all.extend(debian(Path::new(DEBIAN)));
    all.extend(pg_config());
    all.extend(std::env::var_os("PATH").iter().flat_map(std::env::split_paths).filter_map(|directory| {
        // A link on PATH leads to where the other programs and their files are.
        let postgres = directory.join("postgres").canonicalize().ok()?;
        postgres.parent().map(Path::to_owned)
    }));
    all
}

/// The directories of Debian's versions, newest first.
fn debian(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut versions: Vec<u32> =
        entries.filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok())).collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.into_iter().map(|version| root.join(version.to_string()).join("bin")).collect()
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok().filter(|output| output.status.success())?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Tells those that will do from those that exist but won't, with the reason.
fn judge(candidates: Vec<PathBuf>) -> (Vec<Binaries>, Vec<String>) {
    let mut found: Vec<Binaries> = Vec::new();
    let mut rejected = Vec::new();
    for directory in candidates {
        if found.iter().any(|it| it.directory == directory) || !directory.join("postgres").exists() {
            continue;
        }
        match version(&directory.join("postgres")) {
            None => rejected.push(format!("{} does not run", directory.join("postgres").display())),
            Some(version) if version < OLDEST => rejected.push(format!("{} is version {version}", directory.display())),
            Some(_) if version(&directory.join("initdb")).is_none() => {
                rejected.push(format!("{} is missing or does not run", directory.join("initdb").display()));
            }
            Some(version) => found.push(Binaries { directory, version }),
        }
    }
    (found, rejected)
}

fn version(postgres: &Path) -> Option<u32> {
    let output = Command::new(postgres).arg("--version").output().ok().filter(|output| output.status.success())?;
    major(&String::from_utf8(output.stdout).ok()?)
}

/// The major version in a line such as `initdb (PostgreSQL) 16.2 (Debian 16.2-1)` or `… 17beta1`.
fn major(line: &str) -> Option<u32> {
    let number = line.split_once("(PostgreSQL) ")?.1;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_programs_print_them() {
        assert_eq!(major("postgres (PostgreSQL) 15.9 (Debian 15.9-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta2"), Some(18));
        assert_eq!(major("postgres (PostgreSQL) 17"), Some(17));
        assert_eq!(major("something else 12"), None);
    }

    #[test]
    fn debians_newest_version_comes_first() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9", "15", "16", "common"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let order: Vec<_> = ["16/bin", "15/bin", "9/bin"].map(|it| root.path().join(it)).into();
        assert_eq!(debian(root.path()), order);
    }
}
