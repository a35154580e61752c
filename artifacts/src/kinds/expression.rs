//! Expressions in artifact envelopes: which language a text is in, and values that may be one.

use crate::diagnostics::Code;
use crate::read::Reader;
use crate::source::Span;
use crate::xml::XmlElement;

/// The language of an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// XPath 1.0 with Synapse's functions and variables.
    XPath,
    /// JSONPath, written `json-eval(...)`.
    JsonPath,
    /// A Synapse expression, written `${...}`.
    Synapse,
}

/// An expression as written, with the element that gives its prefixes.
#[derive(Debug, Clone)]
pub struct Expression {
    /// The expression itself, without `json-eval(...)`, `${...}` or braces around it.
    pub text: String,
    /// Its language.
    pub language: Language,
    /// Namespace context.
    pub element: XmlElement,
    /// Where it is written.
    pub span: Span,
}

/// A text that is fixed, or an expression in braces.
#[derive(Debug, Clone)]
pub enum Value {
    /// Fixed text; `{{...}}` is kept as written: MI evaluates its content twice.
    Static(String),
    /// `{xpath}`, `{json-eval(...)}` or `{${...}}`.
    Expression(Expression),
}

impl Value {
    /// The text when it is fixed.
    pub fn as_static(&self) -> Option<&str> {
        match self {
            Value::Static(text) => Some(text),
            Value::Expression(_) => None,
        }
    }
}

/// The language and the inner text of an expression as it stands in an `expression` attribute.
pub fn classify(text: &str) -> (Language, &str) {
    if let Some(rest) = text.strip_prefix("json-eval(") {
        let end = rest.char_indices().next_back().map_or(0, |(at, _)| at);
        return (Language::JsonPath, rest.get(..end).unwrap_or(""));
    }
    match text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) => (Language::Synapse, inner),
        None => (Language::XPath, text),
    }
}

/// Reads and checks an expression text; a syntax error is reported and gives `None`.
pub fn read(reader: &mut Reader<'_>, text: &str, element: &XmlElement, span: Span) -> Option<Expression> {
    let (language, inner) = classify(text);
    match super::syntax::check(language, inner) {
        Ok(()) => Some(Expression { text: inner.to_owned(), language, element: element.clone(), span }),
        Err(message) => {
            let message = format!("'{text}' cannot be parsed: {message}");
            reader.error(Code::BAD_EXPRESSION, (element.get().source(), span), message);
            None
        }
    }
}

/// Reads an attribute that is always an expression.
pub fn attribute(reader: &mut Reader<'_>, element: &XmlElement, name: &str) -> Option<Expression> {
    let text = element.get().attr(name)?;
    read(reader, text, element, element.get().place_of(name).1)
}

/// Reads a text that is an expression when it stands in braces.
pub fn value(reader: &mut Reader<'_>, text: &str, element: &XmlElement, span: Span) -> Option<Value> {
    let escaped = text.len() > 3 && text.starts_with("{{") && text.ends_with("}}");
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    match inner {
        Some(inner) if !escaped => read(reader, inner, element, span).map(Value::Expression),
        _ => Some(Value::Static(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages() {
        assert_eq!(classify("json-eval($.a)"), (Language::JsonPath, "$.a"));
        assert_eq!(classify("${payload.a}"), (Language::Synapse, "payload.a"));
        assert_eq!(classify("${vars.x"), (Language::XPath, "${vars.x"));
        assert_eq!(classify("//a"), (Language::XPath, "//a"));
        assert_eq!(classify("json-eval("), (Language::JsonPath, ""));
    }
}
