//! Conditions of rewrite rules and conditional routes: `match`, `equal`, `and`, `or`, `not`.

use super::uri;
use crate::compile::Compiler;
use crate::errors::Fault;
use crate::eval::{Dialects, Expr};
use crate::flow::Context;
use crate::message::Message;
use artifacts::diagnostics::{Code, nearest};
use artifacts::xml::ElementRef;
use regex::Regex;
use std::sync::Arc;

/// A condition on headers, query parameters, address, properties or the envelope.
#[derive(Debug)]
pub(crate) enum Condition {
    /// The whole text matches the expression; no text, no match.
    Match(TextSource, Regex),
    /// The text is this, in any letter case.
    Equal(TextSource, Arc<str>),
    /// All hold.
    And(Vec<Condition>),
    /// One holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

/// Where the text comes from.
#[derive(Debug, Clone)]
pub(crate) enum TextSource {
    /// A transport header.
    Header(Arc<str>),
    /// A query parameter of the address.
    Param(Arc<str>),
    /// A property.
    Property(Arc<str>),
    /// The envelope.
    Soap(Arc<Expr>),
    /// The address, or one part of it.
    Url(Option<Arc<str>>),
}

const URL_PARTS: [&str; 7] = ["protocol", "user", "host", "port", "path", "query", "ref"];
const NAMES: [&str; 5] = ["and", "or", "not", "match", "equal"];

/// Reads a condition element; only its local name counts, as in MI.
pub(crate) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Condition> {
    match element.local() {
        "match" => {
            let source = source(element, compiler);
            compiler.required(element, "regex");
            let regex = compiler.full_match(element, "regex");
            Some(Condition::Match(source?, regex?))
        }
        "equal" => {
            let source = source(element, compiler);
            let value = compiler.required(element, "value");
            Some(Condition::Equal(source?, value?.into()))
        }
        "and" => several(element, compiler).map(Condition::And),
        "or" => several(element, compiler).map(Condition::Or),
        "not" => {
            let Some(child) = element.first() else {
                compiler.error(Code::MISSING_CHILD, element.place(), "<not> needs a condition inside");
                return None;
            };
            compile(child, compiler).map(|inner| Condition::Not(Box::new(inner)))
        }
        other => {
            let message = format!("expected a condition (and, or, not, match, equal), found <{other}>");
            let hint = nearest(other, NAMES).map(|name| format!("did you mean <{name}>?"));
            compiler.error(Code::BAD_VALUE, element.place(), message).hint = hint;
            None
        }
    }
}

fn several(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Vec<Condition>> {
    let count = element.children().count();
    let conditions: Vec<_> = element.children().filter_map(|child| compile(child, compiler)).collect();
    if count < 2 {
        let message = format!("<{}> needs two or more conditions, found {count}", element.local());
        compiler.error(Code::MISSING_CHILD, element.place(), message);
        return None;
    }
    (conditions.len() == count).then_some(conditions)
}

fn source(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<TextSource> {
    const TYPES: [&str; 5] = ["header", "param", "url", "property", "soap"];
    let kind = match element.attr("type") {
        Some(_) => compiler.word(element, "type", &TYPES)?,
        None => "header",
    };
    if kind == "url" {
        if element.attr("source").is_some() {
            compiler.word(element, "source", &URL_PARTS)?;
        }
        return Some(TextSource::Url(element.attr("source").map(Into::into)));
    }
    let name: Arc<str> = compiler.required(element, "source")?.into();
    Some(match kind {
        "header" => TextSource::Header(name),
        "param" => TextSource::Param(name),
        "property" => TextSource::Property(name),
        _ => {
            let place = element.place_of("source");
            TextSource::Soap(compiler.expression_text(element, place, &name, Dialects::XPathOnly)?)
        }
    })
}

impl Condition {
    /// Does it hold for this address and message?
    pub(crate) fn holds(&self, address: &str, message: &Message, cx: &Context) -> Result<bool, Fault> {
        Ok(match self {
            Condition::Match(source, regex) => {
                source.text(address, message, cx)?.is_some_and(|text| regex.is_match(&text))
            }
            Condition::Equal(source, value) => source
                .text(address, message, cx)?
                .is_some_and(|text| text.to_lowercase() == value.to_lowercase()),
            Condition::And(inner) => {
                for one in inner {
                    if !one.holds(address, message, cx)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Or(inner) => {
                for one in inner {
                    if one.holds(address, message, cx)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::Not(inner) => !inner.holds(address, message, cx)?,
        })
    }
}

impl TextSource {
    fn text(&self, address: &str, message: &Message, cx: &Context) -> Result<Option<String>, Fault> {
        Ok(match self {
            TextSource::Header(name) => header(message, name),
            TextSource::Param(name) => param(address, name),
            TextSource::Property(name) => message.property(name).map(|value| value.text().into_owned()),
            TextSource::Soap(expr) => Some(expr.text(message, cx)?.unwrap_or_default()),
            TextSource::Url(None) => Some(address.to_owned()),
            TextSource::Url(Some(part)) => url_part(address, part)?,
        })
    }
}

/// MI copies the headers into a map that minds the letter case.
fn header(message: &Message, name: &str) -> Option<String> {
    message.headers.get(name).map(|text| text.into_owned())
}

fn param(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let mut found = None;
    for parameter in query.split('&') {
        let mut parts = parameter.split('=');
        if parts.next() == Some(name)
            && let Some(value) = parts.next().filter(|value| !value.is_empty())
        {
            found = Some(uri::decode(value));
        }
    }
    found
}

fn url_part(address: &str, part: &str) -> Result<Option<String>, Fault> {
    let parts = uri::Parts::parse(address)?;
    Ok(match part {
        "protocol" => parts.protocol,
        "user" => parts.user,
        "host" => parts.host,
        "port" => Some(parts.port.map_or(-1, i32::from).to_string()),
        "path" => Some(parts.path.unwrap_or_default()),
        "query" => parts.query,
        "ref" => parts.reference,
        _ => Some(address.to_owned()),
    })
}
