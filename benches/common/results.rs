//! Figures as lines of JSON, one line a run: on standard output, and kept for the report.

use serde::Serialize;
use std::fs::{File, OpenOptions, create_dir_all};
use std::io::{self, Write};
use std::path::PathBuf;

/// Where the lines of one benchmark are kept: `target/bench/NAME.jsonl`.
pub fn file_of(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/bench").join(format!("{name}.jsonl"))
}

/// The lines of one benchmark's run.
pub struct Results(File);

impl Results {
    /// Begins anew, or goes on where `keep` says that another run's lines stay.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn open(name: &str, keep: bool) -> io::Result<Self> {
        let path = file_of(name);
        if let Some(directory) = path.parent() {
            create_dir_all(directory)?;
        }
        Ok(Self(OpenOptions::new().create(true).write(true).append(keep).truncate(!keep).open(path)?))
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
