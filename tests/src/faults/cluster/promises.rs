//! Striking, waiting until a cluster has recovered, and what is promised meanwhile. Whether a promise was
//! kept is judged later, from the record.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Cluster;
use crate::faults::claims::Claim;
use crate::faults::profile::{HAND_OVER, SLACK};
use crate::faults::rules::{Finite, Suspect};

impl Cluster<'_> {
    /// Notes that a fault strikes now: when, and from then on which processes may be late.
    pub fn strike(&mut self, at: &[usize]) -> Result<Vec<String>, String> {
        let since = self.now();
        self.struck = since;
        let processes: Result<Vec<String>, String> = at.iter().map(|n| self.process(*n)).collect();
        let processes = processes?;
        self.suspects.extend(processes.iter().map(|p| Suspect { process: p.clone(), since }));
        Ok(processes)
    }

    /// A crash may swallow this many runs that were claimed and not started, of each finite task.
    pub fn lose_runs(&mut self, most: i64) {
        self.finite.iter_mut().for_each(|task| task.may_lose = most);
    }

    /// Waits until a run has begun on a node, so that the fault strikes while it is in flight.
    pub fn in_flight(&self, at: usize) -> Result<(), String> {
        let (process, begun) = (self.process(at)?, self.now());
        self.until(self.profile.bound, &format!("a run on {process}"), |c| {
            c.sink.look(|r| r.starts().next_back().is_some_and(|e| e.process == process && e.at > begun))
        })
    }

    /// Promises that what these processes had starts elsewhere within the bound, and waits for it.
    pub fn expect_takeover(&mut self, victims: &[String], bound: Duration) {
        let (tasks, since) = (self.gated(), self.struck);
        self.taken_over(victims, since, bound + self.profile.bound);
        self.claims.push(Claim::Takeover { tasks, victims: victims.to_vec(), since, bound });
    }

    /// Asks a node to end, waits until it has, and promises that its work went on elsewhere.
    pub fn hand_over(&mut self, at: usize, tasks: Vec<String>) -> Result<(), String> {
        let (since, victim) = (self.now(), self.process(at)?);
        self.node(at)?.terminate();
        let ended = self.node_mut(at)?.wait(Duration::from_secs(10));
        self.fact("SIGTERM", ended.is_some_and(|s| s.success()), format!("{victim} ended with {ended:?}"));
        self.slots.get_mut(at).ok_or("no such node")?.node = None;
        self.taken_over(std::slice::from_ref(&victim), since, HAND_OVER * 3);
        self.claims.push(Claim::HandOver { tasks, victim, since, bound: HAND_OVER });
        Ok(())
    }

    /// Promises that no owner changes between the fault and now.
    pub fn expect_no_moves(&mut self) {
        let (from, to) = (self.struck, self.now());
        self.claims.push(Claim::NoMoves { from, to });
    }

    /// Promises that every steady task starts within `bound` from `since` on.
    pub fn expect_return(&mut self, since: Duration, bound: Duration) {
        let tasks = self.steady();
        self.running().ok();
        self.claims.push(Claim::Return { tasks, since, bound });
    }

    /// Waits until what these processes had has started elsewhere, or its time is over. Whether it
    /// was in time is judged later.
    pub fn taken_over(&self, victims: &[String], since: Duration, limit: Duration) {
        let had: Vec<String> = self.sink.look(|r| {
            r.owners(since).into_iter().filter(|(_, owner)| victims.contains(owner)).map(|(t, _)| t).collect()
        });
        let steady = self.steady();
        let end = Instant::now() + limit;
        while Instant::now() < end {
            let done = self.sink.look(|r| {
                had.iter().filter(|t| steady.contains(t)).all(|task| {
                    r.starts().any(|e| e.at >= since && e.task == *task && !victims.contains(&e.process))
                })
            });
            if done {
                return;
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// The end of every fault: within twice the bound all work runs at its rate on one owner each,
    /// finite tasks make their last runs, and all files are done.
    pub fn settle(&mut self) {
        // A failure to come back shows in the claim below.
        self.running().ok();
        let from = self.now();
        let window = Duration::from_millis(3200);
        self.wait_out(window);
        let (tasks, to) = (self.steady(), self.now());
        self.claims.push(Claim::Settled { tasks, from, to, least: 2 });
        // Its last runs may have waited until the fault was over.
        let limit = self.profile.bound * 2;
        for Finite { task, count, may_lose } in self.finite.clone() {
            let made = |c: &Self| {
                c.sink.look(|r| r.starts().filter(|e| e.task == task).map(|e| e.run).max()).unwrap_or(0)
            };
            let what = format!("{task} makes its {count} runs");
            // What is missing is found by the rules, with what may be missing.
            self.until(limit + Duration::from_secs(12), &what, |c| made(c) >= count - may_lose).ok();
            self.wait_out(SLACK);
        }
    }

    /// Adds a promise.
    pub fn claim(&mut self, claim: Claim) {
        self.claims.push(claim);
    }

    /// Adds something that was asked and answered.
    pub fn fact(&mut self, rule: &'static str, holds: bool, what: impl Into<String>) {
        let at = self.now();
        self.claims.push(Claim::Fact { rule, at, holds, what: what.into() });
    }
}
