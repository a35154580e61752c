//! Idle connections, by origin. Each origin has a lock of its own that is held for a push or a pop.

use super::link::Link;
use crate::http::Target;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::Duration;

/// What keeps the pool small.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Idle connections that are kept per origin. Default 256.
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
pub(super) struct Origin {
    pub(super) target: Target,
    limits: PoolLimits,
    idle: Mutex<Vec<Box<Link>>>,
}

impl Origin {
    /// The connection that was used last and is still open.
    pub(super) fn take(&self) -> Option<Box<Link>> {
        loop {
            let mut link = self.lock().pop()?;
            if link.is_usable() {
                return Some(link);
            }
        }
    }

    pub(super) fn put(&self, link: Box<Link>) {
        let mut idle = self.lock();
        if idle.len() < self.limits.idle_per_origin {
            idle.push(link);
        }
    }

    /// Closes what has been idle for too long, or was closed by the backend.
    fn sweep(&self) {
        let all = std::mem::take(&mut *self.lock());
        let timeout = self.limits.idle_timeout;
        let keep: Vec<_> = all
            .into_iter()
            .filter_map(|mut link| (link.idle_since.elapsed() < timeout && link.is_usable()).then_some(link))
            .collect();
        // What came back meanwhile is younger and stays on top.
        let mut idle = self.lock();
        let younger = std::mem::replace(&mut *idle, keep);
        idle.extend(younger);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Box<Link>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All origins.
#[derive(Default)]
pub(super) struct Pool {
    limits: PoolLimits,
    origins: RwLock<HashMap<Target, Arc<Origin>>>,
}

impl Pool {
    pub(super) fn new(limits: PoolLimits) -> Self {
        Self { limits, origins: RwLock::default() }
    }

    pub(super) fn origin(&self, target: &Target) -> Arc<Origin> {
        if let Some(origin) = self.origins.read().unwrap_or_else(PoisonError::into_inner).get(target) {
            return origin.clone();
        }
        let mut origins = self.origins.write().unwrap_or_else(PoisonError::into_inner);
        let entry = origins.entry(target.clone()).or_insert_with(|| {
            let origin =
                Arc::new(Origin { target: target.clone(), limits: self.limits, idle: Mutex::default() });
            tokio::spawn(sweeper(Arc::downgrade(&origin), self.limits.idle_timeout / 4));
            origin
        });
        entry.clone()
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
