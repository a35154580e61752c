//! More nodes, more tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::Tried;
use crate::faults::claims::Claim;
use crate::faults::cluster::Cluster;
use crate::faults::home::Artifact;
use crate::faults::sink::Sink;

/// One node, five nodes, one node again: work spreads and comes back.
pub fn scale(c: &mut Cluster<'_>) -> Tried {
    let artifacts = c.mix()?;
    for n in 1..=5 {
        c.slot(&format!("n{n}"), &artifacts)?;
    }
    c.start(0)?;
    c.balanced()?;
    c.strike(&[])?;
    for at in 1..5 {
        c.start(at)?;
    }
    c.balanced()?;
    let (from, to, tasks) = (c.struck, c.now(), artifacts.len());
    // Four fifths must move; a node that joined before the others may have taken what they get later.
    c.claim(Claim::Moves { from, to, most: tasks * 4 / 5 + 4 });
    for at in (1..5).rev() {
        c.hand_over(at, c.gated())?;
    }
    c.settle();
    Ok(())
}

/// Owners as a node sees them, without those it does not know.
fn owners(status: &Value) -> BTreeMap<String, String> {
    let all = status["activations"].as_array().into_iter().flatten();
    let pair = |a: &Value| Some((a["activation"].as_str()?.to_owned(), a["node"].as_str()?.to_owned()));
    all.filter_map(pair).collect()
}

/// The most and the least loaded of `nodes` nodes.
fn spread(owners: &BTreeMap<String, String>, nodes: usize) -> (usize, usize) {
    let mut loads: BTreeMap<&str, usize> = BTreeMap::new();
    owners.values().for_each(|node| *loads.entry(node).or_default() += 1);
    let least = if loads.len() < nodes { 0 } else { loads.values().copied().min().unwrap_or(0) };
    (loads.values().copied().max().unwrap_or(0), least)
}

const TASKS: usize = 1000;
/// Runs of one task are this far apart: fifty starts a second in all would be work for the sink.
const EVERY: u32 = 40;
const WATCHED: Duration = Duration::from_secs(20);

/// A thousand tasks on two nodes; a third joins and gets its share, and no more moves than that. When
/// nothing happens a heartbeat costs a renewal and a look.
pub fn thousand(c: &mut Cluster<'_>) -> Tried {
    c.sink = Sink::start([Duration::ZERO; 3]).map_err(|e| e.to_string())?;
    let task = |n| Artifact::Interval { name: format!("t{n}"), seconds: EVERY, count: None };
    let artifacts: Vec<Artifact> = (0..TASKS).map(task).collect();
    for n in 1..=2 {
        let at = c.slot(&format!("n{n}"), &artifacts)?;
        c.start(at)?;
    }
    let before = even(c, 2)?;
    c.strike(&[])?;
    let joins = c.slot("n3", &artifacts)?;
    c.start(joins)?;
    let after = even(c, 3)?;
    let moved = after.iter().filter(|(task, node)| before.get(*task) != Some(node)).count();
    let most = TASKS / 3 + TASKS / 3 / 4;
    c.notes.push(format!("a third node joined {TASKS} tasks: {moved} moved, loads {:?}", spread(&after, 3)));
    c.fact(
        "balance",
        moved <= most,
        format!("{moved} tasks moved for a joining node, at most {most} are due"),
    );
    quiet_cost(c)?;
    let from = c.now();
    c.wait_out(Duration::from_secs(u64::from(EVERY) + 5));
    let tasks = (0..TASKS).map(|n| format!("t{n}")).collect();
    c.claim(Claim::Settled { tasks, from, to: c.now(), least: 1 });
    Ok(())
}

/// Waits until all tasks are owned, with loads that differ by at most a quarter, and it stays so.
fn even(c: &Cluster<'_>, nodes: usize) -> Result<BTreeMap<String, String>, String> {
    let seen =
        |c: &Cluster<'_>| c.node(0).ok().and_then(|n| n.status()).map(|s| owners(&s)).unwrap_or_default();
    let mut last = BTreeMap::new();
    let mut stable = 0;
    c.until(Duration::from_secs(120), "a thousand tasks spread evenly", |c| {
        let now = seen(c);
        let (most, least) = spread(&now, nodes);
        let is_even = now.len() == TASKS && most * 4 <= least * 5;
        // Two seconds without a change: the joining node has got all it gets.
        stable = if is_even && now == last { stable + 1 } else { 0 };
        last = now;
        std::thread::sleep(Duration::from_millis(180));
        stable >= 10
    })?;
    Ok(last)
}

/// Statements of the protocol per node and heartbeat while nothing moves.
fn quiet_cost(c: &mut Cluster<'_>) -> Result<(), String> {
    let count = |c: &Cluster<'_>| -> Vec<f64> {
        c.nodes().filter_map(|n| n.metric("ganglion_coord_statements_total")).collect()
    };
    let (before, begun) = (count(c), c.now());
    c.wait_out(WATCHED);
    let (after, length) = (count(c), c.now() - begun);
    let beats = length.as_secs_f64() / c.profile.heartbeat.as_secs_f64();
    let per_beat: Vec<f64> = before.iter().zip(&after).map(|(b, a)| (a - b) / beats).collect();
    let most = per_beat.iter().copied().fold(0.0, f64::max);
    c.notes.push(format!(
        "at most {most:.2} statements per node and heartbeat over {:.0} s",
        length.as_secs_f64()
    ));
    // A beat more or less falls into the window.
    let holds = per_beat.len() == 3 && most <= 2.0 * (1.0 + 1.0 / beats);
    c.fact("cost", holds, format!("{per_beat:?} statements per node and heartbeat, 2 are promised"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_compared() {
        let status: Value = serde_json::json!({"activations": [
            {"activation": "a", "node": "n1"}, {"activation": "b", "node": "n1"},
            {"activation": "c", "node": "n2"}, {"activation": "d", "node": null}]});
        assert_eq!(spread(&owners(&status), 2), (2, 1));
        assert_eq!(spread(&owners(&status), 3), (2, 0), "the third has nothing");
    }
}
