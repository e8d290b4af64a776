//! Actors of ours beside those of other crates, and beside plain tokio: what a message between two of them costs, what it costs
//! to tell a room's sessions something, and what it costs to keep who is here.
//!
//! Everything runs on one thread, as an event loop of the server does: actix and what is built on it in an actix system, the
//! others on tokio's runtime for one thread. So a figure is what a core can do, and no other core's wake-ups are in it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark that can't go on fails by panicking, helpers included"
)]

mod fan_out;
mod mailbox;
mod presence;
mod rooms;

#[allow(dead_code, reason = "benchmarks share it, and each needs a part")]
#[path = "../common/database.rs"]
mod database;
#[allow(dead_code, reason = "benchmarks share it, and each needs a part")]
#[path = "../common/sample.rs"]
mod sample;

use criterion::{Criterion, criterion_group, criterion_main};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// A thread for those that need only tokio.
fn tokio_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// How long it takes to do something so many times, one after the other.
async fn time_of(times: u64, mut step: impl AsyncFnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..times {
        step().await;
    }
    start.elapsed()
}

fn config() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600))
        .sample_size(10)
        .nresamples(10_000)
}

criterion_group! {
    name = benches;
    config = config();
    targets = mailbox::round_trip, mailbox::throughput, fan_out::fan_out, presence::aggregate, presence::registry,
        presence::told
}
criterion_main!(benches);
