//! Idle connections, by origin. Each origin has a lock of its own that is held for a push or a pop.

// A link is large; taking one out of its list moves a pointer.
#![allow(clippy::vec_box)]

use super::link::Link;
use crate::http::Target;
use crate::http::target::TargetError;
use crate::http::workers::shard;
use http::HeaderValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

/// What keeps the pool small.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Idle connections that are kept per origin and worker. Default 256.
    pub idle_per_origin: usize,
    /// How long a connection stays idle before it is closed. Default 30 s.
    pub idle_timeout: Duration,
}

impl Default for PoolLimits {
    fn default() -> Self {
        Self { idle_per_origin: 256, idle_timeout: Duration::from_secs(30) }
    }
}

/// One scheme, host and port, with its idle connections.
pub struct Origin {
    pub(in crate::http) target: Target,
    /// Value of the Host header; `None` when the host's name cannot be one.
    pub(in crate::http) host: Option<HeaderValue>,
    limits: PoolLimits,
    /// By worker: a connection is used again where its socket is registered.
    idle: [Mutex<Vec<Box<Link>>>; SHARDS],
}

/// Workers beyond this number share.
const SHARDS: usize = 32;

/// From so many origins on, those without connections are forgotten when their number doubles.
const MANY: usize = 1024;

impl Origin {
    /// The connection that was used last and is still open.
    pub(super) fn take(&self) -> Option<Box<Link>> {
        loop {
            let mut link = self.own().pop()?;
            if link.is_usable() {
                return Some(link);
            }
        }
    }

    pub(super) fn put(&self, link: Box<Link>) {
        let mut idle = self.own();
        if idle.len() < self.limits.idle_per_origin {
            idle.push(link);
        }
    }

    /// Closes what has been idle for too long, or was closed by the backend.
    fn sweep(&self) {
        self.idle.iter().for_each(|idle| self.sweep_one(idle));
    }

    fn sweep_one(&self, idle: &Mutex<Vec<Box<Link>>>) {
        let all = std::mem::take(&mut *lock(idle));
        let timeout = self.limits.idle_timeout;
        let keep: Vec<_> = all
            .into_iter()
            .filter_map(|mut link| (link.idle_since.elapsed() < timeout && link.is_usable()).then_some(link))
            .collect();
        // What came back meanwhile is younger and stays on top.
        let mut idle = lock(idle);
        let younger = std::mem::replace(&mut *idle, keep);
        idle.extend(younger);
    }

    fn has_idle(&self) -> bool {
        self.idle.iter().any(|idle| !lock(idle).is_empty())
    }

    /// The idle connections of this thread's worker.
    fn own(&self) -> MutexGuard<'_, Vec<Box<Link>>> {
        lock(&self.idle[shard() % SHARDS])
    }
}

fn lock(idle: &Mutex<Vec<Box<Link>>>) -> MutexGuard<'_, Vec<Box<Link>>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Origin({})", self.target)
    }
}

/// All origins, by scheme and authority as URLs spell them, and the client of an SSL profile. Different spellings of one have connections
/// of their own.
#[derive(Default)]
pub(super) struct Pool {
    limits: PoolLimits,
    origins: RwLock<HashMap<Box<str>, Arc<Origin>>>,
}

impl Pool {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self { limits, origins: RwLock::default() }
    }

    pub(super) fn origin<'u>(
        &self,
        url: &'u str,
        profile: Option<&str>,
    ) -> Result<(Arc<Origin>, &'u str), TargetError> {
        let (spelled, path) = Target::split(url);
        let key = match profile {
            None => Cow::Borrowed(spelled),
            Some(profile) => Cow::Owned(format!("{spelled}\n{profile}")),
        };
        let known = self.origins.read().unwrap_or_else(PoisonError::into_inner).get(&*key).cloned();
        if let Some(origin) = known {
            return Ok((origin, path));
        }
        let target = Target { client: profile.map(str::to_owned), ..Target::parse(url)?.0 };
        let mut origins = self.origins.write().unwrap_or_else(PoisonError::into_inner);
        // URLs may be computed: those that nobody holds a connection to are forgotten now and then.
        if origins.len() >= MANY && origins.len().is_power_of_two() {
            origins.retain(|_, origin| Arc::strong_count(origin) > 1 || origin.has_idle());
        }
        let entry = origins.entry(key.into()).or_insert_with(|| {
            let host = HeaderValue::try_from(target.authority()).ok();
            let origin = Arc::new(Origin { target, host, limits: self.limits, idle: Default::default() });
            tokio::spawn(sweeper(Arc::downgrade(&origin), self.limits.idle_timeout / 4));
            origin
        });
        Ok((entry.clone(), path))
    }
}

async fn sweeper(origin: Weak<Origin>, every: Duration) {
    loop {
        tokio::time::sleep(every.max(Duration::from_millis(10))).await;
        match origin.upgrade() {
            Some(origin) => origin.sweep(),
            None => return,
        }
    }
}
