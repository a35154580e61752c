//! Faults of a process: killed, asked to end, frozen.

use std::time::Duration;

use super::Tried;
use crate::faults::cluster::Cluster;
use crate::faults::profile::HAND_OVER;

/// kill -9: others take over within the bound.
pub fn kill(c: &mut Cluster<'_>) -> Tried {
    c.start_mix(3)?;
    let at = c.busiest()?;
    c.in_flight(at)?;
    let victims = c.strike(&[at])?;
    c.node_mut(at)?.kill();
    c.lose_runs(1);
    c.expect_takeover(&victims, c.profile.bound);
    c.settle();
    Ok(())
}

/// SIGTERM: work moves as soon as its runs have ended.
pub fn terminate(c: &mut Cluster<'_>) -> Tried {
    c.start_mix(3)?;
    let at = c.busiest()?;
    c.in_flight(at)?;
    c.strike(&[])?;
    c.hand_over(at, c.gated())?;
    c.settle();
    Ok(())
}

/// SIGSTOP for three leases: others take over; after the thaw nothing starts under an old epoch, and
/// the process joins again.
pub fn freeze(c: &mut Cluster<'_>) -> Tried {
    c.start_mix(3)?;
    let at = c.busiest()?;
    c.in_flight(at)?;
    let victims = c.strike(&[at])?;
    let begun = c.struck;
    c.node(at)?.freeze();
    c.lose_runs(1);
    c.expect_takeover(&victims, c.profile.bound);
    c.wait_out((c.profile.lease * 3).saturating_sub(c.now() - begun));
    c.node(at)?.thaw();
    c.joined(3)?;
    c.settle();
    Ok(())
}

/// SIGSTOP for less than the fence leaves room for: nothing moves.
pub fn short_freeze(c: &mut Cluster<'_>) -> Tried {
    c.start_mix(3)?;
    let at = c.busiest()?;
    c.in_flight(at)?;
    c.strike(&[at])?;
    c.node(at)?.freeze();
    c.wait_out(c.profile.fence - c.profile.heartbeat - Duration::from_millis(200));
    c.node(at)?.thaw();
    let thawed = c.now();
    c.expect_return(thawed, HAND_OVER);
    c.settle();
    c.expect_no_moves();
    Ok(())
}
