//! One expression against one made-up message: what the conformance runner asks.
//!
//! Cases and answers are JSON in the form of the recorded tuples: a case names its payload, variables,
//! properties and headers, an answer has the members that an expectation may have.

use crate::eval::{Dialects, Expr, InlineTemplate, JavaRegex, Selection};
use crate::flow::Context;
use crate::message::{Envelope, Json, Message, Payload, Value, builders};
use crate::program::Program;
use crate::services::Services;
use artifacts::xml::{Document, XmlElement};
use serde_json::{Value as Tuple, json};
use std::sync::Arc;

/// Named documents and variable sets that cases refer to.
#[derive(Debug, Default, Clone)]
pub struct Library {
    /// `{name: {type, text}}`
    pub documents: Tuple,
    /// `{name: {variable: {type, value}}}`
    pub variable_sets: Tuple,
}

/// Kinds of cases that [`ask`] answers.
pub const KINDS: [&str; 6] =
    ["expression", "inline-text", "reads-payload", "xpath", "jsonpath", "filter-condition"];

/// Answers a case: an object with the members that its kind can have.
///
/// `{"error": true, "message": ...}`: the text is refused; `{"fault": true, ...}`: evaluating it raises a
/// fault; `{"null": true}`: no value. Otherwise `text`, `boolean`, and for XPath `number` and
/// `node_count`.
pub fn ask(case: &Tuple, library: &Library) -> Tuple {
    let message = message(case, library);
    let cx = Context::new(Arc::new(Program::default()), Arc::new(Services::default()));
    answer(case, &message, &cx).unwrap_or_else(|refused| json!({"error": true, "message": refused}))
}

fn answer(case: &Tuple, message: &Message, cx: &Context) -> Result<Tuple, String> {
    let kind = text_of(case, "kind");
    let (mut prefixes, expression) = (prefixes(case), text_of(case, "expression"));
    let fault = |error: crate::errors::Fault| json!({"fault": true, "message": error.message});
    let text = |expr: &Expr| match expr.text(message, cx) {
        Ok(Some(text)) => json!({"text": text}),
        Ok(None) => json!({"null": true}),
        Err(error) => fault(error),
    };
    Ok(match kind {
        "expression" => text(&Expr::compile_synapse(expression, &prefixes)?),
        "jsonpath" => text(&Expr::compile_json_path(expression)?),
        "inline-text" => {
            match InlineTemplate::compile(text_of(case, "template"), &prefixes)?.text(message, cx) {
                Ok(text) => json!({"text": text}),
                Err(error) => fault(error),
            }
        }
        "reads-payload" => {
            let expr = match text_of(case, "language") {
                "xpath" => Expr::compile(expression, &prefixes, Dialects::Any)?,
                _ => Expr::compile_synapse(expression, &prefixes)?,
            };
            json!({"boolean": expr.reads_body()})
        }
        "xpath" => {
            let text = if prefixes.is_empty() { with_prefixes(expression, &mut prefixes) } else { None };
            xpath(text.as_deref().unwrap_or(expression), &prefixes, message, cx)?
        }
        "filter-condition" => condition(case, &prefixes, message, cx)?,
        other => return Err(format!("cases of kind '{other}' are not answered here")),
    })
}

/// The string form of an XPath may hold namespaces in braces, `$body//{urn:x}name`; they get prefixes.
/// `None` when there are none in front of a name.
fn with_prefixes(expression: &str, prefixes: &mut Vec<(Arc<str>, Arc<str>)>) -> Option<String> {
    let (before, rest) = expression.split_once("/{")?;
    let (uri, after) = rest.split_once('}')?;
    prefixes.push(("rp0".into(), uri.into()));
    Some(format!("{before}/rp0:{after}"))
}

fn xpath(
    text: &str,
    prefixes: &[(Arc<str>, Arc<str>)],
    message: &Message,
    cx: &Context,
) -> Result<Tuple, String> {
    let expr = Expr::compile(text, prefixes, Dialects::Any)?;
    let mut answer = match expr.text(message, cx) {
        Ok(Some(text)) => json!({"text": text}),
        Ok(None) => json!({"null": true}),
        Err(error) => json!({"fault": true, "message": error.message}),
    };
    if let Some(number) = answer["text"].as_str().and_then(|text| text.trim().parse::<f64>().ok()) {
        answer["number"] = json!(number);
    }
    if let Ok(truth) = expr.is_true(message, cx) {
        answer["boolean"] = json!(truth);
    }
    if let Ok(Selection::Nodes(nodes)) = expr.select(message, cx) {
        answer["node_count"] = json!(nodes.len());
    }
    Ok(answer)
}

fn condition(
    case: &Tuple,
    prefixes: &[(Arc<str>, Arc<str>)],
    message: &Message,
    cx: &Context,
) -> Result<Tuple, String> {
    let expr = Expr::compile(text_of(case, "expression"), prefixes, Dialects::Any)?;
    let truth = match case["regex"].as_str() {
        None => expr.is_true(message, cx),
        Some("") => return Err("an empty pattern is refused".to_owned()),
        Some(pattern) => {
            let regex = JavaRegex::compile(pattern)?;
            expr.text(message, cx).map(|text| text.is_some_and(|text| regex.matches(&text)))
        }
    };
    Ok(match truth {
        Ok(truth) => json!({"boolean": truth}),
        Err(error) => json!({"fault": true, "message": error.message}),
    })
}

fn text_of<'t>(case: &'t Tuple, key: &str) -> &'t str {
    case[key].as_str().unwrap_or_default()
}

/// Namespaces that the case binds.
pub fn prefixes(case: &Tuple) -> Vec<(Arc<str>, Arc<str>)> {
    let bound = case["namespaces"].as_object().into_iter().flatten();
    bound.map(|(prefix, uri)| (prefix.as_str().into(), uri.as_str().unwrap_or_default().into())).collect()
}

/// The message of a case: payload, variables, properties, headers.
pub fn message(case: &Tuple, library: &Library) -> Message {
    let mut message = Message::new();
    message.rest = true;
    let payload = match case["payload"].as_str() {
        Some(name) => &library.documents[name],
        None => &case["payload"],
    };
    set_payload(&mut message, text_of(payload, "type"), text_of(payload, "text"));
    let variables = match case["variables"].as_str() {
        Some(name) => &library.variable_sets[name],
        None => &case["variables"],
    };
    for (name, value) in variables.as_object().into_iter().flatten() {
        if let Some(value) = typed(value) {
            message.variables.set(name, value);
        }
    }
    let properties = |scope: &str| case["properties"][scope].as_object().into_iter().flatten();
    for (name, value) in properties("synapse").filter(|(_, value)| !value.is_null()) {
        message.properties.set(name, plain(value));
    }
    for (name, value) in properties("axis2").filter(|(_, value)| !value.is_null()) {
        message.axis2.set(name, plain(value));
    }
    for (name, value) in case["headers"].as_object().into_iter().flatten() {
        message.headers.set(name, &plain(value).text());
    }
    for header in case["soap_headers"].as_array().into_iter().flatten() {
        add_header(&mut message, header.as_str().unwrap_or_default());
    }
    message
}

fn set_payload(message: &mut Message, kind: &str, text: &str) {
    let content_type = match kind {
        "json" => "application/json",
        "xml" => "application/xml",
        "soap-envelope" => "text/xml",
        "text" => "text/plain",
        _ => return,
    };
    message.axis2.set("ContentType", content_type);
    message.axis2.set("messageType", content_type);
    message.rest = kind != "soap-envelope";
    if let Ok(content) = builders::build(&bytes::Bytes::from(text.to_owned()), Some(content_type)) {
        message.payload = Payload::Built(content);
    }
}

fn add_header(message: &mut Message, xml: &str) {
    let Ok(document) = artifacts::xml::parse(xml) else { return };
    let envelope: &mut Envelope = message.payload.envelope_mut();
    let header = envelope.header_mut();
    let tree = envelope.document_mut();
    if let Some(root) = document.root_element() {
        let copy = tree.import(&document, root);
        tree.append(header, copy);
    }
}

fn plain(value: &Tuple) -> Value {
    match value {
        Tuple::String(text) => text.as_str().into(),
        other => other.to_string().into(),
    }
}

/// A value from `{"type": ..., "value": ...}`; `None` for XML that does not parse.
pub fn typed(tuple: &Tuple) -> Option<Value> {
    let value = &tuple["value"];
    let text = plain(value).text().into_owned();
    Some(match text_of(tuple, "type") {
        "integer" => Value::Integer(text.parse().ok()?),
        "long" => Value::Long(text.parse().ok()?),
        "double" => Value::Double(text.parse().ok()?),
        "boolean" => Value::Boolean(text == "true"),
        "json" => Value::Json(Arc::new(Json::parse(&value.to_string()).ok()?)),
        "xml" => {
            let document = artifacts::xml::parse(&text).ok()?;
            let root = document.root_element().unwrap_or(Document::ROOT);
            Value::Xml(XmlElement::new(Arc::new(document), root))
        }
        "map" => {
            let entries = value.as_object()?.iter();
            let entries = entries.filter_map(|(key, value)| Some((key.as_str().into(), typed(value)?)));
            Value::Map(Arc::new(entries.collect()))
        }
        _ => text.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers() {
        let library = Library {
            documents: json!({"d": {"type": "json", "text": "{\"a\":7}"}}),
            variable_sets: json!({"v": {"x": {"type": "integer", "value": 1}}}),
        };
        let case = |kind: &str, expression: &str| json!({"kind": kind, "expression": expression, "payload": "d", "variables": "v"});
        assert_eq!(ask(&case("expression", "payload.a + vars.x"), &library), json!({"text": "8"}));
        assert_eq!(ask(&case("expression", "1 +"), &library)["error"], json!(true));
        assert_eq!(ask(&case("jsonpath", "$.a"), &library), json!({"text": "7"}));
        assert_eq!(ask(&case("filter-condition", "//a = 7"), &library), json!({"boolean": true}));
        assert_eq!(ask(&case("xpath", "count(//a)"), &library)["number"], json!(1.0));
        assert_eq!(ask(&case("reads-payload", "vars.x"), &library), json!({"boolean": false}));
    }
}
