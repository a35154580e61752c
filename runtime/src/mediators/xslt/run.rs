//! Transforming.

use super::Xslt;
use crate::errors::Fault;
use crate::eval::Selection;
use crate::flow::{Context, Mediator, Next};
use crate::mediators::parts::entry;
use crate::mediators::parts::reading::Setting;
use crate::message::envelope::PAYLOAD_NS;
use crate::message::{Envelope, Message, Payload, Value};
use crate::xslt::{Output, Parameter, Stylesheet};
use artifacts::xml::{Document, Name, NodeId, XmlElement, parse};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Stylesheets by key, with what they were compiled from.
#[derive(Debug, Default)]
pub(super) struct Cache {
    sheets: Mutex<HashMap<Arc<str>, (Origin, Arc<Stylesheet>)>>,
}

/// Most stylesheets that one mediator keeps: keys can come from messages.
const MAX_SHEETS: usize = 256;

#[derive(Debug, Clone)]
enum Origin {
    Tree(Arc<Document>),
    Text(Arc<str>),
}

impl Origin {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Origin::Tree(a), Origin::Tree(b)) => Arc::ptr_eq(a, b) || a.to_xml() == b.to_xml(),
            (Origin::Text(a), Origin::Text(b)) => a == b,
            _ => false,
        }
    }
}

impl Mediator for Xslt {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        if self.source.is_none() && message.payload.envelope().payload().is_none() {
            tracing::warn!(
                "Found empty soap body, skipping XSLT transformation and continuing the mediation"
            );
            return Ok(Next::Continue);
        }
        self.transform(message, cx).map_err(|fault| {
            let text = format!("Unable to perform XSLT transformation, reason : {}", fault.message);
            Fault { message: text, ..fault }
        })?;
        Ok(Next::Continue)
    }
}

impl Xslt {
    fn transform(&self, message: &mut Message, cx: &Context) -> Result<(), Fault> {
        let node = self.source_node(message, cx)?;
        let key = self.key.text(message, cx)?.unwrap_or_else(|| "".into());
        let sheet = self.stylesheet(&key, message, cx)?;
        let parameters = self.parameters(message, cx)?;
        let envelope = message.payload.envelope();
        let output = sheet
            .transform_node(envelope.document(), node, &parameters)
            .map_err(|error| Fault::new(error.to_string()))?;
        let raw = message.property("transform.xslt.result.disableBuild");
        if let (Some(name), Some(Value::String(text))) = (&self.target, raw)
            && text.eq_ignore_ascii_case("true")
        {
            message.properties.set(name, output.text());
            return Ok(());
        }
        let result = element_of(output)?;
        let root = result.root_element().unwrap_or(Document::ROOT);
        // The payload is XML from here on, also when the result goes elsewhere.
        let envelope = message.payload.envelope_mut();
        match &self.target {
            Some(name) => {
                message.properties.set(name, Value::Xml(XmlElement::new(Arc::new(result), root)));
            }
            None if node == envelope.root() => {
                let envelope = Envelope::from_document(result);
                let envelope = envelope.map_err(|_| Fault::new("the result is no SOAP envelope"))?;
                message.payload = Payload::xml(envelope);
            }
            None => put_back(envelope, node, &result, root),
        }
        Ok(())
    }

    fn source_node(&self, message: &Message, cx: &Context) -> Result<NodeId, Fault> {
        let envelope = message.payload.envelope();
        let Some(expr) = &self.source else {
            return envelope.payload().ok_or_else(|| Fault::new("the body is empty"));
        };
        let found = match expr.select(message, cx)? {
            Selection::Nodes(nodes) => nodes.first().and_then(|node| node.own_element(&envelope)),
            _ => None,
        };
        found.ok_or_else(|| {
            Fault::new(format!(
                "The evaluation of the XPath expression {} did not result in an OMNode",
                expr.source()
            ))
        })
    }

    fn parameters(&self, message: &Message, cx: &Context) -> Result<Vec<Parameter>, Fault> {
        let mut parameters = Vec::with_capacity(self.parameters.len());
        for setting in &self.parameters {
            let value = match &setting.value {
                Setting::Text(text) | Setting::Element(text) => Some(text.to_string()),
                Setting::Expr(expr) => expr.text(message, cx)?,
            };
            if let Some(value) = value {
                parameters.push(Parameter { name: setting.name.to_string(), value });
            }
        }
        Ok(parameters)
    }

    fn stylesheet(&self, key: &Arc<str>, message: &Message, cx: &Context) -> Result<Arc<Stylesheet>, Fault> {
        let origin = match entry::get(cx, key) {
            Some(Value::Xml(element)) if element.document().root_element() == Some(element.id()) => {
                Origin::Tree(element.document().clone())
            }
            Some(Value::Xml(element)) => Origin::Tree(Arc::new(element.get().to_document())),
            Some(other) => Origin::Text(other.text().into()),
            None => return Err(Fault::new(format!("there is no entry '{key}' with a stylesheet"))),
        };
        if self.use_cache
            && let Some((known, sheet)) = self.cache.lock().get(key)
            && known.is(&origin)
        {
            return Ok(sheet.clone());
        }
        let sheet = Arc::new(self.compile_sheet(key, &origin, message, cx)?);
        if self.use_cache {
            let mut sheets = self.cache.lock();
            if sheets.len() < MAX_SHEETS || sheets.contains_key(key) {
                sheets.insert(key.clone(), (origin, sheet.clone()));
            }
        }
        Ok(sheet)
    }

    fn compile_sheet(
        &self,
        key: &str,
        origin: &Origin,
        message: &Message,
        cx: &Context,
    ) -> Result<Stylesheet, Fault> {
        let broken = |why: String| Fault::new(format!("the stylesheet '{key}' cannot be used: {why}"));
        let parsed;
        let document = match origin {
            Origin::Tree(document) => &**document,
            Origin::Text(text) => {
                parsed = parse(text).map_err(|error| broken(error.to_string()))?;
                &parsed
            }
        };
        let loader = |location: &str| self.load(location, message, cx);
        Stylesheet::compile(document, &loader)
            .map_err(|errors| broken(errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))
    }

    /// An imported stylesheet: by the `resource` children, else as a key of its own.
    fn load(&self, location: &str, message: &Message, cx: &Context) -> Option<Document> {
        let mapped = self.resources.iter().find_map(|resource| {
            let own = resource.location.text(message, cx).ok().flatten()?;
            if &*own == location { resource.key.text(message, cx).ok().flatten() } else { None }
        });
        match entry::get(cx, mapped.as_deref().unwrap_or(location))? {
            Value::Xml(element) => Some(element.get().to_document()),
            other => parse(&other.text()).ok(),
        }
    }
}

impl Cache {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Arc<str>, (Origin, Arc<Stylesheet>)>> {
        self.sheets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result as one element; text goes into the element that stands for text bodies.
fn element_of(output: Output) -> Result<Document, Fault> {
    let document = match output {
        Output::Xml(document) => document,
        Output::Text(text) => {
            let mut document = Document::new();
            let element = document.add_element(Document::ROOT, Name::new(PAYLOAD_NS, "", "text"));
            document.set_text(element, &text);
            document
        }
    };
    let loose_text = document
        .children(Document::ROOT)
        .any(|node| document.text_of(node).is_some_and(|text| !text.trim().is_empty()));
    match document.child_elements(Document::ROOT).count() {
        1 if !loose_text => Ok(document),
        count => Err(Fault::new("Unable to create an OMElement using XSLT result")
            .detail(format!("expected one element, found {count}"))),
    }
}

/// The result in place of the source; inside body and header only its children count.
fn put_back(envelope: &mut Envelope, node: NodeId, result: &Document, root: NodeId) {
    let container = node == envelope.body() || Some(node) == envelope.header();
    let document = envelope.document_mut();
    if container {
        let old: Vec<NodeId> = document.child_elements(node).collect();
        old.into_iter().for_each(|child| document.detach(child));
        for child in result.child_elements(root) {
            let copy = document.import(result, child);
            document.append(node, copy);
        }
        return;
    }
    let copy = document.import(result, root);
    document.insert_after(node, copy);
    document.detach(node);
}
