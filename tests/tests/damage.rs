//! A thousand artifacts with random damage: reading and compiling them reports, and never panics.

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use harness::damage::{Dice, damage};
use harness::{corpus, seeds};

const ROUNDS: u64 = 1_000;

#[test]
fn damaged_artifacts_are_reported_and_never_panic() {
    let mut seeds = seeds::own();
    assert!(seeds.len() > 40, "the project's own cases are missing: {} artifacts", seeds.len());
    seeds.extend(seeds::corpus(5));
    let (mut refused, mut broken) = (0, Vec::new());
    for round in 0..ROUNDS {
        let mut dice = Dice::new(round);
        let seed = &seeds[dice.below(seeds.len())];
        let text = damage(&seed.text, &mut dice);
        match catch_unwind(AssertUnwindSafe(|| corpus::ask(&seed.kind, "damaged.xml", &text))) {
            Ok(corpus::Word::Refused(_)) => refused += 1,
            Ok(corpus::Word::Accepted) => {}
            Err(_) => broken.push(format!("seed {round}: {}", String::from_utf8_lossy(&text))),
        }
    }
    assert!(broken.is_empty(), "{} panics; the first:\n{}", broken.len(), broken[0]);
    assert!(refused > ROUNDS / 2, "damage that nobody notices proves nothing: {refused} refused");
}
