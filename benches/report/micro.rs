//! The sections about single parts, from what criterion leaves behind.

use crate::chart::{Bar, Chart};
use crate::page::Section;
use crate::text::{count, duration, picture, ratio, table};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const ACTORS: &str = "The work of hubs, rooms and registries without sockets and database, beside the same work done with plain \
tasks and with other actor libraries. Times are medians; in brackets how many times palabre's, or the first line's where palabre \
has none.";
const CODEC: &str = "One event to the bytes of a socket, and one request back from them, beside what serde's own libraries take \
for the document alone. Times are medians; in brackets how many times `serde_json` (for JSON) or `rmp-serde` (for MessagePack).";
/// The groups of the benchmark `codec`; all others are of `actors`.
const OF_CODEC: [&str; 2] = ["encode", "decode"];

/// One case: a function on a value.
pub struct Case {
    function: String,
    value: String,
    nanoseconds: f64,
    /// How much of what the function does in that time.
    work: Option<Work>,
}

#[derive(Debug, Clone, Copy)]
enum Work {
    Bytes(f64),
    Elements(f64),
}

impl Case {
    /// Megabytes or elements a second.
    fn rate(&self) -> Option<f64> {
        match self.work? {
            Work::Bytes(bytes) => Some(bytes / self.nanoseconds * 1e3),
            Work::Elements(elements) => Some(elements / self.nanoseconds * 1e9),
        }
    }
}

/// The cases of each group.
pub type Groups = BTreeMap<String, Vec<Case>>;

#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
    throughput: Option<BTreeMap<String, f64>>,
}

#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
}

/// All cases that criterion has kept in a directory.
pub fn load(directory: &Path) -> Groups {
    let mut found = Vec::new();
    find(directory, &mut found);
    found.sort();
    let mut groups = Groups::new();
    for place in found {
        let Some(benchmark) = read::<Benchmark>(&place.join("benchmark.json")) else { continue };
        let Some(estimates) = read::<Estimates>(&place.join("estimates.json")) else { continue };
        let work = benchmark.throughput.unwrap_or_default().into_iter().find_map(|(unit, count)| match &*unit {
            "Elements" => Some(Work::Elements(count)),
            "Bytes" | "BytesDecimal" => Some(Work::Bytes(count)),
            _ => None,
        });
        groups.entry(benchmark.group_id).or_default().push(Case {
            function: benchmark.function_id.unwrap_or_default(),
            value: benchmark.value_str.unwrap_or_default(),
            nanoseconds: estimates.median.point_estimate,
            work,
        });
    }
    groups
}

/// The directories of the newest figures, called `new`, however deep.
fn find(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_name() == "new" {
            found.push(path);
        } else if path.is_dir() {
            find(&path, found);
        }
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Option<T> {
    serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
}

/// The section about what actors do.
pub fn actors(groups: &Groups) -> Section {
    section("Actors", "actors", ACTORS, groups, |group| !OF_CODEC.contains(&group))
}

/// The section about encodings.
pub fn codec(groups: &Groups) -> Section {
    section("Encodings", "codec", CODEC, groups, |group| OF_CODEC.contains(&group))
}

fn section(title: &str, bench: &str, introduction: &str, groups: &Groups, is_of: impl Fn(&str) -> bool) -> Section {
    let groups: Vec<(&String, &Vec<Case>)> = groups.iter().filter(|(name, _)| is_of(name)).collect();
    let mut section = Section::new(title, bench, introduction, groups.is_empty());
    for (name, cases) in groups {
        section.text.push_str(&format!("\n### {}\n", capitalized(name)));
        section.text.push_str(&times(cases));
        if let Some(chart) = chart(name, cases) {
            let file: String = name.chars().map(|it| if it.is_alphanumeric() { it } else { '-' }).collect();
            section.text.push_str(&picture(&format!("{bench}-{file}"), name));
            section.chart(&format!("{bench}-{file}"), chart);
        }
    }
    section
}

fn capitalized(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What a function is compared with.
fn reference<'a>(cases: &'a [Case], case: &Case) -> Option<&'a Case> {
    let named = |name: &str| cases.iter().find(|it| it.value == case.value && it.function == name);
    let codec = if case.function.contains("msgpack") || case.function == "rmp-serde" {
        named("rmp-serde")
    } else {
        named("serde_json")
    };
    codec.or_else(|| named("palabre")).or_else(|| cases.iter().find(|it| it.value == case.value))
}

/// Functions down, values across.
fn times(cases: &[Case]) -> String {
    let values = in_order(cases, |case| &case.value);
    let mut head = vec![""];
    head.extend(values.iter().map(|value| if value.is_empty() { "time" } else { *value }));
    let cell = |function: &str, value: &str| {
        let case = cases.iter().find(|it| it.function == function && it.value == value);
        case.map_or_else(String::new, |case| {
            let times = reference(cases, case).filter(|it| it.function != case.function);
            let times = times.map(|it| format!(" ({}×)", ratio(case.nanoseconds / it.nanoseconds)));
            format!("{}{}", duration(case.nanoseconds), times.unwrap_or_default())
        })
    };
    let row = |function: &&str| {
        let mut row = vec![(*function).to_owned()];
        row.extend(values.iter().map(|value| cell(function, value)));
        row
    };
    table(&head, &in_order(cases, |case| &case.function).iter().map(row).collect::<Vec<_>>())
}

/// What the cases have for a name, each once: numbers by size, before words; ours before others'.
fn in_order<'a>(cases: &'a [Case], name: impl Fn(&'a Case) -> &'a String) -> Vec<&'a str> {
    let names: BTreeSet<&str> = cases.iter().map(|case| name(case).as_str()).collect();
    let mut names: Vec<&str> = names.into_iter().collect();
    names.sort_by_key(|name| (!is_ours(name), name.parse::<u64>().unwrap_or(u64::MAX)));
    names
}

/// Whether a function is palabre's: the codec's are called by their encodings.
fn is_ours(function: &str) -> bool {
    ["palabre", "json text", "binary json", "binary msgpack"].iter().any(|name| function.starts_with(name))
}

fn chart(name: &str, cases: &[Case]) -> Option<Chart> {
    let unit = match cases.first()?.work? {
        Work::Bytes(_) => "megabytes a second",
        Work::Elements(_) => "a second",
    };
    let bars = |value: &str| {
        let bar = |function: &str| {
            let case = cases.iter().find(|it| it.function == function && it.value == value)?;
            Some(Bar { label: function.to_owned(), value: case.rate()?, ours: is_ours(function) })
        };
        in_order(cases, |case| &case.function).into_iter().filter_map(bar).collect()
    };
    let groups = in_order(cases, |case| &case.value).into_iter().map(|value| (grouped(value), bars(value))).collect();
    Some(Chart { title: capitalized(name), unit, groups })
}

/// A heading of bars: numbers are written as everywhere on the page.
fn grouped(value: &str) -> String {
    value.parse().map_or_else(|_| value.to_owned(), count)
}
