//! Placeholders inside flows: endpoints written in mediators are read by the runtime's compiler, so
//! their deploy-time values are filled in on the tree before.

use crate::config;
use crate::read::Reader;
use crate::xml::{Document, ElementRef, NodeId};

/// Attributes that MI resolves when it deploys, by element.
const RESOLVED: &[(&str, &[&str])] = &[
    ("address", &["uri"]),
    ("http", &["uri-template"]),
    ("wsdl", &["uri", "service", "port"]),
    ("member", &["hostName", "httpPort", "httpsPort"]),
    ("endpoint", &["uri", "name"]),
    ("parameter", &["value"]),
];

/// Elements whose content is a flow.
const FLOWS: &[&str] = &["inSequence", "outSequence", "faultSequence", "sequence"];

/// Fills in placeholders of endpoints inside flows.
pub(super) fn fill(document: &mut Document, reader: &mut Reader<'_>) {
    let mut changes: Vec<(NodeId, &str, String)> = Vec::new();
    for id in document.descendants(Document::ROOT) {
        let element = ElementRef { document, id };
        let Some((_, attributes)) = RESOLVED.iter().find(|(name, _)| *name == element.local()) else {
            continue;
        };
        for attribute in *attributes {
            let Some(value) = element.attr(attribute).filter(|value| config::placeholder(value).is_some())
            else {
                continue;
            };
            if in_flow(document, id) {
                changes.push((id, attribute, reader.resolve(value, element.place_of(attribute))));
            }
        }
    }
    for (id, attribute, value) in changes {
        document.set_attribute(id, attribute, &value);
    }
}

fn in_flow(document: &Document, id: NodeId) -> bool {
    std::iter::successors(document.parent(id), |at| document.parent(*at))
        .any(|at| FLOWS.contains(&document.local_name(at)))
}
