//! Faults between the nodes and the database.

use std::time::Duration;

use super::Tried;
use crate::faults::claims::Claim;
use crate::faults::cluster::Cluster;
use crate::faults::profile::RETURN;
use crate::faults::proxy::Toxic;

/// Claims of a task that is due each second, carried out without an answer until trust ends: these
/// fires are skipped, which is the safe side, and a finite task has made fewer runs.
fn unanswered(c: &Cluster<'_>) -> i64 {
    let seconds = i64::try_from(c.profile.fence.as_secs()).unwrap_or(i64::MAX);
    seconds.saturating_add(1)
}

/// All nodes are cut off without a reset for a moment: nothing moves.
pub fn stall(c: &mut Cluster<'_>) -> Tried {
    c.start_mix(3)?;
    c.strike(&c.all())?;
    c.toxic(&c.all(), Toxic::BLACK_HOLE);
    c.wait_out(Duration::from_millis(1500));
    c.toxic(&c.all(), Toxic::NONE);
    c.lose_runs(unanswered(c));
    c.expect_return(c.now(), RETURN);
    c.settle();
    c.expect_no_moves();
    Ok(())
}

/// Something happens to one node's connections: it falls silent, others take over within `bound`, and
/// it joins again when that is over.
fn lose_one(c: &mut Cluster<'_>, toxic: Toxic, bound: Duration) -> Tried {
    c.start_mix(3)?;
    let at = c.busiest()?;
    let victims = c.strike(&[at])?;
    c.toxic(&[at], toxic);
    c.lose_runs(unanswered(c));
    c.expect_takeover(&victims, bound);
    c.wait_out(c.profile.lease);
    let from = c.struck + c.profile.silence();
    c.claim(Claim::Silent { process: victims.first().cloned(), from, to: c.now() });
    c.toxic(&[at], Toxic::NONE);
    c.joined(3)?;
    c.settle();
    Ok(())
}

/// Something happens to all connections: all fall silent, and go on where they were.
fn lose_all(c: &mut Cluster<'_>, toxic: Toxic) -> Tried {
    c.start_mix(3)?;
    c.strike(&c.all())?;
    c.toxic(&c.all(), toxic);
    c.lose_runs(unanswered(c));
    c.wait_out(c.profile.lease * 2);
    let from = c.struck + c.profile.silence();
    c.claim(Claim::Silent { process: None, from, to: c.now() });
    c.toxic(&c.all(), Toxic::NONE);
    c.expect_return(c.now(), RETURN);
    c.settle();
    c.expect_no_moves();
    Ok(())
}

/// One node's connections are closed and refused.
pub fn cut_one(c: &mut Cluster<'_>) -> Tried {
    lose_one(c, Toxic::CUT, c.profile.bound)
}

/// All connections are closed and refused.
pub fn cut_all(c: &mut Cluster<'_>) -> Tried {
    lose_all(c, Toxic::CUT)
}

/// One node's connections stay open and carry nothing.
pub fn black_hole_one(c: &mut Cluster<'_>) -> Tried {
    lose_one(c, Toxic::BLACK_HOLE, c.profile.bound)
}

/// Renewals after the fault are still carried out, though nobody hears of them: one on each of the two
/// connections that are held ready for it. The lease is counted from the second.
fn last_renewal(c: &Cluster<'_>) -> Duration {
    c.profile.heartbeat + c.profile.statement
}

/// One node's statements are carried out, their answers lost.
pub fn lose_replies(c: &mut Cluster<'_>) -> Tried {
    lose_one(c, Toxic::LOSE_REPLIES, c.profile.bound + last_renewal(c))
}

/// One node's statements never arrive.
pub fn lose_requests(c: &mut Cluster<'_>) -> Tried {
    lose_one(c, Toxic::LOSE_REQUESTS, c.profile.bound)
}

/// Below the limit of a statement nothing moves; above it the node is as good as cut off.
fn latency_of_one(c: &mut Cluster<'_>, length: Duration) -> Tried {
    if length < c.profile.statement {
        return slow(c, &[0], length);
    }
    lose_one(c, Toxic::latency(length), c.profile.bound + last_renewal(c) + length / 2)
}

fn latency_of_all(c: &mut Cluster<'_>, length: Duration) -> Tried {
    if length < c.profile.statement {
        return slow(c, &[0, 1, 2], length);
    }
    lose_all(c, Toxic::latency(length))
}

/// Slow, but within the limit.
fn slow(c: &mut Cluster<'_>, at: &[usize], length: Duration) -> Tried {
    c.start_mix(3)?;
    c.strike(&[])?;
    c.toxic(at, Toxic::latency(length));
    c.wait_out(c.profile.lease * 2);
    c.toxic(at, Toxic::NONE);
    c.settle();
    c.expect_no_moves();
    Ok(())
}

/// One node's round trips take 0.5 s more.
pub fn latency_500(c: &mut Cluster<'_>) -> Tried {
    latency_of_one(c, Duration::from_millis(500))
}

/// One node's round trips take 1 s more.
pub fn latency_1000(c: &mut Cluster<'_>) -> Tried {
    latency_of_one(c, Duration::from_secs(1))
}

/// One node's round trips take 3 s more.
pub fn latency_3000(c: &mut Cluster<'_>) -> Tried {
    latency_of_one(c, Duration::from_secs(3))
}

/// All round trips take 0.5 s more.
pub fn latency_500_all(c: &mut Cluster<'_>) -> Tried {
    latency_of_all(c, Duration::from_millis(500))
}

/// All round trips take 1 s more.
pub fn latency_1000_all(c: &mut Cluster<'_>) -> Tried {
    latency_of_all(c, Duration::from_secs(1))
}

/// All round trips take 3 s more.
pub fn latency_3000_all(c: &mut Cluster<'_>) -> Tried {
    latency_of_all(c, Duration::from_secs(3))
}
