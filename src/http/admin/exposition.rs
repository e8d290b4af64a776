//! Prometheus' text format, version 0.0.4.

use crate::chat::metrics::Histogram;
use std::fmt::{Display, Write};

/// What the format is called in a `Content-Type`.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text that is being written. Writing to a `String` can't fail.
#[derive(Default)]
pub struct Exposition(String);

impl Exposition {
    /// A number that only grows.
    pub fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// A number that goes up and down.
    pub fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.head(name, "gauge", help);
        self.sample(name, &[], value);
    }

    /// Numbers that only grow, told apart by a label.
    pub fn counters<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        each: impl IntoIterator<Item = (L, V)>,
    ) {
        self.head(name, "counter", help);
        each.into_iter().for_each(|(of, value)| self.sample(name, &[(label, &of)], value));
    }

    /// Numbers that go up and down, told apart by a label.
    pub fn gauges<L: Display, V: Display>(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        each: impl IntoIterator<Item = (L, V)>,
    ) {
        self.head(name, "gauge", help);
        each.into_iter().for_each(|(of, value)| self.sample(name, &[(label, &of)], value));
    }

    /// How values are spread.
    pub fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) {
        self.head(name, "histogram", help);
        let (bucket, mut all) = (format!("{name}_bucket"), 0);
        for (bound, count) in histogram.cumulative() {
            match bound {
                Some(bound) => self.sample(&bucket, &[("le", &bound)], count),
                None => self.sample(&bucket, &[("le", &"+Inf")], count),
            }
            all = count;
        }
        self.sample(&format!("{name}_sum"), &[], histogram.sum());
        self.sample(&format!("{name}_count"), &[], all);
    }

    /// The text.
    #[must_use]
    pub fn finish(self) -> String {
        self.0
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &dyn Display)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, of)) in labels.iter().enumerate() {
            let of = of.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let _ = write!(self.0, "{}{label}=\"{of}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_stand_below_what_they_mean() {
        let mut text = Exposition::default();
        text.gauge("rooms", "Rooms awake", 3);
        text.counters("closes_total", "Closes", "code", [("a\"b\\c\nd", 1), ("plain", 2)]);
        let expected = "# HELP rooms Rooms awake\n# TYPE rooms gauge\nrooms 3\n\
             # HELP closes_total Closes\n# TYPE closes_total counter\n\
             closes_total{code=\"a\\\"b\\\\c\\nd\"} 1\ncloses_total{code=\"plain\"} 2\n";
        assert_eq!(text.finish(), expected);
    }
}
