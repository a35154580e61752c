//! What properties and variables hold.

use super::json::Json;
use artifacts::xml::{Document, NodeKind, XmlElement};
use std::borrow::Cow;
use std::sync::Arc;

/// A value with the type that MI would give it.
#[derive(Debug, Clone)]
pub enum Value {
    /// Text.
    String(Arc<str>),
    /// `java.lang.Boolean`
    Boolean(bool),
    /// 32 bit.
    Integer(i32),
    /// 64 bit.
    Long(i64),
    /// 16 bit.
    Short(i16),
    /// 32 bit floating point.
    Float(f32),
    /// 64 bit floating point.
    Double(f64),
    /// A JSON element.
    Json(Arc<Json>),
    /// An XML element (type `OM`).
    Xml(XmlElement),
    /// Nodes that an XPath selected: elements, texts, attributes (as text), in order.
    Nodes(Arc<[XmlItem]>),
    /// A map: the shape of a connector or call result (`payload`, `headers`, `attributes`).
    Map(Arc<Vec<(Arc<str>, Value)>>),
    /// A whole envelope (enrich source `envelope`, `FOREACH_ORIGINAL_MESSAGE`).
    Envelope(Arc<Document>),
}

/// One item of a node list.
#[derive(Debug, Clone)]
pub enum XmlItem {
    /// An element with its document.
    Element(XmlElement),
    /// Text content, attribute value, number or boolean in text form.
    Text(Arc<str>),
}

impl Value {
    /// A text value.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Value::String(text.into())
    }

    /// The text MI gets from `toString`/the string rules: XML serialised, doubles as Java prints them.
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Value::String(text) => Cow::Borrowed(text),
            Value::Boolean(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Value::Integer(value) => Cow::Owned(value.to_string()),
            Value::Long(value) => Cow::Owned(value.to_string()),
            Value::Short(value) => Cow::Owned(value.to_string()),
            Value::Float(value) => Cow::Owned(java_float(*value)),
            Value::Double(value) => Cow::Owned(java_double(*value)),
            Value::Json(json) => match &**json {
                Json::String(text) => Cow::Owned(text.to_string()),
                other => Cow::Owned(other.to_string()),
            },
            Value::Xml(element) => Cow::Owned(element.get().to_xml()),
            Value::Nodes(items) => Cow::Owned(items.iter().map(XmlItem::text).collect()),
            Value::Map(entries) => Cow::Owned(map_text(entries)),
            Value::Envelope(document) => Cow::Owned(document.to_xml()),
        }
    }

    /// The boolean, if it is a Boolean.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, if it is a String.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// True for a Boolean `true` and for the text `true` in any case: what most switches accept.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Boolean(value) => *value,
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// Entry of a map value.
    pub fn entry(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Map(entries) => entries.iter().find(|(k, _)| &**k == key).map(|(_, v)| v),
            _ => None,
        }
    }
}

impl XmlItem {
    /// Serialised element or the text itself.
    pub fn text(&self) -> String {
        match self {
            XmlItem::Element(element) => match element.document().kind(element.id()) {
                NodeKind::Element(_) => element.get().to_xml(),
                _ => element.document().string_value(element.id()),
            },
            XmlItem::Text(text) => text.to_string(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text.into())
    }
}

fn map_text(entries: &[(Arc<str>, Value)]) -> String {
    let parts: Vec<String> = entries.iter().map(|(key, value)| format!("{key}={}", value.text())).collect();
    format!("{{{}}}", parts.join(", "))
}

/// A double as `Double.toString` prints it: always a fraction, `E` outside 10^-3 to 10^7.
pub fn java_double(value: f64) -> String {
    java_decimal(value, |v| format!("{v:e}"))
}

/// A float as `Float.toString` prints it.
pub fn java_float(value: f32) -> String {
    java_decimal(f64::from(value), |_| format!("{value:e}"))
}

fn java_decimal(value: f64, shortest: impl Fn(f64) -> String) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let text = shortest(value);
    let (sign, text) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest.to_owned()),
        None => ("", text),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    if digits.bytes().all(|b| b == b'0') {
        return format!("{sign}0.0");
    }
    if !(-3..7).contains(&exponent) {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        return format!("{sign}{first}.{rest}E{exponent}");
    }
    if exponent < 0 {
        return format!("{sign}0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        return format!("{sign}{digits}{}.0", "0".repeat(whole - digits.len()));
    }
    format!("{sign}{}.{}", &digits[..whole], &digits[whole..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_in_java() {
        for (value, text) in [
            (3.0, "3.0"),
            (0.1, "0.1"),
            (1e7, "1.0E7"),
            (1234567.5, "1234567.5"),
            (2e10, "2.0E10"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (-0.0, "-0.0"),
            (100.0, "100.0"),
            (1.5e-7, "1.5E-7"),
            (80.8201, "80.8201"),
        ] {
            assert_eq!(java_double(value), text);
        }
        assert_eq!(java_float(1.1), "1.1");
        assert_eq!(java_double(f64::NAN), "NaN");
    }
}
