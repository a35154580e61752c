//! Who is who: one node id twice, two groups in one database.

use super::Tried;
use crate::faults::claims::Claim;
use crate::faults::cluster::Cluster;
use crate::faults::home::Artifact;
use crate::faults::verdict::{Known, judge};

/// A second process with the id of a node that lives waits and says so; it takes part when that ends.
pub fn duplicate(c: &mut Cluster<'_>) -> Tried {
    c.start_mix(3)?;
    c.strike(&[])?;
    let artifacts = c.slots.first().map(|s| s.artifacts.clone()).unwrap_or_default();
    let twin = c.slot("twin", &artifacts)?;
    c.slots.get_mut(twin).ok_or("no twin".to_owned())?.node_id = Some("n1".into());
    let from = c.now();
    c.start(twin)?;
    let limit = c.profile.bound * 2;
    c.until(limit, "the second process says that its id is taken", |c| {
        let node = c.node(twin);
        node.is_ok_and(|n| n.status().is_some_and(|s| s["duplicateNode"] == true))
    })?;
    c.wait_out(c.profile.lease * 2);
    let said = c.node(twin)?.log().contains("is a duplicate node");
    c.fact("duplicate", said, "the second process logged nothing about its id");
    let (process, to) = (c.process(twin)?, c.now());
    c.claim(Claim::Silent { process: Some(process), from, to });
    c.expect_no_moves();
    c.hand_over(0, c.gated())?;
    c.until(limit, "the second process is a member", |c| {
        c.node(twin).is_ok_and(|n| n.status().is_some_and(|s| s["phase"] == "member"))
    })?;
    c.settle();
    Ok(())
}

/// Two groups with the same node ids and the same artifacts: what happens in one does not touch the
/// other.
pub fn groups(c: &mut Cluster<'_>) -> Tried {
    let artifacts: Vec<Artifact> = ["a", "b", "c", "d"].map(Artifact::each_second).to_vec();
    let mut other =
        Cluster::new(c.world, c.kind, c.profile, &c.folder("other"), format!("{}-other", c.group))?;
    for cluster in [&mut *c, &mut other] {
        for n in 1..=2 {
            let at = cluster.slot(&format!("n{n}"), &artifacts)?;
            cluster.start(at)?;
        }
    }
    c.balanced()?;
    other.balanced()?;
    let at = c.busiest()?;
    let victims = c.strike(&[at])?;
    other.strike(&[])?;
    c.node_mut(at)?.kill();
    c.expect_takeover(&victims, c.profile.bound);
    c.settle();
    other.settle();
    other.expect_no_moves();
    other.joined(2)?;
    let known = Known { struck: other.struck, claims: std::mem::take(&mut other.claims), ..Known::default() };
    let judged = judge(&other.sink.record(), &known);
    c.fact("I10", judged.violations.is_empty(), format!("in the other group: {:?}", judged.violations));
    Ok(())
}
