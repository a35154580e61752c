//! Connections of one lane: opened beside the statements, lent to one at a time, doubted after a
//! failure.
//!
//! A statement has a short deadline, and over a slow network a connection takes many round trips.
//! So connections are opened in tasks of their own, with a limit of their own: a statement waits for
//! one up to its deadline, and giving up does not cut the opening. After a failure the idle
//! connections are asked for a sign of life, likewise beside the statements, before they are used
//! again; a connection that has been idle for long is treated the same.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, timeout};

use super::engine::sort_opening_error;
use crate::store::StoreError;

/// Longest opening of a connection, divided between the hosts of an address.
const OPEN_LIMIT: Duration = Duration::from_secs(5);

/// But each host has at least this long.
const HOST_LIMIT: Duration = Duration::from_millis(2500);

/// Longest wait for a sign of life.
const CHECK_LIMIT: Duration = Duration::from_secs(1);

/// A connection that was idle for longer is asked for a sign of life first: what stands between us
/// and the database may have forgotten it.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// Pause before the next opening after the second failure in a row; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// While openings fail: they cost the database nothing, and work waits for the first that succeeds.
const LONGEST_WHILE_AWAY: Duration = Duration::from_millis(300);

/// A fresh connection and what it told about its server.
pub(crate) struct Dialled<C> {
    pub(crate) conn: C,
    /// When the server was started, in its own milliseconds; `None` where nothing can be restarted.
    pub(crate) started: Option<i64>,
    /// `false`: a standby, or switched to read only.
    pub(crate) writable: bool,
}

/// How one kind of database is reached.
pub(crate) trait Dial: Send + Sync + 'static {
    type Host: Send + Sync;
    type Conn: Send + 'static;
    /// The hosts of the address, in the order in which they are tried.
    fn hosts(&self) -> &[Self::Host];
    /// Connects, prepares the session, and prepares these statements so that their first use costs
    /// no more than any other.
    fn connect<'a>(
        &'a self,
        host: &'a Self::Host,
        warm: &'a [&'static str],
    ) -> BoxFuture<'a, Result<Dialled<Self::Conn>, sqlx::Error>>;
    /// Whether the server still answers on this connection.
    fn ping<'a>(&'a self, conn: &'a mut Self::Conn) -> BoxFuture<'a, bool>;
}

/// What the lanes of one store know of the server together.
#[derive(Debug, Default)]
pub(crate) struct Server {
    started: Mutex<Option<i64>>,
    restarted: AtomicBool,
    /// Told when a connection was opened: whoever pauses after failures need not wait any longer.
    answered: Notify,
}

impl Server {
    /// The start is computed from two clocks where the server does not tell it.
    const TOLERANCE_MS: u64 = 3000;

    fn saw(&self, started: Option<i64>) {
        let mut known = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(old), Some(new)) = (*known, started)
            && old.abs_diff(new) > Self::TOLERANCE_MS
        {
            self.restarted.store(true, Ordering::Release);
        }
        *known = started;
        drop(known);
        self.answered.notify_waiters();
    }
}

struct State<C> {
    idle: VecDeque<(C, Instant)>,
    lent: usize,
    waiting: usize,
    /// Connections being opened or checked.
    opening: usize,
    /// Those of them that have not begun yet, because of failures before.
    pausing: usize,
    failures: u64,
    /// Why the last opening failed, until something succeeds.
    failure: Option<StoreError>,
    /// Openings that failed and statements without an answer since the last success.
    in_a_row: u32,
}

struct Inner<D: Dial> {
    dial: Arc<D>,
    server: Arc<Server>,
    warm: Vec<&'static str>,
    keep: usize,
    size: usize,
    permits: Arc<Semaphore>,
    state: Mutex<State<D::Conn>>,
    changed: Notify,
    doubts: watch::Sender<()>,
}

/// At most `size` connections, of which `keep` are held ready once one was needed.
pub(crate) struct Connections<D: Dial>(Arc<Inner<D>>);

impl<D: Dial> std::fmt::Debug for Connections<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connections").field("keep", &self.0.keep).finish_non_exhaustive()
    }
}

impl<D: Dial> Connections<D> {
    pub(crate) fn new(
        dial: Arc<D>,
        server: Arc<Server>,
        warm: Vec<&'static str>,
        keep: usize,
        size: usize,
    ) -> Self {
        let state = State {
            idle: VecDeque::new(),
            lent: 0,
            waiting: 0,
            opening: 0,
            pausing: 0,
            failures: 0,
            failure: None,
            in_a_row: 0,
        };
        Self(Arc::new(Inner {
            dial,
            server,
            warm,
            keep,
            size,
            permits: Arc::new(Semaphore::new(size)),
            state: Mutex::new(state),
            changed: Notify::new(),
            doubts: watch::Sender::new(()),
        }))
    }

    /// Waits for a connection. Cancelling the wait does not cancel an opening.
    ///
    /// # Errors
    /// An opening has failed meanwhile, or the last one did and the next is not due yet.
    pub(crate) async fn lend(&self) -> Result<Lent<D>, StoreError> {
        let permit = self.0.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|e| StoreError::Unknown(e.to_string()))?;
        let conn = self.0.take().await?;
        Ok(Lent { conn: Some(conn), lane: self.0.clone(), _permit: permit })
    }

    /// Whether a server that was started anew has been met since the last time this was asked.
    pub(crate) fn met_a_restart(&self) -> bool {
        self.0.server.restarted.swap(false, Ordering::AcqRel)
    }

    /// Idle connections must show a sign of life before they are used again.
    pub(crate) fn doubt(&self) {
        self.0.doubt(&mut self.0.state());
    }

    /// Changes whenever the lane's connections are doubted.
    pub(crate) fn doubts(&self) -> watch::Receiver<()> {
        self.0.doubts.subscribe()
    }
}

/// Somebody waits for a connection.
struct Waiting<'a, D: Dial>(&'a Inner<D>);

impl<D: Dial> Drop for Waiting<'_, D> {
    fn drop(&mut self) {
        self.0.state().waiting -= 1;
    }
}

impl<D: Dial> Inner<D> {
    fn state(&self) -> MutexGuard<'_, State<D::Conn>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(self: &Arc<Self>) -> Result<D::Conn, StoreError> {
        let seen = {
            let mut state = self.state();
            state.waiting += 1;
            state.failures
        };
        let _waiting = Waiting(self);
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(conn) = self.try_take(seen)? {
                return Ok(conn);
            }
            changed.await;
        }
    }

    fn try_take(self: &Arc<Self>, seen: u64) -> Result<Option<D::Conn>, StoreError> {
        let mut state = self.state();
        while let Some((conn, since)) = state.idle.pop_front() {
            if since.elapsed() < IDLE_LIMIT {
                state.lent += 1;
                self.fill(&mut state);
                return Ok(Some(conn));
            }
            self.open(&mut state, Some(conn));
        }
        self.fill(&mut state);
        match &state.failure {
            Some(failure) if state.failures > seen || state.opening == state.pausing => Err(failure.clone()),
            _ => Ok(None),
        }
    }

    /// Opens what is missing: one for each that waits, and what is to be held ready.
    fn fill(self: &Arc<Self>, state: &mut State<D::Conn>) {
        let wanted = self.keep.max(state.lent + state.waiting).min(self.size);
        while state.lent + state.idle.len() + state.opening < wanted {
            self.open(state, None);
        }
    }

    /// Starts a task that brings one connection, a new one or a doubtful one that is still good.
    fn open(self: &Arc<Self>, state: &mut State<D::Conn>, doubtful: Option<D::Conn>) {
        // Without a runtime the process is ending, and nobody will ask again.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let pause = if doubtful.is_some() { Duration::ZERO } else { state.pause() };
        // When openings fail, one that succeeds ends the pause; when answers are late it proves nothing.
        let refused = state.failure.is_some();
        state.opening += 1;
        state.pausing += usize::from(!pause.is_zero());
        let lane = self.clone();
        // Made inside the task: a runtime that is ending drops the task here, under our lock.
        runtime.spawn(async move {
            Opening { lane, pausing: !pause.is_zero() }.run(pause, refused, doubtful).await;
        });
    }

    fn doubt(self: &Arc<Self>, state: &mut State<D::Conn>) {
        for (conn, _) in std::mem::take(&mut state.idle) {
            self.open(state, Some(conn));
        }
        self.doubts.send_replace(());
    }

    async fn check(&self, mut conn: D::Conn) -> Option<D::Conn> {
        let answers = timeout(CHECK_LIMIT, self.dial.ping(&mut conn)).await;
        (answers == Ok(true)).then_some(conn)
    }

    /// Tries one host after the other.
    async fn dial(&self) -> Result<D::Conn, StoreError> {
        let hosts = self.dial.hosts();
        let limit = HOST_LIMIT.max(OPEN_LIMIT / u32::try_from(hosts.len().max(1)).unwrap_or(u32::MAX));
        let mut failure = StoreError::Setup("the address names no host".into());
        for host in hosts {
            match timeout(limit, self.dial.connect(host, &self.warm)).await {
                Ok(Ok(dialled)) if dialled.writable || hosts.len() == 1 => {
                    self.server.saw(dialled.started);
                    return Ok(dialled.conn);
                }
                Ok(Ok(_)) => {
                    failure = StoreError::Unknown("no host takes writes; the last is read only".into())
                }
                Ok(Err(error)) => failure = sort_opening_error(&error),
                Err(_) => failure = StoreError::Unknown(format!("no connection within {limit:?}")),
            }
        }
        Err(failure)
    }
}

impl<C> State<C> {
    fn pause(&self) -> Duration {
        let Some(doublings) = self.in_a_row.checked_sub(2) else { return Duration::ZERO };
        let longest = if self.failure.is_some() { LONGEST_WHILE_AWAY } else { LONGEST_PAUSE };
        FIRST_PAUSE.saturating_mul(1 << doublings.min(10)).min(longest)
    }
}

/// One connection on its way. However the task ends, its place is given back.
struct Opening<D: Dial> {
    lane: Arc<Inner<D>>,
    pausing: bool,
}

impl<D: Dial> Opening<D> {
    async fn run(mut self, pause: Duration, refused: bool, doubtful: Option<D::Conn>) {
        if self.pausing {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.lane.server.answered.notified(), if refused => {}
            }
            self.lane.state().pausing -= 1;
            self.pausing = false;
        }
        let checked = match doubtful {
            Some(conn) => self.lane.check(conn).await,
            None => None,
        };
        let brought = match checked {
            Some(conn) => Ok(conn),
            None => self.lane.dial().await,
        };
        let mut state = self.lane.state();
        match brought {
            Ok(conn) => {
                state.failure = None;
                state.idle.push_back((conn, Instant::now()));
            }
            Err(error) => {
                tracing::debug!(%error, "no connection to the coordination database");
                state.failures += 1;
                state.in_a_row = state.in_a_row.saturating_add(1);
                state.failure = Some(error);
            }
        }
    }
}

impl<D: Dial> Drop for Opening<D> {
    fn drop(&mut self) {
        let mut state = self.lane.state();
        state.opening -= 1;
        state.pausing -= usize::from(self.pausing);
        drop(state);
        self.lane.changed.notify_waiters();
    }
}

/// A connection in use. Unless it is given back it is closed, also when the caller stops waiting:
/// its answer could otherwise be taken for that of the next statement.
pub(crate) struct Lent<D: Dial> {
    conn: Option<D::Conn>,
    lane: Arc<Inner<D>>,
    _permit: OwnedSemaphorePermit,
}

impl<D: Dial> Lent<D> {
    /// The connection; `None` never happens while it is lent.
    pub(crate) fn conn(&mut self) -> Option<&mut D::Conn> {
        self.conn.as_mut()
    }

    /// The server has answered, whatever it said.
    pub(crate) fn give_back(mut self) {
        let Some(conn) = self.conn.take() else { return };
        let mut state = self.lane.state();
        state.lent -= 1;
        state.in_a_row = 0;
        state.failure = None;
        state.idle.push_back((conn, Instant::now()));
        drop(state);
        self.lane.changed.notify_waiters();
    }
}

impl<D: Dial> Drop for Lent<D> {
    fn drop(&mut self) {
        let Some(conn) = self.conn.take() else { return };
        drop(conn);
        let mut state = self.lane.state();
        state.lent -= 1;
        state.in_a_row = state.in_a_row.saturating_add(1);
        self.lane.doubt(&mut state);
        self.lane.fill(&mut state);
    }
}

#[cfg(test)]
mod tests;
