//! Paths into the body, variables and function results. As in MI the text of a path is completed with
//! the values of its brackets and then read as JSONPath; paths without dynamic parts are prepared once.

use super::value::Res;
use super::{Node, Outcome, Run, Stop, warn};
use crate::eval::jsonpath::{JsonPath, PathError};
use crate::message::{Json, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// A path.
#[derive(Debug)]
pub(super) struct Access {
    pub(super) root: Root,
    text: String,
    indexes: Vec<(String, Index)>,
    /// The plan of a path without dynamic parts.
    ready: Option<Outcome<Plan>>,
}

/// What it starts at.
#[derive(Debug)]
pub(super) enum Root {
    Payload,
    Variable,
    Call(Box<Node>),
}

/// Contents of a bracket.
#[derive(Debug)]
pub(super) enum Index {
    One(Node),
    List(char, Vec<Option<Node>>),
    Filter(String, Vec<(String, Node)>),
}

/// A path whose text is complete.
#[derive(Debug, Clone)]
pub(super) enum Plan {
    /// Into one JSON tree.
    Path(Arc<JsonPath>),
    Variable(Arc<VariablePlan>),
}

/// A variable and the path behind it, read in the two ways that depend on what the variable holds.
#[derive(Debug)]
pub(super) struct VariablePlan {
    pub(super) name: Arc<str>,
    /// `None`: the variable itself.
    pub(super) path: Option<Outcome<Arc<JsonPath>>>,
    /// For maps: the key and the path in its value.
    map: Option<Outcome<(Arc<str>, Option<Outcome<Arc<JsonPath>>>)>>,
}

impl Access {
    pub(super) fn new(root: Root, text: String, indexes: Vec<(String, Index)>) -> Self {
        let mut access = Self { root, text, indexes, ready: None };
        let is_constant =
            |index: &Index| matches!(index, Index::One(Node::Constant(Res::Int(_) | Res::Text(_))));
        if access.indexes.iter().all(|(_, index)| is_constant(index)) {
            let values: Vec<(String, String)> = access
                .indexes
                .iter()
                .filter_map(|(key, index)| match index {
                    Index::One(Node::Constant(value)) => Some((key.clone(), pasted(value, false).ok()?)),
                    _ => None,
                })
                .collect();
            let filled = values
                .iter()
                .try_fold(access.start_text(), |text, (key, value)| replace_first(&text, key, value));
            access.ready = Some(filled.and_then(|text| access.plan(&text)));
        }
        access
    }

    /// `payload` is written `$` for JSONPath.
    fn start_text(&self) -> String {
        match (&self.root, self.text.strip_prefix("payload")) {
            (Root::Payload, Some(rest)) => format!("${rest}"),
            _ => self.text.clone(),
        }
    }

    fn plan(&self, text: &str) -> Outcome<Plan> {
        match &self.root {
            Root::Payload => compile(text).map(Plan::Path),
            Root::Call(_) => compile(&below_root(text)).map(Plan::Path),
            Root::Variable => VariablePlan::new(text).map(|plan| Plan::Variable(Arc::new(plan))),
        }
    }

    /// The plan for this message.
    pub(super) fn resolve(&self, run: &Run<'_>) -> Outcome<Plan> {
        if let Some(ready) = &self.ready {
            return ready.clone();
        }
        let mut text = self.start_text();
        for (key, index) in &self.indexes {
            if let Some(value) = index.pasted(run)? {
                text = replace_first(&text, key, &value)?;
            }
        }
        self.plan(&text)
    }

    /// Is this the bare body?
    pub(super) fn is_bare_payload(&self) -> bool {
        matches!(self.root, Root::Payload) && matches!(self.text.as_str(), "payload" | "$")
    }

    pub(super) fn evaluate(&self, run: &Run<'_>) -> Outcome<Option<Res>> {
        let tree = match &self.root {
            Root::Variable => {
                return match self.resolve(run)? {
                    Plan::Variable(plan) => plan.evaluate(run),
                    Plan::Path(_) => warn("no variable"),
                };
            }
            // The body is looked at before the path is.
            Root::Payload => run.payload()?,
            Root::Call(node) => match run.evaluate(node)? {
                Some(Res::Json(json)) => json,
                Some(other) => parse(&other.as_text()?)?,
                None => return warn("there is nothing to read from"),
            },
        };
        match self.resolve(run)? {
            Plan::Path(path) => read(&path, &tree),
            Plan::Variable(_) => warn("no path"),
        }
    }
}

impl Index {
    /// The text that takes the place of the bracket's contents; `None` leaves them.
    fn pasted(&self, run: &Run<'_>) -> Outcome<Option<String>> {
        Ok(Some(match self {
            Index::One(node) => match run.evaluate(node)? {
                Some(value) => pasted(&value, false)?,
                None => return Ok(None),
            },
            Index::List(separator, nodes) => {
                let mut parts: Vec<String> = Vec::with_capacity(nodes.len());
                for node in nodes {
                    match node {
                        None => parts.push(String::new()),
                        Some(node) => {
                            if let Some(value) = run.evaluate(node)? {
                                parts.push(value.as_text()?.into_owned());
                            }
                        }
                    }
                }
                parts.join(&separator.to_string()).replace('"', "")
            }
            Index::Filter(text, parts) => {
                let mut text = text.clone();
                for (key, node) in parts {
                    if let Some(value) = run.evaluate(node)? {
                        text = replace_first(&text, key, &pasted(&value, false)?)?;
                    }
                }
                format!("?({text})")
            }
        }))
    }
}

/// Texts are pasted with double quotes.
fn pasted(value: &Res, bare: bool) -> Outcome<String> {
    let text = value.as_text()?;
    Ok(if value.is_text() && !bare { format!("\"{text}\"") } else { text.into_owned() })
}

/// `replaceFirst` of a literal text with Java's replacement syntax: `\x` stands for `x`, `$0` for the
/// text that is replaced, any other `$` is an error.
fn replace_first(text: &str, key: &str, replacement: &str) -> Outcome<String> {
    let Some(at) = text.find(key) else { return Ok(text.to_owned()) };
    let mut out = text[..at].to_owned();
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some(escaped) => out.push(escaped),
                None => return Err(Stop::escape("character to be escaped is missing")),
            },
            '$' => match chars.next() {
                Some('0') => out.push_str(key),
                _ => return Err(Stop::escape(format!("illegal group reference in '{replacement}'"))),
            },
            other => out.push(other),
        }
    }
    out.push_str(&text[at + key.len()..]);
    Ok(out)
}

fn compile(text: &str) -> Outcome<Arc<JsonPath>> {
    let path = JsonPath::compile(text);
    path.map(Arc::new).map_err(|error| Stop::escape(format!("'{text}' is no JSONPath: {error}")))
}

fn below_root(text: &str) -> String {
    if text.starts_with('.') { format!("${text}") } else { format!("$.{text}") }
}

/// Reads JSON text as Jayway does; empty and malformed texts are errors that escape.
fn parse(text: &str) -> Outcome<Arc<Json>> {
    match Json::parse(text) {
        Ok(json) => Ok(Arc::new(json)),
        Err(error) => Err(Stop::escape(format!("no JSON: {error}"))),
    }
}

fn read(path: &JsonPath, tree: &Json) -> Outcome<Option<Res>> {
    match path.find(tree) {
        Ok(found) => Ok(Res::of_found(found)),
        Err(PathError::NotFound(message)) => warn(message),
        Err(PathError::Invalid(message)) => Err(Stop::escape(message)),
    }
}

/// Splits `vars.name.rest`, `vars["name"]rest` and `vars.["name"]rest`.
fn name_and_rest(text: &str) -> Outcome<(&str, &str)> {
    for prefix in ["vars.[\"", "vars[\""] {
        if let Some(rest) = text.strip_prefix(prefix) {
            return rest.split_once("\"]").ok_or_else(|| Stop::escape("expected '\"]'"));
        }
    }
    match text.strip_prefix("vars.") {
        Some(rest) => Ok(rest.split_at(rest.find(['.', '[']).unwrap_or(rest.len()))),
        None => Err(Stop::escape("Invalid input format. Could not parse variable and JSONPath.")),
    }
}

impl VariablePlan {
    fn new(text: &str) -> Outcome<Self> {
        let (name, rest) = name_and_rest(text)?;
        let (path, map) = if rest.is_empty() {
            (None, None)
        } else {
            let inner = if rest.starts_with('.') { format!("vars{rest}") } else { format!("vars.{rest}") };
            let map = name_and_rest(&inner).map(|(key, rest)| {
                let path = (!rest.is_empty()).then(|| compile(&below_root(rest)));
                (Arc::from(key), path)
            });
            (Some(compile(&below_root(rest))), Some(map))
        };
        Ok(Self { name: name.into(), path, map })
    }

    fn evaluate(&self, run: &Run<'_>) -> Outcome<Option<Res>> {
        let Some(variable) = run.message.variables.get(&self.name) else {
            return warn(format!("Variable {} is not defined", self.name));
        };
        let Some(path) = &self.path else { return Ok(Res::of_value(variable)) };
        let tree: Cow<'_, Json> = match variable {
            Value::Map(_) => return self.in_map(variable),
            Value::Xml(_) | Value::Nodes(_) | Value::Envelope(_) => {
                return warn("a JSONPath cannot be applied to an XML variable");
            }
            Value::Json(json) => Cow::Borrowed(json),
            other => Cow::Owned((*parse(&other.text())?).clone()),
        };
        read(&*path.clone()?, &tree)
    }

    fn in_map(&self, variable: &Value) -> Outcome<Option<Res>> {
        let Some(map) = &self.map else { return Ok(None) };
        let (key, path) = map.clone()?;
        let Some(value) = variable.entry(&key) else {
            return warn(format!("Could not find key: {key} in the variable {}", self.name));
        };
        match (path, value) {
            (None, value) => Ok(Res::of_value(value)),
            (Some(path), Value::Json(json)) => read(&*path?, json),
            (Some(_), _) => warn("a JSONPath cannot be applied to what is no JSON"),
        }
    }
}
