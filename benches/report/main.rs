//! Writes `docs/benchmarks.md` and its charts from what the benchmarks have left behind.
//!
//! `--from DIRECTORY` reads from there in place of `target`, `--to DIRECTORY` writes there in place of `docs`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::format_push_string,
    reason = "a report that can't be written fails by panicking"
)]

mod chart;
mod line;
mod load;
mod machine;
mod micro;
mod page;
mod scenario;
mod store;
mod targets;
mod text;

use std::path::{Path, PathBuf};

const INTRODUCTION: &str = "# Benchmarks

This page is written by `make bench`, which runs all benchmarks one after the other and takes some minutes; nothing else should
run meanwhile. `cargo bench --locked --bench NAME` runs one of `codec`, `actors`, `store` and `load`, and
`cargo bench --locked --bench report` writes the page from what is there. Where something is measured beside another, the two take
turns on the same machine; only such ratios say much elsewhere.
";

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let from = argument("--from").unwrap_or_else(|| root.join("target"));
    let to = argument("--to").unwrap_or_else(|| root.join("docs"));
    let bench = from.join("bench");
    let stored = store::load(&bench);
    let loads = line::load(&bench);
    let groups = micro::load(&from.join("criterion"));

    let mut targets = load::targets(&loads, store::commit_p99(&stored), store::raw_inserts(&stored));
    targets.extend(store::targets(&stored));
    let sections = [load::section(&loads), store::section(&stored), micro::actors(&groups), micro::codec(&groups)];

    let mut text = INTRODUCTION.to_owned();
    text.push_str(&targets::section(&targets));
    text.push_str(&machine::section());
    let charts = to.join("benchmarks");
    std::fs::create_dir_all(&charts).expect("a directory for the charts");
    for section in sections {
        text.push_str(&section.text);
        for (name, chart) in section.charts {
            std::fs::write(charts.join(format!("{name}.svg")), chart.svg()).expect("a chart");
        }
    }
    text.push_str("\n## What helped and what did not\n\n");
    text.push_str(include_str!("notes.md").trim());
    text.push('\n');
    let page = to.join("benchmarks.md");
    std::fs::write(&page, text).expect("the page");
    eprintln!("written: {}", page.display());
}

/// The directory after this flag.
fn argument(flag: &str) -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip_while(|argument| argument != flag);
    arguments.next()?;
    arguments.next().map(PathBuf::from)
}
