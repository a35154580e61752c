//! Attribute value templates: text with expressions in braces.

use crate::eval::xpath::{Names, Query};
use artifacts::expr::SyntaxError;
use std::sync::Arc;

/// A compiled attribute value.
#[derive(Debug)]
pub(super) struct Avt(pub(super) Vec<Piece>);

#[derive(Debug)]
pub(super) enum Piece {
    Text(Arc<str>),
    Query(Query),
}

impl Avt {
    pub(super) fn compile(text: &str, names: &Names) -> Result<Self, SyntaxError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut at = 0;
        while let Some(c) = text[at..].chars().next() {
            let rest = &text[at..];
            if rest.starts_with("{{") || rest.starts_with("}}") {
                literal.push(c);
                at += 2;
            } else if c == '{' {
                let end = end_of_expression(&rest[1..]).ok_or_else(|| {
                    SyntaxError::new(at, "expected '}' to close the expression, found the end")
                })?;
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal).into()));
                }
                let query = Query::compile_standard(&rest[1..=end], names)
                    .map_err(|e| SyntaxError::new(at + 1 + e.offset, e.message))?;
                pieces.push(Piece::Query(query));
                at += end + 2;
            } else {
                literal.push(c);
                at += c.len_utf8();
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal.into()));
        }
        Ok(Self(pieces))
    }

    /// The value when there is no expression in it.
    pub(super) fn constant(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Offset of the closing brace; braces in quotes do not count.
fn end_of_expression(text: &str) -> Option<usize> {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '}') => return Some(at),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    None
}
