//! Expressions: reading them from the template text.

use super::TemplateError;

/// Deepest nesting of an expression.
const MAX_DEPTH: usize = 60;

#[derive(Debug, Clone)]
pub(super) enum Expr {
    Text(Vec<Part>),
    Number(f64),
    Boolean(bool),
    Name(String),
    /// `.now` and the like.
    Special(String),
    List(Vec<Expr>),
    Map(Vec<(Expr, Expr)>),
    Dot(Box<Expr>, String),
    Index(Box<Expr>, Box<Expr>),
    Call(Box<Expr>, Vec<Expr>),
    BuiltIn(Box<Expr>, String, Option<Vec<Expr>>),
    Default(Box<Expr>, Option<Box<Expr>>),
    Exists(Box<Expr>),
    Not(Box<Expr>),
    Negate(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    /// From, to, and whether the end is left out; without end it is open.
    Range(Box<Expr>, Option<Box<Expr>>, bool),
    Paren(Box<Expr>),
    Lambda(String, Box<Expr>),
}

/// A piece of a string literal.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Text(String),
    Expr(Expr),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

type Read<T> = Result<T, TemplateError>;

/// Reads from a text at a position.
pub(super) struct Reader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    depth: usize,
    /// `>` closes the tag here instead of comparing.
    tag: bool,
}

const LEVELS: [&[(&str, Op)]; 6] = [
    &[("||", Op::Or)],
    &[("&&", Op::And)],
    &[("==", Op::Equal), ("!=", Op::NotEqual), ("=", Op::Equal)],
    &[
        ("<=", Op::LessOrEqual),
        (">=", Op::GreaterOrEqual),
        ("<", Op::Less),
        (">", Op::Greater),
        ("lte ", Op::LessOrEqual),
        ("gte ", Op::GreaterOrEqual),
        ("lt ", Op::Less),
        ("gt ", Op::Greater),
    ],
    &[("+", Op::Add), ("-", Op::Subtract)],
    &[("*", Op::Multiply), ("/", Op::Divide), ("%", Op::Modulo)],
];

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, at: usize, tag: bool) -> Self {
        Self { text, at, depth: 0, tag }
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    pub(super) fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    pub(super) fn expected(&self, what: &str) -> TemplateError {
        let found = match self.rest().chars().next() {
            Some(c) => format!("'{c}'"),
            None => "the end".to_owned(),
        };
        TemplateError { message: format!("expected {what}, found {found}"), offset: self.at }
    }

    /// Takes a token after blanks.
    pub(super) fn take(&mut self, token: &str) -> bool {
        let before = self.at;
        self.blanks();
        if self.rest().starts_with(token) {
            self.at += token.len();
            return true;
        }
        self.at = before;
        false
    }

    pub(super) fn need(&mut self, token: &str) -> Read<()> {
        if self.take(token) { Ok(()) } else { Err(self.expected(&format!("'{token}'"))) }
    }

    /// A name after blanks.
    pub(super) fn name(&mut self) -> Option<String> {
        self.blanks();
        let rest = self.rest();
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '@');
        let mut end = 0;
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            // A backslash lets `-`, `.` and `:` stand in a name.
            if c == '\\' && chars.peek().is_some_and(|(_, next)| matches!(next, '-' | '.' | ':')) {
                chars.next();
                end = at + 2;
            } else if part(c) && !(at == 0 && c.is_numeric()) {
                end = at + c.len_utf8();
            } else {
                break;
            }
        }
        if end == 0 {
            return None;
        }
        self.at += end;
        Some(rest[..end].replace('\\', ""))
    }

    pub(super) fn expression(&mut self) -> Read<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(TemplateError {
                message: format!("nested deeper than {MAX_DEPTH} levels"),
                offset: self.at,
            });
        }
        let result = match self.lambda() {
            Some(name) => self.expression().map(|body| Expr::Lambda(name, Box::new(body))),
            None => self.level(0),
        };
        self.depth -= 1;
        result
    }

    /// `name ->` or `(name) ->`
    fn lambda(&mut self) -> Option<String> {
        let before = self.at;
        let paren = self.take("(");
        let name = self.name();
        let closed = !paren || self.take(")");
        match name {
            Some(name) if closed && self.take("->") => Some(name),
            _ => {
                self.at = before;
                None
            }
        }
    }

    fn level(&mut self, level: usize) -> Read<Expr> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = if level == 4 { self.level(5)? } else { self.inner(level)? };
        loop {
            let Some(op) = self.operator(operators) else { return Ok(left) };
            let right = self.inner(level)?;
            left = Expr::Binary(op, Box::new(left), Box::new(right));
        }
    }

    /// Operands of a level; ranges stand between comparisons and sums.
    fn inner(&mut self, level: usize) -> Read<Expr> {
        if level != 3 {
            return self.level(level + 1);
        }
        let from = self.level(4)?;
        if !self.take("..") {
            return Ok(from);
        }
        let exclusive = self.take("<") || self.take("!");
        let before = self.at;
        match self.level(4) {
            Ok(to) => Ok(Expr::Range(Box::new(from), Some(Box::new(to)), exclusive)),
            Err(_) => {
                self.at = before;
                Ok(Expr::Range(Box::new(from), None, false))
            }
        }
    }

    fn operator(&mut self, operators: &[(&str, Op)]) -> Option<Op> {
        let before = self.at;
        self.blanks();
        let rest = self.rest();
        for (token, op) in operators {
            let closes = self.tag && (token.starts_with('>') || rest.starts_with("/>"));
            let other = *token == "-" && rest.starts_with("->");
            if rest.starts_with(token) && !closes && !other {
                self.at += token.len();
                return Some(*op);
            }
        }
        self.at = before;
        None
    }

    fn unary(&mut self) -> Read<Expr> {
        let mut signs = Vec::new();
        loop {
            self.blanks();
            match self.rest().chars().next() {
                Some(c @ ('!' | '-' | '+')) => {
                    self.at += 1;
                    signs.push(c);
                    if signs.len() > MAX_DEPTH {
                        return Err(self.expected("an operand"));
                    }
                }
                _ => break,
            }
        }
        let mut operand = self.postfix()?;
        for sign in signs.into_iter().rev() {
            operand = match sign {
                '!' => Expr::Not(Box::new(operand)),
                '-' => Expr::Negate(Box::new(operand)),
                _ => operand,
            };
        }
        Ok(operand)
    }

    fn postfix(&mut self) -> Read<Expr> {
        let mut target = self.primary()?;
        let mut count = 0;
        loop {
            count += 1;
            if count > 200 {
                return Err(self.expected("a shorter path"));
            }
            let before = self.at;
            self.blanks();
            let rest = self.rest();
            let next = rest.chars().nth(1);
            target = if rest.starts_with("??") {
                self.at += 2;
                Expr::Exists(Box::new(target))
            } else if rest.starts_with('?') {
                self.at += 1;
                let name = self.name().ok_or_else(|| self.expected("the name of a built-in"))?;
                let arguments = if self.rest().starts_with('(') { Some(self.arguments()?) } else { None };
                Expr::BuiltIn(Box::new(target), name, arguments)
            } else if rest.starts_with('.') && next != Some('.') {
                self.at += 1;
                Expr::Dot(Box::new(target), self.member()?)
            } else if rest.starts_with('[') {
                self.at += 1;
                let index = self.bracketed(|r| r.expression())?;
                self.need("]")?;
                Expr::Index(Box::new(target), Box::new(index))
            } else if rest.starts_with('(') {
                Expr::Call(Box::new(target), self.arguments()?)
            } else if rest.starts_with('!') && next != Some('=') {
                self.at += 1;
                let before = self.at;
                // A default is optional: `a!` means empty.
                let starts = self.rest().chars().next().is_some_and(|c| {
                    c.is_alphanumeric() || matches!(c, '"' | '\'' | '(' | '[' | '{' | '_' | '-' | '.')
                });
                let default = if starts { self.unary().ok() } else { None };
                if default.is_none() {
                    self.at = before;
                }
                Expr::Default(Box::new(target), default.map(Box::new))
            } else {
                self.at = before;
                return Ok(target);
            };
        }
    }

    /// A name behind a dot: also `@id`, `*`, `**`.
    fn member(&mut self) -> Read<String> {
        for special in ["@@", "@*", "**", "*"] {
            if self.rest().starts_with(special) {
                self.at += special.len();
                let name = if special == "@@" { self.name().unwrap_or_default() } else { String::new() };
                return Ok(format!("{special}{name}"));
            }
        }
        self.name().ok_or_else(|| self.expected("a name behind '.'"))
    }

    fn bracketed<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        let tag = std::mem::replace(&mut self.tag, false);
        let result = read(self);
        self.tag = tag;
        result
    }

    fn arguments(&mut self) -> Read<Vec<Expr>> {
        self.need("(")?;
        let arguments = self.bracketed(|r| r.separated(")"))?;
        self.need(")")?;
        Ok(arguments)
    }

    fn separated(&mut self, close: &str) -> Read<Vec<Expr>> {
        let mut found = Vec::new();
        loop {
            self.blanks();
            if self.rest().starts_with(close) {
                return Ok(found);
            }
            found.push(self.expression()?);
            if !self.take(",") {
                return Ok(found);
            }
        }
    }

    fn primary(&mut self) -> Read<Expr> {
        self.blanks();
        let rest = self.rest();
        match rest.chars().next() {
            Some('(') => {
                self.at += 1;
                let inner = self.bracketed(|r| r.expression())?;
                self.need(")")?;
                Ok(Expr::Paren(Box::new(inner)))
            }
            Some('[') => {
                self.at += 1;
                let items = self.bracketed(|r| r.separated("]"))?;
                self.need("]")?;
                Ok(Expr::List(items))
            }
            Some('{') => self.map(),
            Some(quote @ ('"' | '\'')) => self.string(quote, false),
            Some('r') if rest.starts_with("r\"") || rest.starts_with("r'") => {
                self.at += 1;
                let quote = self.rest().chars().next().unwrap_or('"');
                self.string(quote, true)
            }
            Some(c) if c.is_ascii_digit() => self.number(),
            Some('.') => {
                self.at += 1;
                self.name()
                    .map(Expr::Special)
                    .ok_or_else(|| self.expected("a special variable such as '.now'"))
            }
            _ => match self.name().as_deref() {
                Some("true") => Ok(Expr::Boolean(true)),
                Some("false") => Ok(Expr::Boolean(false)),
                Some(name) => Ok(Expr::Name(name.to_owned())),
                None => Err(self.expected("an expression")),
            },
        }
    }

    fn number(&mut self) -> Read<Expr> {
        let rest = self.rest();
        let whole = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let fraction = rest[whole..]
            .strip_prefix('.')
            .map_or(0, |f| f.find(|c: char| !c.is_ascii_digit()).unwrap_or(f.len()));
        let length = if fraction > 0 { whole + 1 + fraction } else { whole };
        self.at += length;
        rest[..length].parse().map(Expr::Number).map_err(|_| self.expected("a number"))
    }

    fn map(&mut self) -> Read<Expr> {
        self.need("{")?;
        let members = self.bracketed(|r| {
            let mut members = Vec::new();
            while !r.take("}") {
                let key = r.expression()?;
                if !r.take(":") {
                    r.need(",")?;
                }
                members.push((key, r.expression()?));
                if !r.take(",") {
                    r.need("}")?;
                    break;
                }
            }
            Ok(members)
        })?;
        Ok(Expr::Map(members))
    }

    fn string(&mut self, quote: char, raw: bool) -> Read<Expr> {
        let open = self.at;
        self.at += 1;
        let mut parts = Vec::new();
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(c) = rest.chars().next() else {
                return Err(TemplateError { message: "the string is never closed".to_owned(), offset: open });
            };
            if c == quote {
                self.at += 1;
                break;
            }
            if !raw && rest.starts_with("${") {
                parts.push(Part::Text(std::mem::take(&mut text)));
                self.at += 2;
                let inner = self.bracketed(|r| r.expression())?;
                self.need("}")?;
                parts.push(Part::Expr(inner));
            } else if !raw && c == '\\' {
                text.push(self.escape()?);
            } else {
                text.push(c);
                self.at += c.len_utf8();
            }
        }
        parts.push(Part::Text(text));
        Ok(Expr::Text(parts))
    }

    fn escape(&mut self) -> Read<char> {
        self.at += 1;
        let Some(c) = self.rest().chars().next() else { return Err(self.expected("an escaped character")) };
        self.at += c.len_utf8();
        Ok(match c {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'l' => '<',
            'g' => '>',
            'a' => '&',
            'x' => {
                let rest = self.rest();
                let length = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len()).min(4);
                self.at += length;
                let code = u32::from_str_radix(&rest[..length], 16).ok().and_then(char::from_u32);
                code.ok_or_else(|| self.expected("hexadecimal digits"))?
            }
            '"' | '\'' | '\\' | '{' | '=' => c,
            _ => return Err(self.expected("a known escape")),
        })
    }
}
