//! Numbers as Gson and Jayway hand them out: an object member is converted to a Java number, an array
//! element keeps its text.

use crate::eval::decimal::Decimal;
use crate::message::Json;
use crate::message::value::java_double;
use std::sync::Arc;

/// A JSON number with the Java type it has where it was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Number {
    /// As written: array elements and whole bodies.
    Lazy(Arc<str>),
    /// A whole member value that fits 64 bits.
    Long(i64),
    /// A fractional member value that a double holds exactly enough.
    Double(f64),
    /// Everything else.
    Big(Arc<str>),
}

impl Number {
    /// What reading a member of this text gives.
    pub(crate) fn of_member(text: &Arc<str>) -> Self {
        // Plain integers are by far the most frequent.
        if text.len() < 19 && text.bytes().all(|b| b.is_ascii_digit()) {
            return Number::Long(text.parse().unwrap_or_default());
        }
        let Some(decimal) = Decimal::parse(text) else { return Number::Lazy(text.clone()) };
        if decimal.scale() <= 0 {
            return match decimal.to_i64() {
                Some(value) => Number::Long(value),
                None => Number::Big(decimal.java_text().into()),
            };
        }
        let double = decimal.to_f64();
        match Decimal::from_f64(double) {
            Some(same) if same.cmp(&decimal).is_eq() => Number::Double(double),
            _ => Number::Big(decimal.java_text().into()),
        }
    }

    /// What a function gave: its texts are those of Java numbers.
    pub(super) fn of_function(text: &Arc<str>) -> Self {
        match (text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(value), _) => Number::Long(value),
            (_, Ok(value)) if text.contains(['.', 'N', 'I']) => Number::Double(value),
            _ => Number::Big(text.clone()),
        }
    }

    /// The text it prints as.
    pub fn text(&self) -> Arc<str> {
        match self {
            Number::Lazy(text) | Number::Big(text) => text.clone(),
            Number::Long(value) => value.to_string().into(),
            Number::Double(value) => java_double(*value).into(),
        }
    }

    /// The double nearest to it.
    pub fn as_f64(&self) -> f64 {
        match self {
            Number::Lazy(text) | Number::Big(text) => text.parse().unwrap_or(f64::NAN),
            Number::Long(value) => *value as f64,
            Number::Double(value) => *value,
        }
    }
}

/// A member value as it goes into a result: numbers in their Java form.
pub(super) fn member_form(value: &Json) -> Json {
    match value {
        Json::Number(text) if !(text.len() < 19 && text.bytes().all(|b| b.is_ascii_digit())) => {
            Json::Number(Number::of_member(text).text())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_converted() {
        for (text, number) in [
            ("7", Number::Long(7)),
            ("-0", Number::Long(0)),
            ("1.5E3", Number::Long(1500)),
            ("2.50", Number::Double(2.5)),
            ("3.0", Number::Double(3.0)),
            ("12345678901234567890", Number::Big("12345678901234567890".into())),
            ("0.1234567890123456789", Number::Big("0.1234567890123456789".into())),
        ] {
            assert_eq!(Number::of_member(&text.into()), number, "{text}");
        }
        assert_eq!(&*Number::of_member(&"0.00001".into()).text(), "1.0E-5");
    }
}
