//! One node with one task that fires every 50 ms, telling on stdout what it does.
//!
//! `node ADDRESS GROUP NAME`, for example three times with `sqlite:/tmp/c.db demo n1`. Kill the one
//! that fires, stop and continue it, end it with SIGTERM, and watch who goes on, under which epoch.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use std::sync::Arc;
use std::time::Duration;

use coordination::clock::SystemClock;
use coordination::store::address::Address;
use coordination::timing::Timing;
use coordination::{Activation, Config, Coordinator, Guard, Handle};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut args = std::env::args().skip(1);
    let mut next = |what: &str| args.next().unwrap_or_else(|| panic!("missing: {what}"));
    let (address, group, name) = (next("address"), next("group"), next("name"));
    let store = Address::parse(&address, None, None).unwrap().open(&group, 4).unwrap();
    let config = Config { timing: Timing::fast(), group: group.into(), ..Config::new(&name) };
    let node = Coordinator::start(config, store, Arc::new(SystemClock)).unwrap();
    let mut task = node.register(&Activation::exclusive("task", ""));
    println!("ready");
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    let leaving = node.clone();
    let mut leave = tokio::spawn(async move {
        terminate.recv().await;
        leaving.shutdown(Duration::from_secs(5)).await;
    });
    loop {
        tokio::select! {
            guard = task.next() => match guard {
                Some(guard) => run(&node, guard).await,
                None => break,
            },
            _ = &mut leave => break,
        }
    }
    println!("left");
}

async fn run(node: &Handle, guard: Guard) {
    println!("start {}", guard.epoch());
    while guard.stop().is_none() {
        if guard.claim_fire(node.now().0, None).await.is_ok() {
            println!("fire {}", guard.epoch());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(50)) => {}
            _ = guard.ended() => {}
        }
    }
    println!("stop {} {}", guard.epoch(), guard.stop().map_or("", |why| why.word()));
}
