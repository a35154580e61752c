//! Many nodes, drifting clocks, freezes of any length, and a database that delays, fails, loses
//! replies and restarts with and without its last commit. Everything follows from one seed.
//!
//! Repeat one run with `GANGLION_SEED=n cargo test -p ganglion-coordination --test simulation`;
//! more or fewer seeds with `GANGLION_SEEDS=n`.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod bounds;
mod oracle;
mod rng;
mod world;

use coordination::lease::Key;
use coordination::protocol::Input;
use coordination::timing::Timing;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use world::{Flaw, MS, SECOND, World};

fn number(name: &str) -> Option<u64> {
    #[allow(clippy::disallowed_methods)]
    std::env::var(name).ok()?.parse().ok()
}

/// Both profiles, with a balance that is sought sooner to keep the runs short.
fn timing(seed: u64) -> Timing {
    let base = if seed.is_multiple_of(3) { Timing::fast() } else { Timing::default() };
    Timing { rebalance_after: Duration::from_secs(4), rebalance_pace: Duration::from_secs(1), ..base }
}

/// One random cluster with random faults for a minute, then a calm in which all must be well.
fn trial(seed: u64, flaw: Flaw) -> World {
    let mut w = World::new(seed, flaw, timing(seed));
    let count = w.rng.range(2, 6) as usize;
    let keys: Vec<Key> = (0..w.rng.range(2, 7)).map(|i| Key::new(&format!("t{i}"))).collect();
    w.limits.insert(keys[0].clone(), 20);
    for n in 0..count {
        w.add_node(&format!("n{n}"), &keys);
        w.start(n);
        let pause = w.rng.range(0, 2 * SECOND);
        w.run_until(w.now + pause);
    }
    let faults = w.rng.range(6, 16);
    for _ in 0..faults {
        let pause = w.rng.range(200 * MS, 8 * SECOND);
        w.run_until(w.now + pause);
        fault(&mut w, count, &keys);
        if !w.oracle.violations.is_empty() {
            return w;
        }
    }
    calm(&mut w, count, &keys);
    w
}

fn fault(w: &mut World, count: usize, keys: &[Key]) {
    let n = w.rng.range(0, count as u64) as usize;
    match w.rng.range(0, 16) {
        0 | 1 => {
            let length = w.rng.range(100 * MS, 20 * SECOND);
            w.freeze(n, length);
        }
        2 => {
            let length = w.rng.range(SECOND, 20 * SECOND);
            (0..count).for_each(|n| w.freeze(n, length));
        }
        3 => w.crash(n),
        4 => w.start(n),
        5 => w.input(n, Input::Drain),
        6 => {
            w.nodes[n].cut_requests = w.rng.chance(500);
            w.nodes[n].cut_replies = !w.nodes[n].cut_requests || w.rng.chance(500);
        }
        7 => heal(w, count),
        8 => {
            let high = w.rng.range(10 * MS, 1500 * MS);
            w.set_latency(n, (200, high), (200, high));
        }
        9 => {
            // Statements arrive at once, answers just in time.
            let low = w.timing.statement.as_micros() as u64 * w.rng.range(50, 95) / 100;
            w.set_latency(n, (200, 2 * MS), (low, low + 20 * MS));
        }
        10 => {
            let forget = w.rng.chance(600);
            w.database_stops(forget);
            let length = w.rng.range(50 * MS, 12 * SECOND);
            w.run_until(w.now + length);
            w.database_starts();
        }
        11 => {
            let kept = keys.iter().filter(|_| w.rng.chance(700));
            let def = w.nodes[n].def.clone();
            let kept = kept.map(|k| (k.clone(), def.clone())).collect::<std::collections::BTreeMap<_, _>>();
            w.nodes[n].keys = kept.clone();
            w.input(n, Input::Declare(kept));
        }
        12 => {
            let (k, paused) = (w.rng.range(0, keys.len() as u64) as usize, w.rng.chance(600));
            w.pause(&keys[k], paused);
        }
        13 => {
            // The same node id once more.
            let name = w.nodes[n].name.clone();
            let twin = w.add_node(&name, keys);
            w.start(twin);
        }
        14 => roll_out(w, n),
        _ => {
            let by = w.rng.range(0, 120 * SECOND) as i64 - 60 * SECOND as i64;
            w.step_wall(n, by);
        }
    }
}

/// A new definition: one process has it at once, the others when they start next.
fn roll_out(w: &mut World, n: usize) {
    let next = w.deployed.trim_start_matches('d').parse::<u32>().unwrap() + 1;
    w.deployed = format!("d{next}").into();
    w.crash(n);
    w.start(n);
}

fn heal(w: &mut World, count: usize) {
    for n in 0..count {
        w.nodes[n].cut_requests = false;
        w.nodes[n].cut_replies = false;
        w.set_latency(n, (200, 5 * MS), (200, 5 * MS));
    }
}

/// Faults end; the bounds on recovery, balance and rest must hold.
fn calm(w: &mut World, count: usize, keys: &[Key]) {
    let all = w.nodes.len();
    heal(w, all);
    for n in count..all {
        if w.nodes[n].process.is_some() {
            w.crash(n);
        }
    }
    keys.iter().for_each(|k| w.pause(k, false));
    // What everybody has undeployed: its row stays, and must not disturb the others.
    w.table.create(&[Key::new("orphan")]);
    w.run_until(w.now + 21 * SECOND); // the longest freeze ends
    // Who has not been restarted since the last roll-out gets the new definition while it runs.
    let offer: std::collections::BTreeMap<_, _> =
        keys.iter().map(|k| (k.clone(), w.deployed.clone())).collect();
    for n in 0..count {
        w.nodes[n].def = w.deployed.clone();
        w.nodes[n].keys = offer.clone();
        w.start(n);
        w.input(n, Input::Declare(offer.clone()));
    }
    // L1 and L3: twice the bound, and room for hung statements of the past.
    w.run_until(w.now + 2 * w.timing.takeover_bound().as_micros() as u64 + 2 * SECOND);
    let started = w.now;
    let fires = w.fires.clone();
    w.run_until(w.now + 20 * SECOND);
    if !w.oracle.violations.is_empty() {
        return;
    }
    let mut load = vec![0_u64; count];
    for key in keys {
        match w.runner(key) {
            Some(n) => load[n.min(count - 1)] += 1,
            None => w.oracle.violations.push(format!("L1: {key} runs nowhere")),
        }
        let done = w.limits.contains_key(key);
        let more = w.fires.get(key).copied().unwrap_or(0) > fires.get(key).copied().unwrap_or(0);
        w.oracle.require(more || done, || format!("C6: {key} does not fire"));
    }
    w.run_until(w.now + 20 * SECOND);
    let spread = load.iter().max().unwrap_or(&0) - load.iter().min().unwrap_or(&0);
    w.oracle.require(spread <= 1, || format!("balance: {load:?} since {started}"));
    let still = w.now - w.last_start >= 15 * SECOND;
    w.oracle.require(still, || "L2: still moving".into());
}

fn run_seeds(from: u64, count: u64, flaw: Flaw) -> Option<(u64, World)> {
    let next = AtomicU64::new(from);
    let found = std::sync::Mutex::new(None);
    let totals = [const { AtomicU64::new(0) }; 4];
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= from + count || found.lock().unwrap().is_some() {
                        return;
                    }
                    let w = trial(seed, flaw);
                    let fires: u64 = w.fires.values().sum();
                    for (total, n) in
                        totals.iter().zip([w.now / SECOND, w.starts, fires, w.oracle.refused_effects])
                    {
                        total.fetch_add(n, Ordering::Relaxed);
                    }
                    if !w.oracle.violations.is_empty() {
                        *found.lock().unwrap() = Some((seed, w));
                    }
                }
            });
        }
    });
    let [seconds, starts, fires, refused] = totals.map(AtomicU64::into_inner);
    println!(
        "{flaw:?}: {seconds} s simulated, {starts} terms, {fires} fires, {refused} late effects refused"
    );
    found.into_inner().unwrap()
}

#[test]
fn every_invariant_holds_for_thousands_of_seeds() {
    let (from, count) = match number("GANGLION_SEED") {
        Some(seed) => (seed, 1),
        None => (0, number("GANGLION_SEEDS").unwrap_or(3000)),
    };
    let begun = std::time::Instant::now();
    if let Some((seed, w)) = run_seeds(from, count, Flaw::None) {
        let log: Vec<String> = w.log.into_iter().collect();
        panic!("seed {seed} fails: {:#?}\n{}", w.oracle.violations, log.join("\n"));
    }
    println!("simulation: {count} seeds from {from} in {:?}", begun.elapsed());
}

/// The flaw must show as a breach of safety, one of the given invariants.
fn must_be_caught(flaw: Flaw, breaches: &[&str]) {
    let Some((seed, w)) = run_seeds(0, 3000, flaw) else { panic!("{flaw:?} was not noticed") };
    let breach = w.oracle.violations.iter().any(|v| breaches.iter().any(|b| v.starts_with(b)));
    assert!(breach, "{flaw:?} shows only as {:?}", w.oracle.violations);
    println!("{flaw:?} is caught by seed {seed}: {}", w.oracle.violations[0]);
}

#[test]
fn a_protocol_without_epochs_is_caught() {
    must_be_caught(Flaw::NoEpoch, &["I6", "I7", "C1"]);
}

#[test]
fn trust_from_the_reply_is_caught() {
    must_be_caught(Flaw::TrustFromReply, &["I4", "I5"]);
}

#[test]
fn trust_in_a_wall_clock_is_caught() {
    must_be_caught(Flaw::WallClock, &["I4", "I5"]);
}
