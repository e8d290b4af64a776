//! Sections of the page, and where their figures come from.

use crate::chart::Chart;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Text in Markdown and the charts that it shows.
pub struct Section {
    pub text: String,
    /// By the name of the file.
    pub charts: Vec<(String, Chart)>,
}

impl Section {
    /// A section of this title about the benchmark `bench`, which may not have run.
    pub fn new(title: &str, bench: &str, introduction: &str, is_missing: bool) -> Self {
        let mut text = format!("\n## {title}\n\n{introduction}\n");
        if is_missing {
            text.push_str(&format!("\nThis was not run: `cargo bench --locked --bench {bench}`.\n"));
        }
        Self { text, charts: Vec::new() }
    }

    pub fn chart(&mut self, name: &str, chart: Chart) {
        self.charts.push((name.to_owned(), chart));
    }
}

/// The lines of JSON in a file: none where there is no file, and without those that are something else.
pub fn lines<T: DeserializeOwned>(file: &Path) -> Vec<T> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let read = |line: &str| match serde_json::from_str(line) {
        Ok(line) => Some(line),
        Err(error) => {
            eprintln!("{}: a line is left out: {error}", file.display());
            None
        }
    };
    text.lines().filter(|line| !line.trim().is_empty()).filter_map(read).collect()
}
