//! All faults: name, what is done, and when it is tried.

use super::cluster::Cluster;
use super::tried::{self, Tried, network as net};

/// Which runs try a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `short` and `long`.
    Always,
    /// `long` only.
    Long,
    /// `long` only, in both profiles.
    Trials,
}

/// One fault.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// As `faults only` takes it.
    pub name: &'static str,
    /// What is done, in a few words.
    pub about: &'static str,
    /// Which runs try it.
    pub form: Form,
    /// It restarts the database, or needs the machine for itself.
    pub is_alone: bool,
    /// Does it to a cluster without nodes, and says what is promised.
    pub run: fn(&mut Cluster<'_>) -> Tried,
}

const fn fault(
    name: &'static str,
    about: &'static str,
    form: Form,
    run: fn(&mut Cluster<'_>) -> Tried,
) -> Fault {
    Fault { name, about, form, is_alone: false, run }
}

const fn alone(
    name: &'static str,
    about: &'static str,
    form: Form,
    run: fn(&mut Cluster<'_>) -> Tried,
) -> Fault {
    Fault { name, about, form, is_alone: true, run }
}

use Form::{Always, Long, Trials};

/// In the order of the report.
pub const FAULTS: &[Fault] = &[
    fault("kill", "kill -9 of the busiest node", Always, tried::process::kill),
    fault("term", "SIGTERM of the busiest node", Always, tried::process::terminate),
    fault("freeze", "SIGSTOP for three leases, then SIGCONT", Always, tried::process::freeze),
    fault("short-freeze", "SIGSTOP for less than the fence", Long, tried::process::short_freeze),
    alone("restart-1", "the database is away for 1 s", Always, tried::database::restart_1),
    alone("restart-10", "the database is away for 10 s", Long, tried::database::restart_10),
    alone("restart-60", "the database is away for 60 s", Long, tried::database::restart_60),
    fault("stall", "nothing gets through for 1.5 s", Long, net::stall),
    fault("cut-one", "one node's connections are cut", Always, net::cut_one),
    fault("cut-all", "all connections are cut", Always, net::cut_all),
    fault("black-hole", "one node's connections swallow everything", Long, net::black_hole_one),
    fault("lose-replies", "one node's statements are done, their answers lost", Always, net::lose_replies),
    fault("lose-requests", "one node's statements are lost", Long, net::lose_requests),
    fault("latency-0.5", "one node's round trips take 0.5 s more", Long, net::latency_500),
    fault("latency-1", "one node's round trips take 1 s more", Always, net::latency_1000),
    fault("latency-3", "one node's round trips take 3 s more", Long, net::latency_3000),
    fault("latency-0.5-all", "all round trips take 0.5 s more", Long, net::latency_500_all),
    fault("latency-1-all", "all round trips take 1 s more", Long, net::latency_1000_all),
    fault("latency-3-all", "all round trips take 3 s more", Long, net::latency_3000_all),
    fault("clock-ahead", "one node's clock is set an hour ahead", Long, tried::clock::ahead),
    fault("clock-behind", "one node's clock is set an hour back", Long, tried::clock::behind),
    fault("duplicate", "a second process with the id of a node", Always, tried::identity::duplicate),
    fault("groups", "two groups in one database", Long, tried::identity::groups),
    fault("partial", "a task that only two nodes have", Always, tried::artifacts::partial),
    fault(
        "rolling",
        "all nodes are replaced; a task is added, one removed",
        Always,
        tried::artifacts::rolling,
    ),
    fault("redeploy", "a task is changed, one added, while all run", Always, tried::artifacts::redeploy),
    alone("scale", "one node, five nodes, one node", Long, tried::load::scale),
    alone("thousand", "a thousand tasks, and a node that joins", Long, tried::load::thousand),
    fault("trials-kill", "kill -9, thirty times", Trials, tried::trials::kill),
    fault("trials-term", "SIGTERM, thirty times", Trials, tried::trials::terminate),
];
