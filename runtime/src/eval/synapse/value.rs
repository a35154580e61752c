//! Results of parts of an expression, with the Java types they have in MI and the conversions between
//! them.

use super::{Outcome, Stop, warn};
use crate::eval::jsonpath::{Found, Number};
use crate::message::value::java_double;
use crate::message::{Json, Value};
use artifacts::expr::synapse::unquoted;
use std::borrow::Cow;
use std::sync::Arc;

/// A result that is not null.
#[derive(Debug, Clone)]
pub(super) enum Res {
    /// `java.lang.String`; literals have their quotes.
    Text(Arc<str>),
    Int(i32),
    Long(i64),
    Double(f64),
    Bool(bool),
    /// A JSON string.
    JsonText(Arc<str>),
    JsonBool(bool),
    JsonNumber(Number),
    /// A JSON object or array.
    Json(Arc<Json>),
    /// XML: an element or a node list.
    Xml(Value),
}

impl Res {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Res::Text(text.into())
    }

    /// What reading a JSONPath gives; `None` is null.
    pub(super) fn of_found(found: Found) -> Option<Self> {
        Some(match found {
            Found::Null => return None,
            Found::Text(text, true) => Res::Text(text),
            Found::Text(text, false) => Res::JsonText(text),
            Found::Bool(value, true) => Res::Bool(value),
            Found::Bool(value, false) => Res::JsonBool(value),
            Found::Number(Number::Long(value), true) => Res::Long(value),
            Found::Number(Number::Double(value), true) => Res::Double(value),
            Found::Number(Number::Lazy(_) | Number::Big(_), true) => return None,
            Found::Number(number, false) => Res::JsonNumber(number),
            Found::Container(json) => Res::Json(Arc::new(json)),
        })
    }

    /// What a variable holds; `None` is null, also for whole maps.
    pub(super) fn of_value(value: &Value) -> Option<Self> {
        Some(match value {
            Value::String(text) => Res::Text(text.clone()),
            Value::Boolean(value) => Res::Bool(*value),
            Value::Integer(value) => Res::Int(*value),
            Value::Short(value) => Res::Int(i32::from(*value)),
            Value::Long(value) => Res::Long(*value),
            Value::Float(value) => Res::Double(f64::from(*value)),
            Value::Double(value) => Res::Double(*value),
            Value::Json(json) => match &**json {
                Json::Null => return None,
                Json::Bool(value) => Res::JsonBool(*value),
                Json::String(text) => Res::JsonText(text.clone()),
                Json::Number(text) => Res::JsonNumber(Number::Lazy(text.clone())),
                Json::Array(_) | Json::Object(_) => Res::Json(json.clone()),
            },
            Value::Xml(_) | Value::Nodes(_) | Value::Envelope(_) => Res::Xml(value.clone()),
            Value::Map(_) => return None,
        })
    }

    /// The native value (`objectValueOf`).
    pub(super) fn into_value(self) -> Value {
        match self {
            Res::Text(text) => Value::String(text),
            Res::Int(value) => Value::Integer(value),
            Res::Long(value) => Value::Long(value),
            Res::Double(value) => Value::Double(value),
            Res::Bool(value) => Value::Boolean(value),
            Res::JsonText(text) => Value::Json(Arc::new(Json::String(text))),
            Res::JsonBool(value) => Value::Json(Arc::new(Json::Bool(value))),
            Res::JsonNumber(number) => Value::Json(Arc::new(Json::Number(number.text()))),
            Res::Json(json) => Value::Json(json),
            Res::Xml(value) => value,
        }
    }

    /// `asString`: one pair of outer quotes is removed from texts, even when it is data. A text that is
    /// nothing but one quote makes the original fail.
    pub(super) fn as_text(&self) -> Outcome<Cow<'_, str>> {
        Ok(match self {
            Res::Text(text) if matches!(&**text, "\"" | "'") => {
                return Err(Stop::escape("a text of a single quote cannot be printed"));
            }
            Res::Text(text) => Cow::Borrowed(unquoted(text)),
            Res::JsonText(text) => Cow::Borrowed(text),
            Res::Int(value) => Cow::Owned(value.to_string()),
            Res::Long(value) => Cow::Owned(value.to_string()),
            Res::Double(value) => Cow::Owned(java_double(*value)),
            Res::Bool(value) | Res::JsonBool(value) => Cow::Borrowed(if *value { "true" } else { "false" }),
            Res::JsonNumber(number) => Cow::Owned(number.text().to_string()),
            Res::Json(json) => Cow::Owned(json.to_string()),
            Res::Xml(Value::Nodes(items)) => {
                let texts: Vec<String> = items.iter().map(crate::message::XmlItem::text).collect();
                Cow::Owned(format!("[{}]", texts.join(", ")))
            }
            Res::Xml(value) => Cow::Owned(value.text().into_owned()),
        })
    }

    pub(super) fn is_text(&self) -> bool {
        matches!(self, Res::Text(_) | Res::JsonText(_))
    }

    pub(super) fn is_json_primitive(&self) -> bool {
        matches!(self, Res::JsonText(_) | Res::JsonBool(_) | Res::JsonNumber(_))
    }

    pub(super) fn is_int(&self) -> bool {
        match self {
            Res::Int(_) => true,
            Res::JsonNumber(Number::Long(value)) => *value <= i64::from(i32::MAX),
            Res::JsonNumber(Number::Lazy(text)) => text.parse::<i32>().is_ok(),
            _ => false,
        }
    }

    pub(super) fn is_long(&self) -> bool {
        match self {
            Res::Long(_) => true,
            Res::JsonNumber(Number::Long(value)) => *value > i64::from(i32::MAX),
            Res::JsonNumber(Number::Lazy(text)) => text.parse::<i64>().is_ok(),
            _ => false,
        }
    }

    pub(super) fn is_double(&self) -> bool {
        matches!(self, Res::Double(_) | Res::JsonNumber(Number::Double(_) | Number::Lazy(_)))
    }

    pub(super) fn is_number(&self) -> bool {
        self.is_int() || self.is_long() || self.is_double()
    }

    pub(super) fn as_f64(&self) -> Outcome<f64> {
        Ok(match self {
            Res::Int(value) => f64::from(*value),
            Res::Long(value) => *value as f64,
            Res::Double(value) => *value,
            Res::JsonNumber(number) => number.as_f64(),
            _ => return warn("the value is no number"),
        })
    }

    pub(super) fn as_i64(&self) -> Outcome<i64> {
        Ok(match self {
            Res::Int(value) => i64::from(*value),
            Res::Long(value) | Res::JsonNumber(Number::Long(value)) => *value,
            Res::Double(value) | Res::JsonNumber(Number::Double(value)) => *value as i64,
            Res::JsonNumber(Number::Lazy(text) | Number::Big(text)) => match text.parse::<i64>() {
                Ok(value) => value,
                Err(_) => text.parse::<f64>().unwrap_or_default() as i64,
            },
            _ => return warn("the value is no number"),
        })
    }

    /// `asInt`: whole numbers wrap, doubles saturate.
    pub(super) fn as_i32(&self) -> Outcome<i32> {
        Ok(match self {
            Res::Double(value) | Res::JsonNumber(Number::Double(value)) => *value as i32,
            other => other.as_i64()? as i32,
        })
    }

    pub(super) fn as_bool(&self) -> Option<bool> {
        match self {
            Res::Bool(value) | Res::JsonBool(value) => Some(*value),
            _ => None,
        }
    }

    /// The JSON object or array (`wanted` says which) that this is, or that its text reads as. Before
    /// reading, double quotes around the text and all backslashes are removed.
    pub(super) fn as_container(&self, wanted: fn(&Json) -> bool) -> Option<Arc<Json>> {
        let text = match self {
            Res::Json(json) => return wanted(json).then(|| json.clone()),
            Res::Text(text) | Res::JsonText(text) => text.clone(),
            Res::JsonNumber(_) | Res::JsonBool(_) => return None,
            _ => return None,
        };
        let quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
        let inner = if quoted { &text[1..text.len() - 1] } else { &text[..] };
        let json = Json::parse(&inner.replace('\\', "")).ok()?;
        wanted(&json).then(|| Arc::new(json))
    }
}

/// Numbers as headers and properties are read: int, long, double, or the text as it is.
pub(super) fn parse_number(text: &str) -> Res {
    if let Ok(value) = text.parse::<i32>() {
        return Res::Int(value);
    }
    if let Ok(value) = text.parse::<i64>() {
        return Res::Long(value);
    }
    match java_f64(text) {
        Some(value) => Res::Double(value),
        None => Res::text(text),
    }
}

/// `Double.parseDouble`: blanks around, `NaN`, `Infinity`, a type suffix and hexadecimal forms are fine.
pub(super) fn java_f64(text: &str) -> Option<f64> {
    let text = text.trim_matches(|c| c <= ' ');
    let (sign, body) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match body {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(sign * f64::INFINITY),
        _ => {}
    }
    if body.starts_with("0x") || body.starts_with("0X") {
        return hexadecimal(body.get(2..)?).map(|value| sign * value);
    }
    let digits = body.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(body);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !plain || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    digits.parse::<f64>().ok().map(|value| sign * value)
}

fn hexadecimal(text: &str) -> Option<f64> {
    let text = text.strip_suffix(['d', 'D', 'f', 'F']).filter(|t| t.contains(['p', 'P'])).unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.len() + fraction.len() == 0 || whole.len() + fraction.len() > 15 {
        return None;
    }
    let digits = u64::from_str_radix(&format!("{whole}{fraction}"), 16).ok()?;
    let exponent = exponent.parse::<i32>().ok()?;
    Some(digits as f64 * 2_f64.powi(exponent.saturating_sub(4 * fraction.len() as i32)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_doubles() {
        for (text, value) in [
            ("5d", 5.0),
            (" 1e3 ", 1000.0),
            ("5.", 5.0),
            (".5", 0.5),
            ("0x1p3", 8.0),
            ("-Infinity", f64::NEG_INFINITY),
        ] {
            assert_eq!(java_f64(text), Some(value), "{text}");
        }
        for text in ["", " ", "0x10", "1_0", "abc", "inf", "5,5", "d", "--1", "1e"] {
            assert_eq!(java_f64(text), None, "{text}");
        }
    }

    #[test]
    fn types_of_json_numbers() {
        let lazy = Res::JsonNumber(Number::Lazy("3".into()));
        assert!(lazy.is_int() && lazy.is_long() && lazy.is_double());
        let long = Res::JsonNumber(Number::Long(3_000_000_000));
        assert!(!long.is_int() && long.is_long() && !long.is_double());
        assert!(!Res::JsonNumber(Number::Big("1E+30".into())).is_number());
    }
}
