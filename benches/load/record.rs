//! What one run measured.

use super::machine::Cpu;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// Deliveries that CPU time is given for.
const MILLION: f64 = 1e6;

/// One run, as a line of JSON. What a scenario does not measure is null.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Record {
    pub suite: &'static str,
    pub scenario: &'static str,
    pub server: &'static str,
    pub encoding: &'static str,
    /// Conversations in which something is said.
    pub rooms: usize,
    /// Sessions that hear each message.
    pub receivers: usize,
    /// All sessions.
    pub sessions: usize,
    /// Messages a second, where that is fixed.
    pub pace: Option<f64>,
    pub seconds: f64,
    pub messages: u64,
    pub deliveries: u64,
    pub deliveries_per_second: Option<f64>,
    pub round_trips_per_second: Option<f64>,
    pub stored_per_second: Option<f64>,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    pub max_ms: Option<f64>,
    /// CPU seconds of the server's process for a million deliveries.
    pub cpu_per_million: Option<f64>,
    pub database_cpu_per_million: Option<f64>,
    pub client_cpu_per_million: Option<f64>,
    pub rss_per_session_kib: Option<f64>,
    /// Database statements for each session that opened: PostgreSQL's own count of transactions, of which each is one.
    pub statements_per_session: Option<f64>,
    /// Messages that somebody did not get, or got twice.
    pub lost: u64,
}

impl Record {
    /// Fills in what follows from the number of deliveries.
    #[must_use]
    pub fn with_deliveries(mut self, messages: u64, deliveries: u64, took: Duration, cpu: Cpu) -> Self {
        let per_million = |seconds: f64| Some(seconds * MILLION / float(deliveries.max(1)));
        self.seconds = took.as_secs_f64();
        self.messages = messages;
        self.deliveries = deliveries;
        self.deliveries_per_second = Some(float(deliveries) / self.seconds);
        self.cpu_per_million = per_million(cpu.server);
        self.client_cpu_per_million = per_million(cpu.client);
        if self.server == "palabre" && self.receivers > 0 {
            // What was told was stored; of what was sent some is still on its way.
            self.stored_per_second = Some(float(deliveries) / float(self.receivers as u64) / self.seconds);
            self.database_cpu_per_million = per_million(cpu.database);
        }
        self
    }

    /// Fills in latencies, given in microseconds.
    #[must_use]
    pub fn with_latency(mut self, latency: &Histogram<u64>) -> Self {
        let ms = |micros: u64| Some(float(micros) / 1e3);
        if !latency.is_empty() {
            self.p50_ms = ms(latency.value_at_quantile(0.5));
            self.p99_ms = ms(latency.value_at_quantile(0.99));
            self.max_ms = ms(latency.max());
        }
        self
    }
}

/// A histogram of microseconds, up to a minute.
pub fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("bounds that make sense")
}

/// Counts are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
pub fn float(count: u64) -> f64 {
    count as f64
}
