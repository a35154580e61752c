//! One message out of many.

use super::{ElementType, Settings};
use crate::errors::Fault;
use crate::eval::{Dialect, Selected, Selection};
use crate::flow::Context;
use crate::mediators::parts::payload;
use crate::message::{Json, Message, Value, XmlItem};
use artifacts::xml::{Document, NodeId, XmlElement};

/// A copy of the first message with the results of all.
pub(super) fn merge(settings: &Settings, messages: &[Message], cx: &Context) -> Result<Message, Fault> {
    let Some(first) = messages.first() else {
        return Err(Fault::new("an aggregation of messages timed out with no aggregated messages"));
    };
    let mut result = first.fork();
    if settings.expression.dialect() == Dialect::JsonPath {
        let json = json(settings, messages, cx)?;
        let json = match enclosing(settings, &result)? {
            Some(element) => Json::Object(vec![(element.get().local().into(), json)]),
            None => json,
        };
        result.payload = payload::json(&json.to_string()).map_err(Fault::new)?;
        return Ok(result);
    }
    xml(settings, messages, &mut result, cx)?;
    if let Some(element) = enclosing(settings, &result)? {
        enclose(&mut result, &element);
    }
    Ok(result)
}

fn failed(settings: &Settings, error: &str) -> Fault {
    Fault::new(format!("Error evaluating expression: {}", settings.expression.source())).detail(error)
}

fn json(settings: &Settings, messages: &[Message], cx: &Context) -> Result<Json, Fault> {
    let mut array = Vec::new();
    let mut object = Json::Object(Vec::new());
    for message in messages {
        let selection = settings.expression.select(message, cx);
        let mut found = selection.map_err(|fault| failed(settings, &fault.message))?.json();
        match settings.element_type {
            ElementType::Root => array.push(match found.len() {
                0 => Json::Null,
                1 => found.remove(0),
                _ => Json::Array(found),
            }),
            ElementType::Child => {
                if found.is_empty() {
                    return Err(not_mergeable(settings));
                }
                for one in found {
                    let Json::Object(members) = one else { return Err(not_mergeable(settings)) };
                    merge_members(&mut object, members);
                }
            }
            ElementType::Neither => {}
        }
    }
    Ok(if settings.element_type == ElementType::Child { object } else { Json::Array(array) })
}

fn not_mergeable(settings: &Settings) -> Fault {
    let source = settings.expression.source();
    Fault::new(format!("Error merging aggregation results using JSONPath : {source}"))
        .detail("Invalid JSON object. Could not extend.")
}

/// Members of the same name: arrays are joined, objects merged, anything else becomes an array.
fn merge_members(left: &mut Json, members: Vec<(std::sync::Arc<str>, Json)>) {
    for (key, right) in members {
        let Some(old) = left.get_mut(&key) else {
            left.set(&key, right);
            continue;
        };
        match (old, right) {
            (Json::Array(old), Json::Array(more)) => old.extend(more),
            (old @ Json::Object(_), Json::Object(more)) => merge_members(old, more),
            (Json::Array(old), more) => old.push(more),
            (old, more) => *old = Json::Array(vec![std::mem::replace(old, Json::Null), more]),
        }
    }
}

fn xml(settings: &Settings, messages: &[Message], result: &mut Message, cx: &Context) -> Result<(), Fault> {
    let no_match = || failed(settings, "Could not find matching elements to aggregate.");
    for (index, message) in messages.iter().enumerate() {
        let selection = settings.expression.select(message, cx);
        let selection = selection.map_err(|fault| failed(settings, &fault.message))?;
        let Selection::Nodes(nodes) = selection else { return Err(no_match()) };
        if index == 0 {
            first_message(&nodes, result);
            continue;
        }
        if nodes.is_empty() || nodes.iter().all(|node| matches!(node, Selected::Item(XmlItem::Text(_)))) {
            return Err(no_match());
        }
        let envelope = message.payload.envelope();
        let elements: Vec<XmlElement> = nodes
            .iter()
            .filter_map(|node| match node.item(&envelope) {
                XmlItem::Element(element) if element.document().is_element(element.id()) => Some(element),
                _ => None,
            })
            .collect();
        append_to_body(result, &elements);
    }
    Ok(())
}

/// The first message stands already in the result: what it selects moves right under the body, and
/// the element that it stood in leaves. Nothing selected changes nothing.
fn first_message(nodes: &[Selected], result: &mut Message) {
    let envelope = result.payload.envelope_mut();
    let body = envelope.body();
    let elements: Vec<NodeId> = nodes.iter().filter_map(|node| node.own_element(envelope)).collect();
    let document = envelope.document_mut();
    let Some(first) = elements.first() else { return };
    let Some(mut top) = document.parent(*first).filter(|parent| *parent != body) else { return };
    while let Some(parent) = document.parent(top)
        && parent != body
    {
        if parent == Document::ROOT {
            return;
        }
        top = parent;
    }
    for element in elements {
        payload::move_under(document, body, element);
    }
    document.detach(top);
}

fn append_to_body(message: &mut Message, elements: &[XmlElement]) {
    let envelope = message.payload.envelope_mut();
    let body = envelope.body();
    let document = envelope.document_mut();
    for element in elements {
        let copy = document.import(element.document(), element.id());
        document.append(body, copy);
    }
}

/// The element to put around the result.
fn enclosing(settings: &Settings, message: &Message) -> Result<Option<XmlElement>, Fault> {
    let Some(name) = &settings.enclosing else { return Ok(None) };
    match message.property(name) {
        Some(Value::Xml(element)) => Ok(Some(element)),
        Some(_) => {
            Err(Fault::new(format!("Enclosing Element defined in the property: {name} is not an OMElement ")))
        }
        None => Err(Fault::new(format!("Enclosing Element property: {name} not found "))),
    }
}

fn enclose(message: &mut Message, element: &XmlElement) {
    let envelope = message.payload.envelope_mut();
    let body = envelope.body();
    let document = envelope.document_mut();
    let around = document.import(element.document(), element.id());
    let children: Vec<NodeId> = document.child_elements(body).collect();
    for child in children {
        document.append(around, child);
    }
    document.append(body, around);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_the_same_name() {
        let mut left = Json::parse(r#"{"a":1,"b":{"c":1},"d":[1]}"#).unwrap();
        let Json::Object(members) = Json::parse(r#"{"a":2,"b":{"c":2,"e":3},"d":[2],"f":4}"#).unwrap() else {
            panic!()
        };
        merge_members(&mut left, members);
        assert_eq!(left.to_string(), r#"{"a":[1,2],"b":{"c":[1,2],"e":3},"d":[1,2],"f":4}"#);
    }
}
