//! What lives as long as the process and is shared by every program: limits, the working home, clients.

mod branches;

pub use branches::Branches;

use crate::deploy::ConfigValues;
use crate::http::{Client, Timeouts};
use crate::stores::Stores;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
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
    /// What mediators keep beyond a deployment.
    pub kept: Kept,
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
            kept: Kept::default(),
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

/// Values that mediators keep for the whole process, one of each type. The type belongs to the mediator
/// and is named nowhere else, so that a mediator is still one folder and one line.
#[derive(Default)]
pub struct Kept {
    by_type: RwLock<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept")
    }
}

impl Kept {
    /// The value of a type, made when it is asked for the first time.
    pub fn of<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let id = TypeId::of::<T>();
        // Values are put in whole; the map is usable after a panic elsewhere.
        let known = self.by_type.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        let value = known.unwrap_or_else(|| {
            let mut by_type = self.by_type.write().unwrap_or_else(PoisonError::into_inner);
            by_type.entry(id).or_insert_with(|| Arc::new(T::default())).clone()
        });
        // It lies under its own type, so this is never another one.
        value.downcast().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_of_each_type_is_kept() {
        let kept = Kept::default();
        kept.of::<SharedTexts>().set("a", "b");
        assert_eq!(kept.of::<SharedTexts>().get("a").as_deref(), Some("b"));
        assert_eq!(*kept.of::<u32>(), 0);
    }
}
