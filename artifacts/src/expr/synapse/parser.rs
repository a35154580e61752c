//! Tokens to [`Expr`].

use super::lexer::{Kind, Token, tokens};
use super::order::java_order;
use super::{Access, Expr, Index, Operator, Root, Scope, unquoted};
use crate::expr::SyntaxError;

/// Deepest nesting; bounds the stack.
const MAX_DEPTH: usize = 60;
/// Most expressions read, attempts included; bounds what trying alternatives in brackets can cost.
const MAX_WORK: usize = 20_000;

/// Parses the inside of `${...}`.
pub fn parse(text: &str) -> Result<Expr, SyntaxError> {
    let tokens = tokens(text);
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0, work: 0, end: text.len() };
    let expr = parser.expression()?;
    match parser.peek() {
        None => Ok(expr),
        Some(_) => parser.fail("the end of the expression"),
    }
}

struct Parser<'t> {
    tokens: &'t [Token<'t>],
    at: usize,
    depth: usize,
    work: usize,
    end: usize,
}

type Parsed<T> = Result<T, SyntaxError>;

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<Kind> {
        self.tokens.get(self.at).map(|token| token.kind)
    }

    fn text(&self) -> &'t str {
        self.tokens.get(self.at).map_or("", |token| token.text)
    }

    fn kind_after(&self, ahead: usize) -> Option<Kind> {
        self.tokens.get(self.at + ahead).map(|token| token.kind)
    }

    fn is_mark_after(&self, ahead: usize, mark: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|t| t.kind == Kind::Mark && t.text == mark)
    }

    fn is_mark(&self, mark: &str) -> bool {
        self.is_mark_after(0, mark)
    }

    fn is_operator(&self, ahead: usize, operator: &str) -> bool {
        self.tokens.get(self.at + ahead).is_some_and(|t| t.kind == Kind::Operator && t.text == operator)
    }

    fn take(&mut self) -> &'t str {
        let text = self.text();
        self.at += 1;
        text
    }

    fn fail<T>(&self, wanted: &str) -> Parsed<T> {
        let found = match self.tokens.get(self.at) {
            Some(token) => format!("'{}'", token.text),
            None => "the end of the expression".to_owned(),
        };
        let offset = self.tokens.get(self.at).map_or(self.end, |token| token.offset);
        Err(SyntaxError::new(offset, format!("expected {wanted}, found {found}")))
    }

    fn expect(&mut self, mark: &str) -> Parsed<()> {
        if self.is_mark(mark) {
            self.at += 1;
            return Ok(());
        }
        self.fail(&format!("'{mark}'"))
    }

    fn expression(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        self.work += 1;
        if self.depth > MAX_DEPTH || self.work > MAX_WORK {
            return self.fail("fewer nested expressions");
        }
        let condition = self.comparison()?;
        let expr = if self.is_mark("?") {
            self.at += 1;
            let yes = self.expression()?;
            self.expect(":")?;
            let no = self.expression()?;
            Expr::Conditional(Box::new(condition), Box::new(yes), Box::new(no))
        } else {
            condition
        };
        self.depth -= 1;
        Ok(expr)
    }

    fn comparison(&mut self) -> Parsed<Expr> {
        self.left_to_right(Self::logical, |text| {
            Some(match text {
                "==" => Operator::Equal,
                "!=" => Operator::NotEqual,
                "<" => Operator::Less,
                "<=" => Operator::LessOrEqual,
                ">" => Operator::Greater,
                ">=" => Operator::GreaterOrEqual,
                _ => return None,
            })
        })
    }

    fn left_to_right(
        &mut self,
        part: fn(&mut Self) -> Parsed<Expr>,
        operator: fn(&str) -> Option<Operator>,
    ) -> Parsed<Expr> {
        let mut left = part(self)?;
        while self.peek() == Some(Kind::Operator)
            && let Some(operator) = operator(self.text())
        {
            self.at += 1;
            let right = part(self)?;
            left = Expr::Binary(operator, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    /// `and` and `or` have one rank and group to the right.
    fn logical(&mut self) -> Parsed<Expr> {
        let mut parts = vec![(self.arithmetic()?, None)];
        while let Some(kind @ (Kind::And | Kind::Or)) = self.peek() {
            self.at += 1;
            let operator = if kind == Kind::And { Operator::And } else { Operator::Or };
            if let Some(last) = parts.last_mut() {
                last.1 = Some(operator);
            }
            parts.push((self.arithmetic()?, None));
        }
        let joined = parts.into_iter().rev().reduce(|(right, _), (left, operator)| {
            let operator = operator.unwrap_or(Operator::And);
            (Expr::Binary(operator, Box::new(left), Box::new(right)), None)
        });
        Ok(joined.map_or(Expr::Null, |(expr, _)| expr))
    }

    fn arithmetic(&mut self) -> Parsed<Expr> {
        self.left_to_right(Self::term, |text| match text {
            "+" => Some(Operator::Add),
            "-" => Some(Operator::Subtract),
            _ => None,
        })
    }

    fn term(&mut self) -> Parsed<Expr> {
        self.left_to_right(Self::factor, |text| match text {
            "*" => Some(Operator::Multiply),
            "/" => Some(Operator::Divide),
            "%" => Some(Operator::Modulo),
            _ => None,
        })
    }

    fn factor(&mut self) -> Parsed<Expr> {
        match self.peek() {
            Some(Kind::Bool) => Ok(Expr::Bool(self.take() == "true")),
            Some(Kind::Number) => Ok(Expr::Number(self.take().to_owned())),
            Some(Kind::Text) => Ok(Expr::Text(self.take().to_owned())),
            Some(Kind::Null) => {
                self.at += 1;
                Ok(Expr::Null)
            }
            Some(Kind::Mark) if self.is_mark("[") => {
                self.at += 1;
                Ok(Expr::Array(self.list("]")?))
            }
            Some(Kind::Mark) if self.is_mark("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                Ok(inner)
            }
            _ => match self.accessor()? {
                Some(expr) => Ok(expr),
                None => self.fail("a value"),
            },
        }
    }

    /// A comma separated list up to `close`.
    fn list(&mut self, close: &str) -> Parsed<Vec<Expr>> {
        let mut items = Vec::new();
        if !self.is_mark(close) {
            items.push(self.expression()?);
            while self.is_mark(",") {
                self.at += 1;
                items.push(self.expression()?);
            }
        }
        self.expect(close)?;
        Ok(items)
    }

    /// What may stand in a filter too: accessors and function calls.
    fn accessor(&mut self) -> Parsed<Option<Expr>> {
        let start = self.at;
        Ok(Some(match self.peek() {
            Some(Kind::Payload) => {
                self.at += 1;
                self.path(Root::Payload, start)?
            }
            Some(Kind::Vars) => {
                self.at += 1;
                self.variable_name()?;
                self.path(Root::Variable, start)?
            }
            Some(Kind::Headers) => {
                self.at += 1;
                Expr::Member(Scope::Header, self.member_name()?)
            }
            Some(Kind::Configs) => {
                self.at += 1;
                Expr::Member(Scope::Config, self.member_name()?)
            }
            Some(Kind::Params) => self.scoped(Kind::ParamScope)?,
            Some(Kind::Props) => self.scoped(Kind::PropScope)?,
            Some(Kind::Function) => self.call()?,
            _ => return Ok(None),
        }))
    }

    fn scoped(&mut self, kind: Kind) -> Parsed<Expr> {
        self.at += 1;
        self.expect(".")?;
        if self.peek() != Some(kind) {
            return match kind {
                Kind::ParamScope => self.fail("queryParams, pathParams or functionParams"),
                _ => self.fail("synapse or axis2"),
            };
        }
        let scope = match self.take() {
            "queryParams" => Scope::QueryParam,
            "pathParams" => Scope::PathParam,
            "functionParams" => Scope::FunctionParam,
            "axis2" => Scope::Axis2,
            _ => Scope::Synapse,
        };
        Ok(Expr::Member(scope, self.member_name()?))
    }

    fn is_name(kind: Option<Kind>) -> bool {
        matches!(
            kind,
            Some(
                Kind::Id
                    | Kind::Vars
                    | Kind::Payload
                    | Kind::Headers
                    | Kind::Configs
                    | Kind::Params
                    | Kind::Props
                    | Kind::ParamScope
                    | Kind::PropScope
                    | Kind::Function
                    | Kind::Secondary
            )
        )
    }

    /// `.name`, `["name"]` or `.["name"]`.
    fn member_name(&mut self) -> Parsed<String> {
        if self.is_mark(".") && Self::is_name(self.kind_after(1)) {
            self.at += 1;
            return Ok(unquoted(self.take()).to_owned());
        }
        if self.is_mark(".") {
            self.at += 1;
        }
        self.expect("[")?;
        if self.peek() != Some(Kind::Text) {
            return self.fail("a quoted name");
        }
        let name = unquoted(self.take()).to_owned();
        self.expect("]")?;
        Ok(name)
    }

    fn variable_name(&mut self) -> Parsed<()> {
        if self.is_mark(".") && (Self::is_name(self.kind_after(1)) || self.kind_after(1) == Some(Kind::Text))
        {
            self.at += 2;
            return Ok(());
        }
        self.member_name().map(|_| ())
    }

    fn path(&mut self, root: Root, start: usize) -> Parsed<Expr> {
        let indexes = self.steps()?;
        Ok(self.access(root, start, indexes))
    }

    fn access(&self, root: Root, start: usize, indexes: Vec<(String, Option<Index>)>) -> Expr {
        let kept = indexes.into_iter().filter_map(|(text, index)| Some((text, index?))).collect();
        Expr::Access(Access { root, text: self.text_between(start, self.at), indexes: java_order(kept) })
    }

    fn text_between(&self, from: usize, to: usize) -> String {
        self.tokens[from..to].iter().map(|token| token.text).collect()
    }

    /// Path steps as long as there are any; bracket contents with their text.
    fn steps(&mut self) -> Parsed<Vec<(String, Option<Index>)>> {
        let mut indexes = Vec::new();
        loop {
            let dot = self.is_mark(".");
            if self.peek() == Some(Kind::DoubleDot) {
                self.at += 1;
                if !self.is_operator(0, "*") && self.peek() != Some(Kind::Id) {
                    return self.fail("a name or '*' after '..'");
                }
                self.at += 1;
            } else if self.is_mark("[") || (dot && self.is_mark_after(1, "[")) {
                self.at += if dot { 2 } else { 1 };
                indexes.push(self.index()?);
            } else if dot {
                self.at += 1;
                if !Self::is_name(self.peek())
                    && !self.is_operator(0, "*")
                    && self.peek() != Some(Kind::PathFunction)
                {
                    return self.fail("a name after '.' (reserved words go in brackets: [\"name\"])");
                }
                self.at += 1;
            } else {
                return Ok(indexes);
            }
        }
    }

    /// Contents of a bracket up to and with `]`.
    fn index(&mut self) -> Parsed<(String, Option<Index>)> {
        let start = self.at;
        let mut first_error = None;
        for read in [Self::one_or_list, Self::slice, Self::wildcard, Self::filter] {
            self.at = start;
            let depth = self.depth;
            match read(self).and_then(|index| self.expect("]").map(|()| index)) {
                Ok(index) => return Ok((self.text_between(start, self.at - 1), index)),
                Err(error) => {
                    self.depth = depth;
                    // The attempt that got furthest explains best.
                    let further = first_error.as_ref().is_none_or(|e: &SyntaxError| error.offset > e.offset);
                    if further {
                        first_error = Some(error);
                    }
                }
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => self.fail("']'"),
        }
    }

    fn one_or_list(&mut self) -> Parsed<Option<Index>> {
        let first = self.expression()?;
        if !self.is_mark(",") {
            return Ok(Some(Index::One(first)));
        }
        let mut items = vec![Some(first)];
        while self.is_mark(",") {
            self.at += 1;
            items.push(Some(self.expression()?));
        }
        Ok(Some(Index::List(',', items)))
    }

    /// `a:b:c` with absent parts. The engine remembers an absent part only when nothing but one part
    /// and one colon stand there.
    fn slice(&mut self) -> Parsed<Option<Index>> {
        let (mut parts, mut colons, mut leading) = (Vec::new(), 0, false);
        loop {
            if self.is_mark(":") {
                leading |= colons == 0 && parts.is_empty();
                colons += 1;
                self.at += 1;
                if colons > 2 {
                    return self.fail("']'");
                }
            } else if self.is_mark("]") {
                break;
            } else {
                if parts.len() > colons {
                    return self.fail("':' or ']'");
                }
                parts.push(Some(self.signed()?));
            }
        }
        if colons == 0 {
            return self.fail("':'");
        }
        if parts.len() + colons == 2 && !parts.is_empty() {
            if leading {
                parts.insert(0, None);
            } else {
                parts.push(None);
            }
        } else if parts.is_empty() && colons == 2 {
            parts = vec![None, None];
        }
        Ok(Some(Index::List(':', parts)))
    }

    fn signed(&mut self) -> Parsed<Expr> {
        if self.is_operator(0, "-") {
            self.at += 1;
            return Ok(Expr::Negated(Box::new(self.expression()?)));
        }
        self.expression()
    }

    fn wildcard(&mut self) -> Parsed<Option<Index>> {
        if self.is_operator(0, "*") {
            self.at += 1;
            return Ok(None);
        }
        self.fail("'*'")
    }

    fn filter(&mut self) -> Parsed<Option<Index>> {
        if self.is_mark("?") {
            self.at += 1;
        }
        self.expect("(")?;
        let start = self.at;
        let mut parts = Vec::new();
        while !(self.is_mark(")") && self.is_mark_after(1, "]") && self.at > start) {
            let from = self.at;
            if let Some(expr) = self.accessor()? {
                parts.push((self.text_between(from, self.at), expr));
            } else if self.is_filter_token() {
                self.at += 1;
            } else {
                return self.fail("a part of a filter");
            }
        }
        let text = self.text_between(start, self.at);
        self.expect(")")?;
        Ok(Some(Index::Filter(text, java_order(parts))))
    }

    fn is_filter_token(&self) -> bool {
        match self.peek() {
            Some(Kind::Operator) => self.text() != "%",
            Some(Kind::Mark) => !matches!(self.text(), "[" | "]"),
            Some(
                Kind::PathWord
                | Kind::Text
                | Kind::Number
                | Kind::Bool
                | Kind::Id
                | Kind::And
                | Kind::Or
                | Kind::Not,
            ) => true,
            _ => false,
        }
    }

    fn call(&mut self) -> Parsed<Expr> {
        let name = self.take().to_owned();
        self.expect("(")?;
        let mut arguments = self.list(")")?;
        let has_path = matches!(name.as_str(), "registry" | "object" | "array");
        let secondary =
            self.is_mark(".") && self.kind_after(1) == Some(Kind::Secondary) && self.is_mark_after(2, "(");
        if secondary {
            self.at += 3;
            let extra = self.list(")")?;
            match extra.into_iter().next() {
                Some(property) if name == "registry" => arguments.push(property),
                _ if has_path => return self.fail("registry(...).property(name)"),
                _ => {}
            }
            return Ok(Expr::Call(name, arguments));
        }
        let start = self.at;
        let indexes = self.steps()?;
        if self.at == start || !has_path {
            // Other functions ignore a path behind them.
            return Ok(Expr::Call(name, arguments));
        }
        let root = Root::Call(Box::new(Expr::Call(name, arguments)));
        Ok(self.access(root, start, indexes))
    }
}
