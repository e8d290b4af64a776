//! The section about storing messages.

use crate::chart::{Bar, Chart};
use crate::page::{Section, lines};
use crate::targets::Target;
use crate::text::{maybe, maybe_count, picture, ratio, table};
use serde::Deserialize;
use std::path::Path;

const INTRODUCTION: &str = "Messages with texts of 128 bytes, stored by the statement that the server's scribes use \
(`palabre`), beside the leanest inserts of the same rows into the same table on the same PostgreSQL, with fsync: one prepared \
statement a batch, rows numbered by the client, nothing locked, counted, checked or returned (`raw`); the same and the \
conversations' counters raised (`raw+raise`); and a statement a row (`single rows`). A writer has a connection and conversations \
of its own. The ways take turns, so that noise hits all alike.";

/// A line of the benchmark's.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Line {
    case: String,
    batch: Option<f64>,
    writers: Option<f64>,
    conversations: Option<f64>,
    messages_per_second: Option<f64>,
    p50_ms: Option<f64>,
    p99_ms: Option<f64>,
    ratio_to_raw: Option<f64>,
}

/// All lines of the last run.
pub fn load(bench: &Path) -> Vec<Line> {
    lines(&bench.join("store.jsonl"))
}

/// What an insert and its commit take at the worst.
pub fn commit_p99(lines: &[Line]) -> Option<f64> {
    lines.iter().find(|it| it.case == "raw" && it.batch == Some(1.0) && it.writers == Some(1.0))?.p99_ms
}

/// Messages a second that two writers insert in batches of 256, each into another conversation.
pub fn raw_inserts(lines: &[Line]) -> Option<f64> {
    let is_it = |it: &&Line| it.case == "raw" && it.batch == Some(256.0) && it.writers == Some(2.0);
    lines.iter().find(is_it)?.messages_per_second
}

pub fn targets(lines: &[Line]) -> Vec<Target> {
    let of = |it: &&Line| it.case == "palabre" && it.batch == Some(256.0);
    let target = |it: &Line| {
        let what = format!(
            "Stored messages a second, of raw inserts of the same rows: batches of 256, {} writers, {} conversations a batch",
            maybe_count(it.writers),
            maybe_count(it.conversations)
        );
        Some(Target::at_least(what, it.ratio_to_raw?, 0.6))
    };
    lines.iter().filter(of).filter_map(target).collect()
}

pub fn section(lines: &[Line]) -> Section {
    let mut section = Section::new("Storing messages", "store", INTRODUCTION, lines.is_empty());
    if lines.is_empty() {
        return section;
    }
    let row = |it: &Line| {
        vec![
            it.case.clone(),
            maybe_count(it.batch),
            maybe_count(it.writers),
            maybe_count(it.conversations),
            maybe(it.messages_per_second),
            maybe(it.p50_ms),
            maybe(it.p99_ms),
            it.ratio_to_raw.map_or_else(String::new, ratio),
        ]
    };
    let head = ["", "batch", "writers", "conversations a batch", "messages a second", "p50 ms", "p99 ms", "of raw"];
    section.text.push_str(&table(&head, &lines.iter().map(row).collect::<Vec<_>>()));
    section.chart("store", chart(lines));
    let picture = picture("store", "Messages stored a second");
    section.text.push_str(&picture);
    section
}

fn chart(lines: &[Line]) -> Chart {
    let mut groups: Vec<(String, Vec<Bar>)> = Vec::new();
    for it in lines {
        let heading = format!(
            "batches of {}, {} writers, {} conversations a batch",
            maybe_count(it.batch),
            maybe_count(it.writers),
            maybe_count(it.conversations)
        );
        let bar = Bar {
            label: it.case.clone(),
            value: it.messages_per_second.unwrap_or_default(),
            ours: it.case == "palabre",
        };
        match groups.iter_mut().find(|(of, _)| *of == heading) {
            Some((_, bars)) => bars.push(bar),
            None => groups.push((heading, vec![bar])),
        }
    }
    Chart { title: "Messages stored".to_owned(), unit: "a second", groups }
}
