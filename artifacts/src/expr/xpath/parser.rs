//! Tokens to tree, by recursive descent over Jaxen's grammar.

use super::super::SyntaxError;
use super::ast::{Axis, BinaryOp, Expr, NodeTest, Path, QName, Start, Step, XPath};
use super::lexer::{Kind, Token, tokens};
use std::sync::Arc;

type Parsed<T> = Result<T, SyntaxError>;

/// `standard`: unions as the recommendation has them, not as Jaxen.
pub(super) fn parse(text: &str, standard: bool) -> Parsed<XPath> {
    let mut parser = Parser { text, tokens: tokens(text)?, at: 0, depth: 0, standard };
    let root = parser.expression()?;
    if parser.kind() != Kind::End {
        return Err(parser.expected("an operator or the end of the expression"));
    }
    Ok(XPath { text: text.into(), root })
}

struct Parser<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    standard: bool,
}

/// Operators with their level, loosest first. Unions bind tighter and are read with the paths.
fn operator(kind: Kind) -> Option<(u8, BinaryOp)> {
    Some(match kind {
        Kind::Or => (0, BinaryOp::Or),
        Kind::And => (1, BinaryOp::And),
        Kind::Equal => (2, BinaryOp::Equal),
        Kind::NotEqual => (2, BinaryOp::NotEqual),
        Kind::Less => (3, BinaryOp::Less),
        Kind::LessEqual => (3, BinaryOp::LessOrEqual),
        Kind::Greater => (3, BinaryOp::Greater),
        Kind::GreaterEqual => (3, BinaryOp::GreaterOrEqual),
        Kind::Plus => (4, BinaryOp::Add),
        Kind::Minus => (4, BinaryOp::Subtract),
        Kind::Multiply => (5, BinaryOp::Multiply),
        Kind::Div => (5, BinaryOp::Divide),
        Kind::Mod => (5, BinaryOp::Modulo),
        _ => return None,
    })
}

const UNARY: u8 = 6;

impl Parser<'_> {
    fn token(&self) -> Token {
        self.peek(0)
    }

    fn peek(&self, ahead: usize) -> Token {
        let end = Token { kind: Kind::End, start: self.text.len(), end: self.text.len() };
        self.tokens.get(self.at + ahead).copied().unwrap_or(end)
    }

    fn kind(&self) -> Kind {
        self.token().kind
    }

    fn take(&mut self, kind: Kind) -> bool {
        let found = self.kind() == kind;
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, kind: Kind, what: &str) -> Parsed<()> {
        if self.take(kind) { Ok(()) } else { Err(self.expected(what)) }
    }

    fn text_of(&self, token: Token) -> &str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let token = self.token();
        let found = match token.kind {
            Kind::End => "the end".to_owned(),
            _ => format!("'{}'", self.text_of(token)),
        };
        SyntaxError::new(token.start, format!("expected {what}, found {found}"))
    }

    /// Runs `inner` one level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= super::MAX_DEPTH {
            let at = self.token().start;
            return Err(SyntaxError::new(at, format!("nested deeper than {} levels", super::MAX_DEPTH)));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn expression(&mut self) -> Parsed<Expr> {
        self.nested(|parser| parser.chain(0))
    }

    /// Operands of one level joined by its operators.
    fn chain(&mut self, level: u8) -> Parsed<Expr> {
        if level == UNARY {
            return self.unary();
        }
        let first = self.chain(level + 1)?;
        let mut rest = Vec::new();
        while let Some((found, op)) = operator(self.kind()).filter(|(found, _)| *found == level) {
            self.at += 1;
            rest.push((op, self.chain(found + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Chain(Box::new(first), rest) })
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let mut signs = 0usize;
        while self.take(Kind::Minus) {
            signs += 1;
        }
        let operand = self.union()?;
        // Negating twice still makes a number of the operand, so two signs are kept.
        let kept = if signs > 2 { 2 - signs % 2 } else { signs };
        Ok((0..kept).fold(operand, |inner, _| Expr::Negate(Box::new(inner))))
    }

    fn union(&mut self) -> Parsed<Expr> {
        let left = self.path()?;
        if !self.take(Kind::Pipe) {
            return Ok(left);
        }
        let mut parts = vec![left];
        if !self.standard {
            parts.push(self.expression()?);
            return Ok(Expr::Union(parts));
        }
        parts.push(self.path()?);
        while self.take(Kind::Pipe) {
            parts.push(self.path()?);
        }
        Ok(Expr::Union(parts))
    }

    fn path(&mut self) -> Parsed<Expr> {
        match self.kind() {
            Kind::Number | Kind::Literal => {
                let value = self.filter()?;
                match self.kind() {
                    Kind::Slash | Kind::DoubleSlash => {
                        Err(self.expected("an operator (a text has no nodes)"))
                    }
                    _ => Ok(value),
                }
            }
            Kind::LeftParen | Kind::Dollar => self.filter_path(),
            Kind::Name if self.is_call() => self.filter_path(),
            Kind::Name | Kind::Dot | Kind::DotDot | Kind::Star | Kind::At => {
                let mut steps = Vec::new();
                self.steps(&mut steps)?;
                Ok(Expr::Path(Path { start: Start::Context, steps }))
            }
            Kind::Slash | Kind::DoubleSlash => self.absolute(),
            _ => Err(self.expected("an operand (a path, a value, a function or a variable)")),
        }
    }

    fn is_call(&self) -> bool {
        match self.peek(1).kind {
            Kind::LeftParen => !is_node_type(self.text_of(self.token())),
            Kind::Colon => self.peek(3).kind == Kind::LeftParen,
            _ => false,
        }
    }

    /// A primary expression, perhaps with steps behind it. Jaxen lets the steps be missing at the end.
    fn filter_path(&mut self) -> Parsed<Expr> {
        let primary = self.filter()?;
        let mut steps = Vec::new();
        match self.kind() {
            Kind::Slash => {}
            Kind::DoubleSlash => steps.push(any_below()),
            _ => return Ok(primary),
        }
        self.at += 1;
        if self.kind() != Kind::End {
            self.steps(&mut steps)?;
        }
        Ok(Expr::Path(Path { start: Start::Expr(Box::new(primary)), steps }))
    }

    fn absolute(&mut self) -> Parsed<Expr> {
        let mut steps = Vec::new();
        if self.take(Kind::DoubleSlash) {
            steps.push(any_below());
            self.steps(&mut steps)?;
        } else {
            self.at += 1;
            if starts_step(self.kind()) {
                self.steps(&mut steps)?;
            }
        }
        Ok(Expr::Path(Path { start: Start::Root, steps }))
    }

    fn steps(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            steps.push(self.step()?);
            match self.kind() {
                Kind::Slash => {}
                Kind::DoubleSlash => steps.push(any_below()),
                _ => return Ok(()),
            }
            self.at += 1;
        }
    }

    fn step(&mut self) -> Parsed<Step> {
        let abbreviated = match self.kind() {
            Kind::Dot => Some(Axis::SelfNode),
            Kind::DotDot => Some(Axis::Parent),
            _ => None,
        };
        if let Some(axis) = abbreviated {
            self.at += 1;
            // The recommendation has no predicates here, Jaxen has.
            return Ok(Step { axis, test: NodeTest::Any, predicates: self.predicates()? });
        }
        let axis = self.axis()?;
        let test = self.node_test()?;
        Ok(Step { axis, test, predicates: self.predicates()? })
    }

    fn axis(&mut self) -> Parsed<Axis> {
        if self.take(Kind::At) {
            return Ok(Axis::Attribute);
        }
        if self.kind() != Kind::Name || self.peek(1).kind != Kind::DoubleColon {
            return match self.kind() {
                Kind::Name | Kind::Star => Ok(Axis::Child),
                _ => Err(self.expected("a step: a name, '*', '@', '.' or '..'")),
            };
        }
        let axis = Axis::from_name(self.text_of(self.token()))
            .ok_or_else(|| self.expected("an axis such as 'child' or 'ancestor'"))?;
        self.at += 2;
        Ok(axis)
    }

    fn node_test(&mut self) -> Parsed<NodeTest> {
        match self.kind() {
            Kind::Name if self.peek(1).kind == Kind::LeftParen => self.node_type(),
            Kind::Name => self.name_test(),
            Kind::Star => {
                self.at += 1;
                Ok(NodeTest::AnyName)
            }
            _ => Err(self.expected("a name or '*'")),
        }
    }

    fn node_type(&mut self) -> Parsed<NodeTest> {
        let test = match self.text_of(self.token()) {
            "node" => NodeTest::Any,
            "text" => NodeTest::Text,
            "comment" => NodeTest::Comment,
            "processing-instruction" => NodeTest::Instruction(None),
            _ => return Err(self.expected("node(), text(), comment() or processing-instruction()")),
        };
        self.at += 2;
        let literal = matches!(test, NodeTest::Instruction(_)) && self.kind() == Kind::Literal;
        let test = if literal { NodeTest::Instruction(Some(self.literal())) } else { test };
        self.need(Kind::RightParen, "')'")?;
        Ok(test)
    }

    fn name_test(&mut self) -> Parsed<NodeTest> {
        let first = self.name("a name or '*'")?;
        if !self.take(Kind::Colon) {
            return Ok(NodeTest::Name(QName { prefix: "".into(), local: first }));
        }
        if self.take(Kind::Star) {
            return Ok(NodeTest::AnyNameIn(first));
        }
        let local = self.name("a name or '*' after the prefix")?;
        Ok(NodeTest::Name(QName { prefix: first, local }))
    }

    fn name(&mut self, what: &str) -> Parsed<Arc<str>> {
        let token = self.token();
        self.need(Kind::Name, what)?;
        Ok(self.text_of(token).into())
    }

    fn qname(&mut self, what: &str) -> Parsed<QName> {
        let first = self.name(what)?;
        if self.take(Kind::Colon) {
            Ok(QName { prefix: first, local: self.name(what)? })
        } else {
            Ok(QName { prefix: "".into(), local: first })
        }
    }

    fn literal(&mut self) -> Arc<str> {
        let token = self.token();
        self.at += 1;
        self.text.get(token.start + 1..token.end - 1).unwrap_or("").into()
    }

    fn filter(&mut self) -> Parsed<Expr> {
        let primary = self.primary()?;
        let predicates = self.predicates()?;
        Ok(if predicates.is_empty() { primary } else { Expr::Filter(Box::new(primary), predicates) })
    }

    fn predicates(&mut self) -> Parsed<Vec<Expr>> {
        let mut found = Vec::new();
        while self.take(Kind::LeftBracket) {
            found.push(self.expression()?);
            self.need(Kind::RightBracket, "']'")?;
        }
        Ok(found)
    }

    fn primary(&mut self) -> Parsed<Expr> {
        match self.kind() {
            Kind::Literal => Ok(Expr::Literal(self.literal())),
            Kind::Number => {
                let number = self.text_of(self.token()).parse().unwrap_or(f64::NAN);
                self.at += 1;
                Ok(Expr::Number(number))
            }
            Kind::Dollar => {
                self.at += 1;
                Ok(Expr::Variable(self.qname("the name of a variable")?))
            }
            Kind::LeftParen => {
                self.at += 1;
                let inner = self.expression()?;
                self.need(Kind::RightParen, "')'")?;
                Ok(inner)
            }
            _ => self.call(),
        }
    }

    fn call(&mut self) -> Parsed<Expr> {
        let name = self.qname("the name of a function")?;
        self.need(Kind::LeftParen, "'('")?;
        let mut arguments = Vec::new();
        while self.kind() != Kind::RightParen {
            arguments.push(self.expression()?);
            if !self.take(Kind::Comma) {
                break;
            }
        }
        self.need(Kind::RightParen, "')' or ','")?;
        Ok(Expr::Call(name, arguments))
    }
}

fn starts_step(kind: Kind) -> bool {
    matches!(kind, Kind::Name | Kind::Dot | Kind::DotDot | Kind::At | Kind::Star)
}

fn is_node_type(name: &str) -> bool {
    matches!(name, "node" | "text" | "comment" | "processing-instruction")
}

/// What `//` stands for.
fn any_below() -> Step {
    Step { axis: Axis::DescendantOrSelf, test: NodeTest::Any, predicates: Vec::new() }
}
