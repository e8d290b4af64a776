//! What a case has shown, as a line of JSON and as a row of a table.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::fmt::Write;
use std::time::Duration;

/// One case.
#[derive(Debug, Serialize)]
pub struct Figures {
    suite: &'static str,
    case: &'static str,
    /// Messages in a batch.
    batch: usize,
    /// Connections that store at the same time.
    writers: usize,
    /// Conversations in a batch.
    conversations: usize,
    messages_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    ratio_to_raw: Option<f64>,
}

impl Figures {
    pub fn new(
        case: &'static str,
        batch: usize,
        writers: usize,
        conversations: usize,
        took: &[Duration],
        rate: f64,
        ratio: Option<f64>,
    ) -> Self {
        let mut histogram = Histogram::<u64>::new(3).expect("a histogram");
        for time in took {
            histogram.record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX)).expect("a time");
        }
        let at = |quantile| rounded(Duration::from_micros(histogram.value_at_quantile(quantile)).as_secs_f64() * 1e3);
        Self {
            suite: "store",
            case,
            batch,
            writers,
            conversations,
            messages_per_second: rate.round(),
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            ratio_to_raw: ratio.map(rounded),
        }
    }
}

/// Messages per second of writers that all stored without a pause: what they did between batches does not count.
pub fn rate(took: &[Duration], batch: usize, writers: usize) -> f64 {
    let busy: f64 = took.iter().map(Duration::as_secs_f64).sum();
    let count = |count: usize| f64::from(u32::try_from(count).expect("a small number"));
    count(took.len()) * count(batch) * count(writers) / busy
}

fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

/// All cases, for people.
pub fn table(all: &[Figures]) -> String {
    let mut text = String::from("case         batch  writers  conversations   messages/s   p50 ms   p99 ms   of raw\n");
    for it in all {
        let ratio = it.ratio_to_raw.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let _ = writeln!(
            text,
            "{:<12} {:>5} {:>8} {:>14} {:>12.0} {:>8.2} {:>8.2} {ratio:>8}",
            it.case, it.batch, it.writers, it.conversations, it.messages_per_second, it.p50_ms, it.p99_ms
        );
    }
    text
}
