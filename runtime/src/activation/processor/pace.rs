//! When a slot takes messages, and how many at a time.

use super::switch::Term;
use crate::activation::schedule::{MISFIRE_MS, Schedule};
use crate::activation::wait_until;
use coordination::Handle;
use std::time::Duration;
use tokio::time::{Instant, Interval};

/// Quartz, as MI sets it up, starts a job at most once in a second.
pub(super) const SHORTEST: Duration = Duration::from_secs(1);

/// What makes a tick.
#[derive(Debug)]
pub(super) enum Trigger {
    /// At once, then every so often, at least [`SHORTEST`].
    Every(Duration),
    /// At the instants of an expression.
    Cron(Schedule),
}

/// Messages of one tick; it ends sooner when the store is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quota {
    /// So many.
    Count(u32),
    /// As many as begin within this time.
    For(Duration),
    /// All there are.
    All,
}

impl Quota {
    /// May another message follow after so many, beginning so long after the tick?
    pub(super) fn goes_on(self, handled: u32, after: Duration) -> bool {
        match self {
            Quota::Count(most) => handled < most,
            Quota::For(length) => after < length,
            Quota::All => true,
        }
    }
}

/// The ticks of one slot.
pub(super) enum Pace<'p> {
    Every(Interval),
    Cron(&'p Schedule, Option<i64>),
}

impl<'p> Pace<'p> {
    pub(super) fn new(trigger: &'p Trigger) -> Self {
        match trigger {
            // A slow tick is followed at once by those that were due meanwhile, as with Quartz.
            Trigger::Every(period) => Pace::Every(tokio::time::interval((*period).max(SHORTEST))),
            Trigger::Cron(schedule) => Pace::Cron(schedule, None),
        }
    }

    /// Waits for the next tick. `false`: the term is over. Cancel safe.
    pub(super) async fn next(&mut self, handle: &Handle, term: &Term) -> bool {
        tokio::select! {
            biased;
            () = term.over() => false,
            () = self.tick(handle) => !term.is_over(),
        }
    }

    async fn tick(&mut self, handle: &Handle) {
        match self {
            Pace::Every(interval) => {
                let due = interval.tick().await;
                if Instant::now().duration_since(due).as_millis() > u128::from(MISFIRE_MS.unsigned_abs()) {
                    interval.reset();
                }
            }
            Pace::Cron(schedule, last) => match schedule.next(*last, handle.now().0, false) {
                Some(due) => {
                    wait_until(handle, due.at_ms).await;
                    *last = Some(due.at_ms);
                }
                None => std::future::pending().await,
            },
        }
    }
}
