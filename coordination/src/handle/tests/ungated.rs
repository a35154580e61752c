//! Without a gate: coordination off, or a policy that needs none.

use super::*;

#[tokio::test(start_paused = true)]
async fn without_a_database_everything_runs_here() {
    let handle = Coordinator::off("solo", clock());
    let mut task = handle.register(&Activation::exclusive("task", "d1"));
    let guard = soon(10, task.next()).await.unwrap();
    assert!(guard.holds() && guard.epoch().0 == 0);
    assert_eq!(guard.claim_fire(5, Some(1)).await, Ok(Fired { run: 1 }));
    assert_eq!(guard.claim_fire(6, Some(1)).await, Err(Refusal::Exhausted));
    assert_eq!(handle.status().phase, Phase::Off);
    let mut again = handle.register(&Activation::exclusive("task", "d2"));
    assert_eq!(soon(10, guard.ended()).await, Stop::Undeployed);
    assert!(quiet(1_000, again.next()).await, "one run at a time");
    drop((guard, task));
    let guard = soon(10, again.next()).await.unwrap();
    assert_eq!(guard.claim_fire(7, Some(1)).await, Ok(Fired { run: 1 }), "a changed definition counts anew");
    handle.shutdown(Duration::ZERO).await;
    assert!(guard.stop().is_some_and(Stop::is_revoked), "no grace was given");
}

#[tokio::test(start_paused = true)]
async fn every_node_needs_no_gate() {
    let (a, b) = pair();
    let listener = Activation { policy: Policy::EveryNode, ..Activation::exclusive("http", "") };
    let (mut at_a, mut at_b) = (a.handle.register(&listener), b.handle.register(&listener));
    assert!(soon(10, at_a.next()).await.unwrap().holds() && soon(10, at_b.next()).await.unwrap().holds());
}

#[tokio::test(start_paused = true)]
async fn without_a_database_shutdown_waits_for_what_runs() {
    let handle = Coordinator::off("solo", clock());
    let mut offer = handle.register(&Activation::exclusive("t", ""));
    let guard = offer.next().await.unwrap();
    let began = tokio::time::Instant::now();
    let work = tokio::spawn(async move {
        assert_eq!(guard.ended().await, Stop::Draining);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(guard.holds(), "what was asked politely may finish");
    });
    handle.shutdown(Duration::from_secs(20)).await;
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    work.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_database_shutdown_revokes_what_runs_too_long() {
    let handle = Coordinator::off("solo", clock());
    // Its offer is withdrawn at once, as by a redeployment; the run goes on.
    let guard = handle.register(&Activation::exclusive("t", "")).next().await.unwrap();
    let work = tokio::spawn(async move { guard.revoked().await });
    handle.shutdown(Duration::from_secs(2)).await;
    assert!(tokio::time::timeout(Duration::from_secs(1), work).await.unwrap().unwrap().is_revoked());
}
