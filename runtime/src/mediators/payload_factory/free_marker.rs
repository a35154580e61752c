//! `template-type="freemarker"`: the template and the model it sees.
//!
//! `payload` is the JSON tree (all numbers doubles), the XML document, or escaped text; `args.arg1` and
//! so on are the arguments; `ctx`, `axis2`, `trp` and `vars` are properties, headers and variables as
//! strings.

use super::PayloadFactory;
use super::source::Source;
use crate::errors::Fault;
use crate::flow::Context;
use crate::freemarker::{Nodes, Template, Value as Model};
use crate::message::envelope::PAYLOAD_NS;
use crate::message::{Message, Value};
use artifacts::xml::escape_text;
use std::sync::Arc;

/// Reads a template. As in MI one that cannot be parsed is not deployed.
pub(super) fn parse(text: &str) -> Result<Template, String> {
    Template::parse(text).map_err(|problem| format!("the FreeMarker template is not valid: {problem}"))
}

impl PayloadFactory {
    /// The filled-in template.
    pub(super) fn render(
        &self,
        source: &Source<Template>,
        message: &Message,
        cx: &Context,
    ) -> Result<String, Fault> {
        let template = source.get(message, cx, |element| element.get().to_xml(), parse)?;
        let arguments = self.model_arguments(message, cx)?;
        let payload = if template.text().contains("payload") { payload(message)? } else { Model::Null };
        let model = |name: &str| match name {
            "payload" => payload.clone(),
            "args" => Model::Map(arguments.clone()),
            "ctx" => strings(message.properties.iter().map(|(name, value)| (name.clone(), value))),
            "axis2" => strings(message.axis2.iter().map(|(name, value)| (name.clone(), value))),
            "vars" => strings(message.variables.iter().map(|(name, value)| (name.clone(), value))),
            "trp" => headers(message),
            _ => Model::Null,
        };
        template
            .render(&model)
            .map_err(|problem| Fault::new(format!("Error processing the FreeMarker template: {problem}")))
    }

    fn model_arguments(&self, message: &Message, cx: &Context) -> Result<Arc<Vec<(Arc<str>, Model)>>, Fault> {
        let mut found = Vec::with_capacity(self.arguments.len());
        for (at, argument) in self.arguments.iter().enumerate() {
            let evaluated = argument.evaluate(self.media, message, cx)?;
            let text = unquoted(&evaluated.text);
            found.push((format!("arg{}", at + 1).into(), Model::text(text)));
        }
        Ok(Arc::new(found))
    }
}

/// Arguments come quoted for Java's `Matcher`.
fn unquoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

fn payload(message: &Message) -> Result<Model, Fault> {
    if let Some(json) = message.payload.as_json() {
        let tree = json.tree().map_err(|problem| Fault::new(format!("the payload is no JSON: {problem}")))?;
        return Ok(Model::from(&**tree));
    }
    let envelope = message.payload.envelope();
    let Some(root) = envelope.payload() else { return Ok(Model::Null) };
    let document = envelope.document();
    if document.is_named(root, PAYLOAD_NS, "text") {
        let mut escaped = String::new();
        escape_text(&document.own_text(root), &mut escaped);
        return Ok(Model::text(escaped));
    }
    Ok(Model::Nodes(Nodes::document(document.clone(), root)))
}

fn strings<'v>(values: impl Iterator<Item = (Arc<str>, &'v Value)>) -> Model {
    Model::Map(Arc::new(values.map(|(name, value)| (name, Model::text(&*value.text()))).collect()))
}

/// Headers under the name they have and in the usual spelling: the map that MI hands over ignores case.
fn headers(message: &Message) -> Model {
    let mut found: Vec<(Arc<str>, Model)> = Vec::new();
    for (name, value) in message.headers.iter() {
        let usual: Vec<String> = name.split('-').map(capitalized).collect();
        found.push((name.into(), Model::text(&*value)));
        found.push((usual.join("-").into(), Model::text(&*value)));
    }
    Model::Map(Arc::new(found))
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}
