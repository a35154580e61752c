//! Time as the coordinator sees it.
//!
//! Two different questions get two different answers: *what time is it* (wall time, for schedules
//! and for people) and *how long has it been* (uptime, for every decision about a lease).
//! Uptime keeps counting while the process is stopped and while the machine sleeps, because that is
//! exactly when a lease runs out.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This instant moved by `by`, saturating at the ends of the range.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// Whole milliseconds of a duration, saturating.
pub(crate) fn millis(d: Duration) -> i64 {
    i64::try_from(d.as_millis()).unwrap_or(i64::MAX)
}

/// Wall time for schedules, and time since boot for trust windows. Tests use a manual one.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Wall time of this machine since 1970. May jump in both directions; never used to decide about
    /// a lease.
    fn wall(&self) -> Duration;
    /// The same in whole milliseconds.
    fn now(&self) -> Timestamp {
        Timestamp(millis(self.wall()))
    }
    /// Time since some fixed point, never going backwards, counting through suspend and SIGSTOP.
    fn uptime(&self) -> Duration;
}

/// The clocks of the machine: `CLOCK_BOOTTIME` on Linux, the monotonic clock elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn wall(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn uptime(&self) -> Duration {
        boot_time()
    }
}

/// `Instant` stands still while Linux is suspended, so it cannot be used for trust windows.
#[cfg(target_os = "linux")]
fn boot_time() -> Duration {
    let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
}

#[cfg(not(target_os = "linux"))]
fn boot_time() -> Duration {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}

/// A clock that moves only when it is told to.
#[derive(Debug, Default)]
pub struct ManualClock {
    at: Mutex<(Timestamp, Duration)>,
}

impl ManualClock {
    /// Starts at the given wall time with uptime zero.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { at: Mutex::new((now, Duration::ZERO)) }
    }

    /// Moves both times forward.
    pub fn advance(&self, by: Duration) {
        let mut at = self.lock();
        at.0 = at.0.plus(by);
        at.1 = at.1.saturating_add(by);
    }

    /// Sets the wall time, as an operator or NTP would; uptime is left alone.
    pub fn step_wall(&self, to: Timestamp) {
        self.lock().0 = to;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Timestamp, Duration)> {
        self.at.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Clock for ManualClock {
    fn wall(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.lock().0.0).unwrap_or(0))
    }

    fn uptime(&self) -> Duration {
        self.lock().1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_never_goes_back() {
        let a = SystemClock.uptime();
        let b = SystemClock.uptime();
        assert!(b >= a && a > Duration::ZERO);
    }

    #[test]
    fn a_wall_step_leaves_uptime_alone() {
        let clock = ManualClock::new(Timestamp(1_000));
        clock.advance(Duration::from_secs(2));
        clock.step_wall(Timestamp(0));
        assert_eq!((clock.now(), clock.uptime()), (Timestamp(0), Duration::from_secs(2)));
    }
}
