//! When a task is due: pure, time is handed in as milliseconds since 1970.
//!
//! Quartz's rules as MI sets them: an interval starts at once and keeps its phase; a fire that is at
//! most a minute late still happens; a cron time that is later is lost, an endless interval skips to
//! its next slot, a finite one still owes its runs.

use artifacts::cron::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Fires later than this are misfires (Quartz's threshold), in milliseconds.
pub const MISFIRE_MS: i64 = 60_000;

/// Missed cron instants are counted up to here.
const COUNTED: usize = 1_000;

/// A trigger.
#[derive(Debug, Clone)]
pub enum Schedule {
    /// Every so many milliseconds; `count` runs, or without end.
    Interval {
        /// Milliseconds between starts.
        every_ms: i64,
        /// Runs in all.
        count: Option<i64>,
    },
    /// At the instants of an expression.
    Cron(Box<Cron>, TimeZone),
}

/// The next start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Its instant in milliseconds since 1970, also its identity (fire key).
    pub at_ms: i64,
    /// Starts that were due before it and were not made. Those of a finite count are still owed.
    pub missed: i64,
}

impl Schedule {
    /// Finite count, if there is one.
    pub fn limit(&self) -> Option<i64> {
        match self {
            Schedule::Interval { count, .. } => *count,
            Schedule::Cron(..) => None,
        }
    }

    /// The next start after the last claimed one. `takeover`: this node has just got the task; of the
    /// starts that nobody made in the meantime only the latest is made up for.
    ///
    /// A last start that lies ahead by more than the misfire threshold was made by a clock that has
    /// been set right since: an interval begins anew now, a cron instant is not made twice.
    pub fn next(&self, last_ms: Option<i64>, now_ms: i64, takeover: bool) -> Option<Due> {
        match self {
            Schedule::Interval { .. } if last_ms.is_some_and(|last| last > now_ms + MISFIRE_MS) => {
                Some(Due { at_ms: now_ms, missed: 0 })
            }
            Schedule::Interval { every_ms, count } => {
                Some(interval(*every_ms, count.is_some(), last_ms, now_ms, takeover))
            }
            Schedule::Cron(cron, zone) => cron_next(cron, zone, last_ms, now_ms, takeover),
        }
    }
}

fn interval(every: i64, finite: bool, last: Option<i64>, now: i64, takeover: bool) -> Due {
    let Some(last) = last else { return Due { at_ms: now, missed: 0 } };
    let next = last.saturating_add(every);
    let late = now - next;
    if late < every || (finite && !takeover) {
        return Due { at_ms: next, missed: 0 };
    }
    let whole = late / every;
    if takeover {
        return Due { at_ms: next + whole * every, missed: whole };
    }
    if late <= MISFIRE_MS {
        return Due { at_ms: next, missed: 0 };
    }
    Due { at_ms: next + (whole + 1) * every, missed: whole + 1 }
}

fn cron_next(cron: &Cron, zone: &TimeZone, last: Option<i64>, now: i64, takeover: bool) -> Option<Due> {
    let from = match last {
        // A new owner does not make up for what is older than the threshold; neither does an old one.
        Some(last) => last.max(now - MISFIRE_MS),
        None => now,
    };
    let after = |ms: i64| {
        let instant = Timestamp::from_millisecond(ms).ok()?;
        cron.next_after(instant, zone).map(|t| t.as_millisecond())
    };
    let mut due = Due { at_ms: after(from)?, missed: last.map_or(0, |last| between(after, last, from)) };
    while takeover && due.at_ms <= now {
        match after(due.at_ms) {
            Some(later) if later <= now => due = Due { at_ms: later, missed: due.missed + 1 },
            _ => break,
        }
    }
    Some(due)
}

/// Instants after `last` up to `until`, at most [`COUNTED`].
fn between(after: impl Fn(i64) -> Option<i64>, last: i64, until: i64) -> i64 {
    let instants = std::iter::successors(Some(last), |ms| after(*ms)).skip(1);
    let count = instants.take_while(|ms| *ms <= until).take(COUNTED).count();
    i64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(ms: i64, count: Option<i64>) -> Schedule {
        Schedule::Interval { every_ms: ms, count }
    }

    fn due(at_ms: i64, missed: i64) -> Option<Due> {
        Some(Due { at_ms, missed })
    }

    #[test]
    fn an_interval_starts_at_once_and_keeps_its_phase() {
        let s = every(1_000, None);
        assert_eq!(s.next(None, 5_300, true), due(5_300, 0));
        assert_eq!(s.next(Some(5_300), 5_310, false), due(6_300, 0));
        // A slow run: the fire that was due meanwhile follows right after.
        assert_eq!(s.next(Some(5_300), 8_000, false), due(6_300, 0));
    }

    #[test]
    fn misfires_skip_to_the_next_slot() {
        let s = every(1_000, None);
        assert_eq!(s.next(Some(0), 100_500, false), due(101_000, 100));
        assert_eq!(every(1_000, Some(5)).next(Some(0), 100_500, false), due(1_000, 0));
    }

    #[test]
    fn a_takeover_makes_up_for_one() {
        let s = every(1_000, None);
        assert_eq!(s.next(Some(10_000), 16_400, true), due(16_000, 5));
        assert_eq!(s.next(Some(10_000), 10_400, true), due(11_000, 0));
    }

    #[test]
    fn a_lost_cron_time_stays_lost() {
        let cron = Cron::parse("0 0/5 * * * ?").unwrap();
        let s = Schedule::Cron(Box::new(cron), TimeZone::UTC);
        assert_eq!(s.next(None, 1_000, true), due(300_000, 0));
        // 30 s late is made up for, two minutes are not.
        assert_eq!(s.next(Some(300_000), 630_000, false), due(600_000, 0));
        assert_eq!(s.next(Some(300_000), 720_000, false), due(900_000, 1));
        assert_eq!(s.next(Some(300_000), 1_400_000, true), due(1_500_000, 3));
        assert_eq!(s.next(Some(0), 1_000_000_000, true), due(1_000_200_000, 1_000), "counted up to a limit");
    }

    #[test]
    fn a_clock_that_was_ahead_and_is_set_right_stops_no_interval() {
        let hour = 3_600_000;
        assert_eq!(every(1_000, None).next(Some(hour), 5_300, true), due(5_300, 0));
        assert_eq!(every(1_000, Some(3)).next(Some(hour), 5_300, false), due(5_300, 0));
        // Those of the cron expression were made: once each.
        let cron = Cron::parse("0 0/5 * * * ?").unwrap();
        let s = Schedule::Cron(Box::new(cron), TimeZone::UTC);
        assert_eq!(s.next(Some(hour), 1_000, true), due(hour + 300_000, 0));
    }
}
