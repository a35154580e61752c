//! References between artifacts: what names something that is not deployed, and what goes in circles.
//!
//! MI deploys all of it and finds out when a message comes; so these are warnings.

use crate::diagnostics::{Code, Diagnostics, nearest};
use crate::kinds::proxy::TargetEndpoint;
use crate::kinds::task::MESSAGE_INJECTOR;
use crate::kinds::{Artifact, FlowRef, Kind, MessageProcessor, Reference, Task};
use crate::set::ArtifactSet;
use crate::source::{SourceRef, Span};
use crate::xml::ElementRef;
use std::collections::{BTreeMap, BTreeSet};

/// A reference that was found: where, to which kind, by which name.
struct Use<'a> {
    kind: Kind,
    name: String,
    at: (&'a SourceRef, Span),
    /// What comes of it, when more is lost than the messages that come by here.
    consequence: Option<&'static str>,
}

impl<'a> Use<'a> {
    fn new(kind: Kind, name: &str, at: (&'a SourceRef, Span)) -> Self {
        Self { kind, name: name.to_owned(), at, consequence: None }
    }
}

/// Attributes of mediators that name an artifact.
const MEDIATORS: &[(&str, &str, Kind)] = &[
    ("sequence", "key", Kind::Sequence),
    ("endpoint", "key", Kind::Endpoint),
    ("endpoint", "template", Kind::Template),
    ("call-template", "target", Kind::Template),
    ("store", "messageStore", Kind::MessageStore),
    ("send", "receive", Kind::Sequence),
    ("callout", "endpointKey", Kind::Endpoint),
    ("target", "sequence", Kind::Sequence),
    ("target", "endpoint", Kind::Endpoint),
    ("foreach", "sequence", Kind::Sequence),
    ("onComplete", "sequence", Kind::Sequence),
    ("onCacheHit", "sequence", Kind::Sequence),
    ("store", "sequence", Kind::Sequence),
    ("throttle", "onAccept", Kind::Sequence),
    ("throttle", "onReject", Kind::Sequence),
];

/// Parameters of message processors that name an artifact.
const PROCESSORS: &[(&str, Kind)] = &[
    ("sequence", Kind::Sequence),
    ("target.endpoint", Kind::Endpoint),
    ("message.processor.reply.sequence", Kind::Sequence),
    ("message.processor.fault.sequence", Kind::Sequence),
    ("message.processor.deactivate.sequence", Kind::Sequence),
    ("message.processor.failMessagesStore", Kind::MessageStore),
    ("message.target.store.name", Kind::MessageStore),
];

/// Warnings about references to nothing and sequences in circles. `in_registry` says whether a key is
/// a registry resource.
pub fn unresolved(set: &ArtifactSet, in_registry: &dyn Fn(&str) -> bool) -> Diagnostics {
    let mut diagnostics = Diagnostics::new();
    let mut calls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for deployed in set.iter() {
        let artifact = &deployed.artifact;
        for found in uses(artifact) {
            if let Artifact::Sequence(sequence) = artifact
                && found.kind == Kind::Sequence
            {
                calls.entry(sequence.name.clone()).or_default().insert(found.name.clone());
            }
            check(set, &found, in_registry, &mut diagnostics);
        }
    }
    circles(set, &calls, &mut diagnostics);
    diagnostics
}

fn check(
    set: &ArtifactSet,
    found: &Use<'_>,
    in_registry: &dyn Fn(&str) -> bool,
    diagnostics: &mut Diagnostics,
) {
    let built_in = found.kind == Kind::Sequence && matches!(&*found.name, "main" | "fault");
    let known = set.get(found.kind, &found.name).is_some()
        || matches!(found.kind, Kind::Sequence | Kind::Endpoint) && set.has_local(&found.name)
        || found.name.ends_with("_INTERNAL_ENDPOINT_REFERENCE");
    if built_in || known || in_registry(&found.name) {
        return;
    }
    let names: Vec<String> = set.of_kind(found.kind).map(Artifact::name).collect();
    let near = nearest(&found.name, names.iter().map(String::as_str)).map(str::to_owned);
    let what = match found.kind {
        Kind::LocalEntry => "local entry or registry resource",
        kind => kind.word(),
    };
    let mut message = format!("the {what} '{}' is not in this deployment", found.name);
    if let Some(consequence) = found.consequence {
        message.push_str(&format!(": {consequence}"));
    }
    let diagnostic = diagnostics.warning(Code::UNRESOLVED, found.at, message);
    if let Some(near) = near {
        diagnostic.with_hint(format!("did you mean '{near}'?"));
    }
}

fn uses(artifact: &Artifact) -> Vec<Use<'_>> {
    let source = artifact.element().get().source();
    let mut found = Vec::new();
    let mut push = |kind: Kind, reference: &Reference| {
        found.push(Use::new(kind, &reference.key, (source, reference.span)))
    };
    let mut flow = |flow: &Option<FlowRef>| {
        if let Some(FlowRef::Named(reference)) = flow {
            push(Kind::Sequence, reference);
        }
    };
    match artifact {
        Artifact::Api(api) => {
            for resource in &api.resources {
                [&resource.in_sequence, &resource.out_sequence, &resource.fault_sequence]
                    .into_iter()
                    .for_each(&mut flow);
            }
        }
        Artifact::Proxy(proxy) => {
            [&proxy.in_sequence, &proxy.out_sequence, &proxy.fault_sequence].into_iter().for_each(&mut flow);
            if let Some(TargetEndpoint::Named(reference)) = &proxy.endpoint {
                push(Kind::Endpoint, reference);
            }
        }
        Artifact::InboundEndpoint(inbound) => {
            inbound
                .sequence
                .iter()
                .chain(&inbound.on_error)
                .for_each(|reference| push(Kind::Sequence, reference));
        }
        Artifact::MessageProcessor(processor) => found = processor_uses(processor),
        Artifact::Task(task) => found = task_uses(task),
        _ => {}
    }
    mediator_uses(artifact, &mut found);
    found
}

fn processor_uses(processor: &MessageProcessor) -> Vec<Use<'_>> {
    let this = processor.element.get();
    let store = Use {
        consequence: Some("the message processor does not run"),
        ..Use::new(Kind::MessageStore, &processor.message_store.key, this.place_of("messageStore"))
    };
    let target = processor.target_endpoint.iter();
    let target = target.map(|target| Use::new(Kind::Endpoint, &target.key, this.place_of("targetEndpoint")));
    let parameters = this.children_named("parameter").filter_map(|child| {
        let (_, kind) = PROCESSORS.iter().find(|(name, _)| child.attr("name") == Some(*name))?;
        let text = child.text();
        is_static(text.trim()).then(|| Use::new(*kind, text.trim(), child.place()))
    });
    std::iter::once(store).chain(target).chain(parameters).collect()
}

/// What the message injector sends to, and where it has its message from.
fn task_uses(task: &Task) -> Vec<Use<'_>> {
    if task.class != MESSAGE_INJECTOR {
        return Vec::new();
    }
    let to = match task.property("injectTo").map(|to| to.trim().to_ascii_lowercase()).as_deref() {
        Some("sequence") => Some(("sequenceName", Kind::Sequence)),
        Some("proxy") => Some(("proxyName", Kind::Proxy)),
        _ => None,
    };
    let has_message = task.properties.iter().any(|property| property.name == "message");
    let message = (!has_message).then_some(("registryKey", Kind::LocalEntry));
    let used = |(property, kind)| {
        let name = task.property(property)?.trim();
        let is_it = |child: &ElementRef<'_>| child.attr("name") == Some(property);
        let element = task.element.get().children().filter(is_it).last()?;
        is_static(name).then(|| Use {
            consequence: Some("the task does nothing"),
            ..Use::new(kind, name, element.place_of("value"))
        })
    };
    to.into_iter().chain(message).filter_map(used).collect()
}

/// References inside flows and endpoints, by element and attribute.
fn mediator_uses<'a>(artifact: &'a Artifact, found: &mut Vec<Use<'a>>) {
    let looks = matches!(
        artifact,
        Artifact::Api(_)
            | Artifact::Proxy(_)
            | Artifact::Sequence(_)
            | Artifact::Template(_)
            | Artifact::Endpoint(_)
    );
    if !looks {
        return;
    }
    let top = artifact.element().get();
    let ids = std::iter::once(top.id).chain(top.document.descendants(top.id));
    for id in ids.filter(|id| top.document.is_element(*id)) {
        let element = ElementRef { document: top.document, id };
        if !element.is_synapse() {
            continue;
        }
        if let Some(name) = element.attr("onError").filter(|name| is_static(name)) {
            found.push(Use::new(Kind::Sequence, name, element.place_of("onError")));
        }
        for (_, attribute, kind) in MEDIATORS.iter().filter(|(local, ..)| *local == element.local()) {
            let Some(name) = element.attr(attribute).filter(|name| is_static(name)) else { continue };
            found.push(Use::new(*kind, name, element.place_of(attribute)));
        }
    }
}

/// Not computed, not a template parameter, not an address.
fn is_static(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['{', '$']) && !name.contains("://")
}

fn circles(set: &ArtifactSet, calls: &BTreeMap<String, BTreeSet<String>>, diagnostics: &mut Diagnostics) {
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    for start in calls.keys() {
        let Some(path) = circle(start, calls) else { continue };
        if path.iter().any(|name| reported.contains(name)) {
            continue;
        }
        if let Some(artifact) = set.get(Kind::Sequence, start) {
            let message = format!("sequences call each other in a circle: {} -> {start}", path.join(" -> "));
            diagnostics.warning(Code::CYCLE, artifact.element().get().place_of("name"), message);
        }
        reported.extend(path);
    }
}

/// The names on a way from `start` back to it.
fn circle<'c>(start: &'c str, calls: &'c BTreeMap<String, BTreeSet<String>>) -> Option<Vec<&'c str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        for next in calls.get(name).into_iter().flatten() {
            if next == start {
                let mut path = vec![name];
                while let Some(before) =
                    path.last().filter(|at| **at != start).and_then(|at| came_from.get(at))
                {
                    path.push(before);
                }
                path.reverse();
                return Some(path);
            }
            if !came_from.contains_key(next.as_str()) {
                came_from.insert(next, name);
                open.push(next);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::LooseFile;
    use crate::config::NoConfigs;
    use crate::source::Source;
    use crate::xml::SYNAPSE;

    fn report(texts: &[&str]) -> Diagnostics {
        let mut set = ArtifactSet::default();
        for text in texts {
            let text = text.replacen('>', &format!(" xmlns='{SYNAPSE}'>"), 1);
            let source = Source::new("a.xml", text);
            set.add_loose(&LooseFile { kind: None, source }, &NoConfigs, &|_| Diagnostics::new());
        }
        assert!(set.faulty.is_empty(), "{}", set.diagnostics.render());
        unresolved(&set, &|key| key == "gov:/there.xml")
    }

    fn findings(texts: &[&str]) -> Vec<String> {
        report(texts).iter().map(|d| d.message.clone()).collect()
    }

    #[test]
    fn what_is_there_is_found() {
        let texts = [
            "<sequence name='a'><sequence key='b'/><sequence key='gov:/there.xml'/><sequence key='{//x}'/></sequence>",
            "<sequence name='b'><send><endpoint key='e'/></send><sequence key='fault'/></sequence>",
            "<endpoint name='e'><default/></endpoint>",
        ];
        assert!(findings(&texts).is_empty());
    }

    #[test]
    fn what_is_missing_is_named() {
        let found = findings(&[
            "<api name='a' context='/a'><resource inSequence='x'><outSequence><call-template target='t'/></outSequence></resource></api>",
        ]);
        assert_eq!(
            found,
            ["the sequence 'x' is not in this deployment", "the template 't' is not in this deployment"]
        );
    }

    fn task(properties: &[(&str, &str)]) -> String {
        let properties: String = properties
            .iter()
            .map(|(name, value)| format!("\n<property name='{name}' value='{value}'/>"))
            .collect();
        format!("<task name='t' class='{MESSAGE_INJECTOR}'><trigger once='true'/>{properties}</task>")
    }

    #[test]
    fn a_task_names_its_target_and_its_message() {
        let sequence = "<sequence name='orders'><drop/></sequence>";
        let wrong =
            task(&[("injectTo", "Sequence"), ("sequenceName", "order"), ("registryKey", "gov:/gone.xml")]);
        let found = report(&[&wrong, sequence]);
        assert_eq!(
            found.iter().map(|d| &*d.message).collect::<Vec<_>>(),
            [
                "the sequence 'order' is not in this deployment: the task does nothing",
                "the local entry or registry resource 'gov:/gone.xml' is not in this deployment: the task does nothing"
            ]
        );
        assert!(found.render().contains("a.xml:3:38: warning[A0301]"), "{}", found.render());
        assert_eq!(found.iter().next().unwrap().hint.as_deref(), Some("did you mean 'orders'?"));
        let proxy = findings(&[&task(&[("injectTo", "proxy"), ("proxyName", "p"), ("sequenceName", "x")])]);
        assert_eq!(proxy, ["the proxy 'p' is not in this deployment: the task does nothing"]);
        let right = task(&[
            ("injectTo", "sequence"),
            ("sequenceName", " orders "),
            ("registryKey", "gov:/there.xml"),
        ]);
        assert_eq!(findings(&[&right, sequence]), [""; 0]);
        assert_eq!(findings(&[&task(&[("sequenceName", "nobody asks")])]), [""; 0]);
    }

    #[test]
    fn a_processor_names_artifacts_in_parameters() {
        let class = "org.apache.synapse.message.processor.impl.sampler.SamplingProcessor";
        let processor = format!(
            "<messageProcessor name='p' class='{class}' messageStore='s'><parameter name='sequence'>gone</parameter></messageProcessor>"
        );
        let found = findings(&[
            &processor,
            "<messageStore name='s'><parameter name='a'>b</parameter></messageStore>",
        ]);
        assert_eq!(found, ["the sequence 'gone' is not in this deployment"]);
    }

    #[test]
    fn circles_are_shown_once() {
        let found = findings(&[
            "<sequence name='a'><sequence key='b'/></sequence>",
            "<sequence name='b'><filter><then><sequence key='c'/></then></filter></sequence>",
            "<sequence name='c'><sequence key='a'/></sequence>",
        ]);
        assert_eq!(found, ["sequences call each other in a circle: a -> b -> c -> a"]);
    }
}
