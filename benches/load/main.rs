//! The load generator: starts Palabre's own program on a PostgreSQL that really writes to disk, and drives it over sockets.
//!
//! ```text
//! cargo bench --bench load                       all scenarios, about six minutes
//! cargo bench --bench load -- fan-out pairs      only these
//! cargo bench --bench load -- --quick            each for a moment, with few sessions
//! ```
//!
//! Where it makes sense the same is done to the raw limit, a server that only passes on (`raw_limit.rs`), in the same run. Each run
//! is a line of JSON in `target/bench/load.jsonl`; a table follows. The generator is one thread and shares the machine with the
//! server and its database. It talks to 127.0.0.1 only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "a benchmark that can't go on says why and ends; its counts are small"
)]

#[path = "../common/mod.rs"]
mod common;
mod connection;
mod contender;
mod crowd;
mod encoding;
mod fan_out;
mod machine;
mod mixed;
mod pairs;
mod raw_limit;
mod record;
mod stomp;
mod storm;
mod table;

use common::database::BenchDb;
use common::results::Results;
use contender::{Contender, Kind};
use encoding::Encoding;
use fan_out::FanOut;
use mixed::Mixed;
use pairs::Pairs;
use record::Record;
use std::time::Duration;
use stomp::Stomp;
use tokio::task::LocalSet;

/// What can be named; `storm` runs those that follow it too.
const SCENARIOS: [&str; 10] =
    ["fan-out", "paced", "pairs", "encodings", "scale", "mixed", "stomp", "storm", "idle", "restart"];

struct Run {
    db: BenchDb,
    results: Results,
    records: Vec<Record>,
    quick: bool,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [mode, push_bytes] = arguments.as_slice()
        && mode == "raw-limit"
    {
        return raw_limit::serve(push_bytes.parse().expect("a number of bytes"));
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let named: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| *argument != "--quick").collect();
    if let Some(unknown) = named.iter().find(|name| !SCENARIOS.contains(name)) {
        eprintln!("there is no scenario {unknown}; there are {}", SCENARIOS.join(", "));
        std::process::exit(2);
    }
    let chosen = |name: &str| named.is_empty() || named.contains(&name);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let db = BenchDb::start().await;
        // Of scenarios that are not run now, the lines of an earlier run stay.
        let again: Vec<String> = SCENARIOS.iter().filter(|name| chosen(name)).map(|name| format!("\"{name}")).collect();
        let stays = |line: &str| !named.is_empty() && !again.iter().any(|name| line.contains(name.as_str()));
        let results = Results::keeping("load", stays).expect("a file for the results");
        let mut run = Run { db, results, records: Vec::new(), quick };
        if chosen("fan-out") {
            run.fan_out().await;
        }
        if chosen("paced") {
            run.paced().await;
        }
        if chosen("pairs") {
            run.pairs().await;
        }
        if chosen("encodings") {
            run.encodings().await;
        }
        if chosen("scale") {
            run.scale().await;
        }
        if chosen("mixed") {
            run.mixed().await;
        }
        if chosen("stomp") {
            run.stomp().await;
        }
        if chosen("storm") || chosen("idle") || chosen("restart") {
            run.storm().await;
        }
        println!("{}", table::of(&run.records));
    });
}

impl Run {
    fn add(&mut self, record: Record) {
        self.results.add(&record).expect("a file for the results");
        self.records.push(record);
    }

    /// As long as it takes for a steady figure, or a moment.
    fn lasts(&self) -> Duration {
        if self.quick { Duration::from_millis(300) } else { Duration::from_secs(4) }
    }

    fn scaled(&self, count: usize) -> usize {
        if self.quick { (count / 10).max(2) } else { count }
    }

    fn start(&self, kind: Kind) -> Contender {
        match kind {
            Kind::Palabre => Contender::palabre(&self.db),
            Kind::RawLimit => Contender::raw_limit(encoding::push_is_longer_by()),
        }
    }

    async fn one_fan_out(&mut self, kind: Kind, plan: FanOut) {
        let server = self.start(kind);
        let record = fan_out::run(plan, &server, &self.db).await;
        self.add(record);
    }

    async fn one_pairs(&mut self, kind: Kind, plan: Pairs) {
        let server = self.start(kind);
        let record = pairs::run(plan, &server, &self.db).await;
        self.add(record);
    }

    async fn fan_out(&mut self) {
        for receivers in [100, 1_000] {
            let receivers = self.scaled(receivers);
            let plan =
                FanOut { scenario: "fan-out", encoding: Encoding::WsJson, receivers, pace: None, lasts: self.lasts() };
            for kind in [Kind::RawLimit, Kind::Palabre, Kind::RawLimit, Kind::Palabre] {
                self.one_fan_out(kind, plan).await;
            }
        }
    }

    async fn paced(&mut self) {
        let plan = FanOut {
            scenario: "paced",
            encoding: Encoding::WsJson,
            receivers: self.scaled(1_000),
            pace: Some(50.0),
            lasts: self.lasts(),
        };
        for kind in [Kind::RawLimit, Kind::Palabre, Kind::RawLimit, Kind::Palabre] {
            self.one_fan_out(kind, plan).await;
        }
    }

    async fn pairs(&mut self) {
        let pairs = self.scaled(500);
        let plan = Pairs { scenario: "pairs", encoding: Encoding::WsJson, pairs, idle: 0, lasts: self.lasts() };
        for kind in [Kind::RawLimit, Kind::Palabre, Kind::RawLimit, Kind::Palabre] {
            self.one_pairs(kind, plan).await;
        }
    }

    /// The same fan-out in every way a client can come in.
    async fn encodings(&mut self) {
        for encoding in Encoding::ALL {
            let receivers = self.scaled(1_000);
            let plan = FanOut { scenario: "encodings", encoding, receivers, pace: None, lasts: self.lasts() };
            self.one_fan_out(Kind::Palabre, plan).await;
        }
    }

    /// Ten times the members, the rooms, the sessions beside.
    async fn scale(&mut self) {
        for receivers in [100, 1_000, 10_000] {
            let receivers = self.scaled(receivers).min(machine::sockets());
            let (encoding, lasts) = (Encoding::WsJson, self.lasts());
            let plan = FanOut {
                scenario: "scale members",
                encoding,
                receivers,
                pace: Some(20_000.0 / receivers as f64),
                lasts,
            };
            self.one_fan_out(Kind::Palabre, plan).await;
        }
        for (scenario, pairs, idle) in [
            ("scale rooms", 50, 0),
            ("scale rooms", 500, 0),
            ("scale rooms", 5_000, 0),
            ("scale sessions", 500, 0),
            ("scale sessions", 500, 9_000),
        ] {
            let (pairs, idle) = (self.scaled(pairs), self.scaled(idle));
            let plan = Pairs { scenario, encoding: Encoding::WsJson, pairs, idle, lasts: self.lasts() };
            self.one_pairs(Kind::Palabre, plan).await;
        }
    }

    async fn mixed(&mut self) {
        let plan = Mixed { people: self.scaled(1_000).max(100), pace: 0.5, lasts: self.lasts() };
        let server = self.start(Kind::Palabre);
        let record = mixed::run(plan, &server, &self.db).await;
        self.add(record);
    }

    /// What support chats were promised: 500 sessions active, and p99 below half a second.
    async fn stomp(&mut self) {
        let plan = Stomp { sessions: self.scaled(500), lasts: self.lasts() };
        let server = self.start(Kind::Palabre);
        let record = stomp::run(plan, &server, &self.db).await;
        self.add(record);
    }

    async fn storm(&mut self) {
        let sessions = self.scaled(20_000).min(machine::sockets());
        for record in storm::run(sessions, &self.db).await {
            self.add(record);
        }
    }
}
