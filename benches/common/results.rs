//! Figures as lines of JSON, one line a run: on standard output, and kept for the report.

use serde::Serialize;
use std::fs::{File, create_dir_all, read_to_string};
use std::io::{self, Write};
use std::path::PathBuf;

/// Where the lines of one benchmark are kept: `target/bench/NAME.jsonl`.
pub fn file_of(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench").join(format!("{name}.jsonl"))
}

/// The lines of one benchmark's run.
pub struct Results(File);

impl Results {
    /// Goes on with the lines of earlier runs that `keep` says stay.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn keeping(name: &str, keep: impl Fn(&str) -> bool) -> io::Result<Self> {
        let path = file_of(name);
        if let Some(directory) = path.parent() {
            create_dir_all(directory)?;
        }
        let before = read_to_string(&path).unwrap_or_default();
        let mut file = File::create(path)?;
        for line in before.lines().filter(|line| keep(line)) {
            writeln!(file, "{line}")?;
        }
        Ok(Self(file))
    }

    /// Prints a line and keeps it.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn add(&mut self, record: &impl Serialize) -> io::Result<()> {
        let line = serde_json::to_string(record)?;
        println!("{line}");
        writeln!(self.0, "{line}")
    }
}
