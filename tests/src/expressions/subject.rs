//! The runtime under question: compiles what a tuple holds, builds its message, asks.

use std::fmt;
use std::sync::Arc;

use runtime::artifacts::http_template::HttpTemplate;
use runtime::artifacts::kinds::{Artifact, Kind, read};
use runtime::artifacts::source::Source;
use runtime::artifacts::uri_template::UriTemplate;
use runtime::artifacts::xml::{self, XmlElement};
use runtime::compile::Compiler;
use runtime::errors::Fault;
use runtime::eval::{Dialects, Expr, InlineTemplate, Selection};
use runtime::flow::{Block, Context};
use runtime::message::convert::{ConversionSettings, append_json};
use runtime::message::{Content, Json, Message, Payload, Value, builders};
use serde_json::Value as Spec;

use super::Tuple;
use crate::check::short;
use crate::json::{self, truthy};
use crate::xml::escape;

/// What came out.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Got {
    /// Refused when compiled or deployed.
    Refused(String),
    /// A fault at run time.
    Fault(String),
    /// No value at all.
    Null,
    Text(String),
    /// A variable: type in lower case, and its text.
    Typed(String, String),
    /// Variables of a URI template that matched.
    Matched(Vec<(String, String)>),
    /// The runtime cannot be asked this.
    Unsupported(String),
}

impl Got {
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Got::Text(t) => Some(t.clone()),
            Got::Matched(values) => Some(format!("{values:?}")),
            Got::Typed(_, t) => Some(t.clone()),
            _ => None,
        }
    }
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Got::Refused(why) => write!(f, "refused: {}", short(why)),
            Got::Fault(why) => write!(f, "fault: {}", short(why)),
            Got::Null => f.write_str("no value"),
            Got::Text(t) => write!(f, "{:?}", short(t)),
            Got::Typed(kind, t) => write!(f, "{kind} {:?}", short(t)),
            Got::Matched(values) => write!(f, "match {values:?}"),
            Got::Unsupported(why) => write!(f, "unsupported: {why}"),
        }
    }
}

type Answer = Result<Got, Got>;

/// Asks the runtime what the tuple asks.
pub(super) fn ask(tuple: &Tuple) -> Got {
    let answer = match tuple.kind.as_str() {
        "expression" | "xpath" | "jsonpath" => evaluate(tuple),
        "reads-payload" => compile(tuple).map(|e| boolean(e.reads_body())),
        "inline-text" => inline(tuple),
        "filter-condition" => filter(tuple),
        "payload-template" => payload_template(tuple),
        "variable" => variable(tuple),
        "json-to-xml" => json_to_xml(tuple),
        "xml-to-json" => xml_to_json(&tuple.said("xml")),
        "json-round-trip" => json_to_xml(tuple).and_then(|got| xml_to_json(&got.text().unwrap_or_default())),
        "uri-template-match" => uri_match(tuple),
        "uri-template-expand" => uri_expand(tuple),
        other => Err(Got::Unsupported(format!("kind {other} is not known"))),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn boolean(b: bool) -> Got {
    Got::Text(b.to_string())
}

fn fault(fault: Fault) -> Got {
    Got::Fault(fault.message)
}

fn some(text: Option<String>) -> Got {
    text.map_or(Got::Null, Got::Text)
}

fn prefixes(tuple: &Tuple) -> Vec<(Arc<str>, Arc<str>)> {
    tuple.texts("namespaces").into_iter().map(|(k, v)| (k.into(), v.into())).collect()
}

fn compile(tuple: &Tuple) -> Result<Expr, Got> {
    let text = tuple.said("expression");
    let (text, dialects) = match tuple.kind.as_str() {
        "jsonpath" => (format!("json-eval({text})"), Dialects::Any),
        "xpath" => (text, Dialects::Any),
        _ if tuple.said("language") == "xpath" => (text, Dialects::Any),
        _ => (format!("${{{text}}}"), Dialects::Any),
    };
    let mut prefixes = prefixes(tuple);
    let text = match prefixes.is_empty() && tuple.kind == "xpath" {
        true => with_prefixes(&text, &mut prefixes).unwrap_or(text),
        false => text,
    };
    Expr::compile(&text, &prefixes, dialects).map_err(|why| Got::Refused(why.to_string()))
}

/// The string form of an XPath may hold a namespace in braces, `$body//{urn:x}name`; it gets a prefix.
fn with_prefixes(text: &str, prefixes: &mut Vec<(Arc<str>, Arc<str>)>) -> Option<String> {
    let (before, rest) = text.split_once("/{")?;
    let (uri, after) = rest.split_once('}')?;
    prefixes.push(("rp0".into(), uri.into()));
    Some(format!("{before}/rp0:{after}"))
}

fn evaluate(tuple: &Tuple) -> Answer {
    let expr = compile(tuple)?;
    let (message, cx) = (message(tuple)?, context());
    let text = expr.text(&message, &cx).map_err(fault)?;
    Ok(some(text))
}

/// How many nodes an XPath selects.
pub(super) fn node_count(tuple: &Tuple) -> Option<u64> {
    let expr = compile(tuple).ok()?;
    match expr.select(&message(tuple).ok()?, &context()).ok()? {
        Selection::Nodes(nodes) => Some(nodes.len() as u64),
        _ => None,
    }
}

fn inline(tuple: &Tuple) -> Answer {
    let template = InlineTemplate::compile(&tuple.said("template"), &prefixes(tuple))
        .map_err(|why| Got::Refused(why.to_string()))?;
    template.text(&message(tuple)?, &context()).map(Got::Text).map_err(fault)
}

fn context() -> Context {
    Context::new(Arc::default(), Arc::default())
}

/// The message that the tuple describes, its body understood.
fn message(tuple: &Tuple) -> Result<Message, Got> {
    let mut message = Message::new();
    if let Some(document) = &tuple.payload {
        let (content_type, text) = match document.kind.as_str() {
            "json" => ("application/json", document.text.clone()),
            "text" => ("text/plain", document.text.clone()),
            "soap-envelope" => ("text/xml", document.text.clone()),
            _ => enveloped(tuple, &document.text),
        };
        let content =
            builders::build(&text.into(), Some(content_type)).map_err(|e| Got::Fault(e.to_string()))?;
        message.payload = Payload::Built(content);
        message.axis2.set("messageType", content_type);
        message.axis2.set("ContentType", content_type);
        message.rest = content_type != "text/xml";
    }
    for (name, value) in tuple.texts("headers") {
        message.headers.set(&name, &value);
    }
    for (name, value) in tuple.texts("properties.synapse") {
        message.properties.set(&name, value);
    }
    for (name, value) in tuple.texts("properties.axis2") {
        message.axis2.set(&name, value);
    }
    for (name, spec) in &tuple.variables {
        message.variables.set(name, typed(spec)?);
    }
    Ok(message)
}

/// Plain XML, put into an envelope when the tuple has SOAP headers.
fn enveloped(tuple: &Tuple, text: &str) -> (&'static str, String) {
    let headers: String = json::list(tuple.case.get("soap_headers")).into_iter().map(json::text).collect();
    if headers.is_empty() {
        return ("application/xml", text.to_owned());
    }
    let space = crate::xml::SOAP11;
    let envelope = format!(
        "<s:Envelope xmlns:s=\"{space}\"><s:Header>{headers}</s:Header><s:Body>{text}</s:Body></s:Envelope>"
    );
    ("text/xml", envelope)
}

fn typed(spec: &Spec) -> Result<Value, Got> {
    let value = spec.get("value").unwrap_or(&Spec::Null);
    let text = json::text_json_bool(value);
    let bad = || Got::Unsupported(format!("variable {spec} cannot be made"));
    Ok(match spec.get("type").map(json::text).unwrap_or_default().as_str() {
        "integer" => Value::Integer(text.parse().map_err(|_| bad())?),
        "long" => Value::Long(text.parse().map_err(|_| bad())?),
        "double" => Value::Double(text.parse().map_err(|_| bad())?),
        "boolean" => Value::Boolean(truthy(Some(value)) && text != "false"),
        "json" => Value::Json(Arc::new(Json::parse(&value.to_string()).map_err(|_| bad())?)),
        "xml" => Value::Xml(element(&text).ok_or_else(bad)?),
        "map" => {
            let entries = json::members(Some(value)).map(|(k, v)| Ok((Arc::from(k.as_str()), typed(v)?)));
            Value::Map(Arc::new(entries.collect::<Result<Vec<_>, Got>>()?))
        }
        _ => Value::string(text),
    })
}

fn element(text: &str) -> Option<XmlElement> {
    let document = xml::parse(text).ok()?;
    let root = document.root_element()?;
    Some(XmlElement::new(Arc::new(document), root))
}

/// Compiles mediators as a sequence with the tuple's namespaces.
fn flow(tuple: &Tuple, mediators: &str) -> Result<Arc<Block>, Got> {
    let declared: String =
        tuple.texts("namespaces").iter().map(|(k, v)| format!(" xmlns:{k}=\"{}\"", attribute(v))).collect();
    let text = format!(
        "<sequence xmlns=\"http://ws.apache.org/ns/synapse\" name=\"t\"{declared}>{mediators}</sequence>"
    );
    let (artifacts, found) = read(&Source::new("t.xml", text), Some(Kind::Sequence));
    let Some(Artifact::Sequence(sequence)) = artifacts.into_iter().next() else {
        let why = found.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; ");
        return Err(Got::Refused(why));
    };
    let mut compiler = Compiler::default();
    let block = compiler.block(sequence.element.get());
    match compiler.diagnostics.iter().find(|d| d.severity == runtime::artifacts::diagnostics::Severity::Error)
    {
        Some(d) => Err(Got::Refused(d.message.clone())),
        None => Ok(block),
    }
}

fn attribute(text: &str) -> String {
    escape(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;").replace('\r', "&#13;")
}

/// Runs mediators on the tuple's message.
fn run(tuple: &Tuple, mediators: &str) -> Result<Message, Got> {
    let block = flow(tuple, mediators)?;
    let (mut message, mut cx) = (message(tuple)?, context());
    let waiting = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let waiting = waiting.map_err(|e| Got::Unsupported(e.to_string()))?;
    waiting.block_on(cx.run_block(&block, &mut message)).map_err(fault)?;
    Ok(message)
}

fn filter(tuple: &Tuple) -> Answer {
    let expression = attribute(&tuple.said("expression"));
    let condition = match tuple.case.get("regex").map(json::text) {
        Some(regex) => format!("source=\"{expression}\" regex=\"{}\"", attribute(&regex)),
        None => format!("xpath=\"{expression}\""),
    };
    let branch = |name: &str| format!("<{name}><property name=\"took\" value=\"{name}\"/></{name}>");
    let message = run(tuple, &format!("<filter {condition}>{}{}</filter>", branch("then"), branch("else")))?;
    Ok(match message.property("took").map(|v| v.text().into_owned()).as_deref() {
        Some("then") => boolean(true),
        Some("else") => boolean(false),
        _ => Got::Null,
    })
}

fn payload_template(tuple: &Tuple) -> Answer {
    let message = run(tuple, &payload_factory(tuple))?;
    Ok(match message.payload.content() {
        Some(Content::Json(body)) => Got::Text(body.text().to_string()),
        Some(Content::Xml(envelope)) => match envelope.payload() {
            Some(payload) if tuple.said("media_type") == "text" => {
                Got::Text(envelope.document().string_value(payload))
            }
            Some(payload) => Got::Text(envelope.document().node_to_xml(payload)),
            None => Got::Text(String::new()),
        },
        _ => Got::Null,
    })
}

fn payload_factory(tuple: &Tuple) -> String {
    let (media, template) = (tuple.said("media_type"), tuple.said("template"));
    let freemarker = tuple.said("template_type") == "freemarker";
    let format = if freemarker || media != "xml" {
        format!("<![CDATA[{}]]>", template.replace("]]>", "]]]]><![CDATA[>"))
    } else if crate::xml::Tree::from_text(&template).is_ok() {
        template
    } else {
        escape(&template)
    };
    let arguments: String = json::list(tuple.case.get("arguments")).into_iter().map(argument).collect();
    let kind = if freemarker { " template-type=\"freemarker\"" } else { "" };
    format!(
        "<payloadFactory media-type=\"{media}\"{kind}><format>{format}</format><args>{arguments}</args></payloadFactory>"
    )
}

fn argument(spec: &Spec) -> String {
    let said = |key: &str| spec.get(key).map(|v| attribute(&json::text(v)));
    let literal = said("literal").map(|l| format!(" literal=\"{l}\"")).unwrap_or_default();
    if let Some(value) = said("value") {
        return format!("<arg value=\"{value}\"{literal}/>");
    }
    let (evaluator, expression) = match said("jsonpath") {
        Some(path) => ("json", path),
        None => ("xml", said("xpath").unwrap_or_default()),
    };
    format!("<arg evaluator=\"{evaluator}\" expression=\"{expression}\"{literal}/>")
}

/// The XML form that a JSON payload has inside.
pub(super) fn internal_xml(tuple: &Tuple) -> Option<String> {
    let message = run(tuple, &payload_factory(tuple)).ok()?;
    let envelope = message.payload.content()?.envelope().clone();
    envelope.payload().map(|p| envelope.document().node_to_xml(p))
}

fn variable(tuple: &Tuple) -> Answer {
    let what = match tuple.case.get("expression").map(json::text) {
        Some(e) => format!("expression=\"{}\"", attribute(&format!("${{{e}}}"))),
        None => format!("value=\"{}\"", attribute(&tuple.said("value"))),
    };
    let kind = match tuple.said("type") {
        t if t.is_empty() => t,
        t => format!(" type=\"{}\"", attribute(&t)),
    };
    let message = run(tuple, &format!("<variable name=\"result\"{kind} {what}/>"))?;
    let Some(value) = message.variables.get("result") else { return Ok(Got::Null) };
    let kind = match value {
        Value::String(_) => "string",
        Value::Boolean(_) => "boolean",
        Value::Integer(_) => "integer",
        Value::Long(_) => "long",
        Value::Short(_) => "short",
        Value::Float(_) => "float",
        Value::Double(_) => "double",
        Value::Json(_) => "json",
        Value::Xml(_) | Value::Nodes(_) => "xml",
        Value::Map(_) => "map",
        _ => "other",
    };
    Ok(Got::Typed(kind.into(), value.text().into_owned()))
}

fn json_to_xml(tuple: &Tuple) -> Answer {
    let text = tuple.said("json");
    let json = Json::parse(&text).map_err(|e| Got::Refused(e.to_string()))?;
    let marked = truthy(json::at(&tuple.case, "options.array_instructions"));
    let settings = ConversionSettings { array_instructions: marked, ..ConversionSettings::default() };
    let mut document = xml::Document::new();
    let root = append_json(&mut document, xml::Document::ROOT, &text, &json, &settings);
    let root = root.map_err(|e| Got::Refused(e.to_string()))?;
    Ok(some(Some(document.node_to_xml(root))))
}

fn xml_to_json(text: &str) -> Answer {
    let content = builders::build(&text.to_owned().into(), Some("application/xml"));
    let mut message = Message::new();
    message.payload = Payload::Built(content.map_err(|e| Got::Fault(e.to_string()))?);
    message.rest = true;
    let root = runtime::eval::json_root(&message).map_err(fault)?;
    Ok(some(root.map(|json| json.to_string())))
}

fn uri_match(tuple: &Tuple) -> Answer {
    let template = UriTemplate::parse(&tuple.said("template")).map_err(Got::Refused)?;
    Ok(template.matches(&tuple.said("uri")).map_or(Got::Null, Got::Matched))
}

fn uri_expand(tuple: &Tuple) -> Answer {
    // A template that starts with a variable is special for endpoints; the tuples mean plain ones.
    let template = HttpTemplate::parse(&format!(".{}", tuple.said("template"))).map_err(Got::Refused)?;
    let value =
        |name: &str| tuple.variables.get(name).and_then(|v| v.get("value")).map(|v| json::text(v).into());
    let text = template.expand(value);
    Ok(Got::Text(text.strip_prefix('.').unwrap_or(&text).to_owned()))
}
