//! How late scheduled runs start, as a histogram.

use coordination::metrics::Sample;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets in microseconds; one more bucket is open.
const BOUNDS_US: [u64; 14] = [
    250, 500, 1_000, 1_500, 2_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 1_000_000,
    10_000_000,
];

/// Counts how late runs start: from the instant a run was scheduled for to its start, after its claim.
#[derive(Debug, Default)]
pub struct Lateness {
    counts: [AtomicU64; BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Lateness {
    /// Counts one start.
    pub fn note(&self, late: Duration) {
        let us = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Starts so far, by bucket: its upper bound (`None`: without one) and its count.
    pub fn counts(&self) -> Vec<(Option<Duration>, u64)> {
        let bounds = BOUNDS_US.iter().map(|us| Some(Duration::from_micros(*us))).chain([None]);
        bounds.zip(&self.counts).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect()
    }

    /// For export; buckets are cumulative, as Prometheus wants them.
    #[allow(clippy::cast_precision_loss)]
    pub fn samples(&self) -> Vec<Sample> {
        let mut total = 0;
        let mut all = Vec::new();
        for (bound, count) in self.counts() {
            total += count;
            let le = bound.map_or("+Inf".to_owned(), |bound| bound.as_secs_f64().to_string());
            let label = Some(("le", le));
            all.push(Sample { name: "task_lateness_seconds_bucket", label, value: total as f64 });
        }
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        all.push(Sample { name: "task_lateness_seconds_count", label: None, value: total as f64 });
        all.push(Sample { name: "task_lateness_seconds_sum", label: None, value: sum });
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_are_counted_up_to_their_bound() {
        let lateness = Lateness::default();
        for us in [100, 250, 251, 99_000_000] {
            lateness.note(Duration::from_micros(us));
        }
        let counts: Vec<u64> = lateness.counts().into_iter().map(|(_, count)| count).collect();
        assert_eq!((counts[0], counts[1], counts[BOUNDS_US.len()]), (2, 1, 1));
        let samples = lateness.samples();
        let last = samples.iter().rfind(|s| s.name.ends_with("_bucket")).unwrap();
        assert_eq!((last.label.clone().unwrap().1.as_str(), last.value), ("+Inf", 4.0));
    }
}
