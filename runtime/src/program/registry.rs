//! Registry resources, and the sequences and endpoints that live there.

use super::{Resource, Sequence};
use crate::compile::Compiler;
use crate::deploy;
use crate::endpoints::Endpoint;
use artifacts::xml::{Document, XmlElement};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

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
    pub fn sequence(&self, key: &str, registry: &dyn Registry) -> Option<Arc<Sequence>> {
        cached(&self.sequences, key, || {
            let Resource::Xml(element) = registry.resource(key)? else { return None };
            let mut compiler = Compiler::default();
            let block = compiler.block(element.get());
            report(key, &compiler);
            (element.get().local() == "sequence").then(|| Arc::new(Sequence { name: key.into(), block }))
        })
    }

    /// The endpoint under a registry key.
    pub fn endpoint(&self, key: &str, registry: &dyn Registry) -> Option<Arc<Endpoint>> {
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

/// The registry of a deployment, with what flows have written since on top.
#[derive(Debug, Default)]
pub struct DeployedRegistry {
    read: deploy::Registry,
    written: RwLock<HashMap<String, Written>>,
}

#[derive(Debug, Clone, Default)]
struct Written {
    text: Option<Arc<str>>,
    properties: Vec<(String, String)>,
}

/// Most resources that flows may write; their keys can come from messages.
const MAX_WRITTEN: usize = 10_000;

impl DeployedRegistry {
    /// On top of what was deployed.
    pub fn new(read: deploy::Registry) -> Self {
        Self { read, written: RwLock::default() }
    }

    fn written(&self, key: &str) -> Option<Written> {
        let key = deploy::canonical_key(key)?;
        // Values are replaced as a whole; the map is usable after a panic elsewhere.
        self.written.read().unwrap_or_else(|p| p.into_inner()).get(&key).cloned()
    }

    fn change(&self, key: &str, change: impl FnOnce(&mut Written)) -> Result<(), String> {
        let canonical = deploy::canonical_key(key).ok_or_else(|| format!("'{key}' leaves the registry"))?;
        let mut written = self.written.write().unwrap_or_else(|p| p.into_inner());
        if written.len() >= MAX_WRITTEN && !written.contains_key(&canonical) {
            return Err(format!("flows have written {MAX_WRITTEN} resources already"));
        }
        change(written.entry(canonical).or_default());
        Ok(())
    }
}

impl Registry for DeployedRegistry {
    fn resource(&self, key: &str) -> Option<Resource> {
        if let Some(text) = self.written(key).and_then(|written| written.text) {
            return Some(typed(&text));
        }
        Some(match self.read.lookup(key)? {
            deploy::Entry::Xml(document) => xml_resource(document)?,
            deploy::Entry::Text(text) => Resource::Text(text.into()),
            deploy::Entry::Binary(bytes) => Resource::Binary(bytes.to_vec().into()),
        })
    }

    fn property(&self, key: &str, name: &str) -> Option<String> {
        let written = self.written(key).unwrap_or_default();
        let own = written.properties.into_iter().find(|(known, _)| known == name).map(|(_, value)| value);
        own.or_else(|| self.read.property(key, name))
    }

    fn write(&self, key: &str, text: &str) -> Result<(), String> {
        self.change(key, |written| written.text = Some(text.into()))
    }

    fn write_property(&self, key: &str, name: &str, value: &str) -> Result<(), String> {
        self.change(key, |written| {
            written.properties.retain(|(known, _)| known != name);
            written.properties.push((name.to_owned(), value.to_owned()));
        })
    }
}

fn typed(text: &Arc<str>) -> Resource {
    let parsed = artifacts::xml::parse(text).ok().map(Arc::new);
    parsed.and_then(xml_resource).unwrap_or_else(|| Resource::Text(text.clone()))
}

fn xml_resource(document: Arc<Document>) -> Option<Resource> {
    let root = document.root_element()?;
    Some(Resource::Xml(XmlElement::new(document, root)))
}
