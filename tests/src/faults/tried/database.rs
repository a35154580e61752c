//! The database is stopped and started again.

use std::time::Duration;

use super::Tried;
use crate::faults::claims::Claim;
use crate::faults::cluster::Cluster;
use crate::faults::profile::RETURN;

/// Gated work stops while it is away, and goes on where it was once it answers again.
fn restart(c: &mut Cluster<'_>, away: Duration) -> Tried {
    c.start_mix(3)?;
    c.strike(&[])?;
    c.world.databases.stop(c.kind)?;
    let gone = c.now();
    c.wait_out(away);
    let from = gone + c.profile.silence();
    c.claim(Claim::Silent { process: None, from, to: c.now() });
    c.world.databases.resume(c.kind)?;
    let answers = c.now();
    c.lose_runs(1);
    c.expect_return(answers, RETURN);
    c.settle();
    c.expect_no_moves();
    Ok(())
}

/// The database is away for 1 s.
pub fn restart_1(c: &mut Cluster<'_>) -> Tried {
    restart(c, Duration::from_secs(1))
}

/// The database is away for 10 s.
pub fn restart_10(c: &mut Cluster<'_>) -> Tried {
    restart(c, Duration::from_secs(10))
}

/// The database is away for 60 s.
pub fn restart_60(c: &mut Cluster<'_>) -> Tried {
    restart(c, Duration::from_secs(60))
}
