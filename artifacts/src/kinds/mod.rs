//! One file per artifact kind: an element in, a typed artifact and findings out.
//!
//! [`read`] is the way in. What MI's deployers refuse is an error, what they ignore or only notice
//! later is a warning. Mediators are not looked at: flows keep their XML for the runtime's compiler.

pub mod api;
mod definitions;
pub mod endpoint;
pub mod expression;
pub mod flow;
pub mod import;
pub mod inbound_endpoint;
pub mod local_entry;
pub mod message_processor;
pub mod message_store;
mod placeholders;
pub mod proxy;
pub mod registry;
pub mod sequence;
mod syntax;
pub mod task;
pub mod template;
mod versioning;

pub use api::Api;
pub use endpoint::Endpoint;
pub use flow::{Flow, FlowRef, Reference};
pub use import::Import;
pub use inbound_endpoint::InboundEndpoint;
pub use local_entry::LocalEntry;
pub use message_processor::MessageProcessor;
pub use message_store::MessageStore;
pub use proxy::Proxy;
pub use registry::{RegistryDeclaration, RegistryItem};
pub use sequence::Sequence;
pub use task::Task;
pub use template::Template;
pub use versioning::Versioning;

use crate::config::{ConfigSource, NoConfigs};
use crate::diagnostics::{Code, Diagnostics, nearest};
use crate::read::Reader;
use crate::source::{SourceRef, Span};
use crate::xml::{self, XmlElement};
use std::sync::Arc;

/// Artifact kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// `<api>`.
    Api,
    /// `<proxy>`.
    Proxy,
    /// `<sequence>`.
    Sequence,
    /// `<endpoint>`.
    Endpoint,
    /// `<inboundEndpoint>`.
    InboundEndpoint,
    /// `<task>`.
    Task,
    /// `<messageStore>`.
    MessageStore,
    /// `<messageProcessor>`.
    MessageProcessor,
    /// `<localEntry>`.
    LocalEntry,
    /// `<template>`.
    Template,
    /// `<import>`.
    Import,
    /// `<registry>`.
    Registry,
    /// `<definitions>`: a whole configuration.
    Definitions,
    /// Something that MI deploys and this runtime does not: data services, data sources, event
    /// sources, priority executors, task managers.
    Other,
}

/// An artifact.
#[derive(Debug, Clone)]
#[allow(missing_docs)]
pub enum Artifact {
    Api(Api),
    Proxy(Proxy),
    Sequence(Sequence),
    Endpoint(Endpoint),
    InboundEndpoint(InboundEndpoint),
    Task(Task),
    MessageStore(MessageStore),
    MessageProcessor(MessageProcessor),
    LocalEntry(LocalEntry),
    Template(Template),
    Import(Import),
    Registry(RegistryDeclaration),
    Other(XmlElement),
}

/// Kinds by root element, folder of a server, folder of a project, type in an application, and the
/// short name used on the command line.
struct Names {
    kind: Kind,
    root: &'static str,
    folders: &'static [&'static str],
    application: &'static str,
    word: &'static str,
}

const NAMES: &[Names] = &[
    names(Kind::Api, "api", &["api", "apis"], "synapse/api", "api"),
    names(Kind::Proxy, "proxy", &["proxy-services"], "synapse/proxy-service", "proxy"),
    names(Kind::Sequence, "sequence", &["sequences"], "synapse/sequence", "sequence"),
    names(Kind::Endpoint, "endpoint", &["endpoints"], "synapse/endpoint", "endpoint"),
    names(
        Kind::InboundEndpoint,
        "inboundEndpoint",
        &["inbound-endpoints"],
        "synapse/inbound-endpoint",
        "inbound-endpoint",
    ),
    names(Kind::Task, "task", &["tasks"], "synapse/task", "task"),
    names(Kind::MessageStore, "messageStore", &["message-stores"], "synapse/message-store", "message-store"),
    names(
        Kind::MessageProcessor,
        "messageProcessor",
        &["message-processors"],
        "synapse/message-processors",
        "message-processor",
    ),
    names(Kind::LocalEntry, "localEntry", &["local-entries"], "synapse/local-entry", "local-entry"),
    names(Kind::Template, "template", &["templates"], "synapse/template", "template"),
    names(Kind::Import, "import", &["imports"], "", "import"),
    names(Kind::Registry, "registry", &[], "", "registry"),
    names(Kind::Definitions, "definitions", &[], "", "definitions"),
];

const fn names(
    kind: Kind,
    root: &'static str,
    folders: &'static [&'static str],
    application: &'static str,
    word: &'static str,
) -> Names {
    Names { kind, root, folders, application, word }
}

/// Root elements that MI deploys elsewhere.
const OTHER_ROOTS: &[&str] = &[
    "eventSource",
    "priority-executor",
    "priorityExecutor",
    "taskManager",
    "data",
    "datasource",
    "unit-test",
    "mock-service",
];

impl Kind {
    /// By the local name of a root element.
    pub fn of_root(local: &str) -> Option<Self> {
        let named = NAMES.iter().find(|names| names.root == local).map(|names| names.kind);
        named.or_else(|| OTHER_ROOTS.contains(&local).then_some(Kind::Other))
    }

    /// By the name of a folder in a project or server.
    pub fn of_folder(folder: &str) -> Option<Self> {
        NAMES.iter().find(|names| names.folders.contains(&folder)).map(|names| names.kind)
    }

    /// By the `type` in an `artifact.xml`.
    pub fn of_application_type(text: &str) -> Option<Self> {
        let filled = |names: &&Names| !names.application.is_empty() && names.application == text;
        NAMES.iter().find(filled).map(|names| names.kind)
    }

    /// By its short name.
    pub fn of_word(word: &str) -> Option<Self> {
        NAMES.iter().find(|names| names.word == word).map(|names| names.kind)
    }

    /// Short name, such as `inbound-endpoint`.
    pub fn word(self) -> &'static str {
        NAMES.iter().find(|names| names.kind == self).map_or("other", |names| names.word)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl Artifact {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self {
            Artifact::Api(_) => Kind::Api,
            Artifact::Proxy(_) => Kind::Proxy,
            Artifact::Sequence(_) => Kind::Sequence,
            Artifact::Endpoint(_) => Kind::Endpoint,
            Artifact::InboundEndpoint(_) => Kind::InboundEndpoint,
            Artifact::Task(_) => Kind::Task,
            Artifact::MessageStore(_) => Kind::MessageStore,
            Artifact::MessageProcessor(_) => Kind::MessageProcessor,
            Artifact::LocalEntry(_) => Kind::LocalEntry,
            Artifact::Template(_) => Kind::Template,
            Artifact::Import(_) => Kind::Import,
            Artifact::Registry(_) => Kind::Registry,
            Artifact::Other(_) => Kind::Other,
        }
    }

    /// The name under which it is registered; an API's has its version.
    pub fn name(&self) -> String {
        match self {
            Artifact::Api(api) => api.full_name(),
            Artifact::Proxy(proxy) => proxy.name.clone(),
            Artifact::Sequence(sequence) => sequence.name.clone(),
            Artifact::Endpoint(endpoint) => endpoint.name.clone().unwrap_or_default(),
            Artifact::InboundEndpoint(inbound) => inbound.name.clone(),
            Artifact::Task(task) => task.name.clone(),
            Artifact::MessageStore(store) => store.name.clone(),
            Artifact::MessageProcessor(processor) => processor.name.clone(),
            Artifact::LocalEntry(entry) => entry.key.clone(),
            Artifact::Template(template) => template.name.clone(),
            Artifact::Import(import) => import.qualified(),
            Artifact::Registry(registry) => registry.provider.clone(),
            Artifact::Other(element) => element.get().attr("name").unwrap_or_default().to_owned(),
        }
    }

    /// Flows written in place; for a template those of its body.
    pub fn flows(&self) -> Vec<&Flow> {
        let mut found: Vec<&Option<FlowRef>> = Vec::new();
        match self {
            Artifact::Api(api) => {
                for resource in &api.resources {
                    found.extend([&resource.in_sequence, &resource.out_sequence, &resource.fault_sequence]);
                }
            }
            Artifact::Proxy(proxy) => {
                found.extend([&proxy.in_sequence, &proxy.out_sequence, &proxy.fault_sequence]);
            }
            Artifact::Sequence(sequence) => return vec![&sequence.flow],
            Artifact::Template(template) => {
                return match &template.body {
                    template::TemplateBody::Sequence(flow) => vec![flow],
                    template::TemplateBody::Endpoint(_) => Vec::new(),
                };
            }
            _ => {}
        }
        let inline = |flow| match flow {
            &Some(FlowRef::Inline(ref flow)) => Some(flow),
            _ => None,
        };
        found.into_iter().filter_map(inline).collect()
    }

    /// Its element.
    pub fn element(&self) -> &XmlElement {
        match self {
            Artifact::Api(found) => &found.element,
            Artifact::Proxy(found) => &found.element,
            Artifact::Sequence(found) => &found.element,
            Artifact::Endpoint(found) => &found.element,
            Artifact::InboundEndpoint(found) => &found.element,
            Artifact::Task(found) => &found.element,
            Artifact::MessageStore(found) => &found.element,
            Artifact::MessageProcessor(found) => &found.element,
            Artifact::LocalEntry(found) => &found.element,
            Artifact::Template(found) => &found.element,
            Artifact::Import(found) => &found.element,
            Artifact::Registry(found) => &found.element,
            Artifact::Other(found) => found,
        }
    }
}

/// Reads a file. Placeholders stay as written. Without a kind the root element decides.
pub fn read(source: &SourceRef, kind: Option<Kind>) -> (Vec<Artifact>, Diagnostics) {
    read_with(source, kind, &NoConfigs)
}

/// Like [`read`], with values for placeholders.
pub fn read_with(
    source: &SourceRef,
    kind: Option<Kind>,
    configs: &dyn ConfigSource,
) -> (Vec<Artifact>, Diagnostics) {
    let (found, diagnostics) = read_judged(source, kind, configs, None);
    (found.into_iter().map(|judged| judged.artifact).collect(), diagnostics)
}

/// An artifact and whether reading it found something that MI refuses: it can still be looked at, so
/// that everything wrong with it is said at once.
#[derive(Debug, Clone)]
pub struct Judged {
    /// What was understood.
    pub artifact: Artifact,
    /// MI refuses it.
    pub is_refused: bool,
}

/// Like [`read_with`], with a judgement of each artifact; `versioning` for an application with versioned
/// deployment.
pub fn read_judged(
    source: &SourceRef,
    kind: Option<Kind>,
    configs: &dyn ConfigSource,
    versioning: Option<&Versioning<'_>>,
) -> (Vec<Judged>, Diagnostics) {
    let mut diagnostics = Diagnostics::new();
    let mut reader = Reader::with(&mut diagnostics, configs);
    let artifacts = read_source(source, kind, versioning, &mut reader);
    (artifacts, diagnostics)
}

fn read_source(
    source: &SourceRef,
    kind: Option<Kind>,
    versioning: Option<&Versioning<'_>>,
    reader: &mut Reader<'_>,
) -> Vec<Judged> {
    let mut document = match xml::parse_source(source) {
        Ok(document) => document,
        Err(error) => {
            let span = Span { start: error.offset, end: error.offset + 1 };
            reader.error(Code::NOT_WELL_FORMED, (source, span), format!("not well-formed XML: {error}"));
            return Vec::new();
        }
    };
    let Some(root) = document.root_element() else { return Vec::new() };
    let mark = reader.diagnostics.len();
    placeholders::fill(&mut document, reader);
    if let (Some(versioning), Some(kind)) = (versioning, kind) {
        versioning.apply(&mut document, kind, reader);
    }
    let element = XmlElement::new(Arc::new(document), root);
    let Some(kind) = kind.or_else(|| guess(&element, reader)) else { return Vec::new() };
    if kind == Kind::Definitions {
        return definitions::read(&element, reader);
    }
    let mut found: Vec<Judged> = read_artifact(&element, kind, reader).into_iter().collect();
    // What was wrong before reading (a placeholder, a key of a dependency) counts for the one artifact.
    found.iter_mut().for_each(|judged| judged.is_refused |= reader.diagnostics.has_errors_since(mark));
    found
}

fn guess(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Kind> {
    let local = element.get().local();
    let kind = Kind::of_root(local);
    if kind.is_none() {
        let near = nearest(local, NAMES.iter().map(|names| names.root));
        let message = format!("<{local}> is no artifact");
        let diagnostic = reader.error(Code::UNKNOWN_KIND, element.get().place(), message);
        match near {
            Some(near) => diagnostic.with_hint(format!("did you mean <{near}>?")),
            None => {
                diagnostic.with_hint("expected <api>, <proxy>, <sequence>, <endpoint>, <localEntry>, ...")
            }
        };
    }
    kind
}

/// Reads one artifact of a known kind. `None` was reported.
fn read_artifact(element: &XmlElement, kind: Kind, reader: &mut Reader<'_>) -> Option<Judged> {
    let mark = reader.diagnostics.len();
    let artifact = read_kind(element, kind, reader)?;
    Some(Judged { artifact, is_refused: reader.diagnostics.has_errors_since(mark) })
}

fn read_kind(element: &XmlElement, kind: Kind, reader: &mut Reader<'_>) -> Option<Artifact> {
    if !root_fits(element, kind, reader) {
        return None;
    }
    match kind {
        Kind::Api => api::read(element, reader).map(Artifact::Api),
        Kind::Proxy => proxy::read(element, reader).map(Artifact::Proxy),
        Kind::Sequence => sequence::read(element, reader).map(Artifact::Sequence),
        Kind::Endpoint => endpoint::read_named(element, reader).map(Artifact::Endpoint),
        Kind::InboundEndpoint => inbound_endpoint::read(element, reader).map(Artifact::InboundEndpoint),
        Kind::Task => task::read(element, reader).map(Artifact::Task),
        Kind::MessageStore => message_store::read(element, reader).map(Artifact::MessageStore),
        Kind::MessageProcessor => message_processor::read(element, reader).map(Artifact::MessageProcessor),
        Kind::LocalEntry => local_entry::read(element, reader).map(Artifact::LocalEntry),
        Kind::Template => template::read(element, reader).map(Artifact::Template),
        Kind::Import => import::read(element, reader).map(Artifact::Import),
        Kind::Registry => registry::read(element, reader).map(Artifact::Registry),
        Kind::Other => Some(Artifact::Other(element.clone())),
        Kind::Definitions => None,
    }
}

/// The folder decides the kind; only sequences, tasks and templates are asked for their name too.
fn root_fits(element: &XmlElement, kind: Kind, reader: &mut Reader<'_>) -> bool {
    let this = element.get();
    let expected = NAMES.iter().find(|names| names.kind == kind).map_or("", |names| names.root);
    let strict = matches!(kind, Kind::Sequence | Kind::Task | Kind::Template);
    if this.local() != expected && !expected.is_empty() {
        let message = format!("expected <{expected}> as root element; found <{}>", this.local());
        if strict {
            reader.error(Code::UNKNOWN_KIND, this.place(), message);
            return false;
        }
        reader.warn(Code::UNKNOWN_KIND, this.place(), message);
    }
    if this.is_synapse() || kind == Kind::Other {
        return true;
    }
    let message =
        format!("<{}> is in the namespace '{}' instead of '{}'", this.local(), this.ns(), xml::SYNAPSE);
    match kind {
        Kind::Sequence | Kind::Task => {
            reader.error(Code::WRONG_NAMESPACE, this.place(), message);
            false
        }
        Kind::Template => {
            reader.warn(Code::WRONG_NAMESPACE, this.place(), format!("{message}; nothing is deployed"));
            false
        }
        _ => {
            reader.warn(Code::WRONG_NAMESPACE, this.place(), message);
            true
        }
    }
}

/// `{...}`: computed when used.
pub(crate) fn expression_in_braces(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('{') && text.ends_with('}')
}
