//! The promised times, over many seeds: one fault at a time, nothing else wrong.

use coordination::lease::Key;
use coordination::protocol::Input;
use coordination::timing::Timing;

use crate::world::{Flaw, MS, SECOND, World};

fn cluster(seed: u64, timing: Timing, keys: usize) -> (World, Vec<Key>) {
    let mut w = World::new(seed, Flaw::None, timing);
    w.quiet = true;
    let keys: Vec<Key> = (0..keys).map(|i| Key::new(&format!("t{i}"))).collect();
    for n in 0..3 {
        w.add_node(&format!("n{n}"), &keys);
        w.start(n);
    }
    let settle = w.rng.range(40 * SECOND, 42 * SECOND);
    w.run_until(settle);
    (w, keys)
}

/// Runs until every key runs on a node other than `not`; the time this took.
fn until_elsewhere(w: &mut World, keys: &[Key], not: usize) -> u64 {
    let begun = w.now;
    while w.now < begun + 60 * SECOND {
        if keys.iter().all(|k| w.runner(k).is_some_and(|n| n != not)) {
            return w.now - begun;
        }
        w.run_until(w.now + 5 * MS);
    }
    panic!("not all is running again: {:?}", w.log);
}

fn crash_gap(timing: &Timing, mute_expiries: u32) -> u64 {
    let gap = |seed| {
        let (mut w, keys) = cluster(seed, timing.clone(), 6);
        let victim = w.runner(&keys[0]).unwrap();
        w.crash(victim);
        w.mute_expiries = mute_expiries;
        let gap = until_elsewhere(&mut w, &keys, victim);
        assert!(w.oracle.violations.is_empty(), "seed {seed}: {:?}", w.oracle.violations);
        gap
    };
    (0..100).map(gap).max().unwrap()
}

#[test]
fn a_crash_is_taken_over_within_the_bound() {
    let gap = crash_gap(&Timing::default(), 0);
    assert!(gap <= 6_600 * MS, "{} ms", gap / MS);
    let fast = crash_gap(&Timing::fast(), 0);
    assert!(fast <= 3_500 * MS, "{} ms", fast / MS);
    println!("crash to running elsewhere: at most {} ms, fast profile {} ms", gap / MS, fast / MS);
}

#[test]
fn an_unanswered_expiry_costs_one_statement_and_not_another_lease() {
    let timing = Timing::default();
    // Both survivors try; each attempt is given up after the statement limit.
    let gap = crash_gap(&timing, 2);
    let more = (timing.statement + timing.retry).as_micros() as u64;
    assert!(gap <= 6_600 * MS + more, "{} ms", gap / MS);
    println!("with unanswered expiries: at most {} ms", gap / MS);
}

#[test]
fn a_graceful_stop_hands_over_at_once() {
    let mut worst = 0;
    for seed in 0..100 {
        let (mut w, keys) = cluster(seed, Timing::default(), 6);
        let victim = w.runner(&keys[0]).unwrap();
        w.input(victim, Input::Drain);
        while w.nodes[victim].process.is_some() {
            w.run_until(w.now + MS);
        }
        worst = worst.max(until_elsewhere(&mut w, &keys, victim));
    }
    assert!(worst <= 1_200 * MS, "{} ms", worst / MS);
    println!("end of drain to running elsewhere: at most {} ms", worst / MS);
}

#[test]
fn a_stall_of_a_second_and_a_half_moves_nothing() {
    for seed in 0..100 {
        let (mut w, _) = cluster(seed, Timing::default(), 6);
        let terms = w.starts;
        w.database_stops(false);
        w.run_until(w.now + 1_500 * MS);
        w.database_starts();
        w.run_until(w.now + 10 * SECOND);
        assert_eq!(w.starts, terms, "seed {seed}");
    }
}

#[test]
fn after_an_outage_of_a_minute_all_is_back_within_two_seconds() {
    for seed in 0..100 {
        let (mut w, keys) = cluster(seed, Timing::default(), 6);
        let owners: Vec<_> = keys.iter().map(|k| w.runner(k)).collect();
        w.database_stops(false);
        w.run_until(w.now + 60 * SECOND);
        assert!(keys.iter().all(|k| w.runner(k).is_none()), "work goes on without a database");
        w.database_starts();
        let gap = until_elsewhere(&mut w, &keys, usize::MAX);
        assert!(gap <= 2 * SECOND, "seed {seed}: {} ms", gap / MS);
        let now: Vec<_> = keys.iter().map(|k| w.runner(k)).collect();
        assert_eq!(owners, now, "an outage moves nothing");
    }
}

#[test]
fn a_thousand_tasks_level_out_when_a_node_joins() {
    let timing = Timing::default();
    let (mut w, keys) = cluster(7, timing, 1000);
    let count = |w: &World, n| keys.iter().filter(|k| w.runner(k) == Some(n)).count();
    let before: Vec<_> = (0..3).map(|n| count(&w, n)).collect();
    assert!(before.iter().all(|n| (250..=417).contains(n)), "{before:?}");
    let terms = w.starts;
    let n = w.add_node("n3", &keys);
    w.start(n);
    w.run_until(w.now + 60 * SECOND);
    let after: Vec<_> = (0..4).map(|n| count(&w, n)).collect();
    assert!(after.iter().all(|n| (249..=251).contains(n)), "{before:?} {after:?}");
    assert!(w.starts - terms <= 260, "{} moves", w.starts - terms);
}

#[test]
fn a_rolling_update_counts_anew_once() {
    for seed in 0..30 {
        let (mut w, keys) = cluster(seed, Timing::default(), 2);
        let limited = keys[0].clone();
        w.limits.insert(limited.clone(), 5);
        w.run_until(w.now + 10 * SECOND);
        let before = w.fires[&limited];
        w.deployed = "d2".into();
        for n in 0..3 {
            w.input(n, Input::Drain);
            w.run_until(w.now + 8 * SECOND);
            w.start(n);
            w.run_until(w.now + 12 * SECOND);
        }
        assert_eq!(w.fires[&limited] - before, 5, "seed {seed}: {:?}", w.log);
        assert!(w.oracle.violations.is_empty(), "seed {seed}: {:?}", w.oracle.violations);
    }
}

#[test]
fn a_slow_database_does_not_keep_a_dead_node_alive() {
    for seed in 0..30 {
        let (mut w, keys) = cluster(seed, Timing::default(), 3);
        for n in 0..3 {
            w.set_latency(n, (MS, 500 * MS), (MS, 500 * MS));
        }
        w.run_until(w.now + 5 * SECOND);
        let victim = keys.iter().find_map(|k| w.runner(k)).unwrap();
        w.crash(victim);
        until_elsewhere(&mut w, &keys, victim);
        assert!(w.oracle.violations.is_empty(), "seed {seed}: {:?}", w.oracle.violations);
    }
}
