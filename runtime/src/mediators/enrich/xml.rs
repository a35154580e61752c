//! Targets in XML mode.

use super::source::Piece;
use super::{Action, Enrich, Target};
use crate::errors::Fault;
use crate::eval::{Expr, Selected, Selection};
use crate::flow::Context;
use crate::mediators::parts::payload;
use crate::message::{Envelope, Json, Message, Payload, Properties, Value, XmlItem};
use artifacts::xml::{Document, Name, NodeId, XmlElement, parse};
use std::sync::Arc;

impl Enrich {
    /// Puts the nodes where the target says. The payload is XML afterwards, except that JSON text put
    /// into the body makes it JSON.
    pub(super) fn insert(
        &self,
        pieces: Vec<Piece>,
        message: &mut Message,
        cx: &Context,
    ) -> Result<(), Fault> {
        match &self.target {
            Target::Custom(expr) => self.insert_custom(expr, &pieces, message, cx),
            Target::Body => self.insert_body(&pieces, message),
            Target::Envelope => insert_envelope(pieces, message),
            Target::Property(name) => {
                let old = message.property(name);
                let value = self.property_value(old.as_ref(), pieces, message);
                message.properties.set(name, value);
                Ok(())
            }
            Target::Key(_) => Err(Fault::new("Invalid Target type")),
        }
    }

    fn insert_custom(
        &self,
        expr: &Expr,
        pieces: &[Piece],
        message: &mut Message,
        cx: &Context,
    ) -> Result<(), Fault> {
        let Some(first) = pieces.first() else { return Ok(()) };
        if expr.source().starts_with("get-property") {
            return self.insert_named_property(expr.source(), pieces.to_vec(), message);
        }
        let invalid = || Fault::new("Invalid Target object to be enrich.");
        let Selection::Nodes(nodes) = expr.select(message, cx)? else { return Err(invalid()) };
        match nodes.into_iter().next() {
            Some(Selected::Own(node)) => {
                let document = message.payload.envelope_mut().document_mut();
                if document.is_element(node) {
                    self.insert_element(document, node, pieces);
                } else if document.is_text(node) {
                    replace_text(document, node, first);
                } else {
                    return Err(invalid());
                }
            }
            Some(Selected::OwnAttribute(node, name)) => {
                let Piece::Text(text) = first else { return Err(invalid()) };
                set_attribute(message.payload.envelope_mut().document_mut(), node, name, text);
            }
            Some(Selected::Item(XmlItem::Element(element))) => {
                self.insert_elsewhere(&element, pieces, message)
            }
            Some(Selected::Item(XmlItem::Text(_))) | None => return Err(invalid()),
        }
        Ok(())
    }

    /// The target is an element of a property or variable: what holds its tree gets the changed one.
    fn insert_elsewhere(&self, element: &XmlElement, pieces: &[Piece], message: &mut Message) {
        let mut changed = (**element.document()).clone();
        self.insert_element(&mut changed, element.id(), pieces);
        let (old, new) = (element.document(), Arc::new(changed));
        for properties in
            [&mut message.properties, &mut message.variables, &mut message.axis2, &mut message.operation]
        {
            swap_document(properties, old, &new);
        }
    }

    fn insert_body(&self, pieces: &[Piece], message: &mut Message) -> Result<(), Fault> {
        let envelope = message.payload.envelope();
        let Some(body_child) = envelope.payload() else {
            let envelope = message.payload.envelope_mut();
            let body = envelope.body();
            for piece in pieces {
                append(envelope.document_mut(), body, piece);
            }
            return Ok(());
        };
        if let (Action::Replace, Some(Piece::Text(text))) = (self.action, pieces.first())
            && matches!(Json::parse(text), Ok(Json::Object(_) | Json::Array(_)))
        {
            message.payload = payload::json(text).map_err(Fault::new)?;
            return Ok(());
        }
        self.insert_element(message.payload.envelope_mut().document_mut(), body_child, pieces);
        Ok(())
    }

    fn insert_element(&self, document: &mut Document, target: NodeId, pieces: &[Piece]) {
        match self.action {
            Action::Replace => replace(document, target, pieces),
            Action::Child => pieces.iter().for_each(|piece| append(document, target, piece)),
            // Each goes right behind the target, so the last one comes first.
            Action::Sibling => pieces.iter().for_each(|piece| {
                if let Some(node) = node_of(document, piece) {
                    document.insert_after(target, node);
                }
            }),
            Action::Remove => {}
        }
    }

    /// `child` adds to XML that is there already; anything else stores the list of nodes.
    fn property_value(&self, old: Option<&Value>, pieces: Vec<Piece>, message: &mut Message) -> Value {
        let (document, id, element) = match old {
            Some(Value::Xml(element)) => ((**element.document()).clone(), element.id(), true),
            Some(Value::String(text)) => match parse(text) {
                Ok(document) => {
                    let root = document.root_element().unwrap_or(Document::ROOT);
                    (document, root, false)
                }
                Err(_) => return node_list(pieces, message),
            },
            _ => return node_list(pieces, message),
        };
        if self.action != Action::Child {
            return node_list(pieces, message);
        }
        let mut document = document;
        let pieces: Vec<Piece> = pieces.into_iter().map(|piece| loose(piece, message)).collect();
        self.insert_element(&mut document, id, &pieces);
        if element {
            return Value::Xml(XmlElement::new(Arc::new(document), id));
        }
        Value::from(document.own_text(id))
    }

    fn insert_named_property(
        &self,
        source: &str,
        pieces: Vec<Piece>,
        message: &mut Message,
    ) -> Result<(), Fault> {
        let names: Vec<&str> = source.split('\'').skip(1).step_by(2).collect();
        let (scope, name) = match names.as_slice() {
            [scope, name, ..] => (*scope, *name),
            [name] => ("default", *name),
            [] => return Err(Fault::new("Invalid Target object to be enrich.")),
        };
        let old = match scope {
            "axis2" => message.axis2(name),
            "operation" => message.operation.get(name).cloned(),
            _ => message.property(name),
        };
        let old = old.filter(|value| matches!(value, Value::Xml(_)));
        let value = self.property_value(old.as_ref(), pieces, message);
        match scope {
            "default" => message.properties.set(name, value),
            "axis2" => message.axis2.set(name, value),
            "operation" => message.operation.set(name, value),
            _ => {}
        }
        Ok(())
    }
}

fn insert_envelope(pieces: Vec<Piece>, message: &mut Message) -> Result<(), Fault> {
    let envelope = match pieces.into_iter().next() {
        Some(Piece::Envelope(document)) => Envelope::from_document((*document).clone()).ok(),
        Some(Piece::Element(element)) => Envelope::from_document(element.get().to_document()).ok(),
        _ => None,
    };
    message.payload = Payload::xml(envelope.ok_or_else(|| Fault::new("A SOAPEnvelope is expected"))?);
    message.fault = false;
    Ok(())
}

fn replace(document: &mut Document, mut target: NodeId, pieces: &[Piece]) {
    let mut inserted = false;
    for piece in pieces {
        match piece {
            Piece::Text(text) => document.set_text(target, text),
            Piece::Own(node) if *node == target => {
                // The element replaces itself: it moves to the end.
                if let Some(parent) = document.parent(target) {
                    document.append(parent, *node);
                    target = *node;
                }
            }
            piece => {
                if let Some(node) = node_of(document, piece) {
                    document.insert_before(target, node);
                    inserted = true;
                }
            }
        }
    }
    if inserted {
        document.detach(target);
    }
}

/// A text node as target: text replaces everything in its element, an element takes its place at the end.
fn replace_text(document: &mut Document, text: NodeId, piece: &Piece) {
    let Some(parent) = document.parent(text) else { return };
    match piece {
        Piece::Text(new) => document.set_text(parent, new),
        piece => {
            document.detach(text);
            append(document, parent, piece);
        }
    }
}

fn set_attribute(document: &mut Document, node: NodeId, name: Name, text: &str) {
    document.set_attribute_name(node, name, text);
}

/// Adds an element or envelope at the end; texts are left out, as MI does.
fn append(document: &mut Document, parent: NodeId, piece: &Piece) {
    match piece {
        Piece::Own(node) => payload::move_under(document, parent, *node),
        piece => {
            if let Some(node) = node_of(document, piece) {
                document.append(parent, node);
            }
        }
    }
}

fn node_of(document: &mut Document, piece: &Piece) -> Option<NodeId> {
    match piece {
        Piece::Element(element) => Some(document.import(element.document(), element.id())),
        Piece::Own(node) => Some(*node),
        Piece::Envelope(other) => other.root_element().map(|root| document.import(other, root)),
        Piece::Text(_) => None,
    }
}

/// A moving node of the message as a piece of its own; it leaves the message.
fn loose(piece: Piece, message: &mut Message) -> Piece {
    let Piece::Own(node) = piece else { return piece };
    let element = XmlElement::new(message.payload.envelope().document().clone(), node);
    message.payload.envelope_mut().document_mut().detach(node);
    Piece::Element(element)
}

/// What a property holds: one envelope, or the list of nodes.
fn node_list(pieces: Vec<Piece>, message: &Message) -> Value {
    if let [Piece::Envelope(document)] = pieces.as_slice() {
        return Value::Envelope(document.clone());
    }
    let document = message.payload.envelope().document().clone();
    let items: Vec<XmlItem> = pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Element(element) => XmlItem::Element(detached(&element)),
            Piece::Own(node) => XmlItem::Element(XmlElement::new(document.clone(), node)),
            Piece::Text(text) => XmlItem::Text(text),
            Piece::Envelope(document) => {
                let root = document.root_element().unwrap_or(Document::ROOT);
                XmlItem::Element(XmlElement::new(document, root))
            }
        })
        .collect();
    Value::Nodes(items.into())
}

/// A copy that is the root of its own tree, as a cloned element of MI is.
fn detached(element: &XmlElement) -> XmlElement {
    let document = element.get().to_document();
    let root = document.root_element().unwrap_or(Document::ROOT);
    XmlElement::new(Arc::new(document), root)
}

fn swap_document(properties: &mut Properties, old: &Arc<Document>, new: &Arc<Document>) {
    let changed: Vec<(Arc<str>, Value)> = properties
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), swapped(value, old, new)?)))
        .collect();
    for (name, value) in changed {
        properties.set_shared(&name, value);
    }
}

fn swapped(value: &Value, old: &Arc<Document>, new: &Arc<Document>) -> Option<Value> {
    let swap = |element: &XmlElement| {
        Arc::ptr_eq(element.document(), old).then(|| XmlElement::new(new.clone(), element.id()))
    };
    match value {
        Value::Xml(element) => swap(element).map(Value::Xml),
        Value::Nodes(items) => {
            let mut any = false;
            let items: Vec<XmlItem> = items
                .iter()
                .map(|item| match item {
                    XmlItem::Element(element) => match swap(element) {
                        Some(element) => {
                            any = true;
                            XmlItem::Element(element)
                        }
                        None => item.clone(),
                    },
                    XmlItem::Text(_) => item.clone(),
                })
                .collect();
            any.then(|| Value::Nodes(items.into()))
        }
        _ => None,
    }
}
