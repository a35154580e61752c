//! The surface the runtime works with: start, register, be told, ask, leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::clock::{Clock, Timestamp};
use crate::driver::Driver;
use crate::guard::{Guard, within};
use crate::lease::{Key, Policy, storable};
use crate::member::{MAX_GROUP, MAX_NODE, problem_of_name};
use crate::metrics::{Counters, Sample};
use crate::placement::Placement;
use crate::protocol::{Protocol, Setup};
use crate::shared::{Registered, Shared, lock};
use crate::status::{Phase, Status};
use crate::store::{Store, StoreError};
use crate::timing::Timing;

/// Settings of one node.
#[derive(Clone, Debug)]
pub struct Config {
    /// Only nodes of one group see each other. The store is opened for the same group. Default
    /// `default`.
    pub group: Arc<str>,
    /// Name of this node, unique among live nodes: the pod's or host's name. A second live process
    /// with the same name waits and is reported.
    pub node: Arc<str>,
    /// Share of the work relative to other nodes. Default 1.
    pub weight: u32,
    /// Version of the program, shown in the member table.
    pub version: Arc<str>,
    /// All lengths of time. With the default the first run after a crash starts elsewhere within 6.6 s.
    pub timing: Timing,
    /// How work is spread; equal on all nodes. Default: in proportion to the weights.
    pub placement: Placement,
}

impl Config {
    /// Defaults for a node of this name.
    #[must_use]
    pub fn new(node: &str) -> Self {
        Self {
            group: "default".into(),
            node: node.into(),
            weight: 1,
            version: env!("CARGO_PKG_VERSION").into(),
            timing: Timing::default(),
            placement: Placement::default(),
        }
    }
}

/// Something that runs on some nodes.
#[derive(Clone, Debug)]
pub struct Activation {
    /// Its name, the same on all nodes.
    pub key: Key,
    /// On how many nodes it runs.
    pub policy: Policy,
    /// Fingerprint of what is to run. Another one starts finite counts anew. May be empty.
    pub definition: Arc<str>,
}

impl Activation {
    /// One owner in the group.
    #[must_use]
    pub fn exclusive(name: &str, definition: &str) -> Self {
        Self { key: Key::new(name), policy: Policy::Exclusive, definition: definition.into() }
    }
}

/// Entry point.
#[derive(Debug)]
pub struct Coordinator;

impl Coordinator {
    /// Starts taking part, in the Tokio runtime of the caller; see [`Coordinator::start_on`].
    ///
    /// # Errors
    /// The timing rules that are broken and the names that do not fit, one sentence each.
    pub fn start(
        config: Config,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Handle, Vec<String>> {
        Self::start_on(&tokio::runtime::Handle::current(), config, store, clock)
    }

    /// Starts taking part, with the heartbeat in this runtime: one of its own is not held up by work
    /// that forgets to wait. Returns at once, joining goes on in the background and is retried for as
    /// long as it takes.
    ///
    /// # Errors
    /// The timing rules that are broken and the names that do not fit, one sentence each.
    pub fn start_on(
        runtime: &tokio::runtime::Handle,
        config: Config,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Handle, Vec<String>> {
        let mut problems = config.timing.problems();
        problems.extend(problem_of_name("group", &config.group, MAX_GROUP));
        problems.extend(problem_of_name("node id", &config.node, MAX_NODE));
        if !problems.is_empty() {
            return Err(problems);
        }
        let setup = Setup {
            node: config.node.clone(),
            weight: config.weight,
            version: config.version.clone(),
            timing: config.timing.clone(),
            placement: config.placement.clone(),
            identity: uuid::Uuid::new_v4().as_u128(),
        };
        let shared = Shared::new(clock, Some(store.clone()), config.timing.clone());
        let driver = Driver::new(shared.clone(), store, Protocol::new(setup));
        runtime.spawn(driver.run());
        Ok(Handle { inner: Arc::new(Inner { shared, config, numbers: AtomicU64::new(1) }) })
    }

    /// Coordination off: every activation runs here, guards always hold, counts live in memory.
    #[must_use]
    pub fn off(node: &str, clock: Arc<dyn Clock>) -> Handle {
        let config = Config::new(node);
        let shared = Shared::new(clock, None, config.timing.clone());
        Handle { inner: Arc::new(Inner { shared, config, numbers: AtomicU64::new(1) }) }
    }
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    config: Config,
    numbers: AtomicU64,
}

/// A cheap, cloneable way to the coordinator.
#[derive(Clone, Debug)]
pub struct Handle {
    inner: Arc<Inner>,
}

impl Handle {
    /// Offers to run an activation on this node. A second registration of the same key replaces the
    /// first: the running term is asked to end and goes on under the new registration without
    /// changing its owner, so a redeployment costs no hand-over.
    #[must_use]
    pub fn register(&self, activation: &Activation) -> Registration {
        let mut keys = activation.policy.keys(&activation.key);
        let number = self.inner.numbers.fetch_add(1, Ordering::Relaxed);
        let (guards, receiver) = mpsc::channel(keys.len().max(1));
        let shared = &self.inner.shared;
        let definition = storable(&activation.definition);
        if keys.is_empty() || shared.store.is_none() {
            if matches!(activation.policy, Policy::EveryNode | Policy::Shared) {
                keys.push(activation.key.clone());
            }
            for key in &keys {
                shared.ungated.register(shared, key, &definition, number, &guards);
            }
            return Registration { handle: self.clone(), keys, number, receiver };
        }
        {
            let mut registered = lock(&shared.registered);
            for key in &keys {
                let entry = Registered { number, definition: definition.clone(), guards: guards.clone() };
                registered.insert(key.clone(), entry);
            }
        }
        shared.supersede(&keys);
        shared.declare();
        Registration { handle: self.clone(), keys, number, receiver }
    }

    /// Whether two handles lead to the same coordinator.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Whether a database coordinates this node.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.inner.shared.store.is_some()
    }

    /// The time all nodes agree on: the database's, carried on by uptime between two looks. Use it
    /// for scheduled instants, so that a wrong clock on one node has no effect. It goes back only when
    /// the database's clock was wrong by more than five minutes, and is not behind an instant that an
    /// earlier owner of a task of ours has claimed less than a minute ahead.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.inner.shared.now()
    }

    /// [`Handle::now`] with full precision, as the length since 1970.
    #[must_use]
    pub fn time(&self) -> Duration {
        self.inner.shared.time()
    }

    /// The clock the guards use.
    #[must_use]
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.inner.shared.clock.clone()
    }

    /// The settings this node was started with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// Switches an activation off or on in the whole group; it stays so over restarts. The owner
    /// stops within two heartbeats. Without a database this does nothing: stop the task locally.
    ///
    /// # Errors
    /// The database did not confirm it; it may or may not have been written.
    pub async fn pause(&self, key: &Key, paused: bool) -> Result<(), StoreError> {
        let shared = &self.inner.shared;
        let Some(store) = &shared.store else { return Ok(()) };
        let result = within(shared.timing.statement, store.pause(key, paused)).await;
        if let Err(error) = &result {
            shared.trouble(error);
        }
        shared.nudge();
        result
    }

    /// What this node knows of the group.
    #[must_use]
    pub fn status(&self) -> Status {
        let shared = &self.inner.shared;
        let seen = lock(&shared.seen).clone();
        let uptime = shared.clock.uptime();
        Status {
            phase: seen.phase,
            group: self.inner.config.group.clone(),
            node: self.inner.config.node.clone(),
            member: seen.member,
            store: shared.store.as_ref().map_or("none", |s| s.name()).into(),
            trust_left: seen.trust.left(uptime),
            database_silent: seen.trouble.as_ref().map(|t| uptime.saturating_sub(t.since)),
            database_error: seen.trouble.map(|t| t.reason),
            duplicate_node: seen.duplicate_node,
            view: seen.view,
            differing: seen.differing,
            moves: lock(&shared.tracker).moves.iter().cloned().collect(),
        }
    }

    /// Counters of this node.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.inner.shared.counters
    }

    /// Counters and gauges, named for export.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let mut all = self.counters().samples();
        if !self.is_on() {
            return all;
        }
        let status = self.status();
        #[allow(clippy::cast_precision_loss)]
        let mut gauge = |name, value: f64| all.push(Sample { name, label: None, value });
        gauge("coord_instance_live", f64::from(u8::from(status.phase == Phase::Member)));
        gauge("coord_members", status.view.members.len() as f64);
        gauge("coord_tasks_owned", status.owned() as f64);
        gauge("coord_lease_margin_seconds", status.trust_left.as_secs_f64());
        gauge("coord_database_silent_seconds", status.database_silent.unwrap_or_default().as_secs_f64());
        gauge("coord_duplicate_node", f64::from(u8::from(status.duplicate_node == Some(true))));
        all
    }

    /// Hands everything over and leaves: all terms are asked to end, each activation is released as
    /// soon as its guard is dropped, and the member ends. What still runs after `grace` is revoked
    /// and gets the stop time; if even that is not enough, the lease is left to run out, since
    /// giving it away under a running owner would not be safe. Returns when done. Safe to repeat.
    pub async fn shutdown(&self, grace: Duration) {
        let shared = &self.inner.shared;
        let ungated = shared.ungated.shutdown(grace, shared.timing.stop);
        tokio::join!(ungated, self.leave(grace));
    }

    async fn leave(&self, grace: Duration) {
        let shared = &self.inner.shared;
        if shared.store.is_none() {
            return;
        }
        let mut left = shared.left.subscribe();
        shared.drain();
        if tokio::time::timeout(grace, left.wait_for(|left| *left)).await.is_ok() {
            return;
        }
        shared.abandon();
        let rest = shared.timing.stop + 2 * shared.timing.statement;
        if tokio::time::timeout(rest, left.wait_for(|left| *left)).await.is_err() {
            tracing::warn!("coordinated work did not stop in time; its leases run out by themselves");
        }
    }

    fn unregister(&self, keys: &[Key], number: u64) {
        let shared = &self.inner.shared;
        shared.ungated.unregister(keys, number);
        lock(&shared.registered).retain(|key, r| r.number != number || !keys.contains(key));
        shared.declare();
    }
}

/// A standing offer to run one activation. Dropping it withdraws the offer.
#[derive(Debug)]
pub struct Registration {
    handle: Handle,
    keys: Vec<Key>,
    number: u64,
    receiver: mpsc::Receiver<Guard>,
}

impl Registration {
    /// Waits until this node may run the activation. For slots, each held slot comes as a guard of
    /// its own. Run under the guard until [`Guard::ended`], drop it, and call this again. A guard
    /// dropped without having been asked gives the activation up: others try first for one lease.
    /// `None` when the coordinator has stopped or the registration was replaced. Cancel safe.
    pub async fn next(&mut self) -> Option<Guard> {
        self.receiver.recv().await
    }

    /// The rows behind this registration; for slots one per slot.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.handle.unregister(&self.keys, self.number);
    }
}

#[cfg(test)]
mod tests;
