//! Formats: literal text, `"${...}"`, `${...}` and `$n`.

use crate::eval::{Dialects, Expr};
use crate::message::json;
use std::sync::Arc;

/// A format, cut into pieces once.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) pieces: Vec<Piece>,
    /// The expressions, each text once.
    pub(super) expressions: Vec<Arc<Expr>>,
    /// Literal text between and around the pieces is taken from here.
    pub(super) text: Arc<str>,
}

/// A place to fill in.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where it stands in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) kind: PieceKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    /// `"${...}"`: expression number.
    Quoted(usize),
    /// `${...}`: expression number.
    Bare(usize),
    /// `$n`: argument number from 1.
    Argument(usize),
}

impl Template {
    /// As [`Self::compile`] for a format of JSON: line breaks and other control characters in its strings
    /// are written as escapes. MI sends them as they are, and then the text is no JSON.
    pub(super) fn compile_json(
        text: &str,
        prefixes: &[(Arc<str>, Arc<str>)],
    ) -> Result<Self, (String, String)> {
        match escaped_strings(text) {
            Some(escaped) => Self::compile(&escaped, prefixes),
            None => Self::compile(text, prefixes),
        }
    }

    /// Cuts a format. The error is the first bad expression and what is wrong with it.
    pub(super) fn compile(text: &str, prefixes: &[(Arc<str>, Arc<str>)]) -> Result<Self, (String, String)> {
        let mut template = Template { pieces: Vec::new(), expressions: Vec::new(), text: text.into() };
        let mut at = 0;
        while let Some(dollar) = text.get(at..).and_then(|rest| rest.find('$')).map(|i| at + i) {
            at = dollar + 1;
            if let Some((start, end, expression)) = expression_at(text, dollar) {
                let number = template.expression(expression, prefixes)?;
                let quoted = start < dollar;
                let kind = if quoted { PieceKind::Quoted(number) } else { PieceKind::Bare(number) };
                template.pieces.push(Piece { start, end, kind });
                at = end;
            } else if let Some(digits) = digits_at(text, at) {
                // An absurd number is as good as one without argument.
                let number = digits.parse().unwrap_or(usize::MAX);
                at += digits.len();
                template.pieces.push(Piece { start: dollar, end: at, kind: PieceKind::Argument(number) });
            }
        }
        Ok(template)
    }

    fn expression(
        &mut self,
        text: &str,
        prefixes: &[(Arc<str>, Arc<str>)],
    ) -> Result<usize, (String, String)> {
        let source = format!("${{{text}}}");
        if let Some(index) = self.expressions.iter().position(|e| e.source() == source) {
            return Ok(index);
        }
        let expr =
            Expr::compile(&source, prefixes, Dialects::Any).map_err(|problem| (text.to_owned(), problem))?;
        self.expressions.push(Arc::new(expr));
        Ok(self.expressions.len() - 1)
    }
}

/// A format with the control characters in its double-quoted strings escaped; `None` when there are none,
/// or when it cannot be told what is a string. Expressions stay as they are.
fn escaped_strings(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut quote, mut changed) = (None, false);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let expression = rest.strip_prefix("${").and_then(|inside| inside.find('}')).map(|end| end + 3);
        // An escape is taken with what it escapes.
        let escape = || rest.chars().take(2).map(char::len_utf8).sum();
        let length = match (expression, c) {
            (Some(length), _) => length,
            (None, '\\') if quote.is_some() => escape(),
            _ => c.len_utf8(),
        };
        let (piece, after) = rest.split_at_checked(length)?;
        rest = after;
        match c {
            '"' | '\'' if quote.is_none() => quote = Some(c),
            _ if quote == Some(c) => quote = None,
            _ => {}
        }
        if quote == Some('"') && c < ' ' {
            json::escape_string(piece, &mut out);
            changed = true;
        } else {
            out.push_str(piece);
        }
    }
    (changed && quote.is_none()).then_some(out)
}

/// `${...}` at a dollar sign, with the quotes around it when there are two: start, end, inside. It
/// ends at the first `}` behind at least one character.
fn expression_at(text: &str, dollar: usize) -> Option<(usize, usize, &str)> {
    let inside = text.get(dollar..)?.strip_prefix("${")?;
    let first = inside.chars().next()?.len_utf8();
    let length = first + inside.get(first..)?.find('}')?;
    let end = dollar + 2 + length + 1;
    let quoted = text.get(..dollar)?.ends_with('"') && text.get(end..)?.starts_with('"');
    let (start, end) = if quoted { (dollar - 1, end + 1) } else { (dollar, end) };
    Some((start, end, inside.get(..length)?))
}

fn digits_at(text: &str, at: usize) -> Option<&str> {
    let rest = text.get(at..)?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end).filter(|digits| !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_in_the_strings_of_a_json_format_are_escaped() {
        for (text, escaped) in [
            ("{\n\"a\": \"x\ny\tz\"\n}", Some("{\n\"a\": \"x\\ny\\tz\"\n}")),
            ("{\"a\": \"\\\"\n\", 'b': '\"\n'}", Some("{\"a\": \"\\\"\\n\", 'b': '\"\n'}")),
            ("{\"a\": \"${payload[\"b\"]}\n\"}", Some("{\"a\": \"${payload[\"b\"]}\\n\"}")),
            ("{\n\"a\": \"x\"\n}", None),
            ("{\"a\": \"x\n}", None),
        ] {
            assert_eq!(escaped_strings(text).as_deref(), escaped, "{text}");
        }
    }
}
