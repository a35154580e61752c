//! Waking up on time.
//!
//! The runtime's timers count whole milliseconds and round up twice, on the way in and when the
//! thread goes to sleep. The last part of a wait is left to a thread with a finer clock, so that a
//! task starts within a fraction of a millisecond of its instant.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// The part of a wait that the thread takes: more than the timers may be late.
const FINE: Duration = Duration::from_millis(3);

/// Wakes tasks at instants of the monotonic clock.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    sooner: Condvar,
}

#[derive(Debug, Default)]
struct State {
    due: BinaryHeap<Reverse<Entry>>,
    /// The thread is started by the first wait.
    running: bool,
    stopped: bool,
}

#[derive(Debug)]
struct Entry {
    at: Instant,
    waker: Waker,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl Alarm {
    /// Waits for this long. A wait that is dropped leaves an entry behind, for [`FINE`] at most.
    pub(super) async fn sleep(&self, length: Duration) {
        let at = Instant::now() + length;
        if let Some(coarse) = length.checked_sub(FINE) {
            tokio::time::sleep(coarse).await;
        }
        poll_fn(|cx| {
            if Instant::now() >= at {
                return Poll::Ready(());
            }
            self.wake_at(at, cx.waker());
            Poll::Pending
        })
        .await;
    }

    fn wake_at(&self, at: Instant, waker: &Waker) {
        let mut state = self.shared.lock();
        if !state.running {
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("alarm".into()).spawn(move || shared.ring());
            if let Err(error) = thread {
                // Late is better than never: asked again at once, as often as it takes.
                tracing::debug!(%error, "no thread for the alarm");
                waker.wake_by_ref();
                return;
            }
            state.running = true;
        }
        let is_first = state.due.peek().is_none_or(|Reverse(first)| at < first.at);
        state.due.push(Reverse(Entry { at, waker: waker.clone() }));
        drop(state);
        if is_first {
            self.shared.sooner.notify_one();
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.sooner.notify_one();
    }
}

impl Shared {
    /// The state is usable after a panic: entries are put in and taken out whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ring(&self) {
        let mut state = self.lock();
        while !state.stopped {
            let now = Instant::now();
            let mut ringing = Vec::new();
            while state.due.peek().is_some_and(|Reverse(first)| first.at <= now) {
                ringing.extend(state.due.pop().map(|Reverse(entry)| entry.waker));
            }
            if !ringing.is_empty() {
                // Wakers may do anything, so not under the lock.
                drop(state);
                ringing.into_iter().for_each(Waker::wake);
                state = self.lock();
                continue;
            }
            let next = state.due.peek().map(|Reverse(first)| first.at.saturating_duration_since(now));
            state = match next {
                Some(pause) => {
                    self.sooner.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.sooner.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_wakes_early_and_all_wake() {
        let alarm = Arc::new(Alarm::default());
        let waits = (0..50_u64).map(|n| {
            let alarm = alarm.clone();
            tokio::spawn(async move {
                let (began, length) = (Instant::now(), Duration::from_micros(n * 300));
                alarm.sleep(length).await;
                assert!(began.elapsed() >= length);
            })
        });
        for wait in waits.collect::<Vec<_>>() {
            wait.await.unwrap();
        }
        assert!(alarm.shared.lock().due.is_empty());
    }

    #[tokio::test]
    async fn a_sooner_wait_overtakes_a_later_one() {
        let alarm = Alarm::default();
        let far = Instant::now() + Duration::from_secs(3600);
        alarm.wake_at(far, Waker::noop());
        // The thread sleeps for an hour now, and must be told that there is something sooner.
        let sooner = alarm.sleep(Duration::from_millis(1));
        assert!(tokio::time::timeout(Duration::from_secs(60), sooner).await.is_ok());
        assert_eq!(alarm.shared.lock().due.peek().map(|Reverse(first)| first.at), Some(far));
    }

    #[tokio::test]
    async fn the_thread_ends_with_its_alarm() {
        let alarm = Alarm::default();
        alarm.sleep(Duration::from_micros(100)).await;
        let shared = Arc::downgrade(&alarm.shared);
        drop(alarm);
        while shared.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
