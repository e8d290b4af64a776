//! The runs as a table for people.

use super::record::Record;
use std::fmt::Write;

/// One line a run.
pub fn of(records: &[Record]) -> String {
    let mut out = format!(
        "{:<15} {:<10} {:<18} {:>6} {:>6} {:>7} {:>11} {:>9} {:>9} {:>8} {:>8} {:>8} {:>7} {:>7} {:>5}\n",
        "scenario",
        "server",
        "encoding",
        "rooms",
        "hear",
        "sess.",
        "deliver./s",
        "trips/s",
        "stored/s",
        "p50 ms",
        "p99 ms",
        "CPU/M",
        "db/M",
        "KiB/s.",
        "lost"
    );
    for record in records {
        let number =
            |value: Option<f64>, digits: usize| value.map_or(String::new(), |value| format!("{value:.digits$}"));
        let _ = writeln!(
            out,
            "{:<15} {:<10} {:<18} {:>6} {:>6} {:>7} {:>11} {:>9} {:>9} {:>8} {:>8} {:>8} {:>7} {:>7} {:>5}",
            record.scenario,
            record.server,
            record.encoding,
            record.rooms,
            record.receivers,
            record.sessions,
            number(record.deliveries_per_second, 0),
            number(record.round_trips_per_second, 0),
            number(record.stored_per_second, 0),
            number(record.p50_ms, 1),
            number(record.p99_ms, 1),
            number(record.cpu_per_million, 2),
            number(record.database_cpu_per_million, 2),
            number(record.rss_per_session_kib, 1),
            record.lost,
        );
    }
    out
}
