//! XML to JSON.

use super::{
    ARRAY, ConversionError, ConversionSettings, ELEMENT, MAX_DEPTH, MULTIPLE, OBJECT, VALUE, failed, names,
};
use crate::message::Json;
use crate::message::json::is_number;
use artifacts::java_regex::JavaRegex;
use artifacts::xml::{Document, ElementData, NodeId, NodeKind};
use std::borrow::Cow;
use std::sync::Arc;

const XSI: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// The JSON text of an element: `<jsonValue>` gives its text verbatim, anything else what
/// [`xml_to_json`] gives.
pub fn xml_to_json_text(
    document: &Document,
    element: NodeId,
    settings: &ConversionSettings,
) -> Result<String, ConversionError> {
    if document.local_name(element) == VALUE {
        return Ok(document.own_text(element));
    }
    xml_to_json(document, element, settings).map(|json| json.to_string())
}

/// The JSON tree of an element. The element's name is the only key, unless it is one of the wrappers.
pub fn xml_to_json(
    document: &Document,
    element: NodeId,
    settings: &ConversionSettings,
) -> Result<Json, ConversionError> {
    if document.local_name(element) == VALUE {
        let text = document.own_text(element);
        return Json::parse(&text).map_err(|error| ConversionError(error.to_string()));
    }
    let mut reader = Reader { document, settings, depth: 0 };
    let value = reader.value(element)?;
    let key = reader.key_of(element);
    Ok(if is_wrapper(&key) { root_value(&key, value) } else { Json::Object(vec![(key, value)]) })
}

fn is_wrapper(key: &str) -> bool {
    matches!(key, OBJECT | ARRAY | ELEMENT)
}

/// An empty `<jsonObject>` is an object all the same.
fn root_value(key: &str, value: Json) -> Json {
    match value {
        Json::Null if key == OBJECT => Json::Object(Vec::new()),
        other => other,
    }
}

struct Reader<'d, 's> {
    document: &'d Document,
    settings: &'s ConversionSettings,
    depth: usize,
}

impl<'d> Reader<'d, '_> {
    fn value(&mut self, id: NodeId) -> Result<Json, ConversionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return failed(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let mut members = Members { list: Vec::new(), settings: self.settings, array: None };
        let element = self.document.element(id);
        let nil = self.settings.xml_nil && element.is_some_and(is_nil);
        if let Some(element) = element {
            self.attributes(element, &mut members);
        }
        let text = self.content(id, &mut members)?;
        self.depth -= 1;
        if nil {
            return Ok(Json::Null);
        }
        let list = members.finish();
        Ok(match (text, list.is_empty()) {
            (Some(text), true) => self.scalar(&text),
            (Some(text), false) => {
                let mut list = list;
                list.push(("$".into(), self.scalar(&text)));
                Json::Object(list)
            }
            (None, true) if self.settings.null_for_empty => Json::Null,
            (None, true) => Json::string(""),
            (None, false) => unwrapped(list),
        })
    }

    fn attributes(&self, element: &ElementData, members: &mut Members<'_>) {
        let settings = self.settings;
        if settings.preserve_namespace && settings.namespace_declarations {
            for (prefix, uri) in &element.declarations {
                let key = match &**prefix {
                    "" => "@xmlns".to_owned(),
                    prefix => format!("@xmlns{}{prefix}", settings.separator),
                };
                members.list.push((key.into(), Json::String(uri.clone())));
            }
        }
        for attribute in &element.attributes {
            let key = self.key(&attribute.name.prefix, &attribute.name.local);
            members.list.push((format!("@{key}").into(), Json::String(attribute.value.clone())));
        }
    }

    /// Reads children into the members; gives the text when there is one.
    fn content(
        &mut self,
        id: NodeId,
        members: &mut Members<'_>,
    ) -> Result<Option<Cow<'d, str>>, ConversionError> {
        let mut text: Option<Cow<'d, str>> = None;
        let mut elements = false;
        for child in self.document.children(id) {
            match self.document.kind(child) {
                NodeKind::Element(_) => {
                    let value = self.value(child)?;
                    members.add(self.key_of(child), value);
                    elements = true;
                }
                NodeKind::Text(piece, _) if self.settings.preserve_spaces || !is_blank(piece) => {
                    text = Some(match text {
                        None => Cow::Borrowed(&**piece),
                        Some(before) => Cow::Owned(format!("{before}{piece}")),
                    });
                }
                NodeKind::Instruction(target, data) if &**target == MULTIPLE => {
                    members.begin_array(data.trim())
                }
                _ => {}
            }
        }
        match text {
            Some(text) if elements && !is_blank(&text) => failed(format!(
                "an element may not have both text and elements to become JSON, found '{}'",
                text.trim()
            )),
            Some(_) if elements => Ok(None),
            Some(text) if text.is_empty() => Ok(None),
            other => Ok(other),
        }
    }

    fn scalar(&self, text: &str) -> Json {
        let settings = self.settings;
        if !settings.auto_primitive {
            return Json::string(text);
        }
        if let Some(keep) = &settings.keep_strings {
            if keep.matches(text) {
                return Json::string(text);
            }
        } else if let Some(replaced) =
            settings.replace.as_ref().and_then(|r| replace(r, text, &settings.replacement))
        {
            return Json::string(replaced);
        }
        match text {
            "true" => Json::Bool(true),
            "false" => Json::Bool(false),
            "null" => Json::Null,
            number if is_number(number) => Json::Number(big_decimal(number).into()),
            other => Json::string(other),
        }
    }

    fn key_of(&self, id: NodeId) -> Arc<str> {
        self.document.name(id).map_or_else(|| "".into(), |name| self.key(&name.prefix, &name.local))
    }

    fn key(&self, prefix: &str, local: &Arc<str>) -> Arc<str> {
        let key = match names::to_key(local, self.settings.valid_names) {
            Cow::Borrowed(_) => local.clone(),
            Cow::Owned(key) => key.into(),
        };
        if self.settings.preserve_namespace && !prefix.is_empty() {
            return format!("{prefix}{}{key}", self.settings.separator).into();
        }
        key
    }
}

/// The members of one object while it is read.
struct Members<'s> {
    list: Vec<(Arc<str>, Json)>,
    settings: &'s ConversionSettings,
    /// Key of the array that is open at the end of the list; empty until the next element names it.
    array: Option<Arc<str>>,
}

impl Members<'_> {
    fn add(&mut self, key: Arc<str>, value: Json) {
        if self.array.as_deref() == Some("") {
            self.list.push((key.clone(), Json::Array(Vec::new())));
            self.array = Some(key.clone());
        }
        let open = self.array.as_ref() == Some(&key);
        match self.list.last_mut() {
            Some((_, Json::Array(items))) if open => items.push(value),
            Some((last, before)) if self.settings.auto_array && *last == key => {
                let first = std::mem::replace(before, Json::Null);
                *before = Json::Array(vec![first, value]);
                self.array = Some(key);
            }
            _ => {
                self.array = None;
                self.list.push((key, value));
            }
        }
    }

    fn begin_array(&mut self, key: &str) {
        if !self.settings.multiple_instruction {
            return;
        }
        let key: Arc<str> = names::to_key(key, self.settings.valid_names).into();
        if !key.is_empty() {
            self.list.push((key.clone(), Json::Array(Vec::new())));
        }
        self.array = Some(key);
    }

    fn finish(self) -> Vec<(Arc<str>, Json)> {
        self.list
    }
}

/// Wrappers vanish when they come first, with the object that would hold them.
fn unwrapped(list: Vec<(Arc<str>, Json)>) -> Json {
    match list.first() {
        Some((key, _)) if is_wrapper(key) => {
            list.into_iter().next().map_or(Json::Null, |(key, value)| root_value(&key, value))
        }
        _ => Json::Object(list),
    }
}

fn is_nil(element: &ElementData) -> bool {
    let named = |ns: &str| ns.is_empty() || ns == XSI;
    element.attributes.iter().any(|a| &*a.name.local == "nil" && named(&a.name.ns) && &*a.value == "true")
}

/// Java's `trim().isEmpty()`.
fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c <= ' ')
}

/// Replaces a match at the beginning, `None` when there is none.
fn replace(regex: &JavaRegex, text: &str, replacement: &str) -> Option<String> {
    let end = text
        .char_indices()
        .map(|(at, c)| at + c.len_utf8())
        .rev()
        .find(|end| regex.matches(&text[..*end]))?;
    Some(format!("{}{}", regex.replace_all(&text[..end], replacement), &text[end..]))
}

/// A number as Java's `BigDecimal` prints it: `1E5` as `1E+5`, `1e-3` as `0.001`, `-0` as `0`.
fn big_decimal(number: &str) -> String {
    let (sign, digits) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let (mantissa, exponent) = digits.split_once(['e', 'E']).unwrap_or((digits, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent: i64 = exponent.parse().unwrap_or(0);
    let unscaled = format!("{whole}{fraction}");
    let unscaled = unscaled.trim_start_matches('0');
    let unscaled = if unscaled.is_empty() { "0" } else { unscaled };
    let sign = if unscaled == "0" { "" } else { sign };
    let scale = fraction.len() as i64 - exponent;
    let adjusted = unscaled.len() as i64 - 1 - scale;
    if scale == 0 {
        return format!("{sign}{unscaled}");
    }
    if scale > 0 && adjusted >= -6 {
        let scale = scale as usize;
        // Not by a width: those end at 65535.
        let zeros = "0".repeat((scale + 1).saturating_sub(unscaled.len()));
        let padded = format!("{zeros}{unscaled}");
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        return format!("{sign}{whole}.{fraction}");
    }
    let (first, rest) = unscaled.split_at(1);
    let point = if rest.is_empty() { "" } else { "." };
    let plus = if adjusted >= 0 { "+" } else { "" };
    format!("{sign}{first}{point}{rest}E{plus}{adjusted}")
}
