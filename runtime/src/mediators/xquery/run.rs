//! Running a query and putting its result into the message.

use super::query::{Element, Expr, Part, XQuery};
use super::{Kind, Source, Variable, XQueryStep};
use crate::errors::Fault;
use crate::eval::Selection;
use crate::eval::xpath::{Evaluated, EvaluationError, Focus, FunctionName, Node, Scope, Value as XValue};
use crate::flow::{Context, Mediator, Next};
use crate::mediators::parts::entry;
use crate::message::{Message, Value};
use artifacts::xml::{Document, NodeId, NodeKind, parse};
use std::collections::HashMap;
use std::fmt::{Display, LowerExp};
use std::sync::Arc;

/// A value that is bound to an external variable.
enum Bound {
    Text(String),
    Boolean(bool),
    Tree(Document),
}

/// The first item of a result.
enum Item {
    Element(Document),
    Text(String),
}

impl Mediator for XQueryStep {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let failed = |fault: Fault| {
            let cause = if fault.detail.is_empty() { fault.message } else { fault.detail };
            Fault::new("Unable to execute the query ").detail(cause)
        };
        self.perform(message, cx).map_err(failed)?;
        Ok(Next::Continue)
    }
}

impl XQueryStep {
    fn perform(&self, message: &mut Message, cx: &Context) -> Result<(), Fault> {
        let Some(query) = self.query(message, cx)? else { return Ok(()) };
        let mut bound = HashMap::new();
        for variable in &self.variables {
            if let Some(value) = variable.bind(message, cx)? {
                bound.insert(variable.name.to_string(), value);
            }
        }
        let item = first_item(&query, &bound).map_err(Fault::new)?;
        let destination = self.destination(message, cx)?;
        // From here on the payload is XML.
        let envelope = message.payload.envelope_mut();
        let body = envelope.body();
        let document = envelope.document_mut();
        match (item, destination) {
            (Some(Item::Element(result)), Some(node)) => {
                let copy = document.import(&result, result.root_element().unwrap_or(Document::ROOT));
                document.insert_after(node, copy);
                // An element without a namespace says so where its new surroundings have one.
                document.declare_if_needed(copy);
                document.detach(node);
            }
            (Some(Item::Element(result)), None) => {
                let copy = document.import(&result, result.root_element().unwrap_or(Document::ROOT));
                document.append(body, copy);
            }
            (Some(Item::Text(text)), Some(node)) => document.set_text(node, &text),
            (Some(Item::Text(_)), None) | (None, _) => {}
        }
        Ok(())
    }

    /// The query of the key, compiled; `None` for an entry without text, which does nothing.
    fn query(&self, message: &Message, cx: &Context) -> Result<Option<Arc<XQuery>>, Fault> {
        let key = self.key.text(message, cx)?.unwrap_or_default();
        let text: Arc<str> = match entry::get(cx, &key) {
            Some(Value::Xml(element)) => element.get().text().into(),
            Some(other) => other.text().into(),
            None => return Err(Fault::new(format!("No object found for the key '{key}'"))),
        };
        if text.is_empty() {
            return Ok(None);
        }
        let query = self.last.get(&text, |text| {
            // A query from a file may stand in an element of its own.
            let inner = parse(text.trim()).ok().filter(has_only_text);
            XQuery::parse(&inner.map_or_else(|| text.to_owned(), |d| d.string_value(Document::ROOT)))
        });
        let query = query
            .map_err(|error| Fault::new(format!("Error during the querying {error} in the query '{key}'")))?;
        Ok(Some(query))
    }

    /// The node that the result replaces: what `target` selects, else the payload, if there is one.
    fn destination(&self, message: &Message, cx: &Context) -> Result<Option<NodeId>, Fault> {
        let envelope = message.payload.envelope();
        let Some(target) = &self.target else { return Ok(envelope.payload()) };
        let found = match target.select(message, cx)? {
            Selection::Nodes(nodes) => nodes.first().and_then(|node| node.own_element(&envelope)),
            _ => None,
        };
        let missing = || {
            let expression = target.source();
            Fault::new(format!(
                "The evaluation of the XPath expression {expression} did not result in an OMNode"
            ))
        };
        found.ok_or_else(missing).map(Some)
    }
}

fn has_only_text(document: &Document) -> bool {
    document.root_element().is_some_and(|root| {
        document.local_name(root) == "x" && document.child_elements(root).next().is_none()
    })
}

impl Variable {
    /// Its value; `None` when there is none to bind.
    fn bind(&self, message: &Message, cx: &Context) -> Result<Option<Bound>, Fault> {
        if matches!(self.kind, Kind::Tree) {
            return self.tree(message, cx);
        }
        let text = match &self.source {
            Source::Literal(text) => Some(text.to_string()),
            Source::Expression(Some(expr)) => expr.first(message, cx)?.map(|value| match value {
                Value::Xml(element) => element.get().text(),
                other => other.text().into_owned(),
            }),
            Source::Expression(None) => {
                let envelope = message.payload.envelope();
                envelope.payload().map(|node| envelope.document().own_text(node))
            }
            Source::Key(key, path) => match entry::get(cx, key) {
                Some(Value::Xml(element)) => match path {
                    Some(path) => {
                        let node = Node::new(element.document(), element.id());
                        let found = path.evaluate(&Variables::default(), node);
                        Some(found.map_err(|error| Fault::new(error.0))?.string().into_owned())
                    }
                    None => Some(element.get().text()),
                },
                other => other.map(|value| value.text().into_owned()),
            },
        };
        let Some(text) = text else { return Ok(None) };
        self.kind.bind(&text)
    }

    fn tree(&self, message: &Message, cx: &Context) -> Result<Option<Bound>, Fault> {
        let element = match &self.source {
            Source::Literal(text) => return parsed(text),
            Source::Expression(Some(expr)) => expr.first(message, cx)?,
            Source::Expression(None) => {
                let envelope = message.payload.envelope();
                let payload = envelope.payload();
                return Ok(payload.map(|node| Bound::Tree(Document::from_subtree(envelope.document(), node))));
            }
            Source::Key(key, None) => entry::get(cx, key),
            Source::Key(key, Some(path)) => {
                let Some(Value::Xml(element)) = entry::get(cx, key) else { return Ok(None) };
                let node = Node::new(element.document(), element.id());
                let found =
                    path.evaluate(&Variables::default(), node).map_err(|error| Fault::new(error.0))?;
                let first = found.nodes().first().filter(|node| node.is_element());
                return Ok(first.map(|node| Bound::Tree(Document::from_subtree(node.document, node.id))));
            }
        };
        match element {
            Some(Value::Xml(element)) => Ok(Some(Bound::Tree(element.get().to_document()))),
            Some(Value::String(text)) => parsed(&text),
            _ => Ok(None),
        }
    }
}

fn parsed(text: &str) -> Result<Option<Bound>, Fault> {
    let document = parse(text).map_err(|error| Fault::new(format!("a variable holds no XML: {error}")))?;
    Ok(Some(Bound::Tree(document)))
}

impl Kind {
    /// A text as a value of this type. As in MI the number -1 stands for no value.
    fn bind(self, text: &str) -> Result<Option<Bound>, Fault> {
        let whole = |least: i64, most: i64| {
            let number = text.parse::<i64>().ok().filter(|number| (least..=most).contains(number));
            number.map(|number| (number != -1).then(|| Bound::Text(number.to_string())))
        };
        let value = match self {
            Kind::Boolean => Some(Some(Bound::Boolean(text.eq_ignore_ascii_case("true")))),
            Kind::Text => Some(Some(Bound::Text(text.to_owned()))),
            Kind::Byte => whole(i64::from(i8::MIN), i64::from(i8::MAX)),
            Kind::Short => whole(i64::from(i16::MIN), i64::from(i16::MAX)),
            Kind::Int => whole(i64::from(i32::MIN), i64::from(i32::MAX)),
            Kind::Long => whole(i64::MIN, i64::MAX),
            Kind::Double => text
                .trim()
                .parse::<f64>()
                .ok()
                .map(|number| (number != -1.0).then(|| double_text(number, number))),
            Kind::Float => {
                let bind = |number: f32| (number != -1.0).then(|| double_text(number, f64::from(number)));
                text.trim().parse::<f32>().ok().map(bind)
            }
            Kind::Tree => Some(None),
        };
        value.ok_or_else(|| Fault::new(format!("Incompatible value '{text}' for the {self:?}")))
    }
}

/// A number as XQuery prints doubles and floats: with an exponent from a million on and below a millionth.
/// `number` prints its shortest digits, `size` is its value.
fn double_text(number: impl Display + LowerExp, size: f64) -> Bound {
    Bound::Text(if size.is_nan() {
        "NaN".to_owned()
    } else if size.is_infinite() {
        if size > 0.0 { "INF" } else { "-INF" }.to_owned()
    } else if size == 0.0 || (1e-6..1e6).contains(&size.abs()) {
        number.to_string()
    } else {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let fraction = if digits.contains('.') { "" } else { ".0" };
        format!("{digits}{fraction}E{exponent}")
    })
}

/// The variables of a query as XPath sees them.
#[derive(Default)]
struct Variables<'a>(HashMap<&'a str, XValue<'a>>);

impl<'a> Scope<'a> for Variables<'a> {
    fn variable(&self, prefix: &str, name: &str) -> Evaluated<Option<XValue<'a>>> {
        if !prefix.is_empty() {
            return Ok(None);
        }
        match self.0.get(name) {
            Some(value) => Ok(Some(value.clone())),
            None => Err(EvaluationError(format!("no value was given to the variable '${name}'"))),
        }
    }

    fn call(&self, _: &FunctionName, _: &[XValue<'a>], _: &Focus<'a>) -> Evaluated<Option<XValue<'a>>> {
        Ok(None)
    }
}

/// Evaluates a query; only the first item of its result counts.
fn first_item(query: &XQuery, bound: &HashMap<String, Bound>) -> Result<Option<Item>, String> {
    let nothing = Document::new();
    // Trees that the query's own variables hold; later variables and the body point into them.
    let mut own: Vec<(&str, Bound)> = Vec::new();
    for (name, value) in &query.variables {
        let Some(expr) = value else { continue };
        let item = Run { variables: variables(bound, &own), nothing: &nothing }.first(expr)?;
        let value = match item {
            Some(Item::Element(document)) => Bound::Tree(document),
            Some(Item::Text(text)) => Bound::Text(text),
            None => Bound::Text(String::new()),
        };
        own.push((name, value));
    }
    Run { variables: variables(bound, &own), nothing: &nothing }.first(&query.body)
}

fn variables<'a>(bound: &'a HashMap<String, Bound>, own: &'a [(&'a str, Bound)]) -> Variables<'a> {
    let value = |bound: &'a Bound| match bound {
        Bound::Text(text) => XValue::Text(text.as_str().into()),
        Bound::Boolean(value) => XValue::Boolean(*value),
        Bound::Tree(document) => XValue::Nodes(vec![Node::new(document, Document::ROOT)]),
    };
    let given = bound.iter().map(|(name, bound)| (name.as_str(), value(bound)));
    Variables(given.chain(own.iter().map(|(name, bound)| (*name, value(bound)))).collect())
}

struct Run<'a> {
    variables: Variables<'a>,
    /// The context of paths: a query has none of its own.
    nothing: &'a Document,
}

impl<'a> Run<'a> {
    fn first(&self, expr: &Expr) -> Result<Option<Item>, String> {
        match expr {
            Expr::Sequence(items) => {
                for item in items {
                    if let Some(found) = self.first(item)? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
            Expr::Element(element) => {
                let mut document = Document::new();
                self.element(element, Document::ROOT, &mut document)?;
                Ok(Some(Item::Element(document)))
            }
            Expr::Path(query) => Ok(match self.value(query)? {
                XValue::Nodes(nodes) => nodes
                    .first()
                    .and_then(|node| match node.kind()? {
                        NodeKind::Element(_) => Some(Document::from_subtree(node.document, node.id)),
                        NodeKind::Document => node
                            .document
                            .root_element()
                            .map(|root| Document::from_subtree(node.document, root)),
                        _ => None,
                    })
                    .map(Item::Element),
                XValue::Null => None,
                single => Some(Item::Text(single.string().into_owned())),
            }),
        }
    }

    fn value(&self, query: &crate::eval::xpath::Query) -> Result<XValue<'a>, String> {
        query.evaluate(&self.variables, Node::new(self.nothing, Document::ROOT)).map_err(|error| error.0)
    }

    fn element(&self, element: &Element, parent: NodeId, document: &mut Document) -> Result<(), String> {
        let id = document.add_element(parent, element.name.clone());
        for (prefix, uri) in &element.declarations {
            document.declare(id, prefix, uri);
        }
        for (name, parts) in &element.attributes {
            let mut text = String::new();
            for part in parts {
                match part {
                    Part::Text(piece) => text.push_str(piece),
                    Part::Expr(expr) => text.push_str(&self.texts(expr)?.join(" ")),
                }
            }
            document.set_attribute_name(id, name.clone(), &text);
        }
        for part in &element.content {
            match part {
                Part::Text(text) => document.add_text(id, text),
                Part::Expr(expr) => {
                    self.append(expr, id, document)?;
                }
            }
        }
        Ok(())
    }

    /// The texts of the items of an expression.
    fn texts(&self, expr: &Expr) -> Result<Vec<String>, String> {
        Ok(match expr {
            Expr::Sequence(items) => {
                let texts: Result<Vec<_>, _> = items.iter().map(|item| self.texts(item)).collect();
                texts?.concat()
            }
            Expr::Element(element) => {
                let mut document = Document::new();
                self.element(element, Document::ROOT, &mut document)?;
                vec![document.string_value(Document::ROOT)]
            }
            Expr::Path(query) => match self.value(query)? {
                XValue::Nodes(nodes) => nodes.iter().map(|node| node.string_value().into_owned()).collect(),
                XValue::Items(items) => items.iter().map(|item| item.string().into_owned()).collect(),
                XValue::Null => Vec::new(),
                single => vec![single.string().into_owned()],
            },
        })
    }

    /// Appends the items of an expression to an element: copies of nodes, and texts with a blank between
    /// neighbours that are no nodes.
    fn append(&self, expr: &Expr, parent: NodeId, document: &mut Document) -> Result<(), String> {
        match expr {
            Expr::Sequence(items) => items.iter().try_for_each(|item| self.append(item, parent, document)),
            Expr::Element(element) => self.element(element, parent, document),
            Expr::Path(query) => {
                match self.value(query)? {
                    XValue::Nodes(nodes) => nodes.iter().for_each(|node| copy(*node, parent, document)),
                    XValue::Items(items) => {
                        let texts: Vec<_> = items.iter().map(XValue::string).collect();
                        document.add_text(parent, &texts.join(" "));
                    }
                    XValue::Null => {}
                    single => document.add_text(parent, &single.string()),
                }
                Ok(())
            }
        }
    }
}

fn copy(node: Node<'_>, parent: NodeId, document: &mut Document) {
    if let Some(attribute) = node.attribute() {
        document.set_attribute_name(parent, attribute.name.clone(), &attribute.value);
        return;
    }
    match node.kind() {
        Some(NodeKind::Document) => {
            for child in node.document.children(node.id) {
                copy(node.at(child), parent, document);
            }
        }
        Some(NodeKind::Text(text, _)) => document.add_text(parent, text),
        Some(_) => {
            let copy = document.import(node.document, node.id);
            document.append(parent, copy);
        }
        None => {}
    }
}
