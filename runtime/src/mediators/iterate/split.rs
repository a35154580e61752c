//! Cutting a payload into parts, and making a payload of each part.

use super::Iterate;
use crate::errors::Fault;
use crate::eval::{Expr, JsonPath, Selected, Selection, json_root};
use crate::flow::Context;
use crate::mediators::parts::payload as new_payload;
use crate::message::{Envelope, Json, Message, Payload, XmlItem};
use artifacts::xml::{Document, NodeId};
use std::sync::Arc;

/// The parts of one message and what they are put into.
pub(super) struct Parts<'i> {
    pub(super) list: Vec<Part>,
    rest: Rest<'i>,
}

pub(super) enum Part {
    /// A node of the tree without the parts.
    Own(NodeId),
    /// An element of another tree.
    Other(XmlItem),
    Json(Json),
}

enum Rest<'i> {
    /// The tree without the parts, and an envelope with its header blocks and an empty body.
    Xml { tree: Document, empty: Envelope, whole: Option<(Envelope, &'i Expr)> },
    /// The payload with the array emptied, and where the part goes in it.
    Json(Option<(Json, Arc<JsonPath>)>),
}

/// Parts that an XPath selects. They leave the tree in document order, so a part inside a part is no
/// longer in the outer one.
pub(super) fn xml<'i>(iterate: &'i Iterate, message: &Message, cx: &Context) -> Result<Parts<'i>, Fault> {
    let Selection::Nodes(nodes) = iterate.expression.select(message, cx)? else {
        return Err(Fault::new("the expression of <iterate> selects no nodes"));
    };
    let envelope = message.payload.envelope();
    let mut tree = (**envelope.document()).clone();
    let mut list = Vec::with_capacity(nodes.len());
    for node in nodes {
        match node {
            Selected::Own(id) => {
                tree.detach(id);
                list.push(Part::Own(id));
            }
            Selected::Item(item @ XmlItem::Element(_)) => list.push(Part::Other(item)),
            Selected::OwnAttribute(..) | Selected::Item(XmlItem::Text(_)) => {}
        }
    }
    let whole = match &iterate.attach_path {
        Some(path) if iterate.preserve_payload => {
            let mut whole = envelope.clone();
            *whole.document_mut() = tree.clone();
            Some((whole, &**path))
        }
        _ => None,
    };
    Ok(Parts { list, rest: Rest::Xml { empty: empty(&envelope), tree, whole } })
}

/// An envelope of the same version with the same header blocks and nothing in its body.
fn empty(envelope: &Envelope) -> Envelope {
    let mut empty = Envelope::new(envelope.version());
    let Some(blocks) = envelope.header() else { return empty };
    let document = envelope.document();
    if document.first_element(blocks).is_none() {
        return empty;
    }
    let header = empty.header_mut();
    let own = empty.document_mut();
    for block in document.child_elements(blocks) {
        let copy = own.import(document, block);
        own.append(header, copy);
    }
    empty
}

/// Parts that a JSONPath selects. Unless it is the attach path, it has to name an array.
pub(super) fn json<'i>(iterate: &'i Iterate, message: &Message, cx: &Context) -> Result<Parts<'i>, Fault> {
    let missing = || Fault::new("the expression of <iterate> is no JSONPath");
    let path = iterate.expression.json_path(message, cx)?.ok_or_else(missing)?;
    let attach = match &iterate.attach_path {
        Some(attach) => attach.json_path(message, cx)?.ok_or_else(missing)?,
        None => path.clone(),
    };
    let root = json_root(message)?.ok_or_else(|| Fault::new("<iterate> found no JSON payload"))?;
    let list = iterate.expression.select(message, cx)?.json();
    let mut rest = (*root).clone();
    if path.text() != attach.text() {
        let fault =
            |error| Fault::new(format!("Exception occurred while executing the Iterate Mediator: {error}"));
        if !matches!(path.read(&root).map_err(|error| fault(error.to_string()))?, Json::Array(_)) {
            return Err(Fault::new(format!(
                "JSON element expressed by the path {} is not a valid JSON array that can be iterated",
                path.text()
            )));
        }
        if iterate.preserve_payload {
            path.set(&mut rest, &Json::Array(Vec::new())).map_err(|error| fault(error.to_string()))?;
        }
    }
    let list = list.into_iter().map(Part::Json).collect();
    Ok(Parts { list, rest: Rest::Json(iterate.preserve_payload.then_some((rest, attach))) })
}

impl Parts<'_> {
    /// The payload of a copy with this part.
    pub(super) fn payload(&self, part: &Part, copy: &Message, cx: &Context) -> Result<Payload, Fault> {
        match (&self.rest, part) {
            (Rest::Json(rest), Part::Json(json)) => {
                let whole = match rest {
                    None => json.to_string(),
                    Some((_, path)) if path.is_root() => json.to_string(),
                    Some((rest, path)) => {
                        let mut whole = rest.clone();
                        path.set(&mut whole, json).map_err(|error| not_attached(&error.to_string()))?;
                        whole.to_string()
                    }
                };
                new_payload::json(&whole).map_err(Fault::new)
            }
            (Rest::Xml { tree, whole: Some((whole, path)), .. }, part) => {
                attach(whole, path, tree, part, copy, cx)
            }
            (Rest::Xml { tree, empty, .. }, part) => {
                let mut envelope = empty.clone();
                let body = envelope.body();
                append(envelope.document_mut(), body, tree, part);
                Ok(Payload::xml(envelope))
            }
            (Rest::Json(_), _) => Err(not_attached("the part is no JSON")),
        }
    }
}

fn not_attached(why: &str) -> Fault {
    Fault::new(format!("Error in attaching the splitted elements :: {why}"))
}

fn attach(
    whole: &Envelope,
    path: &Expr,
    tree: &Document,
    part: &Part,
    copy: &Message,
    cx: &Context,
) -> Result<Payload, Fault> {
    let mut message = copy.fork();
    message.payload = Payload::xml(whole.clone());
    let place = match path.select(&message, cx)? {
        Selection::Nodes(nodes) => nodes.first().and_then(|node| node.own_element(whole)),
        _ => None,
    };
    let Some(place) = place else {
        let why = format!("Unable to get the attach path specified by the expression {}", path.source());
        return Err(not_attached(&why));
    };
    append(message.payload.envelope_mut().document_mut(), place, tree, part);
    Ok(message.payload)
}

fn append(document: &mut Document, parent: NodeId, tree: &Document, part: &Part) {
    let copy = match part {
        Part::Own(id) => document.import(tree, *id),
        Part::Other(XmlItem::Element(element)) => document.import(element.document(), element.id()),
        Part::Other(XmlItem::Text(_)) | Part::Json(_) => return,
    };
    document.append(parent, copy);
}
