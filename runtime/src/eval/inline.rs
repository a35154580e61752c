//! Expressions inside of text: `${...}` in log messages and formats, `{...}` groups in JSONPaths and
//! inline payloads.

use super::{Binding, Dialects, Expr};
use crate::errors::Fault;
use crate::flow::Context;
use crate::message::{Json, Message};
use std::borrow::Cow;
use std::sync::Arc;

/// Text with `${...}` expressions in it: log messages, formats, call bodies. An expression ends at the
/// first `}`.
#[derive(Debug)]
pub struct InlineTemplate {
    parts: Vec<InlinePart>,
}

/// A piece of an [`InlineTemplate`].
#[derive(Debug)]
pub enum InlinePart {
    /// Literal text.
    Text(Arc<str>),
    /// The expression between `${` and `}`.
    Expr(Arc<Expr>),
}

impl InlineTemplate {
    /// Compiles a text; the error is that of the first bad expression.
    pub fn compile(text: &str, prefixes: &[Binding]) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        let mut literal = String::new();
        while let Some(open) = rest.find("${") {
            // At least one character that is no line end stands between the braces.
            let inside = &rest[open + 2..];
            let first = inside.chars().next().map_or(0, char::len_utf8);
            let line = inside.find(['\n', '\r']).unwrap_or(inside.len());
            let close = inside.get(first..line).and_then(|t| t.find('}')).map(|at| at + first);
            let Some(close) = close else {
                literal.push_str(&rest[..open + 2]);
                rest = inside;
                continue;
            };
            literal.push_str(&rest[..open]);
            if !literal.is_empty() {
                parts.push(InlinePart::Text(std::mem::take(&mut literal).into()));
            }
            parts.push(InlinePart::Expr(Arc::new(Expr::compile_synapse(&inside[..close], prefixes)?)));
            rest = &inside[close + 1..];
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            parts.push(InlinePart::Text(literal.into()));
        }
        Ok(Self { parts })
    }

    /// The pieces in order, for callers with replacement rules of their own.
    pub fn parts(&self) -> &[InlinePart] {
        &self.parts
    }

    /// Does it hold any expression?
    pub fn is_dynamic(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, InlinePart::Expr(_)))
    }

    /// The text with each expression replaced by its string form; null becomes nothing.
    pub fn text(&self, message: &Message, cx: &Context) -> Result<String, Fault> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                InlinePart::Text(text) => out.push_str(text),
                InlinePart::Expr(expr) => out.push_str(&expr.text(message, cx)?.unwrap_or_default()),
            }
        }
        Ok(out)
    }

    /// Does evaluating it need the message body?
    pub fn reads_body(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, InlinePart::Expr(expr) if expr.reads_body()))
    }
}

/// The next `{...}` group at or after `from`: no blanks, quotes, commas, `<`, `>`, `]` inside.
fn next_group(text: &str, from: usize) -> Option<(usize, usize)> {
    let stops = |c: char| c.is_ascii_whitespace() || c == '\u{b}' || matches!(c, '"' | ',' | '<' | '>' | ']');
    let mut at = from;
    loop {
        let open = at + text.get(at..)?.find('{')?;
        let inside = &text[open + 1..];
        let end = inside.find(|c: char| c == '}' || stops(c))?;
        if end > 0 && inside[end..].starts_with('}') {
            return Some((open, open + 1 + end + 1));
        }
        at = open + 1;
    }
}

/// Does a text hold `{...}` groups?
pub(crate) fn has_groups(text: &str) -> bool {
    next_group(text, 0).is_some()
}

/// Replaces `{xpath}` and `{json-eval(...)}` groups by their values; null becomes nothing.
///
/// `inline`: the text is an inline payload. Then values that are neither XML nor JSON are put in double
/// quotes unless quotes stand around the group, and an empty value of a `json-eval` always is. A group
/// that is no expression is a fault.
pub fn fill_groups(text: &str, inline: bool, message: &Message, cx: &Context) -> Result<String, Fault> {
    let mut out = text.to_owned();
    let mut at = 0;
    while let Some((start, end)) = next_group(text, at) {
        at = end;
        let group = &text[start..end];
        let inside = &group[1..group.len() - 1];
        let expr = Expr::compile(inside, &[], Dialects::PathsOnly)
            .map_err(|error| Fault::new(format!("Invalid expression for inline source format. {error}")))?;
        let value = expr.text(message, cx)?.unwrap_or_default();
        let quote = inline && needs_quotes(&value, group, &out);
        let value: Cow<'_, str> = if quote { format!("\"{value}\"").into() } else { value.into() };
        // Every occurrence of the same text is replaced at once.
        out = out.replace(group, &value);
    }
    Ok(out)
}

fn needs_quotes(value: &str, group: &str, text: &str) -> bool {
    if value.is_empty() && group.contains("json-eval(") {
        return true;
    }
    let quoted = text
        .find(group)
        .is_some_and(|at| text[..at].ends_with('"') && text[at + group.len()..].starts_with('"'));
    let structured =
        artifacts::xml::parse(value).is_ok() || Json::parse(value).is_ok_and(|_| !value.is_empty());
    !structured && (value.is_empty() || !quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups() {
        assert_eq!(next_group("a{b}c", 0), Some((1, 4)));
        assert_eq!(next_group("{\"a\":{$ctx:x}}", 0), Some((5, 13)));
        for text in ["{a b}", "{}", "{a", "{\"a\"}", "{a,b}"] {
            assert!(!has_groups(text), "{text}");
        }
    }

    #[test]
    fn templates_end_at_the_first_brace() {
        let parts = |text: &str| InlineTemplate::compile(text, &[]).map(|t| t.parts().len());
        assert_eq!(parts("a ${1} b ${2}"), Ok(4));
        assert_eq!(parts("${vars.s"), Ok(1));
        assert_eq!(parts(""), Ok(0));
        assert_eq!(parts("$vars {x}"), Ok(1));
        assert!(parts("${\"a}b\"}").is_err() && parts("${ }").is_err() && parts("${1 +}").is_err());
    }
}
