//! What lives as long as the process and is shared by every program: limits, the working home, clients.

use crate::compile::Compiler;
use crate::endpoints::Endpoint;
use crate::flow::Branches;
use crate::http::{Client, Timeouts};
use crate::program::{Resource, Sequence};
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

/// The file registry: `gov:`, `conf:`, `local:` and `resources:` keys.
pub trait Registry: Send + Sync + fmt::Debug {
    /// A resource by key; `None` when it is missing or the key leaves the registry.
    fn resource(&self, key: &str) -> Option<Resource>;

    /// A property of a resource.
    fn property(&self, key: &str, name: &str) -> Option<String>;

    /// Writes a text resource; the error says why it could not.
    fn write(&self, key: &str, text: &str) -> Result<(), String>;

    /// Writes a property of a resource, which becomes an empty one when it is new.
    fn write_property(&self, key: &str, name: &str, _value: &str) -> Result<(), String> {
        Err(format!("the property '{name}' of '{key}' cannot be written to this registry"))
    }
}

/// A registry without resources.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRegistry;

impl Registry for NoRegistry {
    fn resource(&self, _key: &str) -> Option<Resource> {
        None
    }

    fn property(&self, _key: &str, _name: &str) -> Option<String> {
        None
    }

    fn write(&self, key: &str, _text: &str) -> Result<(), String> {
        Err(format!("there is no registry to write '{key}' to"))
    }
}

/// Sequences and endpoints that live in the registry, compiled when first used.
#[derive(Debug, Default)]
pub struct DynamicArtifacts {
    sequences: RwLock<HashMap<String, Option<Arc<Sequence>>>>,
    endpoints: RwLock<HashMap<String, Option<Arc<Endpoint>>>>,
}

impl DynamicArtifacts {
    /// The sequence under a registry key.
    pub fn sequence(&self, key: &str, services: &Services) -> Option<Arc<Sequence>> {
        cached(&self.sequences, key, || {
            let Resource::Xml(element) = services.registry.resource(key)? else { return None };
            let mut compiler = Compiler::default();
            let block = compiler.block(element.get());
            report(key, &compiler);
            (element.get().local() == "sequence").then(|| Arc::new(Sequence { name: key.into(), block }))
        })
    }

    /// The endpoint under a registry key.
    pub fn endpoint(&self, key: &str, services: &Services) -> Option<Arc<Endpoint>> {
        cached(&self.endpoints, key, || {
            let Resource::Xml(element) = services.registry.resource(key)? else { return None };
            let mut compiler = Compiler::default();
            let endpoint = compiler.endpoint_element(element.get());
            report(key, &compiler);
            endpoint
        })
    }
}

/// Most keys that are remembered; keys can come from messages.
const MAX_DYNAMIC: usize = 10_000;

fn cached<T>(
    map: &RwLock<HashMap<String, Option<Arc<T>>>>,
    key: &str,
    make: impl FnOnce() -> Option<Arc<T>>,
) -> Option<Arc<T>> {
    // The map holds finished values only; it is usable after a panic elsewhere.
    if let Some(found) = map.read().unwrap_or_else(|p| p.into_inner()).get(key) {
        return found.clone();
    }
    let made = make();
    let mut map = map.write().unwrap_or_else(|p| p.into_inner());
    if map.len() < MAX_DYNAMIC {
        map.insert(key.to_owned(), made.clone());
    }
    made
}

fn report(key: &str, compiler: &Compiler) {
    if !compiler.diagnostics.is_empty() {
        tracing::warn!("registry resource '{key}':\n{}", compiler.diagnostics.render());
    }
}

/// Process-wide services.
#[derive(Debug)]
pub struct Services {
    /// Limits.
    pub limits: Limits,
    /// Working home: relative files and `file:` resources start here.
    pub home: PathBuf,
    /// The registry.
    pub registry: Arc<dyn Registry>,
    /// Compiled registry artifacts.
    pub dynamic: DynamicArtifacts,
    /// The HTTP client of non-blocking and blocking calls.
    pub client: Client,
    /// Its time limits.
    pub timeouts: Timeouts,
    /// How long an endpoint without a timeout of its own waits. Default 120 s.
    pub global_timeout: Duration,
    /// Bounds the work that messages fork.
    pub branches: Branches,
    /// Process-wide properties (scope `system`, `$sys:name`); what mediators set there.
    pub system: SharedTexts,
}

impl Default for Services {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            home: PathBuf::new(),
            registry: Arc::new(NoRegistry),
            dynamic: DynamicArtifacts::default(),
            client: Client::default(),
            timeouts: Timeouts::default(),
            global_timeout: Duration::from_secs(120),
            branches: Branches::default(),
            system: SharedTexts::default(),
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
