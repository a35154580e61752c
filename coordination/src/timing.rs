//! Every knob that is a length of time, with its default and the rule that ties it to the others.
//!
//! ```text
//! margin     M  = L - F           must be >= d + s + 2 rho L
//! fence      F                    must be >  2 H + q
//! statement  q                    must be <  H, and at least H / 4 and 200 ms
//! silence of a lost owner         <= F + d, counted from the start of its last good renewal
//! takeover                        >= L after somebody saw that renewal
//! crash to first run elsewhere    <= H + L (1 + rho) + e + g      (6.6 s at the defaults)
//! graceful stop to first run      <= drain + g                    (polling four times per g while it lasts)
//! database stall nobody notices   <= F - H - q
//! ```
//! `rho` is the assumed error of clock *rates*, `s` the scheduling slack, `e` a few round trips.

use std::time::Duration;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// No length is longer than this when it is derived.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// That many thousandths of a length.
pub(crate) fn permille(length: Duration, n: u32) -> Duration {
    length.saturating_mul(n) / 1000
}

/// Time settings of one node. Nodes may differ: the lease length that counts is the owner's, which
/// stands in its row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Timing {
    /// `H`: pause between two renewals. Default 1 s.
    pub heartbeat: Duration,
    /// `L`: how long others must see silence before they take over. Default 5 s.
    pub lease: Duration,
    /// `F`: how long after the start of its last good renewal this node acts. Default 3.5 s.
    pub fence: Duration,
    /// `q`: longest wait for one statement. Default 0.8 s.
    pub statement: Duration,
    /// `d`: how long the runtime may take to fall silent after a fence. Default 1 s.
    pub stop: Duration,
    /// `g`: the second choice for an activation waits this long, the third twice. Default 250 ms.
    pub claim_delay: Duration,
    /// Pause after a failed statement before the next try. Default 100 ms.
    pub retry: Duration,
    /// Membership must be unchanged this long before work is moved for balance. Default 10 s.
    pub rebalance_after: Duration,
    /// At most a tenth of a node's activations (at least one) move per this time. Default 2 s.
    pub rebalance_pace: Duration,
    /// `rho` in parts per thousand: clock rates are assumed to differ by less. Default 10.
    pub drift_permille: u32,
    /// `s`: scheduling slack inside the margin. Default 250 ms.
    pub slack: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: ms(1000),
            lease: ms(5000),
            fence: ms(3500),
            statement: ms(800),
            stop: ms(1000),
            claim_delay: ms(250),
            retry: ms(100),
            rebalance_after: ms(10_000),
            rebalance_pace: ms(2000),
            drift_permille: 10,
            slack: ms(250),
        }
    }
}

impl Timing {
    /// Crash failover within 3.5 s, for a database that answers within 0.4 s.
    #[must_use]
    pub fn fast() -> Self {
        Self {
            heartbeat: ms(500),
            lease: ms(2500),
            fence: ms(1500),
            statement: ms(400),
            stop: ms(500),
            retry: ms(50),
            rebalance_after: ms(5000),
            rebalance_pace: ms(1000),
            ..Self::default()
        }
    }

    /// For slow or distant databases: failover within 17.6 s, blips of 8 s go unnoticed.
    #[must_use]
    pub fn cautious() -> Self {
        Self {
            heartbeat: ms(2000),
            lease: ms(15_000),
            fence: ms(11_000),
            statement: ms(1600),
            stop: ms(2000),
            retry: ms(200),
            rebalance_after: ms(30_000),
            ..Self::default()
        }
    }

    /// A profile by its name in the settings: `default`, `fast` or `cautious`.
    #[must_use]
    pub fn named(profile: &str) -> Option<Self> {
        match profile {
            "default" => Some(Self::default()),
            "fast" => Some(Self::fast()),
            "cautious" => Some(Self::cautious()),
            _ => None,
        }
    }

    /// From heartbeat and lease length alone (how MI's settings are read), up to a day each.
    /// The fence is as late as the margin allows. A heartbeat too slow for its lease is made faster,
    /// since nobody else depends on how often a node beats: otherwise no time would be left for a
    /// statement. [`Timing::problems`] says when even that does not fit.
    #[must_use]
    pub fn of(heartbeat: Duration, lease: Duration) -> Self {
        let base = Self::default();
        let (heartbeat, lease) = (heartbeat.min(LONGEST), lease.min(LONGEST));
        let stop = base.stop.min(lease / 5);
        let slack = base.slack.min(lease / 20);
        let margin = stop + slack + permille(lease, 2 * base.drift_permille);
        let fence = lease.saturating_sub(margin * 11 / 10);
        let with = |heartbeat: Duration| {
            let statement = (heartbeat * 8 / 10).min(fence.saturating_sub(2 * heartbeat) * 9 / 10);
            Self { heartbeat, lease, fence, statement, stop, slack, ..base.clone() }
        };
        let wished = with(heartbeat);
        if wished.statement < wished.least_statement() && lease / 5 < heartbeat {
            return with(lease / 5);
        }
        wished
    }

    /// Below this a healthy database misses the limit too often: a stall of its disk, or the time to
    /// open a connection.
    fn least_statement(&self) -> Duration {
        (self.heartbeat / 4).max(ms(200))
    }

    /// The settings [`Timing::set`] knows, with the length that each one sets.
    pub const KNOBS: [(&'static str, &'static str); 11] = [
        ("heartbeat_ms", "pause between two renewals"),
        ("lease_ms", "how long others must see silence before they take over"),
        ("fence_ms", "how long after its last good renewal this node acts"),
        ("statement_ms", "longest wait for one statement"),
        ("stop_ms", "time to fall silent after a fence"),
        ("claim_delay_ms", "how long the second choice for an activation waits"),
        ("retry_ms", "pause after a failed statement"),
        ("rebalance_after_ms", "quiet time before work moves for balance"),
        ("rebalance_pace_ms", "pause between two such moves"),
        ("drift_permille", "assumed error of clock rates, in thousandths"),
        ("slack_ms", "scheduling slack inside the margin"),
    ];

    /// Changes one length, by its name in [`Timing::KNOBS`]. `false`: there is no such name. Check
    /// the whole with [`Timing::problems`] afterwards.
    pub fn set(&mut self, name: &str, value: u32) -> bool {
        let length = match name {
            "heartbeat_ms" => &mut self.heartbeat,
            "lease_ms" => &mut self.lease,
            "fence_ms" => &mut self.fence,
            "statement_ms" => &mut self.statement,
            "stop_ms" => &mut self.stop,
            "claim_delay_ms" => &mut self.claim_delay,
            "retry_ms" => &mut self.retry,
            "rebalance_after_ms" => &mut self.rebalance_after,
            "rebalance_pace_ms" => &mut self.rebalance_pace,
            "slack_ms" => &mut self.slack,
            "drift_permille" => {
                self.drift_permille = value;
                return true;
            }
            _ => return false,
        };
        *length = ms(u64::from(value));
        true
    }

    /// A length that another node measures, made longer by the assumed drift.
    #[must_use]
    pub fn with_drift(&self, length: Duration) -> Duration {
        length.saturating_add(permille(length, self.drift_permille))
    }

    /// Crash of an owner to first run elsewhere, without round trips and artifact start.
    #[must_use]
    pub fn takeover_bound(&self) -> Duration {
        self.heartbeat + self.with_drift(self.lease) + self.claim_delay
    }

    /// Checks the rules in the module's table. Each problem is a sentence for the operator.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        let margin = self.lease.saturating_sub(self.fence);
        let need = self.stop + self.slack + permille(self.lease, self.drift_permille.saturating_mul(2));
        if margin < need {
            found.push(format!(
                "lease - fence is {margin:?} but must be at least {need:?} (stop + slack + drift)"
            ));
        }
        let renewals = 2 * self.heartbeat + self.statement;
        if self.fence <= renewals {
            found.push(format!(
                "fence is {:?} but must be above {renewals:?} (two heartbeats + statement); a heartbeat of at \
                 most {:?} fits the lease",
                self.fence,
                self.lease / 5
            ));
        }
        if self.statement >= self.heartbeat {
            found.push(format!(
                "statement is {:?} but must be below the heartbeat, {:?}",
                self.statement, self.heartbeat
            ));
        }
        if self.statement < self.least_statement() {
            found.push(format!(
                "statement is {:?} but must be at least {:?} (a quarter of the heartbeat, and 200 ms)",
                self.statement,
                self.least_statement()
            ));
        }
        if self.drift_permille > 200 {
            found.push(format!("drift_permille is {} but must not be above 200", self.drift_permille));
        }
        if self.heartbeat.is_zero() || self.claim_delay.is_zero() || self.retry.is_zero() {
            found.push("heartbeat, claim_delay and retry must be above zero".into());
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_profile_obeys_the_rules() {
        for timing in
            [Timing::default(), Timing::fast(), Timing::cautious(), Timing::of(ms(5000), ms(15_000))]
        {
            assert_eq!(timing.problems(), Vec::<String>::new(), "{timing:?}");
        }
    }

    #[test]
    fn the_promised_bounds_hold() {
        assert!(Timing::default().takeover_bound() <= ms(6600));
        assert!(Timing::fast().takeover_bound() <= ms(3500));
    }

    #[test]
    fn every_knob_changes_something() {
        for (name, _) in Timing::KNOBS {
            let mut timing = Timing::default();
            assert!(timing.set(name, 7), "{name}");
            assert_ne!(timing, Timing::default(), "{name}");
        }
        assert!(!Timing::default().set("lease", 1));
    }

    #[test]
    fn each_rule_is_checked() {
        let t = Timing { fence: ms(4500), ..Timing::default() };
        assert!(t.problems().iter().any(|p| p.contains("lease - fence")));
        let t = Timing { fence: ms(2000), ..Timing::default() };
        assert!(t.problems().iter().any(|p| p.starts_with("fence is")));
        let t = Timing { statement: ms(1000), ..Timing::default() };
        assert!(t.problems().iter().any(|p| p.starts_with("statement is")));
        let t = Timing { statement: ms(199), ..Timing::default() };
        assert!(t.problems().iter().any(|p| p.contains("must be at least")));
        let t = Timing { heartbeat: ms(2000), lease: ms(20_000), fence: ms(15_000), ..Timing::default() };
        assert_eq!(t.problems(), Vec::<String>::new());
        let t = Timing { statement: ms(499), ..t };
        assert!(t.problems().iter().any(|p| p.contains("a quarter of the heartbeat")));
        let t = Timing { drift_permille: u32::MAX, ..t };
        assert!(t.problems().iter().any(|p| p.starts_with("drift_permille is")));
    }

    #[test]
    fn derived_lengths_leave_time_for_a_statement() {
        for (heartbeat, lease) in [(1000, 3000), (1000, 2900), (5000, 5000), (60_000, 2000), (300, 1250)] {
            let t = Timing::of(ms(heartbeat), ms(lease));
            assert_eq!(t.problems(), Vec::<String>::new(), "{heartbeat} {lease}");
            assert_eq!(t.lease, ms(lease));
        }
        assert!(!Timing::of(ms(100), ms(500)).problems().is_empty(), "too fast for any database");
        let longest = Timing::of(Duration::MAX, Duration::MAX);
        assert!(longest.lease == LONGEST && longest.problems().is_empty());
    }
}
