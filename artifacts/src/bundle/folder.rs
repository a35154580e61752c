//! Folders: MI VS Code projects, server homes, and plain folders of XML files.

use super::application::config_entries;
use super::{Application, File, Folder, Item, Layout, LooseFile, Resource, attach_siblings, decode};
use crate::diagnostics::{Code, Diagnostics};
use crate::kinds::{Kind, RegistryItem, registry};
use crate::source::{Source, Span};
use crate::xml::{self, ElementRef};
use std::collections::HashMap;

const PROJECT: &str = "src/main/wso2mi/";
const SERVER: &str = "repository/deployment/server/";
const SKIPPED: &[&str] = &["target", "node_modules", ".git", ".mvn", ".vscode", ".idea", "tmp"];

/// Sorts the files of a folder. `path` is how the user knows the folder; it stands before the file
/// names in diagnostics.
pub fn open_folder(path: &str, files: &[File], diagnostics: &mut Diagnostics) -> Folder {
    let prefix = if path.is_empty() || path == "." {
        String::new()
    } else {
        format!("{}/", path.trim_end_matches('/'))
    };
    let mut files: Vec<&File> = files.iter().collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let roots = project_roots(&files);
    if !roots.is_empty() {
        let mut folder = Folder { layout: Layout::Project, ..Folder::default() };
        for root in &roots {
            project(&prefix, root, &files, &mut folder, diagnostics);
        }
        return folder;
    }
    if files.iter().any(|file| file.path.starts_with(SERVER)) {
        return server(&prefix, &files);
    }
    bare(&prefix, &files)
}

/// Where `src/main/wso2mi/` begins, for each module of a multi-module project.
fn project_roots(files: &[&File]) -> Vec<String> {
    let mut roots: Vec<String> = Vec::new();
    for file in files {
        let Some(at) = file.path.find(PROJECT) else { continue };
        let root = file.path.get(..at).unwrap_or("");
        let skipped = root.split('/').any(|part| SKIPPED.contains(&part));
        if (root.is_empty() || root.ends_with('/')) && !skipped && !roots.iter().any(|known| known == root) {
            roots.push(root.to_owned());
        }
    }
    roots
}

fn project(prefix: &str, root: &str, files: &[&File], folder: &mut Folder, diagnostics: &mut Diagnostics) {
    let base = format!("{root}{PROJECT}");
    let (name, version) = pom(root, files).unwrap_or_else(|| {
        let whole = format!("{prefix}{root}");
        let name = whole.trim_end_matches('/').rsplit('/').next().unwrap_or("");
        (if name.is_empty() { "project" } else { name }.to_owned(), "1.0.0".to_owned())
    });
    let path = format!("{prefix}{root}").trim_end_matches('/').to_owned();
    let mut app = Application { name, version, path, is_folder: true, ..Application::default() };
    let inside: Vec<(&str, &File)> =
        files.iter().filter_map(|file| Some((file.path.strip_prefix(&base)?, *file))).collect();
    project_resources(&inside, &mut app, diagnostics);
    for (rest, file) in &inside {
        if let Some(rest) = rest.strip_prefix("artifacts/") {
            project_artifact(prefix, rest, file, &mut app);
        }
    }
    // Local entries and endpoints before what uses them, as in an application.
    app.items.sort_by_key(item_rank);
    folder.applications.push(app);
}

fn item_rank(item: &Item) -> usize {
    match item {
        Item::Config(_) => 0,
        Item::Resource(_) => 1,
        Item::Library(_) => 2,
        Item::Artifact { kind, .. } => {
            let order = [
                Kind::LocalEntry,
                Kind::Endpoint,
                Kind::Sequence,
                Kind::MessageStore,
                Kind::Template,
                Kind::Proxy,
                Kind::Task,
                Kind::MessageProcessor,
                Kind::Api,
                Kind::InboundEndpoint,
            ];
            3 + order.iter().position(|known| known == kind).unwrap_or(order.len())
        }
        Item::Other { .. } => 20,
    }
}

fn project_artifact(prefix: &str, rest: &str, file: &File, app: &mut Application) {
    let top = rest.split('/').next().unwrap_or("");
    match Kind::of_folder(top) {
        Some(kind) if file.has_extension("xml") => {
            app.items.push(Item::Artifact { kind, source: file.source(prefix) });
        }
        None if matches!(top, "data-services" | "data-sources") => {
            app.items.push(Item::Other { kind: top.to_owned(), name: file.name().to_owned() });
        }
        _ => {}
    }
}

/// `resources/`: registry content of the old and the new style, configurable values, packages.
fn project_resources(inside: &[(&str, &File)], app: &mut Application, diagnostics: &mut Diagnostics) {
    let described = described_items(inside, diagnostics);
    let mut resources = Vec::new();
    for (rest, file) in inside {
        let Some(rest) = rest.strip_prefix("resources/") else { continue };
        if rest == "conf/config.properties" {
            app.items.push(Item::Config(config_entries(&decode(&file.bytes))));
            continue;
        }
        let top = rest.split('/').next().unwrap_or("");
        if matches!(top, "connectors" | "inbound-connectors") {
            if file.has_extension("zip") && top == "connectors" {
                app.items.push(Item::Library((*file).clone()));
            }
            continue;
        }
        if matches!(top, "conf" | "metadata") || file.name() == "artifact.xml" || file.name().starts_with('.')
        {
            continue;
        }
        let key = match rest.strip_prefix("registry/") {
            Some(rest) => project_key(rest),
            None => Some(format!("gov:/mi-resources/{rest}")),
        };
        resources.extend(key.map(|key| resource(key, file, &described)));
    }
    attach_siblings(&mut resources);
    app.items.extend(resources.into_iter().map(Item::Resource));
}

fn project_key(rest: &str) -> Option<String> {
    let (top, below) = rest.split_once('/')?;
    let root = match top {
        "gov" | "governance" => "gov:",
        "conf" | "config" => "conf:",
        "local" => "local:",
        _ => return None,
    };
    Some(format!("{root}/{below}"))
}

fn resource(key: String, file: &File, described: &HashMap<String, RegistryItem>) -> Resource {
    let item = described.get(&key);
    Resource {
        bytes: file.bytes.clone(),
        media_type: item.and_then(|item| item.media_type.clone()),
        properties: item.map(|item| item.properties.clone()).unwrap_or_default(),
        key,
    }
}

/// Media types and properties that the `artifact.xml` files of a project give, by key.
fn described_items(inside: &[(&str, &File)], diagnostics: &mut Diagnostics) -> HashMap<String, RegistryItem> {
    let mut found = HashMap::new();
    let lists = inside
        .iter()
        .filter(|(rest, _)| matches!(*rest, "resources/artifact.xml" | "resources/registry/artifact.xml"));
    for (_, file) in lists {
        let source = file.source("");
        match xml::parse_source(&source) {
            Ok(document) => {
                let Some(root) = document.root_element() else { continue };
                let root = ElementRef { document: &document, id: root };
                for item in root.children().flat_map(registry::items) {
                    found.insert(item.key(), item);
                }
            }
            Err(error) => {
                let span = Span { start: error.offset, end: error.offset + 1 };
                diagnostics.error(
                    Code::NOT_WELL_FORMED,
                    (&source, span),
                    format!("not well-formed XML: {error}"),
                );
            }
        }
    }
    found
}

/// `artifactId` and `version` of the project's `pom.xml`.
fn pom(root: &str, files: &[&File]) -> Option<(String, String)> {
    let path = format!("{root}pom.xml");
    let file = files.iter().find(|file| file.path == path)?;
    let document = xml::parse(&decode(&file.bytes)).ok()?;
    let project = ElementRef { document: &document, id: document.root_element()? };
    let text = |name: &str| project.child_any_ns(name).map(|c| c.text().trim().to_owned());
    let version = text("version").unwrap_or_else(|| "1.0.0".to_owned());
    Some((text("artifactId")?, version.trim_end_matches("-SNAPSHOT").to_owned()))
}

fn server(prefix: &str, files: &[&File]) -> Folder {
    let mut folder = Folder { layout: Layout::Server, ..Folder::default() };
    for file in files {
        if let Some(rest) = file.path.strip_prefix(SERVER) {
            server_file(prefix, rest, file, &mut folder);
        } else if let Some(rest) = file.path.strip_prefix("registry/") {
            folder.resources.extend(registry_file(rest, file));
        }
    }
    attach_siblings(&mut folder.resources);
    folder
}

fn server_file(prefix: &str, rest: &str, file: &File, folder: &mut Folder) {
    if let Some(rest) = rest.strip_prefix("synapse-configs/default/") {
        if !file.has_extension("xml") {
            return;
        }
        let kind = match rest.split_once('/') {
            Some((top, _)) => match Kind::of_folder(top) {
                Some(kind) => Some(kind),
                None => return,
            },
            None if matches!(rest, "registry.xml" | "task-manager.xml") => return,
            None => None,
        };
        folder.loose.push(LooseFile { kind, source: file.source(prefix) });
    } else if rest.starts_with("carbonapps/") && file.has_extension("car") {
        folder.archives.push(File { path: format!("{prefix}{}", file.path), bytes: file.bytes.clone() });
    } else if rest.starts_with("synapse-libs/") && file.has_extension("zip") {
        folder.libraries.push((*file).clone());
    }
}

fn registry_file(rest: &str, file: &File) -> Option<Resource> {
    let key = project_key(rest)?;
    Some(Resource { key, bytes: file.bytes.clone(), media_type: None, properties: Vec::new() })
}

fn bare(prefix: &str, files: &[&File]) -> Folder {
    let mut folder = Folder { layout: Layout::Bare, ..Folder::default() };
    for file in files {
        let mut parts: Vec<&str> = file.path.split('/').collect();
        parts.pop();
        if parts.iter().any(|part| SKIPPED.contains(part)) {
            continue;
        }
        if file.has_extension("car") {
            folder.archives.push(File { path: format!("{prefix}{}", file.path), bytes: file.bytes.clone() });
        } else if file.has_extension("xml") {
            let kind = parts.iter().rev().find_map(|part| Kind::of_folder(part));
            if kind.is_some() || is_artifact(file) {
                folder.loose.push(LooseFile { kind, source: file.source(prefix) });
            }
        } else if let Some(rest) = file.path.strip_prefix("registry/") {
            folder.resources.extend(registry_file(rest, file));
        }
    }
    attach_siblings(&mut folder.resources);
    folder
}

/// In a plain folder other XML lies about; what cannot be parsed is taken for an artifact, so that
/// it is reported.
fn is_artifact(file: &File) -> bool {
    let source = Source::new("", decode(&file.bytes));
    match xml::parse(&source.text) {
        Ok(document) => {
            let local = document.root_element().map(|root| document.local_name(root)).unwrap_or("");
            Kind::of_root(local).is_some_and(|kind| kind != Kind::Other)
        }
        Err(_) => true,
    }
}
