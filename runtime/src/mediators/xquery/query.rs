//! The part of XQuery 1.0 that queries of mediators are written in: a prolog with namespaces and variables,
//! then direct element constructors and XPath, the one in the other.
//!
//! ```text
//! declare namespace m0="http://services.samples";
//! declare variable $payload as document-node() external;
//! <m:code xmlns:m="http://services.samples">{$payload//m0:Code/text()}</m:code>
//! ```
//!
//! What else the language has (`for`, `let`, `if`, functions, modules) is refused when a query is read.

use crate::eval::xpath::{Names, Query};
use artifacts::xml::Name;
use std::sync::Arc;

/// A query.
#[derive(Debug)]
pub(super) struct XQuery {
    /// Variables in order, with their values where they have one in the query.
    pub(super) variables: Vec<(String, Option<Expr>)>,
    pub(super) body: Expr,
}

/// An expression.
#[derive(Debug)]
pub(super) enum Expr {
    Sequence(Vec<Expr>),
    Element(Box<Element>),
    Path(Query),
}

/// A direct element constructor.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: Name,
    pub(super) declarations: Vec<Binding>,
    pub(super) attributes: Vec<(Name, Vec<Part>)>,
    pub(super) content: Vec<Part>,
}

/// What stands in an element or in the value of an attribute.
#[derive(Debug)]
pub(super) enum Part {
    Text(String),
    /// `{...}`, or an element inside an element.
    Expr(Expr),
}

type Binding = (Arc<str>, Arc<str>);

/// Prefixes that every query knows.
const KNOWN: [(&str, &str); 4] = [
    ("xml", "http://www.w3.org/XML/1998/namespace"),
    ("xs", "http://www.w3.org/2001/XMLSchema"),
    ("xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ("fn", "http://www.w3.org/2005/xpath-functions"),
];

/// Namespaces in scope; of several bindings of a prefix the last counts.
#[derive(Debug, Clone)]
struct Scope(Vec<Binding>);

impl Scope {
    fn find(&self, prefix: &str) -> Option<Arc<str>> {
        self.0.iter().rev().find(|(known, _)| &**known == prefix).map(|(_, uri)| uri.clone())
    }

    fn name(&self, text: &str, element: bool) -> Result<Name, String> {
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        let ns = match self.find(prefix) {
            Some(uri) if element || !prefix.is_empty() => uri,
            None if !prefix.is_empty() => return Err(format!("the prefix of '{text}' is not declared")),
            _ => "".into(),
        };
        Ok(Name { ns, prefix: prefix.into(), local: local.into() })
    }

    fn names(&self) -> Names {
        let latest: Vec<Binding> = self.0.iter().rev().cloned().collect();
        let mut names = Names::later(&latest);
        names.default_element = self.find("").unwrap_or_else(|| "".into());
        names
    }
}

impl XQuery {
    /// Reads a query. The error says what was expected, what was found, and where.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        let mut scope = Scope(KNOWN.iter().map(|(prefix, uri)| ((*prefix).into(), (*uri).into())).collect());
        let mut variables = Vec::new();
        parser.prolog(&mut scope, &mut variables)?;
        let body = parser.sequence(&scope, None)?;
        if parser.at < text.len() {
            return Err(parser.expected("the end of the query"));
        }
        Ok(Self { variables, body })
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// Elements and expressions around this place.
    depth: usize,
}

/// Deepest nesting of a query; deeper ones would use up the stack.
const MAX_DEPTH: usize = 100;

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn expected(&self, what: &str) -> String {
        let found: String = self.rest().chars().take(20).collect();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("'{found}'") };
        format!("expected {what}, found {found} at character {}", self.at + 1)
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn need(&mut self, text: &str) -> Result<(), String> {
        if self.eat(text) { Ok(()) } else { Err(self.expected(&format!("'{text}'"))) }
    }

    /// A word that ends where it ends.
    fn word(&mut self, word: &str) -> bool {
        let after = self.rest().strip_prefix(word);
        let found = after.is_some_and(|after| !after.starts_with(is_name_part));
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// Blanks and comments, which nest.
    fn blanks(&mut self) -> Result<(), String> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            if !self.rest().starts_with("(:") {
                return Ok(());
            }
            self.comment()?;
        }
    }

    fn comment(&mut self) -> Result<(), String> {
        let mut depth = 0;
        loop {
            if self.eat("(:") {
                depth += 1;
            } else if self.eat(":)") {
                depth -= 1;
                if depth == 0 {
                    return Ok(());
                }
            } else {
                let length = self.rest().chars().next().map(char::len_utf8);
                self.at += length.ok_or_else(|| self.expected("':)'"))?;
            }
        }
    }

    fn name(&mut self) -> Result<&'t str, String> {
        let rest = self.rest();
        let end = rest.find(|c| !is_name_part(c) && c != ':').unwrap_or(rest.len());
        let name = rest.get(..end).filter(|name| name.starts_with(is_name_start));
        let name = name.ok_or_else(|| self.expected("a name"))?;
        self.at += end;
        Ok(name)
    }

    fn literal(&mut self) -> Result<&'t str, String> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or_else(|| self.expected("a text in quotes"))?;
        let inside = rest.get(1..).unwrap_or_default();
        let end = inside.find(quote).ok_or_else(|| self.expected("a text in quotes"))?;
        self.at += end + 2;
        Ok(inside.get(..end).unwrap_or_default())
    }

    fn prolog(
        &mut self,
        scope: &mut Scope,
        variables: &mut Vec<(String, Option<Expr>)>,
    ) -> Result<(), String> {
        loop {
            self.blanks()?;
            if self.word("import") || self.word("module") {
                return Err("modules and schemas cannot be imported".to_owned());
            }
            if self.word("xquery") {
                self.skip_declaration()?;
            } else if self.word("declare") {
                self.blanks()?;
                self.declaration(scope, variables)?;
            } else {
                return Ok(());
            }
        }
    }

    fn skip_declaration(&mut self) -> Result<(), String> {
        let end = self.rest().find(';').ok_or_else(|| self.expected("';'"))?;
        self.at += end + 1;
        Ok(())
    }

    fn declaration(
        &mut self,
        scope: &mut Scope,
        variables: &mut Vec<(String, Option<Expr>)>,
    ) -> Result<(), String> {
        if self.word("namespace") {
            self.blanks()?;
            let prefix = self.name()?;
            self.blanks()?;
            self.need("=")?;
            self.blanks()?;
            scope.0.push((prefix.into(), self.literal()?.into()));
        } else if self.word("variable") {
            self.blanks()?;
            self.need("$")?;
            let name = self.name()?.to_owned();
            let value = self.variable_value(scope)?;
            variables.push((name, value));
        } else if self.word("function") {
            return Err("functions cannot be declared".to_owned());
        } else if self.word("default") {
            self.blanks()?;
            if self.word("element") {
                self.blanks()?;
                self.word("namespace");
                self.blanks()?;
                scope.0.push(("".into(), self.literal()?.into()));
            }
        }
        // The others say how blanks, order and types are treated, which changes nothing here.
        self.skip_declaration()
    }

    /// What follows the name of a variable: its type, which is not enforced, and `external` or a value.
    fn variable_value(&mut self, scope: &Scope) -> Result<Option<Expr>, String> {
        loop {
            self.blanks()?;
            if self.word("external") {
                return Ok(None);
            }
            if self.eat(":=") {
                return self.sequence(scope, Some(';')).map(Some);
            }
            let length = self.rest().chars().next().filter(|c| *c != ';').map(char::len_utf8);
            self.at += length.ok_or_else(|| self.expected("'external' or ':='"))?;
        }
    }

    /// Expressions with commas between them, up to `end`.
    fn sequence(&mut self, scope: &Scope, end: Option<char>) -> Result<Expr, String> {
        let mut items = vec![self.single(scope, end)?];
        while self.eat(",") {
            items.push(self.single(scope, end)?);
        }
        Ok(match items.len() {
            1 => items.remove(0),
            _ => Expr::Sequence(items),
        })
    }

    fn single(&mut self, scope: &Scope, end: Option<char>) -> Result<Expr, String> {
        self.blanks()?;
        let expr = if self.rest().strip_prefix('<').is_some_and(|after| after.starts_with(is_name_start)) {
            Expr::Element(Box::new(self.element(scope)?))
        } else if self.eat("()") {
            Expr::Sequence(Vec::new())
        } else {
            self.path(scope, end)?
        };
        self.blanks()?;
        Ok(expr)
    }

    /// XPath up to a comma or `end` outside of quotes and brackets.
    fn path(&mut self, scope: &Scope, end: Option<char>) -> Result<Expr, String> {
        let start = self.at;
        for word in ["for", "let", "if", "some", "every", "typeswitch", "element", "document", "text"] {
            let rest = self.rest().strip_prefix(word).map(str::trim_start);
            if rest.is_some_and(|rest| rest.starts_with(['$', '{']) || word == "if" && rest.starts_with('('))
            {
                return Err(format!("'{word}' at character {} is not supported", start + 1));
            }
        }
        let mut text = String::new();
        let (mut depth, mut quote) = (0_usize, None);
        while let Some(c) = self.rest().chars().next() {
            if quote.is_none() && self.rest().starts_with("(:") {
                self.comment()?;
                text.push(' ');
                continue;
            }
            match (quote, c) {
                (Some(open), close) if open == close => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '(' | '[') => depth += 1,
                (None, ')' | ']') => depth = depth.saturating_sub(1),
                (None, c) if depth == 0 && (c == ',' || Some(c) == end) => break,
                _ => {}
            }
            text.push(c);
            self.at += c.len_utf8();
        }
        let query = Query::compile_standard(text.trim(), &scope.names());
        query.map(Expr::Path).map_err(|error| {
            format!("{} at character {} of the query", error.message, start + error.offset + 1)
        })
    }

    fn element(&mut self, outer: &Scope) -> Result<Element, String> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("elements are nested more than {MAX_DEPTH} deep"));
        }
        let element = self.element_inside(outer);
        self.depth -= 1;
        element
    }

    fn element_inside(&mut self, outer: &Scope) -> Result<Element, String> {
        self.need("<")?;
        let qname = self.name()?;
        let mut raw = Vec::new();
        loop {
            self.blanks()?;
            if self.rest().starts_with(['>', '/']) {
                break;
            }
            let name = self.name()?;
            self.blanks()?;
            self.need("=")?;
            self.blanks()?;
            raw.push((name, self.raw_value()?));
        }
        let mut scope = outer.clone();
        let mut declarations: Vec<Binding> = Vec::new();
        for (name, value) in &raw {
            let prefix = if *name == "xmlns" { Some("") } else { name.strip_prefix("xmlns:") };
            declarations.extend(prefix.map(|prefix| (prefix.into(), (*value).into())));
        }
        scope.0.extend(declarations.iter().cloned());
        let mut attributes = Vec::new();
        for (name, value) in raw {
            if name != "xmlns" && !name.starts_with("xmlns:") {
                let parts = Parser { text: value, at: 0, depth: self.depth }.content(&scope, true)?;
                attributes.push((scope.name(name, false)?, parts));
            }
        }
        let mut element =
            Element { name: scope.name(qname, true)?, declarations, attributes, content: Vec::new() };
        if !self.eat("/>") {
            self.need(">")?;
            element.content = self.content(&scope, false)?;
            self.need("</")?;
            self.need(qname)?;
            self.blanks()?;
            self.need(">")?;
        }
        Ok(element)
    }

    /// The value of an attribute as it is written, without its quotes. Quotes inside `{...}` do not end it.
    fn raw_value(&mut self) -> Result<&'t str, String> {
        let rest = self.rest();
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''));
        let quote = quote.ok_or_else(|| self.expected("a value in quotes"))?;
        let mut depth = 0_usize;
        for (at, c) in rest.char_indices().skip(1) {
            match c {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                c if c == quote && depth == 0 => {
                    self.at += at + 1;
                    return Ok(rest.get(1..at).unwrap_or_default());
                }
                _ => {}
            }
        }
        Err(self.expected("a value in quotes"))
    }

    /// Text and expressions up to `</` or, of an attribute's value, to its end. Texts of an element that are
    /// only blanks are dropped unless an escape made them.
    fn content(&mut self, scope: &Scope, attribute: bool) -> Result<Vec<Part>, String> {
        let mut parts = Vec::new();
        let (mut text, mut kept) = (String::new(), attribute);
        let flush = |text: &mut String, kept: &mut bool, parts: &mut Vec<Part>| {
            let taken = std::mem::take(text);
            if !taken.is_empty() && (*kept || !taken.trim().is_empty()) {
                parts.push(Part::Text(taken));
            }
            *kept = attribute;
        };
        while let Some(c) = self.rest().chars().next() {
            let rest = self.rest();
            if !attribute && rest.starts_with("</") {
                break;
            }
            if self.eat("{{") || self.eat("}}") {
                text.push(c);
            } else if self.eat("{") {
                flush(&mut text, &mut kept, &mut parts);
                parts.push(Part::Expr(self.sequence(scope, Some('}'))?));
                self.need("}")?;
            } else if c == '&' {
                text.push_str(&self.reference()?);
                kept = true;
            } else if !attribute && rest.starts_with("<![CDATA[") {
                let end = rest.find("]]>").ok_or_else(|| self.expected("']]>'"))?;
                text.push_str(rest.get("<![CDATA[".len()..end).unwrap_or_default());
                kept = true;
                self.at += end + 3;
            } else if !attribute && (rest.starts_with("<!--") || rest.starts_with("<?")) {
                let close = if rest.starts_with("<?") { "?>" } else { "-->" };
                let end = rest.find(close).ok_or_else(|| self.expected(close))?;
                self.at += end + close.len();
            } else if !attribute && c == '<' {
                flush(&mut text, &mut kept, &mut parts);
                parts.push(Part::Expr(Expr::Element(Box::new(self.element(scope)?))));
            } else {
                text.push(c);
                self.at += c.len_utf8();
            }
        }
        flush(&mut text, &mut kept, &mut parts);
        Ok(parts)
    }

    /// An entity or character reference.
    fn reference(&mut self) -> Result<String, String> {
        let end = self.rest().find(';').ok_or_else(|| self.expected("a reference such as '&amp;'"))?;
        let reference = self.rest().get(..=end).unwrap_or_default();
        let document = artifacts::xml::parse(&format!("<a>{reference}</a>"));
        let text = document.ok().and_then(|d| d.root_element().map(|root| d.string_value(root)));
        let text = text.ok_or_else(|| self.expected("a reference such as '&amp;'"))?;
        self.at += end + 1;
        Ok(text)
    }
}

fn is_name_start(c: char) -> bool {
    c == '_' || c.is_alphabetic()
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.')
}
