//! `{xpath}` and `{json-eval(...)}` inside inline content.

use crate::errors::Fault;
use crate::eval::{Dialects, Expr};
use crate::flow::Context;
use crate::message::{Json, Message};
use artifacts::xml::parse;
use std::sync::Arc;

/// Text with places to fill in.
#[derive(Debug)]
pub(super) struct Holes {
    text: Arc<str>,
    /// Each place as written, with its expression; `None` is no expression at all.
    places: Vec<(Arc<str>, Option<Arc<Expr>>)>,
}

/// Does the text have `{...}` without blanks, quotes, commas, `<`, `>` and `]` inside?
pub(super) fn has_holes(text: &str) -> bool {
    next(text, 0).is_some()
}

/// Start and end of the next place.
fn next(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut at = from;
    while let Some(start) = text.get(at..)?.find('{').map(|i| at + i) {
        let inside = text.get(start + 1..)?;
        let stops = |c: char| c.is_ascii_whitespace() || "\",<>}]\u{b}".contains(c);
        let length = inside.find(stops).unwrap_or(inside.len());
        if length > 0 && inside.get(length..)?.starts_with('}') {
            return Some((start, start + length + 2));
        }
        at = start + 1;
    }
    None
}

impl Holes {
    /// Finds the places of a text. A place that is no expression is a fault when it is filled.
    pub(super) fn compile(text: &str) -> Self {
        let mut places = Vec::new();
        let mut at = 0;
        while let Some((start, end)) = next(text, at) {
            let hole = text.get(start..end).unwrap_or_default();
            let inside = hole.get(1..hole.len() - 1).unwrap_or_default();
            let expr = Expr::compile(inside, &[], Dialects::PathsOnly).ok().map(Arc::new);
            places.push((hole.into(), expr));
            at = end;
        }
        Self { text: text.into(), places }
    }

    /// The text with every place filled. Values that are neither XML nor JSON get quotes unless the
    /// place stands in quotes; so do empty values.
    pub(super) fn fill(&self, message: &Message, cx: &Context) -> Result<String, Fault> {
        let mut text = self.text.to_string();
        for (hole, expr) in &self.places {
            let Some(expr) = expr else {
                return Err(Fault::new("Invalid expression for inline source format."));
            };
            let mut value = expr.text(message, cx)?.unwrap_or_default();
            let empty_json = value.is_empty() && hole.contains("json-eval(");
            let bare = !is_xml(&value) && !is_json(&value) && (value.is_empty() || !in_quotes(&text, hole));
            if empty_json || bare {
                value = format!("\"{value}\"");
            }
            text = text.replace(&**hole, &value);
        }
        Ok(text)
    }
}

fn in_quotes(text: &str, hole: &str) -> bool {
    let Some(at) = text.find(hole) else { return false };
    let before = text.get(..at).is_some_and(|t| t.ends_with('"'));
    before && text.get(at + hole.len()..).is_some_and(|t| t.starts_with('"'))
}

fn is_xml(text: &str) -> bool {
    parse(text).is_ok()
}

fn is_json(text: &str) -> bool {
    match Json::parse(text) {
        Ok(Json::Null) => text.eq_ignore_ascii_case("null"),
        Ok(_) => true,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        assert!(has_holes("{\"a\":{json-eval($.x)}}") && has_holes("<a>{//b}</a>"));
        assert!(!has_holes("{\"a\":1}") && !has_holes("{}") && !has_holes("{a b}") && !has_holes("{a[1]}"));
        let holes = Holes::compile("{x}{json-eval($.a)}{");
        let texts: Vec<&str> = holes.places.iter().map(|(hole, _)| &**hole).collect();
        assert_eq!(texts, ["{x}", "{json-eval($.a)}"]);
    }

    #[test]
    fn quotes_around_a_place_are_seen() {
        assert!(in_quotes("a \"{x}\" b", "{x}") && !in_quotes("{x}\"", "{x}"));
    }
}
