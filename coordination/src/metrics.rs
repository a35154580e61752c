//! Counters of one node, ready to be exported.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::fire::Refusal;

/// Upper bounds of the renewal histogram in milliseconds; the last bucket is open.
pub const RENEW_BUCKETS_MS: [u64; 8] = [1, 5, 10, 50, 100, 250, 500, 800];

/// Numbers that only grow.
#[derive(Debug, Default)]
pub struct Counters {
    /// Activations this node took from a member that had ended.
    pub takeovers: AtomicU64,
    /// Activations this node claimed although nobody had them.
    pub claims: AtomicU64,
    /// Times this node stopped its gated work because trust ran out.
    pub fenced: AtomicU64,
    /// Times this member was ended by others.
    pub expelled: AtomicU64,
    /// Silent members this node ended.
    pub expired: AtomicU64,
    /// Starts claimed.
    pub fires: AtomicU64,
    /// Statements without an answer or with an error.
    pub database_errors: AtomicU64,
    /// Times the database's clock jumped against ours by more than half a second.
    pub clock_steps: AtomicU64,
    /// Statements sent by the protocol (fires not counted).
    pub statements: AtomicU64,
    refusals: [AtomicU64; 5],
    renewals: [AtomicU64; RENEW_BUCKETS_MS.len() + 1],
    renew_micros: AtomicU64,
}

const REFUSALS: [Refusal; 5] =
    [Refusal::NotOwner, Refusal::AlreadyFired, Refusal::Exhausted, Refusal::Paused, Refusal::Unconfirmed];

/// One exported value, named as operators see it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Name without the exporter's prefix; ends in `_total` for what only grows.
    pub name: &'static str,
    /// At most one label.
    pub label: Option<(&'static str, String)>,
    /// Seconds where the name says so, else a number.
    pub value: f64,
}

impl Counters {
    pub(crate) fn refused(&self, why: Refusal) {
        if let Some(at) = REFUSALS.iter().position(|r| *r == why).and_then(|at| self.refusals.get(at)) {
            at.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Fires refused for this reason.
    #[must_use]
    pub fn refusals(&self, why: Refusal) -> u64 {
        let at = REFUSALS.iter().position(|r| *r == why).and_then(|at| self.refusals.get(at));
        at.map_or(0, |n| n.load(Ordering::Relaxed))
    }

    pub(crate) fn renewed(&self, took: Duration) {
        let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let bucket = RENEW_BUCKETS_MS.iter().position(|limit| ms <= *limit);
        if let Some(n) = self.renewals.get(bucket.unwrap_or(RENEW_BUCKETS_MS.len())) {
            n.fetch_add(1, Ordering::Relaxed);
        }
        self.renew_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }

    /// Everything as named samples. Histogram buckets are cumulative, as Prometheus wants them.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        #[allow(clippy::cast_precision_loss)]
        let get = |n: &AtomicU64| n.load(Ordering::Relaxed) as f64;
        let plain = |name, value| Sample { name, label: None, value };
        let with = |name, key, text: &str, value| Sample { name, label: Some((key, text.to_owned())), value };
        let mut all = vec![
            with("coord_takeovers_total", "reason", "owner-ended", get(&self.takeovers)),
            with("coord_takeovers_total", "reason", "free", get(&self.claims)),
            with("coord_fenced_total", "reason", "no-renewal", get(&self.fenced)),
            with("coord_fenced_total", "reason", "expelled", get(&self.expelled)),
            plain("coord_members_expired_total", get(&self.expired)),
            plain("coord_fires_total", get(&self.fires)),
            plain("coord_database_errors_total", get(&self.database_errors)),
            plain("coord_db_clock_step_total", get(&self.clock_steps)),
            plain("coord_statements_total", get(&self.statements)),
        ];
        for (why, n) in REFUSALS.iter().zip(&self.refusals) {
            all.push(with("coord_claims_refused_total", "reason", why.word(), get(n)));
        }
        let mut sum = 0.0;
        for (at, n) in self.renewals.iter().enumerate() {
            sum += get(n);
            #[allow(clippy::cast_precision_loss)]
            let limit = RENEW_BUCKETS_MS.get(at).map(|ms| (*ms as f64 / 1000.0).to_string());
            all.push(with("coord_renew_seconds_bucket", "le", limit.as_deref().unwrap_or("+Inf"), sum));
        }
        all.push(plain("coord_renew_seconds_count", sum));
        all.push(plain("coord_renew_seconds_sum", get(&self.renew_micros) / 1e6));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_is_cumulative() {
        let c = Counters::default();
        c.renewed(Duration::from_millis(3));
        c.renewed(Duration::from_secs(2));
        let buckets: Vec<f64> =
            c.samples().iter().filter(|s| s.name.ends_with("_bucket")).map(|s| s.value).collect();
        assert_eq!(buckets, [0.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]);
    }

    #[test]
    fn refusals_are_counted_by_reason() {
        let c = Counters::default();
        c.refused(Refusal::Exhausted);
        assert_eq!((c.refusals(Refusal::Exhausted), c.refusals(Refusal::Paused)), (1, 0));
    }
}
