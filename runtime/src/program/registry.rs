//! Registry resources, and where the sequences and endpoints that live there come from.

use super::{Resource, Sequence};
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

/// The sequences and endpoints that live in the registry; `compile` makes them when they are first used.
pub trait OnDemand: Send + Sync + fmt::Debug {
    /// The sequence under a registry key.
    fn sequence(&self, key: &str, registry: &dyn Registry) -> Option<Arc<Sequence>>;

    /// The endpoint under a registry key.
    fn endpoint(&self, key: &str, registry: &dyn Registry) -> Option<Arc<Endpoint>>;
}

/// Nothing lives in the registry.
#[derive(Debug, Clone, Copy, Default)]
pub struct NothingOnDemand;

impl OnDemand for NothingOnDemand {
    fn sequence(&self, _key: &str, _registry: &dyn Registry) -> Option<Arc<Sequence>> {
        None
    }

    fn endpoint(&self, _key: &str, _registry: &dyn Registry) -> Option<Arc<Endpoint>> {
        None
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
