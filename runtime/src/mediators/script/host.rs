//! What scripts can do with the message. Knows nothing of the engine: arguments and results are plain
//! values, nodes are numbers.

use crate::errors::Fault;
use crate::eval::{Dialects, Expr, Selected, Selection, json_root};
use crate::flow::Context;
use crate::mediators::log;
use crate::mediators::property::types;
use crate::message::{Content, Json, JsonBody, Message, Payload, Properties, Soap, Value, XmlItem};
use artifacts::xml::{Document, ElementRef, NodeId, XmlElement, parse};
use std::sync::Arc;

/// An argument of a native function.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Arg {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    Node(usize),
    Json(String),
    /// An array of texts, and the same as JSON.
    List(Vec<String>, String),
}

/// A result of a native function.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Out {
    Null,
    Flag(bool),
    Number(f64),
    Text(String),
    /// A node where only nodes are expected.
    Node(usize),
    /// A node where any value is expected.
    NodeValue(usize),
    Json(String),
    List(Vec<Out>),
}

/// A message and the nodes of it that the script has seen.
#[derive(Default)]
pub(super) struct Host {
    message: Message,
    cx: Option<Context>,
    nodes: Vec<Node>,
}

#[derive(Clone)]
enum Node {
    /// Of the message's envelope, followed when it changes.
    Own(NodeId),
    /// Of any other document.
    Other(XmlElement),
}

type Outcome = Result<Out, String>;

impl Host {
    /// A host for one script.
    pub(super) fn new(message: Message, cx: Context) -> Self {
        Self { message, cx: Some(cx), nodes: Vec::new() }
    }

    /// The message as the script left it.
    pub(super) fn into_message(self) -> Message {
        self.message
    }

    /// Does an operation. The error becomes an exception in the script.
    pub(super) fn call(&mut self, operation: &str, arguments: &[Arg]) -> Outcome {
        let text = |index: usize| match arguments.get(index) {
            Some(Arg::Text(text)) => text.as_str(),
            _ => "",
        };
        match operation {
            "payloadXml" => Ok(self.payload_xml()),
            "setPayloadXml" => self.set_payload_xml(text(0)),
            "payloadJson" => self.payload_json(),
            "setPayloadJson" => {
                self.message.payload = Payload::json(JsonBody::from_text(text(0)));
                Ok(Out::Null)
            }
            "payloadText" => Ok(Out::Text(self.payload_text())),
            "envelopeXml" => Ok(Out::Text(self.message.payload.envelope().document().to_xml())),
            "envelope" => {
                let root = self.message.payload.envelope().root();
                Ok(self.node(Node::Own(root)))
            }
            "body" => {
                let body = self.message.payload.envelope().body();
                Ok(self.node(Node::Own(body)))
            }
            "header" => {
                let header = self.message.payload.envelope().header();
                Ok(header.map_or(Out::Null, |header| self.node(Node::Own(header))))
            }
            "addHeader" => self.add_header(arguments.first() == Some(&Arg::Flag(true)), text(1)),
            "parse" => self.parse(text(0)),
            "select" => self.select(text(0), arguments),
            "property" => {
                let value = self.message.property(text(0)).or_else(|| self.entry_value(text(0)));
                Ok(self.out(value.as_ref()))
            }
            "setProperty" => self.set_property(text(0), arguments.get(1), text(2)),
            "removeProperty" => Ok(self.remove_property(text(0), text(1))),
            "propertyNames" => {
                let names = self.message.properties.iter().map(|(name, _)| Out::Text(name.to_string()));
                Ok(Out::List(names.collect()))
            }
            "variable" => {
                let value = self.message.variables.get(text(0)).cloned();
                Ok(self.out(value.as_ref()))
            }
            "setVariable" => {
                if let Some(value) = self.native(arguments.get(1).cloned().unwrap_or(Arg::Null))? {
                    self.message.variables.set(text(0), value);
                }
                Ok(Out::Null)
            }
            "entry" => {
                let value = self.entry_value(text(0));
                Ok(self.out(value.as_ref()))
            }
            "address" => Ok(self.address(text(0)).map_or(Out::Null, |text| Out::Text(text.to_string()))),
            "setAddress" => Ok(self.set_address(text(0), text(1))),
            "messageId" => Ok(Out::Text(self.message.id().to_string())),
            "setMessageId" => {
                self.message.set_id(text(0));
                Ok(Out::Null)
            }
            "flag" => Ok(Out::Flag(self.flag(text(0)))),
            "setFlag" => {
                let value = arguments.get(1) == Some(&Arg::Flag(true));
                match text(0) {
                    "response" => self.message.response = value,
                    _ => self.message.rest = value,
                }
                Ok(Out::Null)
            }
            "log" => Ok(self.log(text(0), text(1))),
            "uuid" => Ok(Out::Text(uuid::Uuid::new_v4().to_string())),
            _ => self.node_call(operation, arguments),
        }
    }

    /// A value of the script as one of ours. `None` is null.
    pub(super) fn native(&mut self, arg: Arg) -> Result<Option<Value>, String> {
        Ok(Some(match arg {
            Arg::Null => return Ok(None),
            Arg::Flag(flag) => Value::Boolean(flag),
            Arg::Number(number) => number_value(number),
            Arg::Text(text) => text.into(),
            Arg::Json(json) | Arg::List(_, json) => {
                Value::Json(Arc::new(Json::parse(&json).map_err(|error| error.to_string())?))
            }
            Arg::Node(node) => {
                let (document, id) = self.place(node).ok_or("the node is gone")?;
                Value::Xml(XmlElement::new(document, id))
            }
        }))
    }

    fn out(&mut self, value: Option<&Value>) -> Out {
        match value {
            None => Out::Null,
            Some(Value::Boolean(flag)) => Out::Flag(*flag),
            Some(Value::Json(json)) => Out::Json(json.to_string()),
            Some(Value::Xml(element)) => self.node_value(element.clone()),
            Some(Value::Nodes(items)) => match items.first() {
                Some(XmlItem::Element(element)) => self.node_value(element.clone()),
                Some(XmlItem::Text(text)) => Out::Text(text.to_string()),
                None => Out::Null,
            },
            Some(other) => match number(other) {
                Some(number) => Out::Number(number),
                None => Out::Text(other.text().into_owned()),
            },
        }
    }

    fn node_value(&mut self, element: XmlElement) -> Out {
        self.nodes.push(Node::Other(element));
        Out::NodeValue(self.nodes.len() - 1)
    }

    fn node(&mut self, node: Node) -> Out {
        self.nodes.push(node);
        Out::Node(self.nodes.len() - 1)
    }
}

/// Payload.
impl Host {
    fn payload_xml(&mut self) -> Out {
        match self.message.payload.envelope().payload() {
            Some(payload) => self.node(Node::Own(payload)),
            None => Out::Null,
        }
    }

    fn set_payload_xml(&mut self, text: &str) -> Outcome {
        let document = parse(text).map_err(|error| format!("the payload is no XML: {error}"))?;
        let root = document.root_element().unwrap_or(Document::ROOT);
        self.message.payload.envelope_mut().set_payload(&document, root);
        Ok(Out::Null)
    }

    fn payload_json(&self) -> Outcome {
        let root = json_root(&self.message).map_err(|fault: Fault| fault.message)?;
        Ok(root.map_or(Out::Null, |json| Out::Text(json.to_string())))
    }

    fn payload_text(&self) -> String {
        match &self.message.payload {
            Payload::Built(Content::Json(json)) => json.text().to_string(),
            payload => payload.envelope().document().to_xml(),
        }
    }

    fn add_header(&mut self, must_understand: bool, text: &str) -> Outcome {
        let document = parse(text).map_err(|error| format!("the header is no XML: {error}"))?;
        let root = document.root_element().ok_or("the header is empty")?;
        let envelope = self.message.payload.envelope_mut();
        let (header, version) = (envelope.header_mut(), envelope.version());
        let own = envelope.document_mut();
        let block = own.import(&document, root);
        own.append(header, block);
        let value = if must_understand { "1" } else { "0" };
        let name = artifacts::xml::Name::new(Soap::namespace(version), "soapenv", "mustUnderstand");
        own.set_attribute_name(block, name, value);
        Ok(Out::Null)
    }
}

/// Nodes.
impl Host {
    fn place(&self, node: usize) -> Option<(Arc<Document>, NodeId)> {
        match self.nodes.get(node)? {
            Node::Own(id) => Some((self.message.payload.envelope().document().clone(), *id)),
            Node::Other(element) => Some((element.document().clone(), element.id())),
        }
    }

    /// A node of the same document as another.
    fn beside(&mut self, node: usize, id: NodeId) -> Out {
        match self.nodes.get(node).cloned() {
            Some(Node::Own(_)) => self.node(Node::Own(id)),
            Some(Node::Other(element)) => self.node(Node::Other(element.at(id))),
            None => Out::Null,
        }
    }

    fn node_call(&mut self, operation: &str, arguments: &[Arg]) -> Outcome {
        let (Some(Arg::Number(number)), second) = (arguments.first(), arguments.get(1)) else {
            return Err(format!("'{operation}' needs a node"));
        };
        let node = *number as usize;
        let (document, id) = self.place(node).ok_or("the node is gone")?;
        let element = ElementRef { document: &document, id };
        let word = if let Some(Arg::Text(text)) = second { text.as_str() } else { "" };
        Ok(match operation {
            "text" => Out::Text(element.text()),
            "localName" => Out::Text(element.local().to_owned()),
            "namespace" => Out::Text(element.ns().to_owned()),
            "attribute" => element.attr(word).map_or(Out::Null, |text| Out::Text(text.to_owned())),
            "xml" => Out::Text(element.to_xml()),
            "first" => element.first().map_or(Out::Null, |first| self.beside(node, first.id)),
            "parent" => match document.parent(id).filter(|parent| document.is_element(*parent)) {
                Some(parent) => self.beside(node, parent),
                None => Out::Null,
            },
            "children" => {
                let ids: Vec<NodeId> = document.child_elements(id).collect();
                Out::List(ids.into_iter().map(|child| self.beside(node, child)).collect())
            }
            "setText" => self.change(node, |document, id| document.set_text(id, word)),
            "detach" => self.change(node, Document::detach),
            _ => return Err(format!("there is no operation '{operation}'")),
        })
    }

    /// Changes the message's own tree, or a copy of another one that the node then stands for.
    fn change(&mut self, node: usize, work: impl FnOnce(&mut Document, NodeId)) -> Out {
        match self.nodes.get_mut(node) {
            Some(Node::Own(id)) => work(self.message.payload.envelope_mut().document_mut(), *id),
            Some(Node::Other(element)) => {
                let mut document = Document::clone(element.document());
                work(&mut document, element.id());
                *element = XmlElement::new(Arc::new(document), element.id());
            }
            None => {}
        }
        Out::Null
    }

    fn parse(&mut self, text: &str) -> Outcome {
        let document = Arc::new(parse(text).map_err(|error| format!("no XML: {error}"))?);
        let root = document.root_element().ok_or("no element")?;
        Ok(self.node(Node::Other(XmlElement::new(document, root))))
    }

    /// XPath over the message, or over a document that the script made.
    fn select(&mut self, expression: &str, arguments: &[Arg]) -> Outcome {
        let namespaces = match arguments.get(2) {
            Some(Arg::List(texts, _)) => texts.as_slice(),
            _ => &[],
        };
        let prefixes: Vec<(Arc<str>, Arc<str>)> = namespaces
            .chunks_exact(2)
            .filter_map(|pair| Some((pair.first()?.as_str().into(), pair.get(1)?.as_str().into())))
            .collect();
        let expr = Expr::compile(expression, &prefixes, Dialects::XPathOnly)
            .map_err(|problem| format!("the XPath '{expression}' is not valid: {problem}"))?;
        let other = match arguments.get(1) {
            Some(Arg::Number(node)) => match self.nodes.get(*node as usize) {
                Some(Node::Other(element)) => Some(element.clone()),
                _ => None,
            },
            _ => None,
        };
        let message = other.map(|element| message_of(&element));
        let Some(cx) = &self.cx else { return Ok(Out::List(Vec::new())) };
        let selection = expr.select(message.as_ref().unwrap_or(&self.message), cx);
        let Selection::Nodes(nodes) = selection.map_err(|fault| fault.message)? else {
            return Ok(Out::List(Vec::new()));
        };
        let envelope = message.as_ref().unwrap_or(&self.message).payload.envelope();
        let found = nodes.into_iter().map(|selected| match selected.own_element(&envelope) {
            Some(id) if message.is_none() => self.node(Node::Own(id)),
            _ => match Selected::item(&selected, &envelope) {
                XmlItem::Element(element) => self.node(Node::Other(element)),
                XmlItem::Text(text) => Out::Text(text.to_string()),
            },
        });
        Ok(Out::List(found.collect()))
    }
}

/// A message whose payload is a document of the script.
fn message_of(element: &XmlElement) -> Message {
    let mut message = Message::new();
    let element = element.get();
    message.payload.envelope_mut().set_payload(element.document, element.id);
    message
}

/// Properties, addresses, flags.
impl Host {
    fn entry_value(&self, key: &str) -> Option<Value> {
        self.cx.as_ref().and_then(|cx| crate::mediators::parts::entry::get(cx, key))
    }

    /// Text that is XML is kept as XML, as MI does.
    fn set_property(&mut self, name: &str, value: Option<&Arg>, scope: &str) -> Outcome {
        let value = match value {
            Some(Arg::Text(text)) if text.trim_start().starts_with('<') => {
                types::xml(text).map_or_else(|| Value::from(text.as_str()), Value::Xml)
            }
            Some(other) => match self.native(other.clone())? {
                Some(value) => value,
                None => return Ok(Out::Null),
            },
            None => return Ok(Out::Null),
        };
        match scope {
            "axis2" if name == "messageType" => self.message.set_message_type(&value.text()),
            "axis2" => self.message.axis2.set(name, value),
            "transport" => self.message.headers.set_value(name, value),
            "operation" => self.message.operation.set(name, value),
            _ => {
                if let (Some(cx), "RESPONSE") = (&self.cx, name) {
                    cx.exchange.expect_reply();
                }
                self.message.properties.set(name, value);
            }
        }
        Ok(Out::Null)
    }

    fn remove_property(&mut self, name: &str, scope: &str) -> Out {
        let properties: &mut Properties = match scope {
            "axis2" => &mut self.message.axis2,
            "operation" => &mut self.message.operation,
            "transport" => {
                self.message.headers.remove(name);
                return Out::Null;
            }
            _ => &mut self.message.properties,
        };
        properties.remove(name);
        Out::Null
    }

    fn address(&self, field: &str) -> Option<Arc<str>> {
        let addresses = &self.message.addressing;
        match field {
            "to" => addresses.to.clone(),
            "from" => addresses.from.clone(),
            "replyTo" => addresses.reply_to.clone(),
            "faultTo" => addresses.fault_to.clone(),
            _ => addresses.action.clone(),
        }
    }

    fn set_address(&mut self, field: &str, text: &str) -> Out {
        let addresses = &mut self.message.addressing;
        let place = match field {
            "to" => &mut addresses.to,
            "from" => &mut addresses.from,
            "replyTo" => &mut addresses.reply_to,
            "faultTo" => &mut addresses.fault_to,
            _ => &mut addresses.action,
        };
        *place = Some(text.into());
        Out::Null
    }

    fn flag(&self, name: &str) -> bool {
        match name {
            "response" => self.message.response,
            "rest" => self.message.rest,
            "fault" => self.message.fault,
            "get" => self.message.axis2_text("HTTP_METHOD").as_deref() == Some("GET"),
            _ => self.message.payload.envelope().version() == Soap::V11,
        }
    }

    fn log(&self, level: &str, text: &str) -> Out {
        let text = format!("{}{text}", log::origin(&self.message, false));
        match level {
            "trace" => tracing::trace!(target: "ScriptMediator", "{text}"),
            "debug" => tracing::debug!(target: "ScriptMediator", "{text}"),
            "warn" => tracing::warn!(target: "ScriptMediator", "{text}"),
            "error" | "fatal" => tracing::error!(target: "ScriptMediator", "{text}"),
            _ => tracing::info!(target: "ScriptMediator", "{text}"),
        }
        Out::Null
    }
}

/// A number as scripts see it.
pub(super) fn number(value: &Value) -> Option<f64> {
    Some(match value {
        Value::Integer(number) => f64::from(*number),
        Value::Long(number) => *number as f64,
        Value::Short(number) => f64::from(*number),
        Value::Float(number) => f64::from(*number),
        Value::Double(number) => *number,
        _ => return None,
    })
}

/// Whole numbers are integers, as Java's script engines give them.
fn number_value(number: f64) -> Value {
    let is_whole = number.fract() == 0.0 && number.is_finite();
    if is_whole && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&number) {
        Value::Integer(number as i32)
    } else if is_whole && number.abs() < 9.0e18 {
        Value::Long(number as i64)
    } else {
        Value::Double(number)
    }
}
