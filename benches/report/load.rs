//! The section about whole servers under load.

use crate::chart::{Bar, Chart};
use crate::page::{Section, lines};
use crate::scenario::{ALL, Scenario};
use crate::targets::Target;
use crate::text::{count as count_of, maybe, maybe_count, picture, ratio, table};
use serde::Deserialize;
use std::path::Path;

const INTRODUCTION: &str = "Whole servers with sockets, sessions and PostgreSQL, and clients in a process of their own. `raw \
limit` is a server that does the least that gets the same bytes to the same sockets: it knows no users, checks nothing and stores \
nothing. CPU is in seconds per million deliveries.";

/// A line of the load generator's. What it has beside these is left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Line {
    pub scenario: String,
    pub server: String,
    pub encoding: String,
    pub rooms: Option<f64>,
    pub receivers: Option<f64>,
    pub sessions: Option<f64>,
    pub pace: Option<f64>,
    pub seconds: Option<f64>,
    pub messages: Option<f64>,
    pub deliveries: Option<f64>,
    pub deliveries_per_second: Option<f64>,
    pub round_trips_per_second: Option<f64>,
    pub stored_per_second: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
    pub cpu_per_million: Option<f64>,
    pub database_cpu_per_million: Option<f64>,
    pub client_cpu_per_million: Option<f64>,
    pub rss_per_session_kib: Option<f64>,
    pub statements_per_session: Option<f64>,
    pub lost: Option<f64>,
}

impl Line {
    fn is_ours(&self) -> bool {
        self.server == "palabre"
    }

    /// The raw limit's line for the same work, best in the same encoding.
    fn limit<'a>(&self, all: &'a [Self]) -> Option<&'a Self> {
        let is_same = |it: &&Self| {
            !it.is_ours() && it.scenario == self.scenario && it.receivers == self.receivers && it.pace == self.pace
        };
        let closeness = |it: &&Self| (it.encoding == self.encoding, it.rooms == self.rooms);
        all.iter().filter(is_same).max_by_key(closeness)
    }

    /// A figure of this line, as many times the raw limit's.
    fn of_limit(&self, all: &[Self], figure: fn(&Self) -> Option<f64>) -> Option<f64> {
        if !self.is_ours() {
            return None;
        }
        let limit = figure(self.limit(all)?).filter(|limit| *limit > 0.0)?;
        Some(figure(self)? / limit)
    }

    /// What tells this line from others of its scenario.
    fn label(&self) -> String {
        let mut label = self.encoding.clone();
        for (count, of) in [(self.rooms, "rooms"), (self.receivers, "receivers"), (self.sessions, "sessions")] {
            if let Some(count) = count {
                label.push_str(&format!(", {} {of}", count_of(count)));
            }
        }
        if let Some(pace) = self.pace {
            label.push_str(&format!(", {} a second", count_of(pace)));
        }
        label
    }
}

/// All lines of the last run.
pub fn load(bench: &Path) -> Vec<Line> {
    lines(&bench.join("load.jsonl"))
}

/// Which figures have a bound, beside the raw limit, each other, or a fixed one. `commit_ms` is what a commit takes.
pub fn targets(all: &[Line], commit_ms: Option<f64>) -> Vec<Target> {
    let mut targets = Vec::new();
    let ours =
        |scenario: &str| -> Vec<&Line> { all.iter().filter(|it| it.is_ours() && it.scenario == scenario).collect() };
    let deliveries = |it: &Line| it.deliveries_per_second;
    let cpu = |it: &Line| it.cpu_per_million;
    for it in ours("fan-out") {
        let what = |figure: &str| format!("Fan-out, {figure}, of the raw limit: {}", it.label());
        let reached =
            it.of_limit(all, deliveries).map(|times| Target::at_least(what("deliveries a second"), times, 0.8));
        targets.extend(reached);
        targets.extend(it.of_limit(all, cpu).map(|times| Target::at_most(what("CPU"), times, 1.5)));
    }
    for it in ours("paced") {
        let what = format!("Steady pace, CPU, of the raw limit: {}", it.label());
        targets.extend(it.of_limit(all, cpu).map(|times| Target::at_most(what, times, 1.3)));
        let limit = it.limit(all).and_then(|limit| limit.p99_ms);
        if let (Some(measured), Some(limit)) = (it.p99_ms, limit) {
            let bound = 1.5 * limit + commit_ms.unwrap_or_default();
            let what = format!("Steady pace, p99 in ms, 1.5 times the raw limit's and one commit: {}", it.label());
            targets.push(Target::at_most(what, measured, bound));
        }
    }
    for it in ours("pairs") {
        let what = format!("Pairs, round trips a second, of the raw limit: {}", it.label());
        let times = it.of_limit(all, |it| it.round_trips_per_second);
        targets.extend(times.map(|times| Target::at_least(what, times, 0.35)));
    }
    for it in ours("idle") {
        let what = format!("Idle, KiB a session: {}", it.label());
        targets.extend(it.rss_per_session_kib.map(|size| Target::at_most(what, size, 10.0)));
    }
    for it in ours("storm") {
        let what = format!("Everybody at once, seconds: {}", it.label());
        targets.extend(it.seconds.map(|seconds| Target::at_most(what, seconds, 60.0)));
    }
    targets.extend(all.iter().filter(|it| it.is_ours()).filter_map(|it| msgpack(it, all)));
    targets.extend(ours("scale").into_iter().flat_map(|it| growth(it, all)));
    targets
}

/// MessagePack beside JSON on the same socket.
fn msgpack(it: &Line, all: &[Line]) -> Option<Target> {
    let json = Line { encoding: it.encoding.replace("msgpack", "json"), ..it.clone() };
    let twin = |encoding: &str| {
        all.iter().find(|other| {
            other.encoding == encoding
                && (&other.scenario, &other.server, other.rooms, other.receivers, other.pace)
                    == (&it.scenario, &it.server, it.rooms, it.receivers, it.pace)
        })
    };
    if json.encoding == it.encoding {
        return None;
    }
    let json = twin(&json.encoding).or_else(|| twin("ws json"))?;
    let times = it.cpu_per_million? / json.cpu_per_million?;
    let what = format!("MessagePack ({}), CPU, of {}: {}", it.scenario, json.encoding, it.label());
    Some(Target::at_most(what, times, 1.25))
}

/// Ten times the receivers or rooms beside this line.
fn growth(it: &Line, all: &[Line]) -> Vec<Target> {
    let is_tenfold = |small: Option<f64>, large: Option<f64>| {
        small.zip(large).is_some_and(|(small, large)| (large / small - 10.0).abs() < 0.5)
    };
    let target = |larger: &Line| {
        let same_kind =
            (&larger.scenario, &larger.server, &larger.encoding) == (&it.scenario, &it.server, &it.encoding);
        // A scenario may count the receivers of a room, or those of all rooms.
        let more_receivers = is_tenfold(it.receivers, larger.receivers);
        let rooms = is_tenfold(it.rooms, larger.rooms) && (more_receivers || it.receivers == larger.receivers);
        let receivers = more_receivers && it.rooms == larger.rooms;
        if !same_kind || !(rooms || receivers) {
            return None;
        }
        let times = larger.cpu_per_million? / it.cpu_per_million?;
        let what =
            format!("Tenfold {}, CPU per delivery: {}", if rooms { "rooms" } else { "receivers" }, larger.label());
        Some(Target::at_most(what, times, 1.25))
    };
    all.iter().filter_map(target).collect()
}

pub fn section(all: &[Line]) -> Section {
    let mut section = Section::new("Under load", "load", INTRODUCTION, all.is_empty());
    for scenario in &ALL {
        let lines: Vec<&Line> = all.iter().filter(|it| it.scenario == scenario.name).collect();
        if all.is_empty() {
            break;
        }
        section.text.push_str(&format!("\n### {}\n\n{}\n", scenario.title, scenario.about));
        if lines.is_empty() {
            section.text.push_str("\nThis was not run.\n");
            continue;
        }
        section.text.push_str(&figures(scenario, &lines, all));
        let bar = |it: &&&Line| {
            let label = if it.is_ours() { it.encoding.clone() } else { format!("{}, {}", it.server, it.encoding) };
            (scenario.figure.of)(it).map(|value| Bar { label, value, ours: it.is_ours() })
        };
        let mut groups: Vec<(String, Vec<Bar>)> = Vec::new();
        for it in &lines {
            let Some(bar) = bar(&it) else { continue };
            let heading = Line { encoding: String::new(), ..(**it).clone() }.label();
            let heading = heading.trim_start_matches(", ").to_owned();
            match groups.iter_mut().find(|(of, _)| *of == heading) {
                Some((_, bars)) => bars.push(bar),
                None => groups.push((heading, vec![bar])),
            }
        }
        if groups.is_empty() {
            continue;
        }
        let name = format!("load-{}", scenario.name);
        let figure = scenario.figure;
        section.text.push_str(&picture(&name, scenario.title));
        let title = format!("{}: {}", scenario.title, figure.title.to_lowercase());
        section.chart(&name, Chart { title, unit: figure.unit, groups });
    }
    section
}

fn figures(scenario: &Scenario, lines: &[&Line], all: &[Line]) -> String {
    let head = [
        "",
        "encoding",
        "rooms",
        "receivers",
        "sessions",
        "pace",
        "seconds",
        "deliveries/s",
        "round trips/s",
        "stored/s",
        "of raw",
        "p50 ms",
        "p99 ms",
        "max ms",
        "CPU",
        "CPU of raw",
        "database CPU",
        "client CPU",
        "KiB a session",
        "statements a session",
        "lost",
    ];
    let times = |times: Option<f64>| times.map_or_else(String::new, ratio);
    let row = |it: &&Line| {
        vec![
            it.server.clone(),
            it.encoding.clone(),
            maybe_count(it.rooms),
            maybe_count(it.receivers),
            maybe_count(it.sessions),
            maybe_count(it.pace),
            maybe(it.seconds),
            maybe(it.deliveries_per_second),
            maybe(it.round_trips_per_second),
            maybe(it.stored_per_second),
            times(it.of_limit(all, scenario.figure.of)),
            maybe(it.p50_ms),
            maybe(it.p99_ms),
            maybe(it.max_ms),
            maybe(it.cpu_per_million),
            times(it.of_limit(all, |it| it.cpu_per_million)),
            maybe(it.database_cpu_per_million),
            maybe(it.client_cpu_per_million),
            maybe(it.rss_per_session_kib),
            maybe(it.statements_per_session),
            maybe_count(it.lost),
        ]
    };
    table(&head, &lines.iter().map(row).collect::<Vec<_>>())
}
