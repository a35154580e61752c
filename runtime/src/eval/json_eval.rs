//! `json-eval(...)`: a JSONPath over the body or over a property, with `{...}` groups that are filled
//! in for each message.

use super::inline;
use super::jsonpath::{Found, JsonPath, PathError};
use super::selection::{JsonMatch, Key};
use super::xpath_expr::XPathExpr;
use crate::errors::Fault;
use crate::flow::Context;
use crate::message::{Content, Json, Message};
use artifacts::expr::SyntaxError;
use std::sync::Arc;

/// A compiled `json-eval(...)`.
#[derive(Debug)]
pub(crate) struct JsonEval {
    text: Arc<str>,
    path: Arc<JsonPath>,
    /// `$ctx:name`, `$trp:name`, `$axis2:name`: where the JSON text is.
    property: Option<Box<XPathExpr>>,
    /// The path holds `{...}` groups.
    dynamic: bool,
}

impl JsonEval {
    pub(crate) fn compile(text: &str) -> Result<Self, SyntaxError> {
        let (property, rest) = match property_of(text) {
            Some(Ok(length)) => (Some(&text[..length]), format!("${}", &text[length..])),
            Some(Err(offset)) => return Err(SyntaxError::new(offset, "expected the name of a property")),
            None => (None, text.to_owned()),
        };
        let path = rest.strip_suffix('.').unwrap_or(&rest);
        let property = property.map(|name| XPathExpr::compile(name, &[])).transpose()?.map(Box::new);
        let dynamic = inline::has_groups(path);
        Ok(Self { text: text.into(), path: Arc::new(JsonPath::compile(path)?), property, dynamic })
    }

    /// The text between the parentheses.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The path for this message.
    pub(crate) fn path(&self, message: &Message, cx: &Context) -> Result<Arc<JsonPath>, Fault> {
        if !self.dynamic {
            return Ok(self.path.clone());
        }
        let filled = inline::fill_groups(&self.text, false, message, cx)?;
        let filled = match filled.strip_prefix("json-eval(") {
            Some(rest) => rest.strip_suffix(')').unwrap_or(rest).to_owned(),
            None => filled,
        };
        let path = JsonPath::compile(&filled);
        path.map(Arc::new).map_err(|error| Fault::new(format!("'{filled}' is no JSONPath: {error}")))
    }

    /// `stringValueOf`: a missing path in the body gives the empty text; over a property every error is
    /// a fault.
    pub(crate) fn value_text(&self, message: &Message, cx: &Context) -> Result<String, Fault> {
        let path = self.path(message, cx)?;
        if let Some(property) = &self.property {
            let Some(text) = property.text(message, cx)? else { return Ok(String::new()) };
            return if self.path.is_root() { Ok(text) } else { over_property(&path, &text) };
        }
        if self.path.is_root() {
            let text = super::json_text(&message.payload).ok().flatten();
            return Ok(text.map(|text| text.to_string()).unwrap_or_default());
        }
        let tree = match message.payload.content() {
            Some(Content::Json(body)) => body.tree().ok().cloned(),
            _ => super::json_root(message).ok().flatten(),
        };
        let Some(tree) = tree else {
            tracing::warn!("json-eval({}): the payload is empty or no JSON", self.text);
            return Ok(String::new());
        };
        Ok(path.find(&tree).ok().and_then(|found| found_text(&path, found)).unwrap_or_default())
    }

    /// The list form: an array is spread into its elements, null is an empty list.
    pub(crate) fn select(&self, message: &Message, cx: &Context) -> Result<Vec<JsonMatch>, Fault> {
        let path = self.path(message, cx)?;
        let tree = match &self.property {
            Some(property) => {
                let text = property.text(message, cx)?.unwrap_or_default();
                Json::parse(&text).ok().map(Arc::new)
            }
            None => super::json_root(message)?,
        };
        let Some(tree) = tree else { return Ok(Vec::new()) };
        let matches = path.matches(&tree).map_err(|error| path_fault(&path, &error))?;
        if !path.is_definite() {
            return Ok(matches);
        }
        Ok(matches.into_iter().next_back().map(spread).unwrap_or_default())
    }
}

fn spread(found: JsonMatch) -> Vec<JsonMatch> {
    match found.value {
        Json::Null => Vec::new(),
        Json::Array(items) => items
            .into_iter()
            .enumerate()
            .map(|(index, value)| {
                let mut place = found.place.clone();
                place.push(Key::Index(index));
                JsonMatch { place, value }
            })
            .collect(),
        value => vec![JsonMatch { place: found.place, value }],
    }
}

/// Length of a leading `$ctx:name`; `Err` when the name is missing.
fn property_of(text: &str) -> Option<Result<usize, usize>> {
    let prefix = ["$ctx:", "$trp:", "$axis2:"].into_iter().find(|prefix| text.starts_with(prefix))?;
    let name = text[prefix.len()..].bytes().take_while(|b| b.is_ascii_alphanumeric() || b"_-".contains(b));
    let length = name.count();
    Some(if length == 0 { Err(prefix.len()) } else { Ok(prefix.len() + length) })
}

fn over_property(path: &JsonPath, text: &str) -> Result<String, Fault> {
    let tree = if text.is_empty() { None } else { Json::parse(text).ok() };
    let Some(tree) = tree else {
        return Err(Fault::new(format!("json-eval({}): the property holds no JSON", path.text())));
    };
    let found = path.find(&tree).map_err(|error| path_fault(path, &error))?;
    found_text(path, found)
        .ok_or_else(|| Fault::new(format!("json-eval({}): the function gives no JSON", path.text())))
}

fn path_fault(path: &JsonPath, error: &PathError) -> Fault {
    Fault::new(format!("json-eval({}): {error}", path.text()))
}

/// The text of a result. An object with a member `members` (or else `elements`) gives that member;
/// texts, booleans and null from functions give nothing, as they are no JSON elements.
fn found_text(path: &JsonPath, found: Found) -> Option<String> {
    Some(match found {
        Found::Text(_, true) | Found::Bool(_, true) => return None,
        Found::Null if path.is_function() => return None,
        Found::Null => "null".to_owned(),
        Found::Text(text, false) => text.to_string(),
        Found::Bool(value, false) => value.to_string(),
        Found::Number(number, _) => number.text().to_string(),
        Found::Container(json) => match json.get("members").or_else(|| json.get("elements")) {
            Some(member) => member.to_string(),
            None => json.to_string(),
        },
    })
}
