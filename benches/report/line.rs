//! The lines that the load generator leaves: what was run, and what it came to.

use crate::page::lines;
use crate::text::count as count_of;
use serde::Deserialize;
use std::path::Path;

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
    pub fn is_ours(&self) -> bool {
        self.server == "palabre"
    }

    /// Another run of the same.
    fn is_same_run(&self, other: &Self) -> bool {
        let key = |it: &Self| (it.scenario.clone(), it.server.clone(), it.encoding.clone());
        let sizes = |it: &Self| (it.rooms, it.receivers, it.sessions, it.pace);
        key(self) == key(other) && sizes(self) == sizes(other)
    }

    /// The raw limit's line for the same work, best in the same encoding.
    pub fn limit<'a>(&self, all: &'a [Self]) -> Option<&'a Self> {
        let is_same = |it: &&Self| {
            !it.is_ours() && it.scenario == self.scenario && it.receivers == self.receivers && it.pace == self.pace
        };
        let closeness = |it: &&Self| (it.encoding == self.encoding, it.rooms == self.rooms);
        all.iter().filter(is_same).max_by_key(closeness)
    }

    /// A figure of this line, as many times the raw limit's.
    pub fn of_limit(&self, all: &[Self], figure: fn(&Self) -> Option<f64>) -> Option<f64> {
        if !self.is_ours() {
            return None;
        }
        let limit = figure(self.limit(all)?).filter(|limit| *limit > 0.0)?;
        Some(figure(self)? / limit)
    }

    /// What tells this line from others of its scenario.
    pub fn label(&self) -> String {
        let mut label = self.encoding.clone();
        for (count, of) in [(self.rooms, "rooms"), (self.receivers, "receivers"), (self.sessions, "sessions")] {
            if let Some(count) = count.filter(|count| *count > 0.0) {
                let of = if count == 1.0 { of.trim_end_matches('s') } else { of };
                label.push_str(&format!(", {} {of}", count_of(count)));
            }
        }
        if let Some(pace) = self.pace {
            label.push_str(&format!(", {} a second", count_of(pace)));
        }
        label
    }
}

/// All lines of the last run; what was run more than once as the mean of its runs.
pub fn load(bench: &Path) -> Vec<Line> {
    let mut groups: Vec<Vec<Line>> = Vec::new();
    for line in lines::<Line>(&bench.join("load.jsonl")) {
        match groups.iter_mut().find(|group| group.first().is_some_and(|first| first.is_same_run(&line))) {
            Some(group) => group.push(line),
            None => groups.push(vec![line]),
        }
    }
    groups.iter().filter_map(|runs| mean(runs)).collect()
}

fn mean(runs: &[Line]) -> Option<Line> {
    let mean = |figure: fn(&Line) -> Option<f64>| {
        let all: Vec<f64> = runs.iter().filter_map(figure).collect();
        #[expect(clippy::cast_precision_loss, reason = "a handful of runs")]
        let count = all.len() as f64;
        (!all.is_empty()).then(|| all.iter().sum::<f64>() / count)
    };
    Some(Line {
        seconds: mean(|it| it.seconds),
        messages: mean(|it| it.messages),
        deliveries: mean(|it| it.deliveries),
        deliveries_per_second: mean(|it| it.deliveries_per_second),
        round_trips_per_second: mean(|it| it.round_trips_per_second),
        stored_per_second: mean(|it| it.stored_per_second),
        p50_ms: mean(|it| it.p50_ms),
        p99_ms: mean(|it| it.p99_ms),
        max_ms: runs.iter().filter_map(|it| it.max_ms).reduce(f64::max),
        cpu_per_million: mean(|it| it.cpu_per_million),
        database_cpu_per_million: mean(|it| it.database_cpu_per_million),
        client_cpu_per_million: mean(|it| it.client_cpu_per_million),
        rss_per_session_kib: mean(|it| it.rss_per_session_kib),
        statements_per_session: mean(|it| it.statements_per_session),
        lost: Some(runs.iter().filter_map(|it| it.lost).sum()),
        ..runs.first()?.clone()
    })
}
