//! Checking.

use super::{Validate, schema, xsd};
use crate::errors::{Fault, codes};
use crate::eval::{Dialect, Selection};
use crate::flow::{Context, Mediator, Next};
use crate::mediators::parts::{entry, last::Last};
use crate::message::{Json, Message, Value};
use artifacts::xml::{Document, XmlElement, parse};
use std::sync::Arc;

/// The schemas that were read last.
#[derive(Debug, Default)]
pub(super) struct Cache {
    json: Last<Json>,
    xml: Last<xsd::Schema>,
}

/// What a payload lacks.
struct Failure {
    message: String,
    detail: String,
}

impl Mediator for Validate {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        // An empty body of that type is no JSON payload, and as XML there is nothing to look at: a fault.
        let has_json = message.payload.as_json().is_some_and(|body| !body.is_blank());
        let json = self.json_source || has_json;
        let failure = if json { self.json(message, cx)? } else { self.xml(message, cx)? };
        let Some(failure) = failure else { return Ok(Next::Continue) };
        message.properties.set("ERROR_MESSAGE", failure.message.as_str());
        message.properties.set("ERROR_DETAIL", failure.detail);
        if !json {
            message.properties.set("ERROR_EXCEPTION", failure.message);
        }
        Ok(Next::enter(&self.on_fail))
    }
}

impl Validate {
    fn entry(&self, index: usize, message: &Message, cx: &Context) -> Result<Value, Fault> {
        let key = match self.schemas.get(index) {
            Some(key) => key.text(message, cx)?.unwrap_or_else(|| "".into()),
            None => "".into(),
        };
        entry::get(cx, &key)
            .ok_or_else(|| Fault::new(format!("No Schema is available with the key  : {key}")))
    }

    fn json(&self, message: &Message, cx: &Context) -> Result<Option<Failure>, Fault> {
        let broken = |why: String| {
            Fault::with_code(codes::BUILD, "Error while validating the JSON Schema").detail(why)
        };
        let mut last = None;
        for index in 0..self.schemas.len() {
            last = Some(self.entry(index, message, cx)?);
        }
        let Some(Value::String(text)) = last else {
            return Err(Fault::new("Can not find valid JSON Schema content"));
        };
        let schema = self.cache.json.get(&text, schema::parse_strict).map_err(broken)?;
        let payload = match &self.source {
            None => message.payload.as_json().map(|json| json.text().to_string()),
            Some(source) if source.dialect() == Dialect::XPath => {
                return Err(Fault::new(
                    "Could not find JSONPath or Synapse Expression to extract the message to validate from the payload",
                ));
            }
            Some(source) => source.text(message, cx)?,
        };
        let payload = payload.filter(|text| !text.is_empty()).unwrap_or_else(|| "{}".to_owned());
        let json = schema::parse_strict(&payload).map_err(broken)?;
        let problems = schema::validate(&json, &schema).map_err(broken)?;
        Ok(problems.into_iter().next().map(|problem| Failure {
            detail: format!("Error while validating Json message error: {problem}"),
            message: problem,
        }))
    }

    fn xml(&self, message: &Message, cx: &Context) -> Result<Option<Failure>, Fault> {
        let Some(element) = self.element(message, cx)? else {
            let Some(source) = self.source.as_ref().map(|source| source.source()) else {
                return Err(Fault::new("<validate> found an empty body"));
            };
            return Ok(Some(Failure {
                message: format!("Error occurred while accessing source element: {source}"),
                detail: format!("the expression {source} selects no element"),
            }));
        };
        let schema = self.xml_schema(message, cx)?;
        let problems = schema.validate(&element.get().to_xml()).map_err(Fault::new)?;
        if problems.is_empty() {
            return Ok(None);
        }
        let text = problems.join("\n");
        Ok(Some(Failure { message: text.clone(), detail: text }))
    }

    fn element(&self, message: &Message, cx: &Context) -> Result<Option<XmlElement>, Fault> {
        let envelope = message.payload.envelope();
        let Some(source) = &self.source else {
            let payload = envelope.payload();
            return Ok(payload.map(|node| XmlElement::new(envelope.document().clone(), node)));
        };
        let Selection::Nodes(nodes) = source.select(message, cx)? else { return Ok(None) };
        let node = nodes.first().and_then(|node| node.own_element(&envelope));
        Ok(node.map(|node| XmlElement::new(envelope.document().clone(), node)))
    }

    fn xml_schema(&self, message: &Message, cx: &Context) -> Result<Arc<xsd::Schema>, Fault> {
        let mut texts = Vec::with_capacity(self.schemas.len());
        for index in 0..self.schemas.len() {
            let document = document_of(self.entry(index, message, cx)?)?;
            texts.push(self.with_includes(document, message, cx, 0)?.to_xml());
        }
        let whole = texts.join("\n");
        self.cache.xml.get(&whole, |_| {
            xsd::Schema::compile(texts)
                .map_err(|why| Fault::new("Error creating a new schema objects for schemas").detail(why))
        })
    }

    /// The schema with what it includes in place of the `include` elements.
    fn with_includes(
        &self,
        mut document: Document,
        message: &Message,
        cx: &Context,
        depth: usize,
    ) -> Result<Document, Fault> {
        const XS: &str = "http://www.w3.org/2001/XMLSchema";
        let root = document.root_element().unwrap_or(Document::ROOT);
        let includes: Vec<_> =
            document.child_elements(root).filter(|id| document.is_named(*id, XS, "include")).collect();
        if depth > 16 {
            return Err(Fault::new("the schemas of <validate> include each other in a circle"));
        }
        for include in includes {
            let location = document.attribute(include, "schemaLocation").unwrap_or_default().to_owned();
            if let Some(other) = self.included(&location, message, cx)? {
                let other = self.with_includes(other, message, cx, depth + 1)?;
                let other_root = other.root_element().unwrap_or(Document::ROOT);
                for child in other.child_elements(other_root) {
                    let copy = document.import(&other, child);
                    document.insert_before(include, copy);
                }
            }
            document.detach(include);
        }
        Ok(document)
    }

    fn included(&self, location: &str, message: &Message, cx: &Context) -> Result<Option<Document>, Fault> {
        for resource in &self.resources {
            if resource.location.text(message, cx)?.as_deref() == Some(location) {
                let key = resource.key.text(message, cx)?.unwrap_or_else(|| "".into());
                return entry::get(cx, &key).map(document_of).transpose();
            }
        }
        entry::get(cx, location).map(document_of).transpose()
    }
}

fn document_of(value: Value) -> Result<Document, Fault> {
    match value {
        Value::Xml(element) => Ok(element.get().to_document()),
        other => parse(&other.text()).map_err(|error| {
            Fault::new("Error creating a new schema objects for schemas").detail(error.to_string())
        }),
    }
}
