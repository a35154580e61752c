//! Layouts: what the files of a folder or archive are to a deployment.
//!
//! Files come in as (path, bytes) pairs with `/` between names; whoever reads folders and unpacks
//! archives is elsewhere. [`open_folder`] knows projects, servers and bare folders, [`application`]
//! the inside of a `.car`.

mod application;
mod folder;
mod order;
mod properties;

pub use application::{Application, Dependency, Descriptor, Item, ServerRoles, application};
pub use folder::open_folder;
pub use order::deployment_order;
pub use properties::{properties, trimmed_text};

use crate::kinds::Kind;
use crate::source::{Source, SourceRef};
use std::collections::HashMap;
use std::sync::Arc;

/// A file with its path inside the folder or archive.
#[derive(Clone)]
pub struct File {
    /// Names joined by `/`, no leading `/`.
    pub path: String,
    /// Its bytes.
    pub bytes: Arc<[u8]>,
}

/// What a folder holds.
#[derive(Debug, Clone, Default)]
pub struct Folder {
    /// Which layout was found.
    pub layout: Layout,
    /// Artifacts that stand for themselves: one that is refused leaves the others alone.
    pub loose: Vec<LooseFile>,
    /// Projects: deployed as a whole.
    pub applications: Vec<Application>,
    /// `.car` archives, still packed.
    pub archives: Vec<File>,
    /// Operation packages (connector `.zip`s), still packed.
    pub libraries: Vec<File>,
    /// Registry content.
    pub resources: Vec<Resource>,
}

/// Layouts of folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// `src/main/wso2mi/...`.
    Project,
    /// `repository/deployment/server/...`.
    Server,
    /// XML files.
    #[default]
    Bare,
}

/// An artifact file on its own.
#[derive(Debug, Clone)]
pub struct LooseFile {
    /// Kind by folder; absent: the root element decides.
    pub kind: Option<Kind>,
    /// Its text.
    pub source: SourceRef,
}

/// A registry resource.
#[derive(Clone)]
pub struct Resource {
    /// Canonical key: `gov:/a/b`, `conf:/a`, `local:/a`.
    pub key: String,
    /// Content.
    pub bytes: Arc<[u8]>,
    /// Media type when one is known; MI's default is `text/plain`.
    pub media_type: Option<String>,
    /// Properties in order.
    pub properties: Vec<(String, String)>,
}

/// One line of a `config.properties`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Name, used as `${configs.name}`.
    pub name: String,
    /// Its type; only `cert` has an effect.
    pub kind: String,
}

impl File {
    /// A file from its parts.
    pub fn new(path: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self { path: path.into(), bytes: bytes.into() }
    }

    /// Last part of the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or("")
    }

    /// Does the name end so, in any case?
    pub fn has_extension(&self, extension: &str) -> bool {
        self.name().rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
    }

    /// Its text, with `prefix` before the path. Bytes that are no UTF-8 are read as Latin-1 when the
    /// XML declaration says so, and replaced otherwise.
    pub fn source(&self, prefix: &str) -> SourceRef {
        let path = if prefix.is_empty() { self.path.clone() } else { format!("{prefix}{}", self.path) };
        Source::new(path, decode(&self.bytes))
    }
}

impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.path, self.bytes.len())
    }
}

impl std::fmt::Debug for Resource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes", self.key, self.bytes.len())?;
        if let Some(media_type) = &self.media_type {
            write!(f, ", {media_type}")?;
        }
        write!(f, ")")
    }
}

/// Gives resources what the files beside them say: `.metadata/<name>.meta` the media type (and goes
/// away), `<name>.properties` the properties (and stays a resource).
pub(crate) fn attach_siblings(resources: &mut Vec<Resource>) {
    let mut types: HashMap<String, String> = HashMap::new();
    let mut further: HashMap<String, Vec<(String, String)>> = HashMap::new();
    for resource in resources.iter() {
        let beside = resource
            .key
            .rsplit_once("/.metadata/")
            .and_then(|(folder, name)| Some(format!("{folder}/{}", name.strip_suffix(".meta")?)));
        if let Some(key) = beside {
            let pairs = properties(&decode(&resource.bytes));
            types.extend(
                pairs.into_iter().find(|(name, _)| name == "mediaType").map(|(_, value)| (key, value)),
            );
        } else if let Some(key) = resource.key.strip_suffix(".properties") {
            further.insert(key.to_owned(), properties(&decode(&resource.bytes)));
        }
    }
    resources.retain(|resource| !resource.key.contains("/.metadata/"));
    for resource in resources {
        if let Some(media_type) = types.remove(&resource.key) {
            resource.media_type = Some(media_type);
        }
        resource.properties.extend(further.remove(&resource.key).unwrap_or_default());
    }
}

/// Bytes of an XML file as text: UTF-8, UTF-16 with a mark, or Latin-1 when declared.
pub fn decode(bytes: &[u8]) -> String {
    let wide = |big: bool, rest: &[u8]| {
        let unit = |pair: &[u8]| match (big, pair) {
            (true, [a, b]) => u16::from_be_bytes([*a, *b]),
            (false, [a, b]) => u16::from_le_bytes([*a, *b]),
            _ => 0xfffd,
        };
        char::decode_utf16(rest.chunks(2).map(unit)).map(|c| c.unwrap_or('\u{fffd}')).collect()
    };
    match bytes {
        [0xfe, 0xff, rest @ ..] => return wide(true, rest),
        [0xff, 0xfe, rest @ ..] => return wide(false, rest),
        _ => {}
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) if declares_latin(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn declares_latin(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..bytes.len().min(120)).unwrap_or_default()).to_lowercase();
    ["iso-8859-1", "windows-1252", "latin1"].iter().any(|name| head.contains(name))
}

#[cfg(test)]
mod tests;
