use super::*;
use std::sync::atomic::{AtomicI64, AtomicUsize};

const S: Duration = Duration::from_secs(1);

/// A server that answers as it is told. A connection is the number of its opening.
#[derive(Debug, Default)]
struct Fake {
    opened: AtomicUsize,
    /// How long an opening takes, in milliseconds.
    slow: AtomicI64,
    down: AtomicBool,
    started: AtomicI64,
    /// Whether each host takes writes.
    hosts: Vec<bool>,
    /// Connections with a lower number give no sign of life.
    dead_below: AtomicUsize,
}

impl Dial for Fake {
    type Host = bool;
    type Conn = usize;

    fn hosts(&self) -> &[bool] {
        &self.hosts
    }

    fn connect<'a>(
        &'a self,
        host: &'a bool,
        _warm: &'a [&'static str],
    ) -> BoxFuture<'a, Result<Dialled<usize>, sqlx::Error>> {
        Box::pin(async move {
            let conn = self.opened.fetch_add(1, Ordering::Relaxed);
            let slow = u64::try_from(self.slow.load(Ordering::Relaxed)).unwrap();
            tokio::time::sleep(Duration::from_millis(slow)).await;
            if self.down.load(Ordering::Relaxed) {
                return Err(sqlx::Error::PoolClosed);
            }
            let started = Some(self.started.load(Ordering::Relaxed));
            Ok(Dialled { conn, started, writable: *host })
        })
    }

    fn ping<'a>(&'a self, conn: &'a mut usize) -> BoxFuture<'a, bool> {
        let alive = *conn >= self.dead_below.load(Ordering::Relaxed);
        Box::pin(async move { if alive { true } else { std::future::pending().await } })
    }
}

fn lane(keep: usize, size: usize) -> (Arc<Fake>, Connections<Fake>) {
    with_hosts(keep, size, vec![true])
}

fn with_hosts(keep: usize, size: usize, hosts: Vec<bool>) -> (Arc<Fake>, Connections<Fake>) {
    let fake = Arc::new(Fake { hosts, ..Fake::default() });
    (fake.clone(), Connections::new(fake, Arc::default(), vec![], keep, size))
}

#[tokio::test(start_paused = true)]
async fn giving_up_does_not_cut_an_opening() {
    let (fake, lane) = lane(1, 1);
    fake.slow.store(1400, Ordering::Relaxed);
    let mut tries = 1;
    while timeout(S / 2, lane.lend()).await.is_err() {
        tries += 1;
    }
    assert_eq!((tries, fake.opened.load(Ordering::Relaxed)), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_second_connection_stands_by_and_is_checked_after_a_failure() {
    let (fake, lane) = lane(2, 2);
    let first = lane.lend().await.unwrap();
    tokio::time::sleep(S).await;
    assert_eq!(fake.opened.load(Ordering::Relaxed), 2);
    fake.slow.store(3000, Ordering::Relaxed);
    drop(first);
    let next = timeout(S / 10, lane.lend()).await.unwrap().unwrap();
    assert_eq!(next.conn, Some(1), "it showed a sign of life");
    fake.dead_below.store(2, Ordering::Relaxed);
    drop(next);
    tokio::time::sleep(5 * S).await;
    assert!(lane.lend().await.unwrap().conn >= Some(2), "the one that went silent is replaced");
}

#[tokio::test(start_paused = true)]
async fn never_more_than_the_size_are_open() {
    let (fake, lane) = lane(1, 2);
    fake.slow.store(100, Ordering::Relaxed);
    let held = [lane.lend().await.unwrap(), lane.lend().await.unwrap()];
    assert!(timeout(S, lane.lend()).await.is_err());
    held.into_iter().for_each(Lent::give_back);
    assert!(timeout(S, lane.lend()).await.is_ok());
    assert_eq!(fake.opened.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn failures_in_a_row_make_openings_rare_and_are_told_at_once() {
    let (fake, lane) = lane(1, 1);
    fake.down.store(true, Ordering::Relaxed);
    let begun = Instant::now();
    while begun.elapsed() < 20 * S {
        assert!(timeout(S / 10, lane.lend()).await.expect("the reason is known").is_err());
        tokio::time::sleep(S / 10).await;
    }
    let tries = fake.opened.load(Ordering::Relaxed);
    assert!((45..=75).contains(&tries), "{tries} openings in 20 s");
    fake.down.store(false, Ordering::Relaxed);
    let mut lent = lane.lend().await;
    while lent.is_err() {
        tokio::time::sleep(S / 10).await;
        lent = lane.lend().await;
    }
    assert!(begun.elapsed() < 22 * S);
}

#[tokio::test(start_paused = true)]
async fn late_answers_in_a_row_make_openings_rare() {
    let (fake, lane) = lane(1, 1);
    let begun = Instant::now();
    while begun.elapsed() < 20 * S {
        let Ok(lent) = timeout(S / 10, lane.lend()).await else { continue };
        tokio::time::sleep(S / 10).await;
        drop(lent);
    }
    let opened = fake.opened.load(Ordering::Relaxed);
    assert!((15..=26).contains(&opened), "{opened} openings in 20 s");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_started_anew_is_noticed_once() {
    let (fake, lane) = lane(1, 1);
    lane.lend().await.unwrap().give_back();
    drop(lane.lend().await);
    fake.started.store(1000, Ordering::Relaxed);
    lane.lend().await.unwrap().give_back();
    assert!(!lane.met_a_restart(), "a start computed from two clocks is not exact");
    drop(lane.lend().await);
    fake.started.store(60_000, Ordering::Relaxed);
    lane.lend().await.unwrap().give_back();
    assert_eq!([lane.met_a_restart(), lane.met_a_restart()], [true, false]);
}

#[tokio::test(start_paused = true)]
async fn what_was_idle_for_long_is_checked_first() {
    let (fake, lane) = lane(1, 1);
    lane.lend().await.unwrap().give_back();
    tokio::time::sleep(2 * IDLE_LIMIT).await;
    fake.dead_below.store(1, Ordering::Relaxed);
    assert_eq!(lane.lend().await.unwrap().conn, Some(1));
}

#[tokio::test(start_paused = true)]
async fn an_opening_of_one_lane_ends_the_pause_of_the_other() {
    let (fake, server) = (with_hosts(1, 1, vec![true]).0, Arc::new(Server::default()));
    let lane = |size| Connections::new(fake.clone(), server.clone(), vec![], 1, size);
    let (work, control) = (lane(1), lane(1));
    fake.down.store(true, Ordering::Relaxed);
    while work.0.state().in_a_row < 8 {
        work.lend().await.map(drop).unwrap_err();
        tokio::time::sleep(S / 100).await;
    }
    fake.down.store(false, Ordering::Relaxed);
    // Its next opening is not due yet, and pauses.
    work.lend().await.map(drop).unwrap_err();
    tokio::task::yield_now().await;
    let began = Instant::now();
    control.0.state().in_a_row = 0;
    control.lend().await.unwrap().give_back();
    while work.lend().await.is_err() {
        tokio::time::sleep(S / 100).await;
    }
    assert!(began.elapsed() < S / 10, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_host_that_takes_no_writes_is_passed_over() {
    let (_fake, lane) = with_hosts(1, 1, vec![false, false, true]);
    assert_eq!(lane.lend().await.unwrap().conn, Some(2));
    let (_fake, lane) = with_hosts(1, 1, vec![false, false]);
    let error = lane.lend().await.err().expect("no host is good enough");
    assert!(error.to_string().contains("read only"), "{error}");
    let (_fake, lane) = with_hosts(1, 1, vec![false]);
    assert!(lane.lend().await.is_ok(), "a single host says so itself when it is asked to write");
}
