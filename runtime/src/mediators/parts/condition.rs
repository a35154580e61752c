//! Conditions of rewrite rules and conditional routes: `match`, `equal`, `and`, `or`, `not`.

use crate::compile::Compiler;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TextSource {
    /// A transport header.
    Header(Arc<str>),
    /// A query parameter of the address.
    Param(Arc<str>),
    /// A property.
    Property(Arc<str>),
    /// The envelope.
    Soap(Arc<str>),
    /// The address, or one part of it.
    Url(Option<Arc<str>>),
}

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
        return Some(TextSource::Url(element.attr("source").map(Into::into)));
    }
    let name: Arc<str> = compiler.required(element, "source")?.into();
    Some(match kind {
        "header" => TextSource::Header(name),
        "param" => TextSource::Param(name),
        "property" => TextSource::Property(name),
        _ => TextSource::Soap(name),
    })
}
