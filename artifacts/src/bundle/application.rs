//! The inside of a composite application: `artifacts.xml` or `metadata.xml`, one folder with an
//! `artifact.xml` for each artifact, server roles, and the order in which MI deploys them.

use super::{ConfigEntry, File, Resource, properties};
use crate::diagnostics::{Code, Diagnostics};
use crate::kinds::{Kind, registry};
use crate::source::{SourceRef, Span};
use crate::xml::{self, Document, ElementRef};
use regex::Regex;

/// An application: an archive is deployed whole or not at all, a project folder file by file.
#[derive(Debug, Clone, Default)]
pub struct Application {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Archive or folder it came from.
    pub path: String,
    /// Runs once after start in automation mode.
    pub main_sequence: Option<String>,
    /// `descriptor.xml`.
    pub descriptor: Option<Descriptor>,
    /// Artifacts in the order of deployment.
    pub items: Vec<Item>,
    /// Archives inside a fat archive; they are deployed before it.
    pub embedded: Vec<File>,
    /// A folder that somebody works in: what is refused is left out alone, so that the rest can be tried.
    pub is_folder: bool,
}

/// `descriptor.xml` of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Descriptor {
    /// `groupId__artifactId__version`.
    pub id: String,
    /// Names get the id as prefix.
    pub versioned: bool,
    /// Holds other archives.
    pub fat: bool,
    /// Applications it needs.
    pub dependencies: Vec<Dependency>,
}

/// An application that another one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// Maven group.
    pub group: String,
    /// Maven artifact.
    pub artifact: String,
    /// Version.
    pub version: String,
}

impl Dependency {
    /// The id of the application it means.
    pub fn id(&self) -> String {
        format!("{}__{}__{}", self.group, self.artifact, self.version)
    }
}

/// What one artifact of an application is.
#[derive(Debug, Clone)]
pub enum Item {
    /// A Synapse artifact.
    Artifact {
        /// Its kind.
        kind: Kind,
        /// Its text.
        source: SourceRef,
    },
    /// A registry resource.
    Resource(Resource),
    /// Names of configurable values.
    Config(Vec<ConfigEntry>),
    /// An operation package, still packed.
    Library(File),
    /// Of a type that this runtime does not deploy.
    Other {
        /// The type, such as `service/dataservice`.
        kind: String,
        /// Its name.
        name: String,
    },
}

/// Roles of this server; an artifact of another role is left out.
#[derive(Debug, Clone)]
pub struct ServerRoles(pub Vec<String>);

impl Default for ServerRoles {
    fn default() -> Self {
        let roles = ["EnterpriseIntegrator", "EnterpriseServiceBus", "DataServicesServer"];
        Self(roles.map(str::to_owned).into())
    }
}

impl ServerRoles {
    /// Does a role, read as regular expression, mean this server?
    pub fn fits(&self, role: &str) -> bool {
        match Regex::new(&format!("^(?:{role})$")) {
            Ok(regex) => self.0.iter().any(|known| regex.is_match(known)),
            Err(_) => self.0.iter().any(|known| known == role),
        }
    }
}

/// Types in the order of deployment; what is not listed comes last.
const ORDER: &[&str] = &[
    "config/property",
    "registry/resource",
    "datasource/datasource",
    "service/dataservice",
    "lib/synapse/mediator",
    "lib/connector/dependency",
    "synapse/lib",
    "synapse/local-entry",
    "synapse/endpoint",
    "synapse/sequence",
    "synapse/message-store",
    "synapse/template",
    "synapse/proxy-service",
    "synapse/task",
    "synapse/event-source",
    "synapse/message-processors",
    "synapse/api",
    "synapse/inbound-endpoint",
];

struct Child<'f> {
    name: String,
    version: String,
    kind: String,
    folder: &'f str,
    files: Vec<String>,
    place: (SourceRef, Span),
}

/// Reads the files of an unpacked `.car`. `None`: nothing can be deployed from it, and why was reported.
pub fn application(
    path: &str,
    files: &[File],
    roles: &ServerRoles,
    diagnostics: &mut Diagnostics,
) -> Option<Application> {
    let find = |name: &str| files.iter().find(|file| file.path == name);
    let Some(root_file) = find("metadata.xml").or_else(|| find("artifacts.xml")) else {
        archive_error(path, "the archive has neither metadata.xml nor artifacts.xml", diagnostics);
        return None;
    };
    let prefix = format!("{path}!/");
    let source = root_file.source(&prefix);
    let document = parse(&source, diagnostics)?;
    let mut app = Application { path: path.to_owned(), ..Application::default() };
    app.descriptor = find("descriptor.xml").and_then(|file| descriptor(file, &prefix, diagnostics));
    app.embedded = files
        .iter()
        .filter(|f| f.path.starts_with("dependencies/") && f.has_extension("car"))
        .cloned()
        .collect();
    let list = document.root_element().map(|id| ElementRef { document: &document, id })?;
    let Some(top) = list.children().find(|c| c.local() == "artifact") else {
        diagnostics.error(Code::ARCHIVE, list.place(), "expected an <artifact> in <artifacts>");
        return None;
    };
    let attribute = |name: &str| top.attr(name).unwrap_or("").to_owned();
    (app.name, app.version) = (attribute("name"), attribute("version"));
    app.main_sequence = top.attr("mainSequence").map(str::to_owned);
    let children = children(files, &prefix, diagnostics);
    let bound = bind(top, &children, roles, diagnostics)?;
    if bound.is_empty() && app.embedded.is_empty() {
        let message = format!("the application '{}' holds nothing for this server", app.name);
        diagnostics.warning(Code::ARCHIVE, top.place(), message);
    }
    for child in bound {
        items(child, files, &prefix, &mut app.items, diagnostics);
    }
    Some(app)
}

fn archive_error(path: &str, message: &str, diagnostics: &mut Diagnostics) {
    let source = crate::source::Source::new(path, "");
    diagnostics.error(Code::ARCHIVE, (&source, Span::default()), message);
}

fn parse(source: &SourceRef, diagnostics: &mut Diagnostics) -> Option<Document> {
    match xml::parse_source(source) {
        Ok(document) => Some(document),
        Err(error) => {
            let span = Span { start: error.offset, end: error.offset + 1 };
            diagnostics.error(Code::NOT_WELL_FORMED, (source, span), format!("not well-formed XML: {error}"));
            None
        }
    }
}

/// Every folder with an `artifact.xml`, at the root or below `metadata/`.
fn children<'f>(files: &'f [File], prefix: &str, diagnostics: &mut Diagnostics) -> Vec<Child<'f>> {
    let mut found = Vec::new();
    for file in files {
        let Some(folder) = file.path.strip_suffix("/artifact.xml") else { continue };
        let depth = folder.strip_prefix("metadata/").unwrap_or(folder);
        if depth.contains('/') {
            continue;
        }
        let source = file.source(prefix);
        let Some(document) = parse(&source, diagnostics) else { continue };
        let Some(root) = document.root_element() else { continue };
        let root = ElementRef { document: &document, id: root };
        let attribute = |name: &str| root.attr(name).unwrap_or("").trim().to_owned();
        let listed = root.children().filter(|c| c.local() == "file").map(|c| c.text().trim().to_owned());
        found.push(Child {
            name: attribute("name"),
            version: attribute("version"),
            kind: attribute("type"),
            folder,
            files: listed.filter(|name| !name.is_empty()).collect(),
            place: (root.source().clone(), root.span()),
        });
    }
    found
}

/// The artifacts that the application lists for this server, in the order of deployment. `None`: one
/// of them is not in the archive.
fn bind<'c, 'f>(
    top: ElementRef<'_>,
    children: &'c [Child<'f>],
    roles: &ServerRoles,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<&'c Child<'f>>> {
    let mut bound: Vec<&Child<'f>> = Vec::new();
    let mut complete = true;
    for dependency in top.children().filter(|c| c.local() == "dependency") {
        if dependency.attr("serverRole").is_some_and(|role| !role.is_empty() && !roles.fits(role)) {
            continue;
        }
        let name = dependency.attr("artifact").unwrap_or("").trim();
        let version = dependency.attr("version").unwrap_or("").trim();
        match children.iter().find(|child| child.name == name && child.version == version) {
            Some(child) if child.kind == "synapse/metadata" => {}
            Some(child) => bound.push(child),
            None => {
                complete = false;
                let message = format!("the archive lists '{name}' version '{version}', which is not in it");
                let same = children.iter().find(|child| child.name == name);
                let diagnostic = diagnostics.error(Code::ARCHIVE, dependency.place(), message);
                if let Some(same) = same {
                    diagnostic.with_hint(format!("it holds version '{}' in {}", same.version, same.folder));
                }
            }
        }
    }
    let rank = |child: &&Child<'_>| ORDER.iter().position(|kind| *kind == child.kind).unwrap_or(ORDER.len());
    bound.sort_by_key(rank);
    complete.then_some(bound)
}

fn items(
    child: &Child<'_>,
    files: &[File],
    prefix: &str,
    out: &mut Vec<Item>,
    diagnostics: &mut Diagnostics,
) {
    let at = (&child.place.0, child.place.1);
    let [name] = child.files.as_slice() else {
        let message = format!(
            "the artifact '{}' must name exactly one <file>; it names {}",
            child.name,
            child.files.len()
        );
        diagnostics.error(Code::ARCHIVE, at, message);
        return;
    };
    let path = format!("{}/{name}", child.folder);
    let Some(file) = files.iter().find(|file| file.path == path) else {
        diagnostics.error(Code::ARCHIVE, at, format!("the archive has no file '{path}'"));
        return;
    };
    if let Some(kind) = Kind::of_application_type(&child.kind) {
        out.push(Item::Artifact { kind, source: file.source(prefix) });
        return;
    }
    match &*child.kind {
        "registry/resource" => resources(child, file, files, prefix, out, diagnostics),
        "config/property" => out.push(Item::Config(config_entries(&super::decode(&file.bytes)))),
        "synapse/lib" => out.push(Item::Library(file.clone())),
        kind => out.push(Item::Other { kind: kind.to_owned(), name: child.name.clone() }),
    }
}

/// `name:type` lines.
pub(super) fn config_entries(text: &str) -> Vec<ConfigEntry> {
    properties(text).into_iter().map(|(name, kind)| ConfigEntry { name, kind }).collect()
}

fn resources(
    child: &Child<'_>,
    info: &File,
    files: &[File],
    prefix: &str,
    out: &mut Vec<Item>,
    diagnostics: &mut Diagnostics,
) {
    let source = info.source(prefix);
    let Some(document) = parse(&source, diagnostics) else { return };
    let Some(root) = document.root_element() else { return };
    for item in registry::items(ElementRef { document: &document, id: root }) {
        let below = format!("{}/resources/", child.folder);
        let wanted = format!("{below}{}", item.file.as_deref().or(item.directory.as_deref()).unwrap_or(""));
        let base = registry::registry_key(item.path.trim_end_matches('/'));
        let is_folder = item.file.is_none();
        let members = files.iter().filter(|file| match is_folder {
            true => file.path.starts_with(&format!("{}/", wanted.trim_end_matches('/'))),
            false => file.path == wanted,
        });
        let mut any = false;
        for file in members {
            any = true;
            let rest = file.path.strip_prefix(wanted.trim_end_matches('/')).unwrap_or("");
            let key = if is_folder { format!("{base}{rest}") } else { item.key() };
            out.push(Item::Resource(Resource {
                key,
                bytes: file.bytes.clone(),
                media_type: item.media_type.clone(),
                properties: item.properties.clone(),
            }));
        }
        if !any && !is_folder {
            diagnostics.error(
                Code::ARCHIVE,
                (&source, Span::default()),
                format!("the archive has no file '{wanted}'"),
            );
        }
    }
}

fn descriptor(file: &File, prefix: &str, diagnostics: &mut Diagnostics) -> Option<Descriptor> {
    let source = file.source(prefix);
    let document = parse(&source, diagnostics)?;
    let root = ElementRef { document: &document, id: document.root_element()? };
    let text = |name: &str| root.child_any_ns(name).map(|c| c.text().trim().to_owned()).unwrap_or_default();
    let dependencies = root.child_any_ns("dependencies").map(|list| {
        let read = |d: ElementRef<'_>| {
            let attribute = |name: &str| d.attr(name).unwrap_or("").to_owned();
            Dependency {
                group: attribute("groupId"),
                artifact: attribute("artifactId"),
                version: attribute("version"),
            }
        };
        list.children().filter(|c| c.local() == "dependency").map(read).collect()
    });
    Some(Descriptor {
        id: text("id"),
        versioned: text("versionedDeployment") == "true",
        fat: text("fatCarEnabled") == "true",
        dependencies: dependencies.unwrap_or_default(),
    })
}
