//! The types of `property` and `variable`, and how text becomes a value of one.

use crate::mediators::parts::reading::is_true_explicitly;
use crate::message::{Json, Value};
use artifacts::xml::{XmlElement, parse};
use std::sync::Arc;

/// A value of the `type` attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::mediators) enum Type {
    String,
    Boolean,
    Integer,
    Long,
    Short,
    Float,
    Double,
    Xml,
    Json,
    /// No known word; fails when a value is converted.
    Unknown(Arc<str>),
}

impl Type {
    /// Words of the `property` mediator.
    pub(in crate::mediators) const PROPERTY: &[(&str, Type)] = &[
        ("STRING", Type::String),
        ("BOOLEAN", Type::Boolean),
        ("INTEGER", Type::Integer),
        ("LONG", Type::Long),
        ("SHORT", Type::Short),
        ("FLOAT", Type::Float),
        ("DOUBLE", Type::Double),
        ("OM", Type::Xml),
        ("JSON", Type::Json),
    ];

    /// Words of the `variable` mediator.
    pub(in crate::mediators) const VARIABLE: &[(&str, Type)] = &[
        ("STRING", Type::String),
        ("BOOLEAN", Type::Boolean),
        ("INTEGER", Type::Integer),
        ("LONG", Type::Long),
        ("DOUBLE", Type::Double),
        ("XML", Type::Xml),
        ("JSON", Type::Json),
    ];

    /// The type that a word means for `property`.
    pub(in crate::mediators) fn of_property(word: &str) -> Option<Self> {
        Self::find(Self::PROPERTY, word)
    }

    /// The type that a word means for `variable`.
    pub(in crate::mediators) fn of_variable(word: &str) -> Option<Self> {
        Self::find(Self::VARIABLE, word)
    }

    fn find(words: &[(&str, Type)], word: &str) -> Option<Self> {
        words.iter().find(|(name, _)| *name == word).map(|(_, kind)| kind.clone())
    }

    /// The word in messages about a value that does not fit.
    pub(in crate::mediators) fn word(&self) -> &str {
        match self {
            Type::Unknown(word) => word,
            known => Self::PROPERTY.iter().find(|(_, kind)| kind == known).map_or("", |(word, _)| word),
        }
    }

    /// Converts a text. `Ok(None)` is text that is no JSON, which MI logs and treats as null.
    /// `computed` texts (from expressions) may have a fraction that INTEGER and SHORT cut off.
    pub(in crate::mediators) fn convert(&self, text: &str, computed: bool) -> Result<Option<Value>, ()> {
        Ok(Some(match self {
            Type::String => text.into(),
            Type::Boolean => Value::Boolean(is_true_explicitly(text)),
            Type::Integer => Value::Integer(whole(text, computed).ok_or(())?),
            Type::Short => {
                let number = whole(text, computed).ok_or(())?;
                let short =
                    if has_fraction(text, computed) { number as i16 } else { text.parse().map_err(drop)? };
                Value::Short(short)
            }
            Type::Long => Value::Long(text.parse().map_err(drop)?),
            Type::Float => Value::Float(decimal(text).ok_or(())? as f32),
            Type::Double => Value::Double(decimal(text).ok_or(())?),
            Type::Xml => Value::Xml(xml(text).ok_or(())?),
            Type::Json => return Ok(json(text).map(|json| Value::Json(Arc::new(json)))),
            Type::Unknown(_) => return Err(()),
        }))
    }
}

fn has_fraction(text: &str, computed: bool) -> bool {
    computed && text.contains('.')
}

fn whole(text: &str, computed: bool) -> Option<i32> {
    if has_fraction(text, computed) { decimal(text).map(|number| number as i32) } else { text.parse().ok() }
}

/// A number as `Double.parseDouble` reads it: blanks around it and a type suffix are allowed.
pub(in crate::mediators) fn decimal(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.trim_start_matches(['+', '-']) {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }),
        _ => {}
    }
    let digits = text.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if plain { digits.parse().ok() } else { None }
}

/// A document's root element; what follows it is not looked at.
pub(in crate::mediators) fn xml(text: &str) -> Option<XmlElement> {
    let document = match parse(text) {
        Ok(document) => document,
        // The parser stops where the second root begins.
        Err(error) => parse(text.get(..error.offset as usize)?).ok()?,
    };
    let root = document.root_element()?;
    Some(XmlElement::new(Arc::new(document), root))
}

/// JSON as Gson reads it: nothing at all is null, and a text that is none is tried as a string.
pub(in crate::mediators) fn json(text: &str) -> Option<Json> {
    if text.trim().is_empty() {
        return Some(Json::Null);
    }
    Json::parse(text).or_else(|_| Json::parse(&format!("\"{text}\""))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(kind: &str, text: &str, computed: bool) -> Option<String> {
        let value = Type::of_property(kind).unwrap().convert(text, computed);
        value.ok().flatten().map(|value| value.text().into_owned())
    }

    #[test]
    fn numbers() {
        assert_eq!(convert("INTEGER", "007", false).as_deref(), Some("7"));
        assert_eq!(convert("INTEGER", "5.0", false), None);
        assert_eq!(convert("INTEGER", "5.9", true).as_deref(), Some("5"));
        assert_eq!(convert("INTEGER", " 5", true), None);
        assert_eq!(convert("SHORT", "12", false).as_deref(), Some("12"));
        assert_eq!(convert("SHORT", "70000", false), None);
        assert_eq!(convert("LONG", "5000000000", false).as_deref(), Some("5000000000"));
        assert_eq!(convert("DOUBLE", " 5d ", false).as_deref(), Some("5.0"));
        assert_eq!(convert("DOUBLE", "inf", false), None);
        assert_eq!(convert("FLOAT", "2.50", false).as_deref(), Some("2.5"));
    }

    #[test]
    fn others() {
        assert_eq!(convert("BOOLEAN", "YES", false).as_deref(), Some("true"));
        assert_eq!(convert("BOOLEAN", "maybe", false).as_deref(), Some("false"));
        assert_eq!(convert("OM", "<a>", false), None);
        assert_eq!(convert("OM", "<a><b/></a>", false).as_deref(), Some("<a><b /></a>"));
        assert_eq!(convert("JSON", "{\"a\": 1.50}", false).as_deref(), Some("{\"a\":1.50}"));
        assert_eq!(convert("JSON", "plain text", false).as_deref(), Some("plain text"));
        assert!(Type::of_property("integer").is_none() && Type::of_variable("OM").is_none());
    }
}
