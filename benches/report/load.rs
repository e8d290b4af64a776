//! The section about whole servers under load.

use crate::chart::{Bar, Chart};
use crate::line::Line;
use crate::page::Section;
use crate::scenario::{ALL, Scenario};
use crate::targets::Target;
use crate::text::{maybe, maybe_count, picture, ratio, table};

const INTRODUCTION: &str = "Whole servers with sockets, sessions and PostgreSQL, and clients in a process of their own. `raw \
limit` is a server that does the least that gets the same bytes to the same sockets: it knows no users, checks nothing and stores \
nothing; its frames have the size of ours. Both took turns; what was run twice is shown as the mean. CPU is in seconds per million \
deliveries; the machine is shared by server, database and clients.";

/// Which figures have a bound, beside the raw limit, each other, or a fixed one. `commit_ms` is what a commit takes at the worst,
/// `raw_inserts` what inserts alone reach in a second.
pub fn targets(all: &[Line], commit_ms: Option<f64>, raw_inserts: Option<f64>) -> Vec<Target> {
    let mut targets = Vec::new();
    let ours =
        |scenario: &str| -> Vec<&Line> { all.iter().filter(|it| it.is_ours() && it.scenario == scenario).collect() };
    let deliveries = |it: &Line| it.deliveries_per_second;
    let cpu = |it: &Line| it.cpu_per_million;
    if !all.is_empty() {
        let lost = all.iter().filter(|it| it.is_ours()).filter_map(|it| it.lost).sum();
        targets.push(Target::at_most("Messages lost, or told twice, in all runs together".to_owned(), lost, 0.0));
    }
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
            let what = format!(
                "Steady pace, p99 in ms, 1.5 times the raw limit's and one insert's with its commit (p99): {}",
                it.label()
            );
            targets.push(Target::at_most(what, measured, bound));
        }
    }
    for it in ours("pairs") {
        let what = format!("Pairs, round trips a second, of the raw limit: {}", it.label());
        let times = it.of_limit(all, |it| it.round_trips_per_second);
        targets.extend(times.map(|times| Target::at_least(what, times, 0.35)));
        if let (Some(stored), Some(raw)) = (it.stored_per_second, raw_inserts) {
            let what = "Pairs, stored a second beside clients and server, of what raw inserts reach with the machine for themselves";
            targets.push(Target::at_least(what.to_owned(), stored / raw, 0.6));
        }
    }
    for it in ours("stomp") {
        let what = format!("From one STOMP client to the other, p99 in ms: {}", it.label());
        targets.extend(it.p99_ms.map(|p99| Target::at_most(what, p99, 500.0)));
    }
    for it in ours("idle") {
        let what = format!("Idle, KiB a session: {}", it.label());
        targets.extend(it.rss_per_session_kib.map(|size| Target::at_most(what, size, 10.0)));
    }
    for it in ours("storm") {
        let what = format!("Everybody at once, seconds: {}", it.label());
        targets.extend(it.seconds.map(|seconds| Target::at_most(what, seconds, 60.0)));
    }
    let encodings = ours("encodings");
    if let Some(json) = encodings.iter().find(|it| it.encoding == "ws json").and_then(|it| it.cpu_per_million) {
        for it in encodings.iter().filter(|it| it.encoding != "ws json") {
            let what = format!("CPU, of JSON over WebSocket: {}", it.label());
            targets.extend(it.cpu_per_million.map(|cpu| Target::at_most(what, cpu / json, 1.25)));
        }
    }
    for it in ours("restart") {
        let what = format!("Everybody back after a restart, seconds: {}", it.label());
        targets.extend(it.seconds.map(|seconds| Target::at_most(what, seconds, 60.0)));
    }
    for scenario in ["scale members", "scale rooms", "scale sessions"] {
        let all = ours(scenario);
        targets.extend(all.iter().flat_map(|it| growth(it, &all)));
    }
    targets
}

/// Lines with ten times as much of what the scenario varies as this one.
fn growth(it: &Line, all: &[&Line]) -> Vec<Target> {
    let varied: fn(&Line) -> Option<f64> = match it.scenario.as_str() {
        "scale members" => |it| it.receivers,
        "scale rooms" => |it| it.rooms,
        _ => |it| it.sessions,
    };
    let target = |larger: &&Line| {
        let times = varied(larger)? / varied(it)?;
        let grown = larger.cpu_per_million? / it.cpu_per_million?;
        let what =
            format!("Tenfold {}, CPU per delivery: {}", it.scenario.trim_start_matches("scale "), larger.label());
        ((times - 10.0).abs() < 0.5).then(|| Target::at_most(what, grown, 1.25))
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
            let label = format!("{}, {}", it.server, it.encoding);
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
        let name = format!("load-{}", scenario.name.replace(' ', "-"));
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
        "transactions a session",
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
