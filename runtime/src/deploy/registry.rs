//! Registry resources by key: what applications brought along, then the `registry` folders on disk.

use super::files;
use artifacts::bundle::{Resource, decode, properties, trimmed_text};
use artifacts::xml::{self, Document};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Registry resources.
#[derive(Debug, Default)]
pub struct Registry {
    resources: HashMap<String, Resource>,
    roots: Vec<PathBuf>,
}

/// A resource as MI types it.
#[derive(Debug, Clone)]
pub enum Entry {
    /// It parses as XML.
    Xml(Arc<Document>),
    /// Text without the line end at its end.
    Text(String),
    /// Anything else.
    Binary(Arc<[u8]>),
}

impl Registry {
    /// From resources in memory and folders on disk.
    pub fn new(resources: HashMap<String, Resource>, roots: Vec<PathBuf>) -> Self {
        Self { resources, roots }
    }

    /// The resource of a key in any of its forms. `None`: missing, or the key leaves the registry.
    pub fn resource(&self, key: &str) -> Option<Resource> {
        let key = canonical_key(key)?;
        self.resources.get(&key).cloned().or_else(|| self.on_disk(&key))
    }

    /// Is there such a resource?
    pub fn contains(&self, key: &str) -> bool {
        let Some(key) = canonical_key(key) else { return false };
        self.resources.contains_key(&key) || self.paths(&key).any(|path| path.is_file())
    }

    /// The content of a key, typed as MI does: XML when it parses, else text when its media type is
    /// `text/plain` or not known, else bytes (JSON with its media type on record too).
    pub fn lookup(&self, key: &str) -> Option<Entry> {
        let resource = self.resource(key)?;
        let text = decode(&resource.bytes);
        if let Ok(document) = xml::parse(&text) {
            return Some(Entry::Xml(Arc::new(document)));
        }
        let is_text =
            resource.media_type.as_deref().is_none_or(|kind| kind.is_empty() || kind == "text/plain");
        Some(match is_text {
            true => Entry::Text(trimmed_text(&text).to_owned()),
            false => Entry::Binary(resource.bytes),
        })
    }

    /// A property of a resource.
    pub fn property(&self, key: &str, name: &str) -> Option<String> {
        let resource = self.resource(key)?;
        resource.properties.into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Keys of resources in memory.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.resources.keys().map(String::as_str)
    }

    fn paths<'k>(&'k self, key: &'k str) -> impl Iterator<Item = PathBuf> + 'k {
        let (root, rest) = key.split_once(":/").unwrap_or(("gov", key));
        let folder = match root {
            "conf" => "config",
            "local" => "local",
            _ => "governance",
        };
        self.roots.iter().map(move |base| base.join(folder).join(rest))
    }

    fn on_disk(&self, key: &str) -> Option<Resource> {
        let path = self.paths(key).find(|path| path.is_file())?;
        let bytes = files::read_limited(&path).ok()?;
        let beside = path.with_file_name(format!("{}.properties", path.file_name()?.to_str()?));
        let properties = std::fs::read(beside).map(|bytes| properties(&decode(&bytes))).unwrap_or_default();
        Some(Resource { key: key.to_owned(), bytes: bytes.into(), media_type: None, properties })
    }
}

/// `gov:/a/b` for every way to write it: `gov:a/b`, `a/b`, `/_system/governance/a/b`; `resources:x` is
/// `gov:/mi-resources/x`. `None` when `..` leaves the root.
pub fn canonical_key(key: &str) -> Option<String> {
    let system =
        [("/_system/governance/", "gov"), ("/_system/config/", "conf"), ("/_system/local/", "local")];
    let named = system.iter().find_map(|(prefix, root)| Some((*root, key.strip_prefix(prefix)?.to_owned())));
    let (root, path) = named.unwrap_or_else(|| match key.split_once(':') {
        Some(("gov", rest)) => ("gov", rest.to_owned()),
        Some(("conf", rest)) => ("conf", rest.to_owned()),
        Some(("local", rest)) => ("local", rest.to_owned()),
        Some(("resources", rest)) => ("gov", format!("mi-resources/{}", rest.trim_start_matches('/'))),
        _ => ("gov", key.to_owned()),
    });
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => _ = parts.pop()?,
            part if part.contains(['\\', '\0']) => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| format!("{root}:/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(key: &str, bytes: &[u8], media_type: Option<&str>) -> Registry {
        let resource = Resource {
            key: key.to_owned(),
            bytes: bytes.into(),
            media_type: media_type.map(str::to_owned),
            properties: vec![("a".into(), "1".into())],
        };
        Registry::new(HashMap::from([(key.to_owned(), resource)]), Vec::new())
    }

    #[test]
    fn keys_in_all_forms() {
        for (key, canonical) in [
            ("gov:/a/b.xml", "gov:/a/b.xml"),
            ("gov:a/b.xml", "gov:/a/b.xml"),
            ("a/b.xml", "gov:/a/b.xml"),
            ("/_system/governance/a/b.xml", "gov:/a/b.xml"),
            ("conf:/a", "conf:/a"),
            ("resources:xslt/a.xslt", "gov:/mi-resources/xslt/a.xslt"),
            ("gov:/a/../b", "gov:/b"),
        ] {
            assert_eq!(canonical_key(key).as_deref(), Some(canonical), "{key}");
        }
        for bad in ["gov:../../etc/passwd", "conf:/a/../../b", "", "gov:/"] {
            assert_eq!(canonical_key(bad), None, "{bad}");
        }
    }

    #[test]
    fn content_is_typed() {
        let found = registry("gov:/a", b"<x/>", Some("text/plain")).lookup("a");
        assert!(matches!(found, Some(Entry::Xml(_))));
        let found = registry("gov:/a", b"{\"x\":1}\n", Some("application/json")).lookup("gov:a");
        assert!(matches!(found, Some(Entry::Binary(_))));
        let found = registry("gov:/a", b"{\"x\":1}\n", None).lookup("gov:a");
        assert!(matches!(found, Some(Entry::Text(text)) if text == "{\"x\":1}"));
        let found = registry("gov:/a", &[0xff, 0, 1], Some("application/pdf")).lookup("a");
        assert!(matches!(found, Some(Entry::Binary(_))));
        assert!(registry("gov:/a", b"", None).lookup("b").is_none());
        assert_eq!(registry("gov:/a", b"x", None).property("a", "a").as_deref(), Some("1"));
    }
}
