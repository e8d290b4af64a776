//! How values are spread: counts of those up to each of some bounds.

use super::Counter;
use std::time::Duration;

/// Bounds of a histogram, and how many of its units make one of what is shown.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// Rising; what is above the last is counted as well.
    pub bounds: &'static [usize],
    pub per_unit: f64,
}

/// Messages in a batch: powers of two up to the most that go into one.
pub const MESSAGES: Scale = Scale { bounds: &[1, 2, 4, 8, 16, 32, 64, 128, 256], per_unit: 1.0 };
/// Times in microseconds, shown as seconds: from a commit on a fast disk to the patience of those who wait for it.
pub const SECONDS: Scale = Scale {
    bounds: &[
        500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000, 5_000_000,
        10_000_000,
    ],
    per_unit: 1_000_000.0,
};

/// Counts values by bounds.
#[derive(Debug)]
pub struct Histogram {
    scale: Scale,
    /// One a bound, and one for what is above them all.
    buckets: Box<[Counter]>,
    sum: Counter,
}

impl Histogram {
    /// An empty one.
    #[must_use]
    pub fn new(scale: Scale) -> Self {
        Self { scale, buckets: (0..=scale.bounds.len()).map(|_| Counter::default()).collect(), sum: Counter::default() }
    }

    /// Counts a value.
    pub fn observe(&self, value: usize) {
        let place = self.scale.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.add(1);
        }
        self.sum.add(value);
    }

    /// Counts a time, in microseconds.
    pub fn observe_time(&self, time: Duration) {
        self.observe(usize::try_from(time.as_micros()).unwrap_or(usize::MAX));
    }

    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(Counter::get).sum()
    }

    /// The sum of all values, as it is shown.
    pub fn sum(&self) -> f64 {
        self.sum.get() as f64 / self.scale.per_unit
    }

    /// Each bound, as it is shown, with how many values were up to it; then all of them, without a bound.
    pub fn cumulative(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let bounds = self.scale.bounds.iter().map(|bound| Some(*bound as f64 / self.scale.per_unit));
        bounds.chain([None]).zip(self.buckets.iter().scan(0, |below, bucket| {
            *below += bucket.get();
            Some(*below)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_up_to_their_bound() {
        let histogram = Histogram::new(MESSAGES);
        for value in [1, 2, 3, 256, 257] {
            histogram.observe(value);
        }
        let counts: Vec<_> = histogram.cumulative().collect();
        assert_eq!(counts[..3], [(Some(1.0), 1), (Some(2.0), 2), (Some(4.0), 3)]);
        assert_eq!(counts[8..], [(Some(256.0), 4), (None, 5)]);
        assert_eq!((histogram.count(), histogram.sum()), (5, 519.0));
    }

    #[test]
    fn times_are_shown_in_seconds() {
        let histogram = Histogram::new(SECONDS);
        histogram.observe_time(Duration::from_micros(1_500));
        assert_eq!(histogram.cumulative().nth(2), Some((Some(0.002), 1)));
        assert_eq!(histogram.sum(), 0.0015);
    }
}
