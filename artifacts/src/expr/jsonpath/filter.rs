//! The condition in `[?(...)]`.

use super::cursor::{Cursor, fail, unescape};
use super::parser::parse_nested;
use super::{Filter, Operand, Operator};
use crate::expr::SyntaxError;

/// Deepest nesting of parentheses and negations.
const MAX_DEPTH: usize = 100;

/// Parses the condition with its outer parentheses.
pub(super) fn parse(chars: &[char], depth: usize) -> Result<Filter, SyntaxError> {
    let mut parser = Parser { cursor: Cursor::new(chars), depth, nested: 0 };
    parser.cursor.trim();
    let filter = parser.or()?;
    parser.cursor.skip_blanks();
    if parser.cursor.in_bounds(parser.cursor.at) {
        return fail(parser.cursor.at, "expected the end of the filter");
    }
    Ok(filter)
}

/// Why a relation could not be read.
enum Stop {
    /// No relation: the path alone is a test for existence.
    Soft(SyntaxError),
    /// A mistake that Jayway does not recover from.
    Hard(SyntaxError),
}

impl From<SyntaxError> for Stop {
    fn from(error: SyntaxError) -> Self {
        Stop::Hard(error)
    }
}

fn soft<T>(at: usize, message: &str) -> Result<T, Stop> {
    Err(Stop::Soft(SyntaxError::new(at, message)))
}

struct Parser<'t> {
    cursor: Cursor<'t>,
    depth: usize,
    nested: usize,
}

fn is_relation_char(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '~' | '!')
}

impl Parser<'_> {
    fn peek(&mut self) -> Result<char, SyntaxError> {
        self.cursor.skip_blanks();
        self.cursor.current()
    }

    fn or(&mut self) -> Result<Filter, SyntaxError> {
        self.chain("||", Self::and, Filter::Or)
    }

    fn and(&mut self) -> Result<Filter, SyntaxError> {
        self.chain("&&", Self::operand, Filter::And)
    }

    fn chain(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Filter, SyntaxError>,
        join: fn(Vec<Filter>) -> Filter,
    ) -> Result<Filter, SyntaxError> {
        let mut parts = vec![part(self)?];
        loop {
            let back = self.cursor.at;
            self.cursor.skip_blanks();
            if self.cursor.in_bounds(self.cursor.at + 1)
                && self.cursor.text(self.cursor.at, self.cursor.at + 2) == word
            {
                self.cursor.at += 2;
                parts.push(part(self)?);
            } else {
                self.cursor.at = back;
                break;
            }
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => join(parts),
        })
    }

    fn operand(&mut self) -> Result<Filter, SyntaxError> {
        self.nested += 1;
        if self.nested > MAX_DEPTH {
            return fail(self.cursor.at, "expected fewer nested conditions");
        }
        let filter = self.operand_inside();
        self.nested -= 1;
        filter
    }

    fn operand_inside(&mut self) -> Result<Filter, SyntaxError> {
        if self.peek()? == '!' {
            let back = self.cursor.at;
            self.cursor.at += 1;
            if matches!(self.peek()?, '$' | '@') {
                self.cursor.at = back;
            } else {
                return Ok(Filter::Not(Box::new(self.operand()?)));
            }
        }
        if self.peek()? == '(' {
            self.cursor.at += 1;
            let inner = self.or()?;
            match self.peek()? {
                ')' => self.cursor.at += 1,
                other => return fail(self.cursor.at, format!("expected ')', found '{other}'")),
            }
            return Ok(inner);
        }
        self.relation()
    }

    fn relation(&mut self) -> Result<Filter, SyntaxError> {
        let negated = self.peek()? == '!';
        let left = match self.value() {
            Ok(left) => left,
            Err(Stop::Soft(error) | Stop::Hard(error)) => return Err(error),
        };
        let back = self.cursor.at;
        match self.right_side() {
            Ok((operator, right)) => return Ok(Filter::Relation(left, operator, right)),
            Err(Stop::Soft(_)) => self.cursor.at = back,
            Err(Stop::Hard(error)) => return Err(error),
        }
        match left {
            Operand::Path(path) => Ok(Filter::Exists(path, !negated)),
            _ => fail(back, "expected an operator"),
        }
    }

    fn right_side(&mut self) -> Result<(Operator, Operand), Stop> {
        let first = self.peek()?;
        let begin = self.cursor.at;
        while self.cursor.in_bounds(self.cursor.at) {
            let c = self.cursor.current()?;
            let part = if is_relation_char(first) { is_relation_char(c) } else { c != ' ' };
            if !part {
                break;
            }
            self.cursor.at += 1;
        }
        let word = self.cursor.text(begin, self.cursor.at);
        match Operator::from_text(&word) {
            Some(operator) => Ok((operator, self.value()?)),
            None => soft(begin, "expected an operator"),
        }
    }

    fn value(&mut self) -> Result<Operand, Stop> {
        match self.peek()? {
            '$' | '@' => self.path(),
            '!' => {
                self.cursor.at += 1;
                match self.peek()? {
                    '$' | '@' => self.path(),
                    _ => soft(self.cursor.at, "expected a path after '!'"),
                }
            }
            quote @ ('\'' | '"') => self.text(quote),
            't' => self.word("true", Operand::Bool(true)),
            'f' => self.word("false", Operand::Bool(false)),
            'n' => self.word("null", Operand::Null),
            '{' => self.json(('{', '}')),
            '[' => self.json(('[', ']')),
            '/' => self.pattern(),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Operand) -> Result<Operand, Stop> {
        let end = self.cursor.at + word.len();
        if end <= self.cursor.end && self.cursor.text(self.cursor.at, end) == word {
            self.cursor.at = end;
            return Ok(value);
        }
        soft(self.cursor.at, "expected a value")
    }

    fn text(&mut self, quote: char) -> Result<Operand, Stop> {
        let begin = self.cursor.at;
        let Some(close) = self.cursor.next_unescaped(begin, quote) else {
            return soft(begin, "expected a closing quote");
        };
        self.cursor.at = close + 1;
        Ok(Operand::Text(unescape(&self.cursor.text(begin + 1, close))?))
    }

    fn json(&mut self, brackets: (char, char)) -> Result<Operand, Stop> {
        let begin = self.cursor.at;
        match self.cursor.matching_close(begin, brackets, false)? {
            Some(close) => {
                self.cursor.at = close + 1;
                Ok(Operand::Json(self.cursor.text(begin, close + 1)))
            }
            None => soft(begin, "expected a closing bracket"),
        }
    }

    fn pattern(&mut self) -> Result<Operand, Stop> {
        let begin = self.cursor.at;
        let Some(close) = self.cursor.next_unescaped(begin, '/') else {
            return soft(begin, "expected a closing '/'");
        };
        let mut end = close + 1;
        while self.cursor.in_bounds(end)
            && matches!(self.cursor.chars[end], 'd' | 'i' | 'x' | 'm' | 's' | 'u' | 'U')
        {
            end += 1;
        }
        self.cursor.at = end;
        Ok(Operand::Pattern(self.cursor.text(begin + 1, close), self.cursor.text(close + 1, end)))
    }

    fn number(&mut self) -> Result<Operand, Stop> {
        let begin = self.cursor.at;
        while self.cursor.in_bounds(self.cursor.at)
            && matches!(self.cursor.chars[self.cursor.at], '0'..='9' | '-' | '.' | 'e' | 'E')
        {
            self.cursor.at += 1;
        }
        let text = self.cursor.text(begin, self.cursor.at);
        match text.parse::<f64>() {
            Ok(_) => Ok(Operand::Number(text)),
            Err(_) => fail(begin, format!("expected a value, found '{text}'"))?,
        }
    }

    fn path(&mut self) -> Result<Operand, Stop> {
        let begin = self.cursor.at;
        self.cursor.at += 1;
        while self.cursor.in_bounds(self.cursor.at) {
            if self.cursor.current()? == '[' {
                match self.cursor.matching_close(self.cursor.at, ('[', ']'), false)? {
                    Some(close) => self.cursor.at = close + 1,
                    None => return soft(self.cursor.at, "expected a closing ']'"),
                }
            }
            if !self.cursor.in_bounds(self.cursor.at) {
                break;
            }
            let c = self.cursor.current()?;
            let ends_condition = c == ')' && !self.closes_function(begin);
            if is_relation_char(c) || c == ' ' || ends_condition {
                break;
            }
            self.cursor.at += 1;
        }
        let text = self.cursor.text(begin, self.cursor.at);
        match parse_nested(&text, self.depth + 1) {
            Ok(path) => Ok(Operand::Path(path)),
            Err(error) => soft(begin + error.offset, &error.message),
        }
    }

    fn closes_function(&self, lower: usize) -> bool {
        let Some(open) = self.cursor.previous_significant(self.cursor.at) else { return false };
        self.cursor.chars[open] == '(' && (lower + 1..open).any(|i| self.cursor.chars[i] == '.')
    }
}
