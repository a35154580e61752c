//! When an endpoint is left alone: active, timeout, suspended, off. Pure: time is handed in.
//!
//! Follows MI's state machine: an endpoint without any settings is suspended for 30 s after one
//! failed connection.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Suspension when neither `initialDuration` nor a progression says otherwise.
const DEFAULT_SUSPENSION: Duration = Duration::from_secs(30);

/// Settings of `markForSuspension` and `suspendOnFailure`.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Codes that lead to the timeout state; `None` means 101504 and 101505.
    pub timeout_codes: Option<Vec<i32>>,
    /// Failures in the timeout state before suspension.
    pub retries_before_suspension: i64,
    /// Pause after a failure in the timeout state.
    pub retry_delay: Duration,
    /// Codes that suspend at once; `None` means every code.
    pub suspend_codes: Option<Vec<i32>>,
    /// First suspension in milliseconds; negative means 30 s.
    pub initial_ms: i64,
    /// Each further suspension is this many times longer.
    pub progression: f64,
    /// Longest suspension in milliseconds.
    pub maximum_ms: i64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            timeout_codes: None,
            retries_before_suspension: 0,
            retry_delay: Duration::ZERO,
            suspend_codes: None,
            initial_ms: -1,
            progression: 1.0,
            maximum_ms: i64::MAX,
        }
    }
}

/// The four states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Takes messages.
    Active,
    /// Failed lately; takes messages again after the retry delay.
    Timeout,
    /// Takes no messages until the suspension is over.
    Suspended,
    /// Switched off by an operator.
    Off,
}

impl State {
    /// Name as MI prints it.
    pub fn name(self) -> &'static str {
        match self {
            State::Active => "ACTIVE",
            State::Timeout => "TIMEOUT",
            State::Suspended => "SUSPENDED",
            State::Off => "OFF",
        }
    }
}

#[derive(Debug)]
struct Inner {
    state: State,
    next_retry: Option<Instant>,
    remaining: i64,
    last_suspend_ms: i64,
}

/// State of one endpoint. The common case (active) is one atomic load.
#[derive(Debug)]
pub struct Health {
    policy: Policy,
    active: AtomicU8,
    inner: Mutex<Inner>,
}

impl Health {
    /// An active endpoint.
    pub fn new(policy: Policy) -> Self {
        let inner = Inner { state: State::Active, next_retry: None, remaining: -1, last_suspend_ms: -1 };
        Self { policy, active: AtomicU8::new(1), inner: Mutex::new(inner) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        // Plain numbers: a panic elsewhere cannot leave them half written.
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// May a message be sent now? Does not change the state.
    pub fn is_ready(&self, now: Instant) -> bool {
        if self.active.load(Ordering::Acquire) == 1 {
            return true;
        }
        let inner = self.lock();
        match inner.state {
            State::Active => true,
            State::Off => false,
            State::Timeout | State::Suspended => inner.next_retry.is_none_or(|at| now >= at),
        }
    }

    /// Current state.
    pub fn state(&self) -> State {
        if self.active.load(Ordering::Acquire) == 1 { State::Active } else { self.lock().state }
    }

    /// A response arrived, whatever its status.
    pub fn on_success(&self) {
        if self.active.load(Ordering::Acquire) == 1 && self.policy.retries_before_suspension <= 0 {
            return;
        }
        let mut inner = self.lock();
        if inner.state != State::Off {
            inner.state = State::Active;
            inner.remaining = -1;
            inner.last_suspend_ms = -1;
            inner.next_retry = None;
            self.active.store(1, Ordering::Release);
        }
    }

    /// Sending failed with this published code.
    pub fn on_fault(&self, code: i32, now: Instant) {
        let timeout = match &self.policy.timeout_codes {
            Some(codes) => codes.contains(&code),
            None => matches!(code, 101_504 | 101_505),
        };
        let suspend = self.policy.suspend_codes.as_ref().is_none_or(|codes| codes.contains(&code));
        let mut inner = self.lock();
        if inner.state == State::Off {
            return;
        }
        if timeout {
            self.time_out(&mut inner, now);
        } else if suspend {
            self.suspend(&mut inner, now);
        }
        self.active.store(u8::from(inner.state == State::Active), Ordering::Release);
    }

    fn time_out(&self, inner: &mut Inner, now: Instant) {
        let remaining =
            if inner.remaining < 0 { self.policy.retries_before_suspension } else { inner.remaining };
        if remaining <= 0 {
            self.suspend(inner, now);
            return;
        }
        inner.remaining = remaining - 1;
        inner.state = State::Timeout;
        inner.next_retry = Some(now + self.policy.retry_delay);
    }

    fn suspend(&self, inner: &mut Inner, now: Instant) {
        let wanted = if inner.last_suspend_ms > 0 {
            (inner.last_suspend_ms as f64 * self.policy.progression).floor() as i64
        } else {
            self.policy.initial_ms
        };
        let ms = match wanted.min(self.policy.maximum_ms) {
            negative if negative < 0 => DEFAULT_SUSPENSION.as_millis() as i64,
            ms => ms,
        };
        inner.last_suspend_ms = ms;
        inner.state = State::Suspended;
        inner.next_retry = now.checked_add(Duration::from_millis(ms as u64));
    }

    /// Suspends at once, for a fixed time (failover retry limit).
    pub fn suspend_for(&self, duration: Duration, now: Instant) {
        let mut inner = self.lock();
        inner.state = State::Suspended;
        inner.next_retry = Some(now + duration);
        self.active.store(0, Ordering::Release);
    }

    /// An operator switches it off or on again.
    pub fn switch(&self, on: bool) {
        let mut inner = self.lock();
        inner.state = if on { State::Active } else { State::Off };
        (inner.next_retry, inner.remaining, inner.last_suspend_ms) = (None, -1, -1);
        self.active.store(u8::from(on), Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn default_suspends_thirty_seconds() {
        let health = Health::new(Policy::default());
        let now = Instant::now();
        health.on_fault(101_503, now);
        assert_eq!(health.state(), State::Suspended);
        assert!(!health.is_ready(now + ms(29_999)));
        assert!(health.is_ready(now + ms(30_000)));
        health.on_success();
        assert_eq!(health.state(), State::Active);
    }

    #[test]
    fn retries_before_suspension() {
        let policy = Policy { retries_before_suspension: 2, retry_delay: ms(10), ..Policy::default() };
        let health = Health::new(policy);
        let now = Instant::now();
        health.on_fault(101_504, now);
        assert_eq!(health.state(), State::Timeout);
        assert!(!health.is_ready(now) && health.is_ready(now + ms(10)));
        health.on_fault(101_504, now);
        assert_eq!(health.state(), State::Timeout);
        health.on_fault(101_504, now);
        assert_eq!(health.state(), State::Suspended);
    }

    #[test]
    fn progression_and_maximum() {
        let policy = Policy { initial_ms: 1_000, progression: 2.0, maximum_ms: 3_000, ..Policy::default() };
        let health = Health::new(policy);
        let now = Instant::now();
        for expected in [1_000, 2_000, 3_000, 3_000] {
            health.on_fault(101_500, now);
            assert!(!health.is_ready(now + ms(expected - 1)) && health.is_ready(now + ms(expected)));
        }
    }

    #[test]
    fn listed_codes_only() {
        let none = Some(vec![-1]);
        let health =
            Health::new(Policy { timeout_codes: none.clone(), suspend_codes: none, ..Policy::default() });
        health.on_fault(101_503, Instant::now());
        assert_eq!(health.state(), State::Active);
    }

    #[test]
    fn off_stays_off() {
        let health = Health::new(Policy::default());
        health.switch(false);
        health.on_success();
        assert!(!health.is_ready(Instant::now()) && health.state() == State::Off);
    }
}
