//! Cached responses of one finder, and the way from a response back to its finder.

use super::Settings;
use crate::message::{Content, Headers, Value};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::time::Instant;

/// Most entries of a cache without `maxSize`. MI has no limit.
const MAX_ENTRIES: usize = 10_000;

/// A response that can be given again.
#[derive(Debug, Clone)]
pub(super) struct Cached {
    pub(super) content: Content,
    pub(super) headers: Headers,
    pub(super) message_type: Option<Value>,
    pub(super) status: Option<String>,
    pub(super) reason: Option<Value>,
    pub(super) fetched: Instant,
}

/// Entries by key. An entry begins with the request that missed, before there is a response.
#[derive(Debug)]
pub(super) struct Entries {
    timeout: Duration,
    limit: usize,
    map: Mutex<HashMap<Arc<str>, Entry>>,
}

#[derive(Debug)]
struct Entry {
    begun: Instant,
    used: Instant,
    method: String,
    response: Option<Arc<Cached>>,
}

impl Entries {
    /// Entries live for `timeout` from the request that made them; beyond `limit` the one that was not
    /// used for longest goes.
    pub(super) fn new(timeout: Duration, limit: Option<usize>) -> Self {
        Self { timeout, limit: limit.unwrap_or(MAX_ENTRIES), map: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<Arc<str>, Entry>) -> T) -> T {
        // Entries are replaced whole, so the map is usable after a panic elsewhere.
        work(&mut self.map.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks a request up; a new entry waits for its response.
    pub(super) fn find(&self, key: &Arc<str>, method: &str) -> Option<Arc<Cached>> {
        let now = Instant::now();
        self.with(|map| {
            map.retain(|_, entry| now.duration_since(entry.begun) < self.timeout);
            if let Some(entry) = map.get_mut(key) {
                entry.used = now;
                method.clone_into(&mut entry.method);
                return entry.response.clone();
            }
            if map.len() >= self.limit
                && let Some(oldest) = map.iter().min_by_key(|(_, e)| e.used).map(|(key, _)| key.clone())
            {
                map.remove(&oldest);
            }
            if self.limit > 0 {
                let entry = Entry { begun: now, used: now, method: method.to_owned(), response: None };
                map.insert(key.clone(), entry);
            }
            None
        })
    }

    /// Method of the request that waits under this key, and the response it has already.
    pub(super) fn waiting(&self, key: &str) -> Option<(String, Option<Arc<Cached>>)> {
        self.with(|map| map.get(key).map(|entry| (entry.method.clone(), entry.response.clone())))
    }

    /// Keeps a response, or forgets the one that is there.
    pub(super) fn store(&self, key: &str, response: Option<Cached>) {
        self.with(|map| {
            if let Some(entry) = map.get_mut(key) {
                entry.response = response.map(Arc::new);
            }
        });
    }
}

/// The finders of the process by number, so that a collector finds the one that its response belongs to.
#[derive(Debug, Default)]
pub(super) struct Caches {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Weak<Shared>>>,
}

/// What a finder and the collectors of its responses share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) entries: Entries,
    pub(super) settings: Settings,
}

impl Caches {
    /// Registers a finder; it is forgotten with its deployment.
    pub(super) fn register(&self, finder: &Arc<Shared>) -> u64 {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, finder| finder.strong_count() > 0);
        open.insert(number, Arc::downgrade(finder));
        number
    }

    /// A finder that is still deployed.
    pub(super) fn get(&self, number: u64) -> Option<Arc<Shared>> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(&number).and_then(Weak::upgrade)
    }
}
