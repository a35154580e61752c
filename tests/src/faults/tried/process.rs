//! Faults of a process: killed, asked to end, frozen.

use crate::faults::claims::Claim;
use crate::faults::cluster::Cluster;

/// kill -9: others take over within the bound.
pub fn kill(c: &mut Cluster<'_>) -> Result<(), String> {
    c.start_mix(3)?;
    let at = c.busiest()?;
    let victims = c.strike(&[at])?;
    let since = c.struck;
    c.node_mut(at)?.kill();
    c.lose_runs(1);
    c.taken_over(&victims, since, c.profile.bound * 2);
    c.claim(Claim::Takeover { victims, since, bound: c.profile.bound });
    c.settle()
}
