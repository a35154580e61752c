//! What lives as long as the process and is shared by every program: limits, the working home, clients.

use crate::deploy::ConfigValues;
use crate::flow::Branches;
use crate::http::{Client, Timeouts};
use crate::mediators::{Caches, ScriptPool};
use crate::stores::Stores;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

/// Sizes that bound what one message can cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Largest body that is read into memory, in bytes. Default 256 MiB.
    pub body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { body_bytes: 256 * 1024 * 1024 }
    }
}

/// Process-wide services.
#[derive(Debug)]
pub struct Services {
    /// Limits.
    pub limits: Limits,
    /// Working home: relative files and `file:` resources start here.
    pub home: PathBuf,
    /// Environment, system properties and `file.properties`.
    pub configs: ConfigValues,
    /// The HTTP client of non-blocking and blocking calls.
    pub client: Client,
    /// Its time limits.
    pub timeouts: Timeouts,
    /// How long an endpoint without a timeout of its own waits. Default 120 s.
    pub global_timeout: Duration,
    /// `synapse.jsonpath.ignore.not.found.error`: enrich removes what is there and lets the rest be.
    pub ignore_missing_json_paths: bool,
    /// Bounds the work that messages fork.
    pub branches: Branches,
    /// Process-wide properties (scope `system`, `$sys:name`); what mediators set there.
    pub system: SharedTexts,
    /// Open message stores.
    pub stores: Stores,
    /// Response caches that are in use.
    pub caches: Caches,
    /// Threads that run scripts.
    pub scripts: ScriptPool,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            home: PathBuf::new(),
            configs: ConfigValues::default(),
            client: Client::default(),
            timeouts: Timeouts::default(),
            global_timeout: Duration::from_secs(120),
            ignore_missing_json_paths: false,
            branches: Branches::default(),
            system: SharedTexts::default(),
            stores: Stores::default(),
            caches: Caches::default(),
            scripts: ScriptPool::default(),
        }
    }
}

/// Named texts that every flow of the process sees.
#[derive(Debug, Default)]
pub struct SharedTexts {
    texts: RwLock<HashMap<String, Arc<str>>>,
}

impl SharedTexts {
    /// The text of a name.
    pub fn get(&self, name: &str) -> Option<Arc<str>> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Sets the text of a name.
    pub fn set(&self, name: &str, text: &str) {
        self.texts.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), text.into());
    }
}
