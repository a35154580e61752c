//! References between artifacts: what names something that is not deployed, and what goes in circles.
//!
//! MI deploys all of it and finds out when a message comes; so these are warnings.

use crate::diagnostics::{Code, Diagnostics, nearest};
use crate::kinds::proxy::TargetEndpoint;
use crate::kinds::{Artifact, FlowRef, Kind, Reference};
use crate::set::ArtifactSet;
use crate::source::{SourceRef, Span};
use crate::xml::ElementRef;
use std::collections::{BTreeMap, BTreeSet};

/// A reference that was found: where, to which kind, by which name.
struct Use<'a> {
    kind: Kind,
    name: String,
    at: (&'a SourceRef, Span),
    /// A message processor does nothing without it.
    is_vital: bool,
}

/// Attributes of mediators that name an artifact.
const MEDIATORS: &[(&str, &str, Kind)] = &[
    ("sequence", "key", Kind::Sequence),
    ("endpoint", "key", Kind::Endpoint),
    ("endpoint", "template", Kind::Template),
    ("call-template", "target", Kind::Template),
    ("store", "messageStore", Kind::MessageStore),
    ("send", "receive", Kind::Sequence),
    ("target", "sequence", Kind::Sequence),
    ("target", "endpoint", Kind::Endpoint),
    ("foreach", "sequence", Kind::Sequence),
    ("onComplete", "sequence", Kind::Sequence),
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
    let mut message = format!("the {} '{}' is not in this deployment", found.kind, found.name);
    if found.is_vital {
        message.push_str(": the message processor does not run");
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
        let is_vital = kind == Kind::MessageStore;
        found.push(Use { kind, name: reference.key.clone(), at: (source, reference.span), is_vital });
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
        Artifact::MessageProcessor(processor) => {
            push(Kind::MessageStore, &processor.message_store);
            processor.target_endpoint.iter().for_each(|reference| push(Kind::Endpoint, reference));
        }
        _ => {}
    }
    mediator_uses(artifact, &mut found);
    found
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
            let at = element.place_of("onError");
            found.push(Use { kind: Kind::Sequence, name: name.to_owned(), at, is_vital: false });
        }
        for (_, attribute, kind) in MEDIATORS.iter().filter(|(local, ..)| *local == element.local()) {
            let Some(name) = element.attr(attribute).filter(|name| is_static(name)) else { continue };
            let at = element.place_of(attribute);
            found.push(Use { kind: *kind, name: name.to_owned(), at, is_vital: false });
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

    fn findings(texts: &[&str]) -> Vec<String> {
        let mut set = ArtifactSet::default();
        for text in texts {
            let text = text.replacen('>', &format!(" xmlns='{SYNAPSE}'>"), 1);
            let source = Source::new("a.xml", text);
            set.add_loose(&LooseFile { kind: None, source }, &NoConfigs, &|_| Diagnostics::new());
        }
        assert!(set.faulty.is_empty(), "{}", set.diagnostics.render());
        unresolved(&set, &|key| key == "gov:/there.xml").iter().map(|d| d.message.clone()).collect()
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
