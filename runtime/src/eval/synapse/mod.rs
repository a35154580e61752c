//! `${...}`: evaluation as MI's engine does it. An evaluation error gives the empty text and a warning;
//! errors that are not the engine's own escape and fault the flow.

mod access;
mod functions;
mod operators;
mod texts;
mod value;

use super::functions::MessageScope;
use super::jsonpath::Number;
use super::xpath_expr::{XPathExpr, node_list};
use super::{Binding, Expr, Target};
use crate::errors::Fault;
use crate::flow::Context;
use crate::message::{Content, Json, Message, Value};
use access::{Access, Index, Plan, Root};
use artifacts::expr::SyntaxError;
use artifacts::expr::synapse::{self as syntax, Operator, Scope};
use std::cell::OnceCell;
use std::sync::Arc;
use value::Res;

/// Why an evaluation stops.
#[derive(Debug, Clone)]
pub(crate) enum Stop {
    /// The engine's own error: a warning, the result is empty.
    Warn(String),
    /// Anything else: a fault.
    Escape(Box<Fault>),
}

pub(crate) type Outcome<T> = Result<T, Stop>;

impl Stop {
    fn escape(message: impl Into<String>) -> Self {
        Stop::Escape(Box::new(Fault::new(message)))
    }
}

fn warn<T>(message: impl Into<String>) -> Outcome<T> {
    Err(Stop::Warn(message.into()))
}

/// A compiled `${...}`.
#[derive(Debug)]
pub(crate) struct Synapse {
    text: Arc<str>,
    prefixes: Arc<[Binding]>,
    node: Node,
    body: OnceBody,
}

/// `$body` for the bare payload of XML messages, compiled when first needed.
type OnceBody = std::sync::OnceLock<Option<XPathExpr>>;

/// The form that runs.
#[derive(Debug)]
enum Node {
    Constant(Res),
    Null,
    Array(Vec<Node>),
    Binary(Operator, Box<Node>, Box<Node>),
    Conditional(Box<Node>, Box<Node>, Box<Node>),
    Negated(Box<Node>),
    Access(Access),
    Member(Scope, Arc<str>),
    Call(functions::Function, Vec<Node>),
    /// `xpath(...)` of literal arguments, compiled; the error text of a bad one.
    XPath(Result<Box<XPathExpr>, String>, Option<Arc<str>>),
}

impl Synapse {
    pub(crate) fn compile(text: &str, prefixes: &[Binding]) -> Result<Self, SyntaxError> {
        let tree = syntax::parse(text)?;
        let node = node(tree, prefixes);
        Ok(Self { text: text.into(), prefixes: prefixes.into(), node, body: OnceBody::new() })
    }

    /// The text between the braces.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn run(&self, message: &Message, cx: &Context, object: bool) -> Outcome<Option<Res>> {
        if let Node::Access(access) = &self.node
            && access.is_bare_payload()
            && is_xml(message)
        {
            let body = self.body.get_or_init(|| XPathExpr::compile("$body", &[]).ok());
            let Some(body) = body else { return Ok(None) };
            return Run { message, cx, object, prefixes: &self.prefixes, payload: OnceCell::new() }
                .xpath(body);
        }
        let run = Run { message, cx, object, prefixes: &self.prefixes, payload: OnceCell::new() };
        run.evaluate(&self.node)
    }

    fn result(&self, message: &Message, cx: &Context, object: bool) -> Result<Option<Res>, Fault> {
        match self.run(message, cx, object) {
            Ok(result) => Ok(result),
            Err(Stop::Warn(cause)) => {
                tracing::warn!("Error evaluating expression: {} cause : {cause}", self.text);
                Ok(None)
            }
            Err(Stop::Escape(fault)) => Err(*fault),
        }
    }

    /// `stringValueOf`.
    pub(crate) fn string(&self, message: &Message, cx: &Context) -> Result<String, Fault> {
        let Some(result) = self.result(message, cx, false)? else { return Ok(String::new()) };
        match result.as_text() {
            Ok(text) => Ok(text.into_owned()),
            Err(Stop::Escape(fault)) => Err(*fault),
            Err(Stop::Warn(_)) => Ok(String::new()),
        }
    }

    /// `objectValueOf`: null and errors give the empty text.
    pub(crate) fn value(&self, message: &Message, cx: &Context) -> Result<Option<Value>, Fault> {
        let result = self.result(message, cx, true)?;
        Ok(Some(result.map_or_else(|| Value::from(""), Res::into_value)))
    }

    /// As [`Self::value`], numbers from JSON members as plain numbers.
    pub(crate) fn variable_value(&self, message: &Message, cx: &Context) -> Result<Option<Value>, Fault> {
        Ok(Some(match self.result(message, cx, true)? {
            None => Value::from(""),
            Some(Res::JsonNumber(Number::Long(value))) => match i32::try_from(value) {
                Ok(value) => Value::Integer(value),
                Err(_) => Value::Long(value),
            },
            Some(Res::JsonNumber(Number::Double(value))) => Value::Double(value),
            Some(other) => other.into_value(),
        }))
    }

    /// Where the path stands; `None` for what is no path.
    pub(crate) fn target(&self, message: &Message, cx: &Context) -> Result<Option<Target>, Fault> {
        match &self.node {
            Node::XPath(Ok(xpath), variable) => {
                let text = xpath.query.text();
                let part = variable.as_ref().and_then(|name| text.strip_prefix(&format!("$var:{name}")));
                let text = part.map_or_else(|| text.to_owned(), |rest| format!(".{rest}"));
                let expr = Expr::compile(&text, &self.prefixes, super::Dialects::XPathOnly);
                Ok(expr.ok().map(|expr| Target::XPath(Arc::new(expr), variable.clone())))
            }
            Node::Access(access) => {
                let run =
                    Run { message, cx, object: true, prefixes: &self.prefixes, payload: OnceCell::new() };
                match access.resolve(&run) {
                    Ok(Plan::Path(path)) if matches!(access.root, Root::Payload) => {
                        Ok(Some(Target::Payload(path)))
                    }
                    Ok(Plan::Variable(plan)) => match plan.path.clone().transpose() {
                        Ok(path) => Ok(Some(Target::Variable(plan.name.clone(), path))),
                        Err(Stop::Escape(fault)) => Err(*fault),
                        Err(Stop::Warn(_)) => Ok(None),
                    },
                    Err(Stop::Escape(fault)) => Err(*fault),
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }
}

fn is_xml(message: &Message) -> bool {
    message.axis2("ContentType").is_some_and(|value| value.text().contains("application/xml"))
}

/// MI's rule, over the text, for whether an expression needs the body.
pub(crate) fn reads_payload(text: &str) -> bool {
    mentions(text, "payload") || mentions(text, "$") || body_xpath(text)
}

/// Does a word stand in the text, neither part of a longer name nor quoted nor behind a dot?
fn mentions(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '\'');
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(|c| part(c) || c == '.') && !after.is_some_and(part)
    })
}

/// Does the text hold an `xpath('...')` of one argument that needs the body?
fn body_xpath(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find("xpath(") {
        rest = &rest[at + 6..];
        let Some(inside) = rest.strip_prefix(['\'', '"']) else { continue };
        let Some(end) = inside.find(['\'', '"']) else { continue };
        let after = inside[end + 1..].trim_start();
        let second = after.strip_prefix(',').is_some_and(|t| t.trim_start().starts_with(['\'', '"']));
        if !second
            && artifacts::expr::xpath::parse(&inside[..end]).is_ok()
            && artifacts::expr::xpath::reads_payload(&inside[..end])
        {
            return true;
        }
    }
    false
}

fn node(tree: syntax::Expr, prefixes: &[Binding]) -> Node {
    let boxed = |tree: Box<syntax::Expr>| Box::new(node(*tree, prefixes));
    match tree {
        syntax::Expr::Number(text) => Node::Constant(value::parse_number(&text)),
        syntax::Expr::Text(text) => Node::Constant(Res::text(text)),
        syntax::Expr::Bool(value) => Node::Constant(Res::Bool(value)),
        syntax::Expr::Null => Node::Null,
        syntax::Expr::Array(items) => Node::Array(nodes(items, prefixes)),
        syntax::Expr::Binary(operator, left, right) => Node::Binary(operator, boxed(left), boxed(right)),
        syntax::Expr::Conditional(condition, yes, no) => {
            Node::Conditional(boxed(condition), boxed(yes), boxed(no))
        }
        syntax::Expr::Negated(inner) => Node::Negated(boxed(inner)),
        syntax::Expr::Member(scope, name) => Node::Member(scope, name.into()),
        syntax::Expr::Call(name, arguments) => call(&name, arguments, prefixes),
        syntax::Expr::Access(access) => {
            let root = match access.root {
                syntax::Root::Payload => Root::Payload,
                syntax::Root::Variable => Root::Variable,
                syntax::Root::Call(call) => Root::Call(boxed(call)),
            };
            let indexes = access.indexes.into_iter().map(|(key, i)| (key, index(i, prefixes))).collect();
            Node::Access(Access::new(root, access.text, indexes))
        }
    }
}

fn nodes(trees: Vec<syntax::Expr>, prefixes: &[Binding]) -> Vec<Node> {
    trees.into_iter().map(|tree| node(tree, prefixes)).collect()
}

fn index(index: syntax::Index, prefixes: &[Binding]) -> Index {
    match index {
        syntax::Index::One(tree) => Index::One(node(tree, prefixes)),
        syntax::Index::List(separator, trees) => {
            Index::List(separator, trees.into_iter().map(|t| t.map(|t| node(t, prefixes))).collect())
        }
        syntax::Index::Filter(text, parts) => {
            Index::Filter(text, parts.into_iter().map(|(key, tree)| (key, node(tree, prefixes))).collect())
        }
    }
}

fn call(name: &str, arguments: Vec<syntax::Expr>, prefixes: &[Binding]) -> Node {
    if name == "xpath" {
        let compiled =
            |text: &str| XPathExpr::compile(text, prefixes).map(Box::new).map_err(|error| error.to_string());
        match arguments.as_slice() {
            [syntax::Expr::Text(text)] => return Node::XPath(compiled(syntax::unquoted(text)), None),
            [syntax::Expr::Text(text), syntax::Expr::Text(name)]
                if !syntax::unquoted(name).is_empty() && !name.contains('.') =>
            {
                let name = syntax::unquoted(name);
                let text = format!("$var:{name}{}", syntax::unquoted(text));
                return Node::XPath(compiled(&text), Some(name.into()));
            }
            _ => {}
        }
    }
    match functions::Function::from_name(name) {
        Some(function) => Node::Call(function, nodes(arguments, prefixes)),
        // The grammar knows the same names.
        None => Node::Null,
    }
}

/// One evaluation.
struct Run<'a> {
    message: &'a Message,
    cx: &'a Context,
    /// `objectValueOf` rather than `stringValueOf`: XPath gives node lists.
    object: bool,
    prefixes: &'a [Binding],
    payload: OnceCell<Outcome<Arc<Json>>>,
}

impl Run<'_> {
    /// The body as JSON, read once per evaluation.
    fn payload(&self) -> Outcome<Arc<Json>> {
        self.payload.get_or_init(|| self.read_payload()).clone()
    }

    fn read_payload(&self) -> Outcome<Arc<Json>> {
        if let Some(Content::Json(body)) = self.message.payload.content() {
            if body.text().is_empty() {
                return warn("Payload is empty");
            }
            return match body.tree() {
                Ok(tree) => Ok(tree.clone()),
                Err(error) => Err(Stop::escape(format!("the payload is no JSON: {error}"))),
            };
        }
        match super::json_root(self.message) {
            Ok(Some(tree)) => Ok(tree),
            Ok(None) => warn("Payload is empty"),
            Err(fault) => warn(fault.message),
        }
    }

    /// Evaluates a part; `None` is null.
    fn evaluate(&self, node: &Node) -> Outcome<Option<Res>> {
        Ok(Some(match node {
            Node::Constant(value) => value.clone(),
            Node::Null => return Ok(None),
            Node::Array(items) => self.array(items)?,
            Node::Binary(operator, left, right) => {
                let (left, right) = (self.evaluate(left)?, self.evaluate(right)?);
                operators::apply(*operator, left, right)?
            }
            Node::Conditional(condition, yes, no) => {
                return match self.evaluate(condition)?.map(|value| value.as_bool()) {
                    Some(Some(true)) => self.evaluate(yes),
                    Some(Some(false)) => self.evaluate(no),
                    _ => warn("the condition is no boolean"),
                };
            }
            Node::Negated(inner) => self.negated(inner)?,
            Node::Access(access) => return access.evaluate(self),
            Node::Member(scope, name) => self.member(*scope, name)?,
            Node::Call(function, arguments) => return self.call(*function, arguments),
            Node::XPath(Ok(xpath), _) => return self.xpath(xpath),
            Node::XPath(Err(error), _) => return warn(format!("invalid XPath: {error}")),
        }))
    }

    /// Integers and doubles stay numbers, everything else is added as text.
    fn array(&self, items: &[Node]) -> Outcome<Res> {
        let mut array = Vec::with_capacity(items.len());
        for item in items {
            let Some(value) = self.evaluate(item)? else { return Err(Stop::escape("null in an array")) };
            array.push(if value.is_int() {
                Json::number(value.as_i32()?)
            } else if value.is_double() {
                Json::Number(crate::message::value::java_double(value.as_f64()?).into())
            } else {
                Json::string(&*value.as_text()?)
            });
        }
        Ok(Res::Json(Arc::new(Json::Array(array))))
    }

    fn negated(&self, inner: &Node) -> Outcome<Res> {
        match self.evaluate(inner)? {
            Some(value) if value.is_int() => Ok(Res::Int(value.as_i32()?.wrapping_neg())),
            Some(value) if value.is_double() => Ok(Res::Double(-value.as_f64()?)),
            _ => Err(Stop::escape("only a number can be negated")),
        }
    }

    /// A header, property, parameter or configuration value; numbers are recognised.
    fn member(&self, scope: Scope, name: &str) -> Outcome<Res> {
        let text = |value: Option<Value>| value.map(|value| value.text().into_owned());
        let message = self.message;
        let found = match scope {
            Scope::Header => message.headers.get(name).map(|text| text.into_owned()),
            Scope::Config => self.cx.services.configs.config(name).map(str::to_owned),
            Scope::QueryParam => text(message.property(&format!("query.param.{name}"))),
            Scope::PathParam => text(message.property(&format!("uri.var.{name}"))),
            Scope::Synapse => text(message.property(name)),
            Scope::Axis2 => text(message.axis2(name)),
            Scope::FunctionParam => self.parameter(name)?,
        };
        match found {
            Some(text) => Ok(value::parse_number(&text)),
            None => warn(format!("Could not fetch the value of the key: {name}")),
        }
    }

    fn parameter(&self, name: &str) -> Outcome<Option<String>> {
        let envelope = self.message.payload.envelope();
        let scope = MessageScope { message: self.message, cx: self.cx, envelope: &envelope };
        match scope.parameter(name) {
            Ok(value) => Ok(value.synapse_text(false)),
            Err(error) => Err(Stop::escape(error.0)),
        }
    }

    /// `xpath(...)`: a text, or a node list where an object is wanted.
    fn xpath(&self, xpath: &XPathExpr) -> Outcome<Option<Res>> {
        let escape = |fault: Fault| Stop::Escape(Box::new(fault));
        if !self.object {
            return match xpath.text(self.message, self.cx).map_err(escape)? {
                Some(text) => Ok(Some(Res::text(text))),
                None => Err(Stop::escape("the XPath gives null")),
            };
        }
        let items = xpath.evaluate(self.message, self.cx, |value, envelope| node_list(&value, envelope));
        match items {
            Ok(Some(items)) => Ok(Some(Res::Xml(Value::Nodes(items.into())))),
            Ok(None) => Err(Stop::escape("the XPath gives no node list")),
            Err(error) => Err(Stop::escape(error.0)),
        }
    }
}
