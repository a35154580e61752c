//! Whole nodes on the store in memory, with paused time.

mod ungated;
mod way;

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::Fired;
use crate::fire::Refusal;
use crate::protocol::{Loss, Stop};
use crate::store::memory::Memory;
use way::Way;

/// Tokio's paused time as a clock: it moves only when everything waits.
#[derive(Debug)]
struct Paused(tokio::time::Instant);

impl Clock for Paused {
    fn wall(&self) -> Duration {
        Duration::from_millis(1_700_000_000_000) + self.0.elapsed()
    }

    fn uptime(&self) -> Duration {
        self.0.elapsed() + Duration::from_secs(100)
    }
}

struct Node {
    handle: Handle,
    way: Arc<Way>,
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(Paused(tokio::time::Instant::now()))
}

fn node(name: &str, store: &Memory, clock: &Arc<dyn Clock>) -> Node {
    let way = Way { store: store.clone(), cut: AtomicBool::new(false), lose_fires: AtomicBool::new(false) };
    let way = Arc::new(way);
    let handle = Coordinator::start(Config::new(name), way.clone(), clock.clone()).unwrap();
    Node { handle, way }
}

fn pair() -> (Node, Node) {
    let clock = clock();
    let store = Memory::new(clock.clone());
    (node("a", &store, &clock), node("b", &store, &clock))
}

fn task(node: &Node) -> Registration {
    node.handle.register(&Activation::exclusive("task", "d1"))
}

async fn soon<T>(limit_ms: u64, what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_millis(limit_ms), what).await.expect("took too long")
}

async fn quiet<T>(ms: u64, what: impl Future<Output = T>) -> bool {
    tokio::time::timeout(Duration::from_millis(ms), what).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn one_of_two_nodes_holds() {
    let (a, b) = pair();
    let (mut at_a, mut at_b) = (task(&a), task(&b));
    let guard = soon(500, at_a.next()).await.unwrap();
    assert!(guard.holds() && guard.epoch().0 > 0);
    assert!(quiet(20_000, at_b.next()).await);
    assert!(guard.holds());
}

#[tokio::test(start_paused = true)]
async fn a_graceful_stop_hands_over_within_a_moment() {
    let (a, b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    let mut at_b = task(&b);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let first = guard.epoch();
    let leaving = a.handle.clone();
    let stopping = tokio::spawn(async move { leaving.shutdown(Duration::from_secs(30)).await });
    assert_eq!(soon(100, guard.ended()).await, Stop::Draining);
    assert!(guard.holds(), "work in flight may be finished");
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(guard);
    let next = soon(1_200, at_b.next()).await.unwrap();
    assert!(next.holds() && next.epoch() > first);
    soon(100, stopping).await.unwrap();
    assert_eq!(a.handle.status().phase, Phase::Left);
    assert!(at_a.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_cut_node_fences_itself_before_the_other_takes_over() {
    let (a, b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    let mut at_b = task(&b);
    tokio::time::sleep(Duration::from_secs(5)).await;
    a.way.cut.store(true, Ordering::Relaxed);
    assert_eq!(soon(4_600, guard.ended()).await, Stop::Revoked(Loss::Fenced));
    assert!(!guard.holds());
    assert!(quiet(400, at_b.next()).await, "taken over too early");
    let next = soon(2_700, at_b.next()).await.unwrap();
    assert!(next.epoch() > guard.epoch());
    assert!(a.handle.status().database_silent.is_some());
    a.way.cut.store(false, Ordering::Relaxed);
    drop(guard);
    assert!(quiet(20_000, at_a.next()).await);
    assert!(next.holds());
    assert_eq!(a.handle.status().phase, Phase::Member, "it joins anew");
}

#[tokio::test(start_paused = true)]
async fn after_a_short_outage_the_same_term_goes_on() {
    let (a, _b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    a.way.cut.store(true, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(4_000)).await;
    assert!(!guard.holds());
    let epoch = guard.epoch();
    drop(guard);
    a.way.cut.store(false, Ordering::Relaxed);
    let again = soon(1_000, at_a.next()).await.unwrap();
    assert!(again.epoch() == epoch && again.holds());
}

#[tokio::test(start_paused = true)]
async fn each_fire_is_claimed_once_and_counts_survive_a_failover() {
    let (a, b) = pair();
    let (mut at_a, mut at_b) = (task(&a), task(&b));
    let guard = soon(500, at_a.next()).await.unwrap();
    assert_eq!(guard.claim_fire(1000, Some(3)).await, Ok(Fired { run: 1 }));
    assert_eq!(guard.claim_fire(1000, Some(3)).await, Err(Refusal::AlreadyFired));
    assert_eq!(guard.claim_fire(2000, Some(3)).await, Ok(Fired { run: 2 }));
    drop(guard);
    let next = soon(3_000, at_b.next()).await.unwrap();
    assert_eq!((next.runs(), next.last_fire()), (2, Some(2000)));
    assert_eq!(next.claim_fire(2000, Some(3)).await, Err(Refusal::AlreadyFired));
    assert_eq!(next.claim_fire(3000, Some(3)).await, Ok(Fired { run: 3 }));
    assert_eq!(next.claim_fire(4000, Some(3)).await, Err(Refusal::Exhausted));
    assert_eq!(b.handle.counters().refusals(Refusal::Exhausted), 1);
}

#[tokio::test(start_paused = true)]
async fn a_changed_definition_counts_anew_on_the_node_that_owns_it() {
    let (a, _b) = pair();
    let mut old = task(&a);
    let guard = soon(500, old.next()).await.unwrap();
    let epoch = guard.epoch();
    assert_eq!(guard.claim_fire(1000, Some(1)).await, Ok(Fired { run: 1 }));
    assert_eq!(guard.claim_fire(2000, Some(1)).await, Err(Refusal::Exhausted));
    let mut new = a.handle.register(&Activation::exclusive("task", "d2"));
    drop((old, guard));
    let guard = soon(500, new.next()).await.unwrap();
    assert_eq!((guard.epoch(), guard.runs()), (epoch, 0), "the same term");
    assert_eq!(guard.claim_fire(3000, Some(1)).await, Ok(Fired { run: 1 }));
    assert_eq!(guard.runs(), 1);
    assert_eq!(guard.claim_fire(4000, Some(1)).await, Err(Refusal::Exhausted));
}

#[tokio::test(start_paused = true)]
async fn an_older_definition_goes_on_with_the_count_of_the_newer() {
    let clock = clock();
    let store = Memory::new(clock.clone());
    let old = node("a", &store, &clock);
    let mut at_old = task(&old);
    let guard = soon(500, at_old.next()).await.unwrap();
    assert_eq!(guard.claim_fire(1000, Some(2)).await, Ok(Fired { run: 1 }));
    drop(guard);
    let new = node("b", &store, &clock);
    let mut at_new = new.handle.register(&Activation::exclusive("task", "d2"));
    let guard = soon(3_000, at_new.next()).await.unwrap();
    assert_eq!(guard.claim_fire(2000, Some(2)).await, Ok(Fired { run: 1 }), "the newer one counts anew");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(old.handle.status().differing, [Key::new("task")]);
    new.handle.shutdown(Duration::ZERO).await;
    drop(guard);
    let guard = soon(8_000, at_old.next()).await.unwrap();
    assert_eq!(guard.runs(), 1);
    assert_eq!(guard.claim_fire(3000, Some(2)).await, Ok(Fired { run: 2 }));
    assert_eq!(guard.claim_fire(4000, Some(2)).await, Err(Refusal::Exhausted));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_to_a_fire_is_read_again() {
    let (a, _b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    a.way.lose_fires.store(true, Ordering::Relaxed);
    assert_eq!(guard.claim_fire(1000, None).await, Ok(Fired { run: 1 }));
    assert_eq!(guard.claim_fire(1000, None).await, Err(Refusal::AlreadyFired));
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_database_refuses_the_fire() {
    let (a, _b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    a.way.cut.store(true, Ordering::Relaxed);
    assert_eq!(soon(4_000, guard.claim_fire(1000, None)).await, Err(Refusal::Unconfirmed));
}

#[tokio::test(start_paused = true)]
async fn a_redeployment_keeps_the_term() {
    let (a, b) = pair();
    let mut old = task(&a);
    let guard = soon(500, old.next()).await.unwrap();
    let mut at_b = task(&b);
    let epoch = guard.epoch();
    let mut new = task(&a);
    assert!(old.next().await.is_none());
    assert_eq!(soon(100, guard.ended()).await, Stop::Undeployed);
    drop(old);
    assert!(quiet(5_000, new.next()).await, "the old run is still there");
    drop(guard);
    assert_eq!(soon(100, new.next()).await.unwrap().epoch(), epoch);
    assert!(quiet(3_000, at_b.next()).await || b.handle.counters().claims.load(Ordering::Relaxed) > 0);
}

#[tokio::test(start_paused = true)]
async fn an_undeployed_activation_moves_to_a_node_that_has_it() {
    let (a, b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    let mut at_b = task(&b);
    tokio::time::sleep(Duration::from_secs(2)).await;
    drop(at_a);
    assert_eq!(soon(100, guard.ended()).await, Stop::Undeployed);
    drop(guard);
    assert!(soon(1_500, at_b.next()).await.unwrap().holds());
}

#[tokio::test(start_paused = true)]
async fn pausing_stops_the_owner_and_resuming_starts_it_again() {
    let (a, b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    b.handle.pause(&Key::new("task"), true).await.unwrap();
    assert_eq!(soon(2_000, guard.ended()).await, Stop::Paused);
    drop(guard);
    assert!(quiet(10_000, at_a.next()).await);
    b.handle.pause(&Key::new("task"), false).await.unwrap();
    assert!(soon(2_000, at_a.next()).await.unwrap().holds());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_gives_up_lets_another_node_try() {
    let (a, b) = pair();
    let (mut at_a, mut at_b) = (task(&a), task(&b));
    drop(soon(500, at_a.next()).await.unwrap());
    assert!(soon(2_000, at_b.next()).await.unwrap().holds());
}

#[tokio::test(start_paused = true)]
async fn slots_are_shared_out() {
    let (a, b) = pair();
    let slots = Activation { policy: Policy::Slots(4), ..Activation::exclusive("mp", "") };
    let (mut at_a, mut at_b) = (a.handle.register(&slots), b.handle.register(&slots));
    let mut held = Vec::new();
    let until = tokio::time::Instant::now() + Duration::from_secs(40);
    while tokio::time::Instant::now() < until {
        tokio::select! {
            Some(guard) = at_a.next() => held.push(("a", guard)),
            Some(guard) = at_b.next() => held.push(("b", guard)),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
        held.retain(|(_, guard)| guard.stop().is_none());
    }
    let on = |name| held.iter().filter(|(n, g)| *n == name && g.holds()).count();
    assert_eq!((on("a"), on("b")), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_node_id_used_twice_is_reported_and_waits() {
    let clock = clock();
    let store = Memory::new(clock.clone());
    let (a, twin) = (node("a", &store, &clock), node("a", &store, &clock));
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    let mut at_twin = task(&twin);
    assert!(quiet(10_000, at_twin.next()).await);
    assert_eq!(twin.handle.status().duplicate_node, Some(true));
    assert_eq!(twin.handle.status().phase, Phase::Joining);
    drop(guard);
    a.handle.shutdown(Duration::from_secs(1)).await;
    assert!(soon(3_000, at_twin.next()).await.unwrap().holds());
    assert_eq!(twin.handle.status().duplicate_node, None);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ignores_the_drain_is_revoked_and_keeps_its_lease() {
    let (a, b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    let mut at_b = task(&b);
    tokio::time::sleep(Duration::from_secs(2)).await;
    a.handle.shutdown(Duration::from_secs(3)).await;
    assert!(!guard.holds());
    assert_eq!(guard.stop(), Some(Stop::Revoked(Loss::Deadline)));
    drop(guard);
    assert!(soon(7_000, at_b.next()).await.unwrap().holds());
}

#[tokio::test(start_paused = true)]
async fn the_status_names_owners_and_moves() {
    let (a, b) = pair();
    let mut at_a = task(&a);
    let guard = soon(500, at_a.next()).await.unwrap();
    let _at_b = task(&b);
    tokio::time::sleep(Duration::from_secs(3)).await;
    let status = b.handle.status();
    let owners = status.owners();
    assert_eq!((owners[0].node.as_deref(), owners[0].epoch), (Some("a"), guard.epoch()));
    assert_eq!(status.view.members.len(), 2);
    assert!(status.moves.iter().any(|m| m.reason == "start" && m.to.as_deref() == Some("a")));
    assert!(a.handle.samples().iter().any(|s| s.name == "coord_tasks_owned" && s.value > 0.5));
}

#[tokio::test(start_paused = true)]
async fn a_heartbeat_costs_one_renewal_and_one_read() {
    let (a, b) = pair();
    let _kept: Vec<_> =
        (0..50).map(|i| a.handle.register(&Activation::exclusive(&format!("t{i}"), ""))).collect();
    let mut guards = Vec::new();
    for mut registration in _kept {
        guards.push((registration.next().await.unwrap(), registration));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let count = |n: &Node| n.handle.counters().statements.load(Ordering::Relaxed);
    let before = (count(&a), count(&b));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert!(count(&a) - before.0 <= 42 && count(&b) - before.1 <= 42);
}

#[tokio::test(start_paused = true)]
async fn broken_timing_rules_are_told() {
    let store = Arc::new(Memory::default());
    let config = Config {
        timing: Timing { statement: Duration::from_secs(2), ..Timing::default() },
        ..Config::new("a")
    };
    assert!(Coordinator::start(config, store, clock()).is_err());
}
