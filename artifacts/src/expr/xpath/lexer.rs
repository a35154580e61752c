//! Characters to tokens, with Jaxen's rule for names that are operators.

use super::super::SyntaxError;

/// Kinds of tokens; names and literals carry no text, the parser takes it from the range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Literal,
    And,
    Or,
    Div,
    Mod,
    Slash,
    DoubleSlash,
    LeftParen,
    RightParen,
    LeftBracket,
    RightBracket,
    Plus,
    Minus,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    Pipe,
    At,
    Colon,
    DoubleColon,
    Star,
    Multiply,
    Dot,
    DotDot,
    Comma,
    Dollar,
    End,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut found: Vec<Token> = Vec::with_capacity(text.len() / 3 + 2);
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        if matches!(c, ' ' | '\t' | '\n' | '\r') {
            at += 1;
            continue;
        }
        let (kind, length) = token(text, at, c, found.last().map(|t| t.kind))?;
        found.push(Token { kind, start: at, end: at + length });
        at += length;
    }
    found.push(Token { kind: Kind::End, start: text.len(), end: text.len() });
    Ok(found)
}

fn token(text: &str, at: usize, c: char, previous: Option<Kind>) -> Result<(Kind, usize), SyntaxError> {
    let rest = &text[at..];
    let second = rest[c.len_utf8()..].chars().next();
    let one_or_two =
        |with: char, two: Kind, one: Kind| if second == Some(with) { (two, 2) } else { (one, 1) };
    Ok(match c {
        '$' => (Kind::Dollar, 1),
        '(' => (Kind::LeftParen, 1),
        ')' => (Kind::RightParen, 1),
        '[' => (Kind::LeftBracket, 1),
        ']' => (Kind::RightBracket, 1),
        ',' => (Kind::Comma, 1),
        '@' => (Kind::At, 1),
        '|' => (Kind::Pipe, 1),
        '+' => (Kind::Plus, 1),
        '-' => (Kind::Minus, 1),
        '*' if previous.is_none_or(starts_operand) => (Kind::Star, 1),
        '*' => (Kind::Multiply, 1),
        '=' => (Kind::Equal, 1),
        '/' => one_or_two('/', Kind::DoubleSlash, Kind::Slash),
        ':' => one_or_two(':', Kind::DoubleColon, Kind::Colon),
        '<' => one_or_two('=', Kind::LessEqual, Kind::Less),
        '>' => one_or_two('=', Kind::GreaterEqual, Kind::Greater),
        '!' if second == Some('=') => (Kind::NotEqual, 2),
        '"' | '\'' => return literal(rest, at, c),
        '.' if second.is_some_and(|d| d.is_ascii_digit()) => (Kind::Number, number(rest)),
        '.' => one_or_two('.', Kind::DotDot, Kind::Dot),
        '0'..='9' => (Kind::Number, number(rest)),
        _ if is_name_start(c) => return name(rest, at, previous),
        _ => {
            return Err(SyntaxError::new(
                at,
                format!("expected a name, a number, a text in quotes or an operator, found '{c}'"),
            ));
        }
    })
}

fn literal(rest: &str, at: usize, quote: char) -> Result<(Kind, usize), SyntaxError> {
    match rest[1..].find(quote) {
        Some(end) => Ok((Kind::Literal, end + 2)),
        None => Err(SyntaxError::new(
            at,
            format!("expected {quote} to close the text that starts here, found the end"),
        )),
    }
}

fn number(rest: &str) -> usize {
    let mut dot = false;
    let part = |c: char| c.is_ascii_digit() || (c == '.' && !std::mem::replace(&mut dot, true));
    rest.find(not(part)).unwrap_or(rest.len())
}

fn not(mut test: impl FnMut(char) -> bool) -> impl FnMut(char) -> bool {
    move |c| !test(c)
}

fn name(rest: &str, at: usize, previous: Option<Kind>) -> Result<(Kind, usize), SyntaxError> {
    let length = rest.find(|c| !is_name_part(c)).unwrap_or(rest.len());
    if previous.is_none_or(starts_operand) {
        return Ok((Kind::Name, length));
    }
    // After an operand only an operator can stand; Jaxen does not ask where its name ends.
    for (word, kind) in [("and", Kind::And), ("or", Kind::Or), ("div", Kind::Div), ("mod", Kind::Mod)] {
        if rest.starts_with(word) {
            return Ok((kind, word.len()));
        }
    }
    let word = &rest[..length];
    Err(SyntaxError::new(at, format!("expected an operator or the end of the expression, found '{word}'")))
}

/// After these an identifier is a name, never an operator.
fn starts_operand(kind: Kind) -> bool {
    !matches!(
        kind,
        Kind::Name
            | Kind::Number
            | Kind::Literal
            | Kind::RightParen
            | Kind::RightBracket
            | Kind::Star
            | Kind::Dot
            | Kind::DotDot
    )
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric()
        || matches!(c, '_' | '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
}
