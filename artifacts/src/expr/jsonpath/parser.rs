//! Text to [`Path`].

use super::cursor::{Cursor, fail, unescape};
use super::filter;
use super::{Parameter, Path, Token};
use crate::expr::SyntaxError;

/// Deepest nesting of paths in filters and functions; bounds the stack.
const MAX_DEPTH: usize = 40;

/// Parses a path. A text that starts neither with `$` nor `@` is taken as if `$.` stood before it.
///
/// Errors carry the byte offset where the parser stopped.
pub fn parse(text: &str) -> Result<Path, SyntaxError> {
    parse_nested(text, 0).map_err(|error| {
        let shift = if starts_at_root(text) { 0 } else { 2 };
        let place = error.offset.saturating_sub(shift);
        let offset = text.char_indices().nth(place).map_or(text.len(), |(byte, _)| byte);
        SyntaxError::new(offset, error.message)
    })
}

fn starts_at_root(text: &str) -> bool {
    text.starts_with(['$', '@'])
}

pub(super) fn parse_nested(text: &str, depth: usize) -> Result<Path, SyntaxError> {
    if depth > MAX_DEPTH {
        return fail(0, "expected fewer nested paths");
    }
    if text.is_empty() {
        return fail(0, "expected a path, found nothing");
    }
    let chars: Vec<char> =
        if starts_at_root(text) { text.chars().collect() } else { format!("$.{text}").chars().collect() };
    let mut cursor = Cursor::new(&chars);
    cursor.trim();
    if chars.get(cursor.end.wrapping_sub(1)) == Some(&'.') {
        return fail(cursor.end, "a path must not end with a '.'");
    }
    read_root(cursor, depth)
}

fn read_root(mut cursor: Cursor<'_>, depth: usize) -> Result<Path, SyntaxError> {
    while cursor.at < cursor.end && matches!(cursor.current()?, ' ' | '\t' | '\r' | '\n') {
        cursor.at += 1;
    }
    let at_document = match cursor.current()? {
        '$' => true,
        '@' => false,
        other => return fail(cursor.at, format!("expected '$' or '@', found '{other}'")),
    };
    let mut parser = Parser { cursor, tokens: Vec::new(), depth };
    if !parser.cursor.is_tail() {
        parser.cursor.at += 1;
        match parser.cursor.current()? {
            '.' | '[' => parser.tokens()?,
            other => return fail(parser.cursor.at, format!("expected '.' or '[', found '{other}'")),
        }
    }
    Ok(Path { at_document, tokens: scan_as_argument(parser.tokens) })
}

/// `$..path.f()` means `$.f($..path)`.
fn scan_as_argument(mut tokens: Vec<Token>) -> Vec<Token> {
    if tokens.first() != Some(&Token::Scan) || !matches!(tokens.last(), Some(Token::Function(..))) {
        return tokens;
    }
    let is_function = |token: &Token| matches!(token, Token::Function(..));
    let Some(at) = tokens.iter().position(is_function) else { return tokens };
    let after = tokens.split_off(at);
    let argument = Path { at_document: true, tokens };
    let mut after = after.into_iter();
    match after.next() {
        Some(Token::Function(name, _)) => {
            std::iter::once(Token::Function(name, vec![Parameter::Path(argument)])).chain(after).collect()
        }
        other => other.into_iter().chain(after).collect(),
    }
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    tokens: Vec<Token>,
    depth: usize,
}

impl Parser<'_> {
    fn tokens(&mut self) -> Result<(), SyntaxError> {
        loop {
            match self.cursor.current()? {
                '[' => self.bracket()?,
                '.' => {
                    self.dot()?;
                    continue; // A dot needs a step after it.
                }
                '*' => {
                    self.tokens.push(Token::Wildcard);
                    self.cursor.at += 1;
                }
                _ => self.name()?,
            }
            if self.cursor.is_tail() {
                return Ok(());
            }
        }
    }

    fn dot(&mut self) -> Result<(), SyntaxError> {
        if self.cursor.in_bounds(self.cursor.at + 1) && self.cursor.chars[self.cursor.at + 1] == '.' {
            self.tokens.push(Token::Scan);
            self.cursor.at += 2;
        } else if !self.cursor.in_bounds(self.cursor.at + 1) {
            return fail(self.cursor.at, "a path must not end with a '.'");
        } else {
            self.cursor.at += 1;
        }
        match self.cursor.current()? {
            '.' => fail(self.cursor.at, "expected a name, found '.'"),
            _ => Ok(()),
        }
    }

    fn bracket(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.at;
        if self.quoted_names()? || self.array()? || self.wildcard()? || self.filter()? {
            return Ok(());
        }
        fail(start, "expected a quoted name, a number, '*' or '?(' after '['")
    }

    fn quoted_names(&mut self) -> Result<bool, SyntaxError> {
        let quote = self.cursor.next_significant(self.cursor.at);
        if quote != '\'' && quote != '"' {
            return Ok(false);
        }
        let mut names = Vec::new();
        let (mut start, mut last) = (self.cursor.at + 1, 0);
        let (mut inside, mut escaped, mut comma) = (false, false, false);
        let mut index = self.cursor.at + 1;
        while self.cursor.in_bounds(index) {
            let c = self.cursor.chars[index];
            if escaped {
                escaped = false;
            } else if c == '\\' {
                escaped = true;
            } else if c == ']' && !inside {
                if comma {
                    return fail(index, "expected a name, found ']'");
                }
                break;
            } else if c == quote && inside {
                if !matches!(self.cursor.next_significant(index), ']' | ',') {
                    return fail(index, "expected ',' or ']' after a quoted name");
                }
                last = index;
                names.push(unescape(&self.cursor.text(start, index))?);
                inside = false;
            } else if c == quote {
                (start, inside, comma) = (index + 1, true, false);
            } else if c == ',' && !inside {
                if comma {
                    return fail(index, "expected a name, found ','");
                }
                comma = true;
            }
            index += 1;
        }
        if inside {
            return fail(start, format!("expected a closing {quote}"));
        }
        match self.cursor.index_of_next_significant(last, ']')? {
            Some(close) => self.cursor.at = close + 1,
            None => return fail(last, "expected ']'"),
        }
        if names.is_empty() {
            return fail(start, "expected a name");
        }
        self.tokens.push(Token::Properties(names));
        Ok(true)
    }

    fn array(&mut self) -> Result<bool, SyntaxError> {
        let next = self.cursor.next_significant(self.cursor.at);
        if !next.is_ascii_digit() && next != '-' && next != ':' {
            return Ok(false);
        }
        let from = self.cursor.at + 1;
        let Some(close) = self.cursor.next_index_of(from, ']') else { return Ok(false) };
        let text = self.cursor.text(from, close);
        let text = text.trim();
        if !text.chars().all(|c| c.is_ascii_digit() || matches!(c, ',' | '-' | ':' | ' ')) {
            return Ok(false);
        }
        let token = if text.contains(':') { slice(text) } else { indexes(text) };
        match token {
            Some(token) => self.tokens.push(token),
            None => return fail(from, format!("expected array positions, found '{text}'")),
        }
        self.cursor.at = close + 1;
        Ok(true)
    }

    fn wildcard(&mut self) -> Result<bool, SyntaxError> {
        if self.cursor.next_significant(self.cursor.at) != '*' {
            return Ok(false);
        }
        let star = self.cursor.index_of_next_significant(self.cursor.at, '*')?.unwrap_or(self.cursor.at);
        if self.cursor.next_significant(star) != ']' {
            return fail(star + 1, "expected ']' after '*'");
        }
        let close = self.cursor.index_of_next_significant(star, ']')?.unwrap_or(star);
        self.cursor.at = close + 1;
        self.tokens.push(Token::Wildcard);
        Ok(true)
    }

    fn filter(&mut self) -> Result<bool, SyntaxError> {
        let open = self.cursor.at;
        let Some(mark) = self.cursor.index_of_next_significant(open, '?')? else { return Ok(false) };
        let Some(paren) = self.cursor.index_of_next_significant(mark, '(')? else { return Ok(false) };
        let Some(end) = self.cursor.matching_close(paren, ('(', ')'), true)? else { return Ok(false) };
        if self.cursor.next_significant(end) != ']' {
            return Ok(false);
        }
        let close = self.cursor.index_of_next_significant(end, ']')?.unwrap_or(end);
        let filter = filter::parse(&self.cursor.chars[paren..=end], self.depth + 1)
            .map_err(|error| SyntaxError::new(paren + error.offset, error.message))?;
        self.tokens.push(Token::Filter(filter));
        self.cursor.at = close + 1;
        Ok(true)
    }

    fn name(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.at;
        if self.cursor.current()? == ' ' {
            return fail(start, "expected a name, found a blank");
        }
        let mut end = None;
        for index in start..self.cursor.end {
            match self.cursor.chars[index] {
                ' ' => return fail(index, "a name with blanks must be written in brackets and quotes"),
                '.' | '[' | '(' => {
                    end = Some(index);
                    break;
                }
                _ => {}
            }
        }
        let end = end.unwrap_or(self.cursor.end);
        let name = self.cursor.text(start, end);
        if self.cursor.in_bounds(end) && self.cursor.chars[end] == '(' {
            return self.function(name, end);
        }
        self.cursor.at = end;
        self.tokens.push(Token::Properties(vec![name]));
        Ok(())
    }

    fn function(&mut self, name: String, open: usize) -> Result<(), SyntaxError> {
        let mut depth = 1;
        for index in open + 1..self.cursor.end {
            match self.cursor.chars[index] {
                ')' => depth -= 1,
                '(' => depth += 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        if depth != 0 {
            return fail(open, format!("the arguments of '{name}' are not closed"));
        }
        let parameters = if self.cursor.char_at(open + 1)? == ')' {
            self.cursor.at = open + 1;
            Vec::new()
        } else {
            self.cursor.at = open + 1;
            self.parameters()?
        };
        // Without arguments Jayway goes on at the ')': a step after `f()` is never found.
        self.tokens.push(Token::Function(name, parameters));
        Ok(())
    }

    /// Reads arguments until the closing parenthesis. Only arguments that start like JSON or like a
    /// path are kept; others are dropped, as Jayway drops them.
    fn parameters(&mut self) -> Result<Vec<Parameter>, SyntaxError> {
        let mut parameters = Vec::new();
        let (mut text, mut kind) = (String::new(), None);
        let (mut parens, mut brackets, mut braces, mut quoted, mut before) = (1, 0, 0, false, '\0');
        while self.cursor.in_bounds(self.cursor.at) {
            let c = self.cursor.chars[self.cursor.at];
            self.cursor.at += 1;
            if kind.is_none() {
                if matches!(c, ' ' | '\t' | '\r' | '\n') {
                    continue;
                }
                kind = match c {
                    '{' | '"' | '-' | '0'..='9' => Some(false),
                    '$' | '@' => Some(true),
                    _ => None,
                };
            }
            match c {
                '"' => quoted = !(quoted && before != '\\'),
                '(' => parens += 1,
                '{' => braces += 1,
                '[' => brackets += 1,
                '}' => braces -= 1,
                ']' => brackets -= 1,
                ')' => {
                    parens -= 1;
                    if parens < 0 || before == '(' {
                        text.push(c);
                    }
                }
                _ => {}
            }
            if braces < 0 || brackets < 0 {
                return fail(self.cursor.at, format!("unexpected '{c}'"));
            }
            let boundary = matches!(c, ')' | ',') && !quoted && braces == 0 && brackets == 0;
            let closed = parens == 0 && c == ')';
            if boundary && (closed || parens == 1) {
                if let Some(is_path) = kind.take() {
                    parameters.push(match is_path {
                        true => Parameter::Path(parse_nested(&text, self.depth + 1)?),
                        false => Parameter::Json(text.clone()),
                    });
                    text.clear();
                }
                if closed {
                    break;
                }
            }
            if kind.is_some() && !(c == ',' && braces == 0 && brackets == 0 && parens == 1) {
                text.push(c);
            }
            before = c;
        }
        if braces != 0 || parens != 0 || brackets != 0 {
            return fail(self.cursor.at, "the arguments of a function are not closed");
        }
        Ok(parameters)
    }
}

fn indexes(text: &str) -> Option<Token> {
    let numbers: Option<Vec<i32>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
    numbers.map(Token::Indexes)
}

fn slice(text: &str) -> Option<Token> {
    if text.contains([',', ' ']) {
        return None;
    }
    let mut parts = text.split(':');
    let mut read = || match parts.next() {
        None | Some("") => Some(None),
        Some(part) => part.parse::<i32>().ok().map(Some),
    };
    let (from, to) = (read()?, read()?);
    (from.is_some() || to.is_some()).then_some(Token::Slice(from, to))
}
