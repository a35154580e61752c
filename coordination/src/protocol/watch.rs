//! How long others have been silent, measured on our own clock.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::member::{MemberId, MemberRow};
use crate::timing::permille;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Watch {
    seq: i64,
    /// When the answer that first showed this counter arrived here.
    since: Duration,
    lease: Duration,
    moved: bool,
}

/// Counters of other members and since when they stand still.
///
/// Silence counts only while we ourselves were in contact: after a gap of our own the watches start
/// anew, since during that time the others could not be heard either. The same after a broken
/// connection: a database that was restarted may have forgotten their last renewal. A statement that
/// merely took too long changes nothing, or a slow database would keep a dead member alive for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Watches(BTreeMap<MemberId, Watch>);

impl Watches {
    /// Takes in the members of a fresh view, forgetting those that ended.
    pub(crate) fn see(&mut self, now: Duration, members: &[MemberRow], me: MemberId) {
        self.0.retain(|id, _| members.iter().any(|m| m.id == *id));
        for m in members.iter().filter(|m| m.id != me) {
            let fresh = Watch { seq: m.seq, since: now, lease: m.lease, moved: false };
            let watch = self.0.entry(m.id).or_insert(fresh);
            if watch.seq != m.seq {
                *watch = Watch { seq: m.seq, since: now, lease: m.lease, moved: true };
            }
        }
    }

    pub(crate) fn forget(&mut self, id: MemberId) {
        self.0.remove(&id);
    }

    pub(crate) fn restart(&mut self) {
        self.0.clear();
    }

    /// The counter has changed while we watched: the process certainly lives.
    pub(crate) fn has_moved(&self, id: MemberId) -> bool {
        self.0.get(&id).is_some_and(|w| w.moved)
    }

    /// Silent for at least this many tenths of its lease.
    pub(crate) fn is_quiet(&self, id: MemberId, now: Duration, tenths: u32) -> bool {
        self.0.get(&id).is_some_and(|w| now.saturating_sub(w.since) >= w.lease / 10 * tenths)
    }

    /// Members that were silent for their whole lease and the drift, with the counter seen.
    pub(crate) fn silent(&self, now: Duration, drift_permille: u32) -> Vec<(MemberId, i64)> {
        let over = self.0.iter().filter(|(_, w)| now >= w.deadline(drift_permille));
        over.map(|(id, w)| (*id, w.seq)).collect()
    }

    /// When this member will have been silent for too long.
    pub(crate) fn deadline(&self, id: MemberId, drift_permille: u32) -> Option<Duration> {
        self.0.get(&id).map(|w| w.deadline(drift_permille))
    }

    /// When the next member, other than those already being ended, will have been silent for too long.
    pub(crate) fn next_deadline(
        &self,
        drift_permille: u32,
        but: &BTreeMap<MemberId, Duration>,
    ) -> Option<Duration> {
        self.0.iter().filter(|(id, _)| !but.contains_key(id)).map(|(_, w)| w.deadline(drift_permille)).min()
    }
}

impl Watch {
    fn deadline(&self, drift_permille: u32) -> Duration {
        self.since.saturating_add(self.lease).saturating_add(permille(self.lease, drift_permille))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const S: Duration = Duration::from_secs(1);

    fn row(seq: i64) -> MemberRow {
        MemberRow {
            id: MemberId(2),
            node: Arc::from("b"),
            seq,
            lease: 5 * S,
            weight: 1,
            declared: Arc::default(),
            proven_dead: false,
        }
    }

    #[test]
    fn silence_is_a_whole_lease_and_the_drift() {
        let mut w = Watches::default();
        w.see(S, &[row(4)], MemberId(1));
        w.see(3 * S, &[row(4)], MemberId(1));
        assert!(w.silent(6 * S, 10).is_empty());
        assert_eq!(w.silent(6 * S + Duration::from_millis(50), 10), [(MemberId(2), 4)]);
    }

    #[test]
    fn any_change_of_the_counter_is_life() {
        let mut w = Watches::default();
        w.see(S, &[row(4)], MemberId(1));
        w.see(5 * S, &[row(3)], MemberId(1));
        assert!(w.silent(7 * S, 10).is_empty() && w.has_moved(MemberId(2)));
    }

    #[test]
    fn a_gap_of_our_own_starts_the_watch_anew() {
        let mut w = Watches::default();
        w.see(S, &[row(4)], MemberId(1));
        w.restart();
        w.see(20 * S, &[row(4)], MemberId(1));
        assert!(w.silent(21 * S, 10).is_empty());
        assert_eq!(w.next_deadline(10, &BTreeMap::new()), Some(25 * S + Duration::from_millis(50)));
    }
}
