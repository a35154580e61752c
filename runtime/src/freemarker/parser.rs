//! Templates to a tree of directives.

use super::TemplateError;
use super::expression::{Expr, Reader};
use super::scan::{Mark, next, stripped};

/// Deepest nesting of directives.
const MAX_DEPTH: usize = 60;

/// A parsed template: its elements, its macros, and the prefixes of its header.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) body: Body,
    pub(super) macros: Vec<Macro>,
    pub(super) prefixes: Vec<(String, String)>,
}

pub(super) type Body = Vec<Element>;

#[derive(Debug)]
pub(super) struct Macro {
    pub(super) name: String,
    pub(super) parameters: Vec<(String, Option<Expr>)>,
    pub(super) body: Body,
}

/// Where an assignment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Global,
    Local,
}

#[derive(Debug)]
pub(super) enum Element {
    Text(String),
    Output(Expr),
    If(Vec<(Expr, Body)>, Body),
    List { sequence: Expr, variables: Vec<String>, body: Body, otherwise: Body },
    Items(Vec<String>, Body),
    Sep(Body),
    Assign(Place, String, Expr),
    Capture(Place, String, Body),
    Call { name: Expr, named: Vec<(String, Expr)>, positional: Vec<Expr>, body: Body },
    Nested,
    Return(Option<Expr>),
    Switch(Expr, Vec<(Option<Expr>, Body)>),
    Break,
    Continue,
    Compress(Body),
    Attempt(Body, Body),
    Stop(Option<Expr>),
}

type Read<T> = Result<T, TemplateError>;

pub(super) fn parse(text: &str) -> Read<Parsed> {
    let mut parser =
        Parser { text, at: 0, depth: 0, dropped: stripped(text), macros: Vec::new(), prefixes: Vec::new() };
    let (body, end) = parser.body()?;
    if let Some(tag) = end {
        return Err(error(tag.start, format!("</#{}> or <#{}> without its beginning", tag.name, tag.name)));
    }
    Ok(Parsed { body, macros: parser.macros, prefixes: parser.prefixes })
}

fn error(offset: usize, message: impl Into<String>) -> TemplateError {
    TemplateError { message: message.into(), offset }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    dropped: Vec<(usize, usize)>,
    macros: Vec<Macro>,
    prefixes: Vec<(String, String)>,
}

/// A tag that ends a body: an end tag, or `else`, `elseif`, `case`, `default`, `recover`.
struct Tag {
    name: String,
    closing: bool,
    start: usize,
    /// Where its arguments begin.
    arguments: usize,
}

impl<'t> Parser<'t> {
    /// Elements up to a tag that no element here begins with.
    fn body(&mut self) -> Read<(Body, Option<Tag>)> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(error(self.at, format!("directives are nested deeper than {MAX_DEPTH} levels")));
        }
        let mut body = Vec::new();
        let end = loop {
            let Some(mark) = next(self.text, self.at) else {
                self.push_text(self.text.len(), &mut body);
                self.at = self.text.len();
                break None;
            };
            self.push_text(mark.start, &mut body);
            match mark.mark {
                Mark::Comment => self.at = mark.end,
                Mark::Interpolation => {
                    let mut reader = Reader::new(self.text, mark.start + 2, false);
                    let value = reader.expression()?;
                    reader.need("}")?;
                    self.at = reader.at;
                    body.push(Element::Output(value));
                }
                Mark::Tag => {
                    if let Some(tag) = self.tag(mark.start, &mut body)? {
                        break Some(tag);
                    }
                }
            }
        };
        self.depth -= 1;
        Ok((body, end))
    }

    /// Text from here to `end` without what is stripped.
    fn push_text(&mut self, end: usize, body: &mut Body) {
        let mut text = String::new();
        let mut at = self.at;
        let first = self.dropped.partition_point(|(_, to)| *to <= at);
        for (from, to) in self.dropped.iter().skip(first) {
            if *from >= end {
                break;
            }
            text.push_str(self.text.get(at..(*from).max(at)).unwrap_or(""));
            at = (*to).min(end);
        }
        text.push_str(self.text.get(at..end).unwrap_or(""));
        if !text.is_empty() {
            body.push(Element::Text(text));
        }
    }

    fn tag(&mut self, start: usize, body: &mut Body) -> Read<Option<Tag>> {
        let inside = self.text.get(start..).unwrap_or("");
        let closing = inside.starts_with("</");
        let user = inside.starts_with("<@") || inside.starts_with("</@");
        let from = start + if closing { 3 } else { 2 };
        let rest = self.text.get(from..).unwrap_or("");
        let length =
            rest.find(|c: char| !c.is_alphanumeric() && c != '_' && !(user && matches!(c, '.' | '@')));
        let name = rest[..length.unwrap_or(rest.len())].to_owned();
        let tag = Tag {
            arguments: from + name.len(),
            name: if user { "@".to_owned() } else { name },
            closing,
            start,
        };
        self.at = tag.arguments;
        if closing {
            self.end_of_tag()?;
            return Ok(Some(tag));
        }
        if user {
            body.push(self.call(from)?);
            return Ok(None);
        }
        match tag.name.as_str() {
            "else" | "elseif" | "case" | "default" | "on" | "recover" => return Ok(Some(tag)),
            name => {
                if let Some(element) = self.directive(name, start)? {
                    body.push(element);
                }
            }
        }
        Ok(None)
    }

    fn directive(&mut self, name: &str, start: usize) -> Read<Option<Element>> {
        Ok(Some(match name {
            "if" => self.conditional(start)?,
            "list" | "foreach" => self.list(start)?,
            "items" => {
                let mut reader = self.reader();
                let variables = variables(&mut reader)?;
                self.close(reader)?;
                Element::Items(variables, self.until("items", start)?)
            }
            "sep" => {
                self.end_of_tag()?;
                let (body, end) = self.body()?;
                match end {
                    Some(tag) if tag.closing && tag.name == "sep" => {}
                    // Without an end tag it reaches to the end of the list.
                    Some(tag) => self.at = tag.start,
                    None => return Err(error(start, "<#sep> outside of a list")),
                }
                Element::Sep(body)
            }
            "assign" | "global" | "local" => return self.assign(name, start),
            "macro" | "function" => {
                self.definition(name, start)?;
                return Ok(None);
            }
            "nested" => {
                self.skip_tag()?;
                Element::Nested
            }
            "return" => Element::Return(self.optional()?),
            "stop" => Element::Stop(self.optional()?),
            "break" => {
                self.end_of_tag()?;
                Element::Break
            }
            "continue" => {
                self.end_of_tag()?;
                Element::Continue
            }
            "switch" => self.switch(start)?,
            "compress" => {
                self.end_of_tag()?;
                Element::Compress(self.until("compress", start)?)
            }
            "attempt" => self.attempt(start)?,
            "noparse" => {
                self.end_of_tag()?;
                let rest = self.text.get(self.at..).unwrap_or("");
                let end =
                    rest.find("</#noparse").ok_or_else(|| error(start, "<#noparse> is never closed"))?;
                let text = rest[..end].to_owned();
                self.at += end + "</#noparse".len();
                self.end_of_tag()?;
                Element::Text(text)
            }
            "ftl" => {
                self.header()?;
                return Ok(None);
            }
            "setting" | "flush" | "t" | "lt" | "rt" | "nt" => {
                self.skip_tag()?;
                return Ok(None);
            }
            "autoesc" | "noautoesc" | "outputformat" => {
                self.skip_tag()?;
                Element::If(Vec::new(), self.until(name, start)?)
            }
            other => return Err(error(start, format!("the directive <#{other}> is not supported"))),
        }))
    }

    fn reader(&self) -> Reader<'t> {
        Reader::new(self.text, self.at, true)
    }

    /// Ends a tag after its arguments were read.
    fn close(&mut self, mut reader: Reader<'t>) -> Read<()> {
        if !reader.take("/>") {
            reader.need(">")?;
        }
        self.at = reader.at;
        Ok(())
    }

    fn end_of_tag(&mut self) -> Read<()> {
        self.close(self.reader())
    }

    /// Leaves out whatever stands in a tag.
    fn skip_tag(&mut self) -> Read<()> {
        let rest = self.text.get(self.at..).unwrap_or("");
        let end = rest.find('>').ok_or_else(|| error(self.at, "the tag is never closed"))?;
        self.at += end + 1;
        Ok(())
    }

    fn expression(&mut self) -> Read<Expr> {
        let mut reader = self.reader();
        let value = reader.expression()?;
        self.close(reader)?;
        Ok(value)
    }

    fn optional(&mut self) -> Read<Option<Expr>> {
        let rest = self.text.get(self.at..).unwrap_or("").trim_start();
        if rest.starts_with('>') || rest.starts_with("/>") {
            self.end_of_tag()?;
            return Ok(None);
        }
        self.expression().map(Some)
    }

    /// The body up to the end tag of this name.
    fn until(&mut self, name: &str, start: usize) -> Read<Body> {
        match self.body()? {
            (body, Some(tag)) if tag.closing && tag.name == name => Ok(body),
            (_, Some(tag)) => Err(error(tag.start, format!("expected </#{name}>, found another tag"))),
            (_, None) => Err(error(start, format!("<#{name}> is never closed"))),
        }
    }

    fn conditional(&mut self, start: usize) -> Read<Element> {
        let mut branches = Vec::new();
        let mut test = self.expression()?;
        loop {
            let (body, end) = self.body()?;
            let Some(tag) = end else { return Err(error(start, "<#if> is never closed")) };
            branches.push((test, body));
            match (tag.name.as_str(), tag.closing) {
                ("if", true) => return Ok(Element::If(branches, Vec::new())),
                ("elseif", false) => {
                    self.at = tag.arguments;
                    test = self.expression()?;
                }
                ("else", false) => {
                    self.end_of_tag()?;
                    return Ok(Element::If(branches, self.until("if", start)?));
                }
                _ => return Err(error(tag.start, "expected </#if>, found another tag")),
            }
        }
    }

    fn list(&mut self, start: usize) -> Read<Element> {
        let mut reader = self.reader();
        let sequence = reader.expression()?;
        let variables = variables(&mut reader)?;
        self.close(reader)?;
        let (body, end) = self.body()?;
        match end {
            Some(tag) if tag.closing && matches!(tag.name.as_str(), "list" | "foreach") => {
                Ok(Element::List { sequence, variables, body, otherwise: Vec::new() })
            }
            Some(tag) if tag.name == "else" => {
                self.end_of_tag()?;
                Ok(Element::List { sequence, variables, body, otherwise: self.until("list", start)? })
            }
            Some(tag) => Err(error(tag.start, "expected </#list>, found another tag")),
            None => Err(error(start, "<#list> is never closed")),
        }
    }

    fn assign(&mut self, name: &str, start: usize) -> Read<Option<Element>> {
        let place = if name == "local" { Place::Local } else { Place::Global };
        let mut reader = self.reader();
        let mut found = Vec::new();
        loop {
            let variable = target(&mut reader)?;
            let operators = ["=", "+=", "-=", "*=", "/=", "%=", "++", "--"];
            let Some(operator) = operators.into_iter().find(|op| reader.take(op)) else {
                // The content is the value.
                self.close(reader)?;
                return Ok(Some(Element::Capture(place, variable, self.until(name, start)?)));
            };
            let value = match operator {
                "=" => reader.expression()?,
                "++" | "--" => {
                    let op = if operator == "++" { "+" } else { "-" };
                    changed(&variable, op, Expr::Number(1.0))
                }
                other => changed(&variable, other.trim_end_matches('='), reader.expression()?),
            };
            found.push(Element::Assign(place, variable, value));
            reader.take(",");
            reader.blanks();
            if reader.rest().starts_with('>') || reader.rest().starts_with("/>") {
                break;
            }
        }
        self.close(reader)?;
        // Several assignments in one tag are a block that always runs.
        Ok(Some(match found.len() {
            1 => found.remove(0),
            _ => Element::If(Vec::new(), found),
        }))
    }

    fn definition(&mut self, kind: &str, start: usize) -> Read<()> {
        let mut reader = self.reader();
        let name = target(&mut reader)?;
        let paren = reader.take("(");
        let mut parameters = Vec::new();
        while let Some(parameter) = reader.name() {
            let default = if reader.take("=") { Some(reader.expression()?) } else { None };
            if reader.take("...") {
                return Err(error(start, "parameters that take all the rest are not supported"));
            }
            parameters.push((parameter, default));
            reader.take(",");
        }
        if paren {
            reader.need(")")?;
        }
        self.close(reader)?;
        let body = self.until(kind, start)?;
        self.macros.push(Macro { name, parameters, body });
        Ok(())
    }

    /// `<@name a=1 b=2>...</@name>` or `<@name 1 2/>`
    fn call(&mut self, from: usize) -> Read<Element> {
        self.at = from;
        let mut reader = self.reader();
        let mut name = Expr::Name(reader.name().ok_or_else(|| reader.expected("the name of a macro"))?);
        while reader.rest().starts_with('.') {
            reader.at += 1;
            let member = reader.name().ok_or_else(|| reader.expected("a name"))?;
            name = Expr::Dot(Box::new(name), member);
        }
        let (mut named, mut positional) = (Vec::new(), Vec::new());
        let empty = loop {
            if reader.take("/>") {
                break true;
            }
            if reader.take(">") {
                break false;
            }
            let before = reader.at;
            match reader.name() {
                Some(key) if reader.take("=") && !reader.rest().starts_with('=') => {
                    named.push((key, reader.expression()?));
                }
                _ => {
                    reader.at = before;
                    positional.push(reader.expression()?);
                }
            }
            reader.take(",");
        };
        self.at = reader.at;
        let body = if empty { Vec::new() } else { self.until("@", from)? };
        Ok(Element::Call { name, named, positional, body })
    }

    fn switch(&mut self, start: usize) -> Read<Element> {
        let value = self.expression()?;
        let mut cases: Vec<(Option<Expr>, Body)> = Vec::new();
        let (_, mut end) = self.body()?;
        loop {
            let Some(tag) = end else { return Err(error(start, "<#switch> is never closed")) };
            let case = match (tag.name.as_str(), tag.closing) {
                ("switch", true) => return Ok(Element::Switch(value, cases)),
                ("case", false) => {
                    self.at = tag.arguments;
                    Some(self.expression()?)
                }
                ("default", false) => {
                    self.end_of_tag()?;
                    None
                }
                _ => return Err(error(tag.start, "expected <#case>, <#default> or </#switch>")),
            };
            let (body, after) = self.body()?;
            cases.push((case, body));
            end = after;
        }
    }

    fn attempt(&mut self, start: usize) -> Read<Element> {
        self.end_of_tag()?;
        match self.body()? {
            (body, Some(tag)) if tag.name == "recover" && !tag.closing => {
                self.end_of_tag()?;
                let (other, end) = self.body()?;
                match end {
                    Some(tag) if tag.closing && matches!(tag.name.as_str(), "attempt" | "recover") => {
                        Ok(Element::Attempt(body, other))
                    }
                    _ => Err(error(start, "<#attempt> is never closed")),
                }
            }
            _ => Err(error(start, "expected <#recover> in <#attempt>")),
        }
    }

    /// `<#ftl ns_prefixes={...}>`; other settings of the header change nothing here.
    fn header(&mut self) -> Read<()> {
        let mut reader = self.reader();
        while let Some(key) = reader.name() {
            reader.need("=")?;
            let value = reader.expression()?;
            if let ("ns_prefixes", Expr::Map(members)) = (key.as_str(), &value) {
                self.prefixes.extend(members.iter().filter_map(|(k, v)| Some((constant(k)?, constant(v)?))));
            }
        }
        self.close(reader)
    }
}

fn constant(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Text(parts) => parts
            .iter()
            .map(|part| match part {
                super::expression::Part::Text(text) => Some(text.as_str()),
                super::expression::Part::Expr(_) => None,
            })
            .collect(),
        _ => None,
    }
}

fn changed(variable: &str, op: &str, by: Expr) -> Expr {
    use super::expression::Op;
    let op = match op {
        "+" => Op::Add,
        "-" => Op::Subtract,
        "*" => Op::Multiply,
        "/" => Op::Divide,
        _ => Op::Modulo,
    };
    Expr::Binary(op, Box::new(Expr::Name(variable.to_owned())), Box::new(by))
}

/// The name that is defined: plain, or in quotes.
fn target(reader: &mut Reader<'_>) -> Read<String> {
    if let Some(name) = reader.name() {
        return Ok(name);
    }
    let value = reader.expression()?;
    constant(&value).ok_or_else(|| reader.expected("a name"))
}

/// `as a` or `as key, value`; nothing is fine too.
fn variables(reader: &mut Reader<'_>) -> Read<Vec<String>> {
    let mut names = Vec::new();
    reader.blanks();
    if reader.rest().starts_with("as") {
        reader.at += 2;
        loop {
            names.push(reader.name().ok_or_else(|| reader.expected("the name of a loop variable"))?);
            if !reader.take(",") {
                break;
            }
        }
    }
    Ok(names)
}
