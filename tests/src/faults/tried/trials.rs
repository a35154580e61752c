//! The same fault many times on one cluster, to see how its gaps are spread.

use std::time::Duration;

use super::Tried;
use crate::faults::claims::Gap;
use crate::faults::cluster::Cluster;
use crate::faults::home::Artifact;

const TRIALS: u64 = 30;

fn start(c: &mut Cluster<'_>) -> Result<(), String> {
    let artifacts: Vec<Artifact> = (1..=6).map(|n| Artifact::each_second(&format!("t{n}"))).collect();
    for n in 1..=3 {
        let at = c.slot(&format!("n{n}"), &artifacts)?;
        c.start(at)?;
    }
    c.joined(3)?;
    c.running()
}

/// Keeps the gap that the last claim shows.
fn sample(c: &mut Cluster<'_>) {
    let gap: Option<Gap> = c.claims.last().and_then(|claim| c.sink.look(|r| claim.judge(r).0));
    c.samples.extend(gap);
}

/// Replaces the process, and lets the next fault fall into another part of a second.
fn next(c: &mut Cluster<'_>, at: usize, trial: u64) -> Result<(), String> {
    c.start(at)?;
    c.joined(3)?;
    c.running()?;
    c.wait_out(Duration::from_millis(trial * 137 % 1000));
    Ok(())
}

/// kill -9 of the busiest node, again and again.
pub fn kill(c: &mut Cluster<'_>) -> Tried {
    start(c)?;
    for trial in 0..TRIALS {
        let at = c.busiest()?;
        let victims = c.strike(&[at])?;
        c.node_mut(at)?.kill();
        c.expect_takeover(&victims, c.profile.bound);
        sample(c);
        next(c, at, trial)?;
    }
    c.settle();
    Ok(())
}

/// SIGTERM of the busiest node, again and again.
pub fn terminate(c: &mut Cluster<'_>) -> Tried {
    start(c)?;
    for trial in 0..TRIALS {
        let at = c.busiest()?;
        c.hand_over(at, c.gated())?;
        sample(c);
        next(c, at, trial)?;
    }
    c.settle();
    Ok(())
}
