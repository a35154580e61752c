//! Nodes whose artifacts differ, or change.

use std::time::Duration;

use super::Tried;
use crate::faults::claims::Claim;
use crate::faults::cluster::Cluster;
use crate::faults::home::{self, Artifact};
use crate::faults::profile::RETURN;

/// A task that only two of three nodes have stays on these two.
pub fn partial(c: &mut Cluster<'_>) -> Tried {
    let all = c.mix()?;
    let mut more = all.clone();
    more.push(Artifact::each_second("partial"));
    for (name, artifacts) in [("n1", &more), ("n2", &more), ("n3", &all)] {
        let at = c.slot(name, artifacts)?;
        c.start(at)?;
    }
    c.balanced()?;
    let owner = c.sink.look(|r| r.owners(Duration::MAX).get("partial").cloned());
    let at = c.all().into_iter().find(|n| c.process(*n).ok() == owner);
    let at = at.ok_or("nobody has the task that two nodes deploy".to_owned())?;
    let victims = c.strike(&[at])?;
    c.node_mut(at)?.kill();
    c.lose_runs(1);
    c.claim(Claim::OnlyOn { task: "partial".into(), nodes: vec!["n1".into(), "n2".into()] });
    c.expect_takeover(&victims, c.profile.bound);
    c.settle();
    Ok(())
}

/// One node after the other is replaced by one that has `new` and no longer `old`.
pub fn rolling(c: &mut Cluster<'_>) -> Tried {
    let kept = c.mix()?;
    let with = |name: &str| [kept.clone(), vec![Artifact::each_second(name)]].concat();
    for n in 1..=3 {
        let at = c.slot(&format!("n{n}"), &with("old"))?;
        c.start(at)?;
    }
    c.balanced()?;
    c.strike(&[])?;
    let stays: Vec<String> = c.gated().into_iter().filter(|task| task != "old").collect();
    for at in 0..3 {
        c.hand_over(at, stays.clone())?;
        if let Some(slot) = c.slots.get_mut(at) {
            slot.artifacts = with("new");
        }
        c.start(at)?;
        c.joined(3)?;
        if at == 0 {
            let since = c.now();
            c.claim(Claim::Return { tasks: vec!["new".into()], since, bound: RETURN });
        }
        c.running_except("old")?;
    }
    let (from, to) = (c.struck, c.now());
    c.claim(Claim::Gone { task: "old".into(), after: to });
    c.settle();
    c.claim(Claim::Moves { from, to: c.now(), most: 2 * (kept.len() + 2) });
    Ok(())
}

/// One task changes and one is added on all nodes while they run: what did not change stays.
pub fn redeploy(c: &mut Cluster<'_>) -> Tried {
    c.start_mix(3)?;
    c.strike(&[])?;
    let changed = Artifact::Interval { name: "t1".into(), seconds: 2, count: None };
    let added = Artifact::each_second("added");
    for slot in &mut c.slots {
        slot.artifacts.retain(|a| a.name() != "t1");
        slot.artifacts.extend([changed.clone(), added.clone()]);
    }
    for at in c.all() {
        let home = c.home(at)?;
        for artifact in [&changed, &added] {
            home::deploy(&home, artifact).map_err(|e| e.to_string())?;
        }
    }
    let limit = Duration::from_secs(home::SCAN_SECONDS) + c.profile.bound;
    c.until(limit, "the added task runs", |c| c.sink.look(|r| r.starts().any(|e| e.task == "added")))?;
    c.until(limit, "every node has the new artifacts", |c| {
        c.nodes().all(|n| n.log().contains("the new deployment takes over"))
    })?;
    c.running()?;
    let (tasks, from) = (vec!["t1".to_owned()], c.now());
    c.settle();
    c.wait_out(Duration::from_secs(3));
    c.claim(Claim::Settled { tasks, from, to: c.now(), least: 2 });
    c.claim(Claim::Moves { from: c.struck, to: c.now(), most: 3 });
    Ok(())
}
