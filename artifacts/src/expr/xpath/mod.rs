//! XPath 1.0 as Jaxen reads it: text in, syntax tree out.
//!
//! Lenient exactly where Jaxen is: a trailing comma in arguments, `$body/` with nothing behind it,
//! `1 and2`, prefixes and functions nobody declared. Those fail when evaluated, not here.

mod ast;
mod lexer;
mod parser;
#[cfg(test)]
mod tests;

pub use ast::{Axis, BinaryOp, Expr, NodeTest, Path, QName, Start, Step, XPath};

use super::SyntaxError;
use std::sync::Arc;

/// A prefix and the namespace it is bound to.
pub type Binding = (Arc<str>, Arc<str>);

/// Deepest nesting of parentheses, predicates, arguments and unions accepted. The evaluator recurses
/// as deep as the tree, so the limit bounds its stack too.
pub const MAX_DEPTH: usize = 100;

/// Parses an expression. Blanks around it are allowed.
pub fn parse(text: &str) -> Result<XPath, SyntaxError> {
    parser::parse(text, false)
}

/// Parses by the recommendation where Jaxen differs from it (unions bind tighter than operators), for
/// XSLT.
pub fn parse_standard(text: &str) -> Result<XPath, SyntaxError> {
    parser::parse(text, true)
}

/// Parses the form with namespaces in braces, `//{urn:a}b`, that Synapse reads from plain strings:
/// gives the expression with invented prefixes, and what they are bound to.
pub fn parse_braced(text: &str) -> Result<(XPath, Vec<Binding>), SyntaxError> {
    let mut plain = String::with_capacity(text.len());
    let mut prefixes: Vec<Binding> = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((uri, after)) = after.split_once('}') else {
            let at = text.len() - after.len() - 1;
            return Err(SyntaxError::new(
                at,
                "expected '}' after the namespace that '{' opens, found the end",
            ));
        };
        let prefix = format!("rp{}", prefixes.len());
        plain.push_str(before);
        plain.push_str(&prefix);
        plain.push(':');
        prefixes.push((prefix.into(), uri.into()));
        rest = after;
    }
    plain.push_str(rest);
    Ok((parse(&plain)?, prefixes))
}

/// Does evaluating this text need the message body? MI decides by looking at the text: a slash or a
/// `get-property` of `From` or `FAULT` means yes, unless a scope that lives outside the body is named.
pub fn reads_payload(text: &str) -> bool {
    const OUTSIDE: [&str; 4] = ["$trp", "$ctx", "$axis2", "$config"];
    let scope = property_scope(text);
    if matches!(scope, Some("registry" | "system" | "transport" | "env" | "file")) {
        return false;
    }
    if OUTSIDE.iter().any(|name| text.contains(name)) {
        return false;
    }
    text.contains('/') || text.contains("get-property('From'") || text.contains("get-property('FAULT')")
}

/// First argument of the first `get-property` with exactly two arguments, without single quotes.
fn property_scope(text: &str) -> Option<&str> {
    let arguments = text.split("get-property(").skip(1).find_map(|rest| {
        let (arguments, _) = rest.split_once(')')?;
        (!arguments.is_empty()).then_some(arguments)
    })?;
    let mut parts = arguments.trim_end_matches(',').split(',');
    let (first, _, None) = (parts.next()?, parts.next()?, parts.next()) else { return None };
    let first = first.trim();
    let first = first.strip_prefix('\'').unwrap_or(first);
    Some(first.strip_suffix('\'').unwrap_or(first).trim())
}
