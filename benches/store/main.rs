//! Messages stored per second by `store_batch`, beside inserts of the same rows that do nothing else, on the same PostgreSQL.
//!
//! `--quick` makes each case short.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking and says what it found"
)]

#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "not every benchmark needs all of it")]
mod common;
mod figures;
mod ways;
mod work;

use common::database::BenchDb;
use common::results::Results;
use figures::{Figures, table};
use palabre::store::Database;
use std::time::Duration;
use ways::Way;
use work::{CONVERSATIONS, Writer};

/// What a case takes, and with `--quick`.
const TIME: Duration = Duration::from_millis(1_500);
const QUICK: Duration = Duration::from_millis(200);
/// Parts of a case, between which those of the others run: noise hits all alike.
const ROUNDS: u32 = 4;
/// Batches before a case that do not count: PostgreSQL settles for a plan after five.
const WARMING: Duration = Duration::from_millis(40);

const SIZES: [usize; 4] = [1, 16, 64, 256];
const WRITERS: [usize; 3] = [1, 2, 4];

/// Ways that are measured by turns, on batches of one shape.
struct Contest {
    ways: Vec<Way>,
    batch: usize,
    writers: usize,
    /// How many conversations a writer's batches walk through.
    spread: usize,
}

fn contests() -> Vec<Contest> {
    let mut all = Vec::new();
    for writers in WRITERS {
        for batch in SIZES {
            let mut ways = vec![Way::Palabre, Way::Raw];
            if batch == 256 {
                ways.push(Way::RawRaise);
            }
            if batch == 1 || (batch == 256 && writers == 1) {
                ways.push(Way::SingleRows);
            }
            all.push(Contest { ways, batch, writers, spread: CONVERSATIONS });
        }
    }
    // What the difference is made of: the share of each conversation and of each message.
    for spread in [1, 16] {
        all.push(Contest { ways: vec![Way::Palabre, Way::Raw, Way::RawRaise], batch: 256, writers: 1, spread });
    }
    all
}

fn main() {
    let time = if std::env::args().any(|argument| argument == "--quick") { QUICK } else { TIME };
    let setup = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let db = setup.block_on(BenchDb::start());
    let most = WRITERS.into_iter().max().unwrap_or(1);
    let database = Database::connect(&db.url(), most).expect("a pool");
    let mut writers: Vec<Writer> = (0..most).map(|number| Writer::new(&db, &setup, &database, number)).collect();
    setup.block_on(db.analyze());

    let mut results = Results::keeping("store", |_| false).expect("a file for the results");
    let mut all = Vec::new();
    for contest in contests() {
        let measured = measure(&contest, &mut writers[..contest.writers], time);
        for figures in &measured {
            results.add(figures).expect("the results' file");
        }
        all.extend(measured);
    }
    eprintln!("{}", table(&all));
    drop(writers);
}

fn measure(contest: &Contest, writers: &mut [Writer], time: Duration) -> Vec<Figures> {
    for way in &contest.ways {
        round(*way, contest, writers, WARMING);
    }
    let mut took: Vec<Vec<Duration>> = vec![Vec::new(); contest.ways.len()];
    for _ in 0..ROUNDS {
        for (way, took) in contest.ways.iter().zip(&mut took) {
            took.extend(round(*way, contest, writers, time / ROUNDS));
        }
    }
    let raw = contest.ways.iter().position(|way| *way == Way::Raw);
    let raw = raw.map(|place| figures::rate(&took[place], contest.batch, contest.writers));
    let of = |(way, took): (&Way, &Vec<Duration>)| {
        let rate = figures::rate(took, contest.batch, contest.writers);
        let ratio = raw.filter(|_| *way != Way::Raw).map(|raw| rate / raw);
        Figures::new(way.name(), contest.batch, contest.writers, contest.spread.min(contest.batch), took, rate, ratio)
    };
    contest.ways.iter().zip(&took).map(of).collect()
}

/// All writers at once, for a while; how long their batches took.
fn round(way: Way, contest: &Contest, writers: &mut [Writer], time: Duration) -> Vec<Duration> {
    std::thread::scope(|scope| {
        let run = |writer| scope.spawn(move || way.run(writer, contest.batch, contest.spread, time));
        let running: Vec<_> = writers.iter_mut().map(run).collect();
        running.into_iter().flat_map(|thread| thread.join().expect("a writer")).collect()
    })
}
