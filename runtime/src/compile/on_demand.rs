//! Sequences and endpoints of the registry, compiled when they are first used.

use super::Compiler;
use crate::endpoints::Endpoint;
use crate::program::{OnDemand, Registry, Resource, Sequence};
use std::collections::HashMap;
use std::sync::{Arc, RwLock};

/// Compiled once for each key, also when there is nothing.
#[derive(Debug, Default)]
pub(super) struct RegistryArtifacts {
    sequences: RwLock<HashMap<String, Option<Arc<Sequence>>>>,
    endpoints: RwLock<HashMap<String, Option<Arc<Endpoint>>>>,
}

impl OnDemand for RegistryArtifacts {
    fn sequence(&self, key: &str, registry: &dyn Registry) -> Option<Arc<Sequence>> {
        cached(&self.sequences, key, || {
            let Resource::Xml(element) = registry.resource(key)? else { return None };
            let mut compiler = Compiler::default();
            let block = compiler.block(element.get());
            report(key, &compiler);
            (element.get().local() == "sequence").then(|| Arc::new(Sequence { name: key.into(), block }))
        })
    }

    fn endpoint(&self, key: &str, registry: &dyn Registry) -> Option<Arc<Endpoint>> {
        cached(&self.endpoints, key, || {
            let Resource::Xml(element) = registry.resource(key)? else { return None };
            let mut compiler = Compiler::default();
            let endpoint = compiler.endpoint_element(element.get());
            report(key, &compiler);
            endpoint
        })
    }
}

/// Most keys that are remembered; keys can come from messages.
const MAX_KEYS: usize = 10_000;

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
    if map.len() < MAX_KEYS {
        map.insert(key.to_owned(), made.clone());
    }
    made
}

fn report(key: &str, compiler: &Compiler) {
    if !compiler.diagnostics.is_empty() {
        tracing::warn!("registry resource '{key}':\n{}", compiler.diagnostics.render());
    }
}
