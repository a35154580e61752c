//! Is a client connection idle? Counted, so that an exchange costs no timer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The exchanges of one connection.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    started: AtomicU32,
    running: AtomicU32,
}

/// An exchange that is not over: its connection is not idle.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Pulse>);

impl Pulse {
    /// An exchange begins.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.running.fetch_add(1, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Ends when no exchange began or ran for the whole of `limit`; at the latest twice that long after
    /// the last one. A request head that never comes to its end counts as none.
    pub(super) async fn idle(&self, limit: Duration) {
        loop {
            let before = self.started.load(Ordering::Relaxed);
            tokio::time::sleep(limit).await;
            if self.running.load(Ordering::Relaxed) == 0 && self.started.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_between_exchanges_only() {
        let pulse = Arc::<Pulse>::default();
        let limit = Duration::from_secs(10);
        let began = tokio::time::Instant::now();
        let busy = pulse.begin();
        let (other, wall) = (pulse.clone(), Instant::now());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(25)).await;
            drop(busy);
            drop(other.begin());
        });
        pulse.idle(limit).await;
        assert_eq!(began.elapsed(), Duration::from_secs(40));
        assert!(wall.elapsed() < limit);
    }
}
