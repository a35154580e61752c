//! XPath as Synapse uses it: over the envelope, with the message's variables and functions.

use super::Binding;
use super::functions::{MessageScope, is_plain};
use super::selection::Selected;
use super::xpath::{EvaluationError, Names, Node, Part, Query, Value as XValue};
use crate::errors::Fault;
use crate::flow::Context;
use crate::message::{Envelope, Message, Soap, Value, XmlItem};
use artifacts::expr::SyntaxError;
use artifacts::expr::xpath::{Expr as Tree, Path, QName, Start};
use artifacts::xml::{Document, NodeId, XmlElement};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Are texts that fail by the rules of XPath 1.0 computed again by those of 2.0
/// (`synapse.xpath.dom.failover.enabled`)? A setting of the process, off by default.
static FAILOVER: AtomicBool = AtomicBool::new(false);

/// Turns the failover on or off for expressions that are compiled from now on.
pub fn set_xpath_failover(on: bool) {
    FAILOVER.store(on, Ordering::Relaxed);
}

/// A compiled XPath.
#[derive(Debug)]
pub(crate) struct XPathExpr {
    pub(crate) query: Query,
    /// The same with the functions of XPath 2.0.
    failover: Option<Box<Query>>,
    direct: Option<Direct>,
    /// Can the result depend on the body? Otherwise the payload is not even looked at.
    needs_tree: bool,
}

/// Expressions that are no more than a look-up.
#[derive(Debug)]
enum Direct {
    Property(Arc<str>),
    Axis2(Arc<str>),
    Header(Arc<str>),
    Variable(Arc<str>),
}

impl XPathExpr {
    pub(crate) fn compile(text: &str, prefixes: &[Binding]) -> Result<Self, SyntaxError> {
        Self::compile_with(text, prefixes, FAILOVER.load(Ordering::Relaxed))
    }

    fn compile_with(text: &str, prefixes: &[Binding], failover: bool) -> Result<Self, SyntaxError> {
        let parsed = artifacts::expr::xpath::parse(text)?;
        let (direct, needs_tree) = (direct(&parsed.root), needs_tree(&parsed.root));
        let failover = failover.then(|| Box::new(Query::from_tree(&parsed, Names::later(prefixes))));
        Ok(Self { query: Query::from_tree(&parsed, Names::jaxen(prefixes)), failover, direct, needs_tree })
    }

    /// The value of a pure look-up when it is a text.
    fn look_up(&self, message: &Message) -> Option<Arc<str>> {
        let value = match self.direct.as_ref()? {
            Direct::Property(name) => match message.properties.entry(name) {
                Some(value) => value.cloned(),
                None => message.property(name),
            },
            Direct::Axis2(name) => message.axis2(name),
            Direct::Header(name) => message.headers.value(name),
            Direct::Variable(name) => message.variables.get(name).cloned(),
        };
        match value {
            Some(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    fn envelope(&self, message: &Message) -> Result<Envelope, EvaluationError> {
        if !self.needs_tree {
            return Ok(Envelope::new(Soap::V11));
        }
        if let Some(body) = message.payload.as_json()
            && !body.is_blank()
            && let Err(error) = body.tree()
        {
            return Err(EvaluationError(format!("the payload is no JSON: {error}")));
        }
        Ok(message.payload.envelope())
    }

    /// Evaluates and hands the result to `use_it` while the trees are borrowed.
    pub(crate) fn evaluate<R>(
        &self,
        message: &Message,
        cx: &Context,
        use_it: impl FnOnce(XValue<'_>, &Envelope) -> R,
    ) -> Result<R, EvaluationError> {
        let envelope = self.envelope(message)?;
        let scope = MessageScope { message, cx, envelope: &envelope };
        let value = self.query.evaluate(&scope, scope.node())?;
        Ok(use_it(value, &envelope))
    }

    fn fault(&self, error: EvaluationError) -> Fault {
        let text = self.query.text();
        Fault::new(format!("Evaluation of the XPath expression {text} resulted in an error")).detail(error.0)
    }

    /// `stringValueOf`.
    pub(crate) fn text(&self, message: &Message, cx: &Context) -> Result<Option<String>, Fault> {
        if let Some(text) = self.look_up(message) {
            return Ok(Some(text.to_string()));
        }
        let text = match self.evaluate(message, cx, |value, _| self.query.synapse_text(&value)) {
            Err(_) if self.failover.is_some() => self.second_text(message, cx),
            first => first,
        };
        text.map_err(|error| self.fault(error))
    }

    /// The string by the rules of XPath 2.0. The context is the payload, not the envelope.
    fn second_text(&self, message: &Message, cx: &Context) -> Result<Option<String>, EvaluationError> {
        let Some(query) = &self.failover else { return Ok(None) };
        let envelope = self.envelope(message)?;
        let scope = MessageScope { message, cx, envelope: &envelope };
        let payload = envelope.payload().unwrap_or_else(|| envelope.body());
        let value = query.evaluate(&scope, Node::new(envelope.document(), payload))?;
        Ok(Some(value.string().into_owned()))
    }

    /// `booleanValueOf`.
    pub(crate) fn is_true(&self, message: &Message, cx: &Context) -> Result<bool, Fault> {
        if let Some(text) = self.look_up(message) {
            return Ok(!text.is_empty());
        }
        let truth = self.evaluate(message, cx, |value, _| value.boolean());
        truth.map_err(|error| {
            Fault::new(format!("Error evaluating Expression : {}", self.query.text())).detail(error.0)
        })
    }

    /// `selectNodes`.
    pub(crate) fn select(&self, message: &Message, cx: &Context) -> Result<Vec<Selected>, Fault> {
        let nodes = self.evaluate(message, cx, |value, envelope| selected(&value, envelope));
        nodes.map_err(|error| self.fault(error))
    }

    /// `selectSingleNode`.
    pub(crate) fn first(&self, message: &Message, cx: &Context) -> Result<Option<Value>, Fault> {
        let first = self.evaluate(message, cx, |value, envelope| match value {
            XValue::Number(number) => Some(Value::Double(number)),
            XValue::Boolean(truth) => Some(Value::Boolean(truth)),
            XValue::Integer(number) => {
                Some(i32::try_from(number).map_or(Value::Long(number), Value::Integer))
            }
            other => selected(&other, envelope).first().map(|node| match node.item(envelope) {
                XmlItem::Element(element) => Value::Xml(element),
                XmlItem::Text(text) => Value::String(text),
            }),
        });
        first.map_err(|error| {
            let text = format!("Failed to evaluate the XPath expression: {}", self.query.text());
            Fault::new(text).detail(error.0)
        })
    }
}

fn selected(value: &XValue<'_>, envelope: &Envelope) -> Vec<Selected> {
    match value {
        XValue::Nodes(_) | XValue::Element(_) => {
            value.nodes().iter().map(|node| select_node(*node, envelope)).collect()
        }
        XValue::Null => Vec::new(),
        scalar => vec![Selected::Item(XmlItem::Text(scalar.synapse_text(false).unwrap_or_default().into()))],
    }
}

fn select_node(node: Node<'_>, envelope: &Envelope) -> Selected {
    let own = std::ptr::eq(node.document, &**envelope.document());
    match (node.part, own) {
        (Part::Whole, true) => Selected::Own(node.id),
        (Part::Attribute(_), true) => match node.name() {
            Some(name) => Selected::OwnAttribute(node.id, name.clone()),
            None => Selected::Item(XmlItem::Text(node.string_value().into())),
        },
        (Part::Whole, false) if node.is_element() => {
            Selected::Item(XmlItem::Element(copy(node.document, node.id)))
        }
        _ => Selected::Item(XmlItem::Text(node.string_value().into())),
    }
}

/// The nodes of a result as a list that outlives it; `None` for strings, numbers and booleans.
pub(crate) fn node_list(value: &XValue<'_>, envelope: &Envelope) -> Option<Vec<XmlItem>> {
    match value {
        XValue::Nodes(_) | XValue::Element(_) => {}
        _ => return None,
    }
    let item = |node: &Node<'_>| {
        if !node.is_element() {
            return XmlItem::Text(node.string_value().into());
        }
        XmlItem::Element(if std::ptr::eq(node.document, &**envelope.document()) {
            XmlElement::new(envelope.document().clone(), node.id)
        } else {
            copy(node.document, node.id)
        })
    };
    Some(value.nodes().iter().map(item).collect())
}

/// A handle on a copy of an element.
pub(crate) fn copy(document: &Document, node: NodeId) -> XmlElement {
    let copy = Document::from_subtree(document, node);
    let root = copy.root_element().unwrap_or(Document::ROOT);
    XmlElement::new(Arc::new(copy), root)
}

fn direct(tree: &Tree) -> Option<Direct> {
    match tree {
        Tree::Variable(name) => {
            let local = name.local.clone();
            Some(match &*name.prefix {
                "ctx" => Direct::Property(local),
                "axis2" => Direct::Axis2(local),
                "trp" => Direct::Header(local),
                "var" => Direct::Variable(local),
                _ => return None,
            })
        }
        Tree::Call(name, arguments) if &*name.local == "get-property" => match arguments.as_slice() {
            [Tree::Literal(name)] if is_plain(name) => Some(Direct::Property(name.clone())),
            [Tree::Literal(scope), Tree::Literal(name)] if is_plain(name) => Some(match &**scope {
                "default" => Direct::Property(name.clone()),
                "axis2" => Direct::Axis2(name.clone()),
                "transport" => Direct::Header(name.clone()),
                _ => return None,
            }),
            _ => None,
        },
        _ => None,
    }
}

/// Functions that look at nothing but their arguments.
fn is_pure(name: &QName, arguments: &[Tree]) -> bool {
    match &*name.local {
        "string" | "number" | "normalize-space" | "string-length" => !arguments.is_empty(),
        "concat" | "contains" | "starts-with" | "ends-with" | "substring" | "substring-before"
        | "substring-after" | "translate" | "not" | "true" | "false" | "boolean" | "floor" | "ceiling"
        | "round" | "get-property" | "base64Encode" | "base64Decode" | "url-encode" | "hmac-generate"
        | "vault-lookup" | "upper-case" | "lower-case" => true,
        _ => false,
    }
}

fn needs_tree(tree: &Tree) -> bool {
    match tree {
        Tree::Number(_) | Tree::Literal(_) => false,
        Tree::Variable(name) => matches!(&*name.prefix, "" | "func"),
        Tree::Call(name, arguments) => !is_pure(name, arguments) || arguments.iter().any(needs_tree),
        Tree::Negate(inner) => needs_tree(inner),
        Tree::Chain(first, rest) => needs_tree(first) || rest.iter().any(|(_, operand)| needs_tree(operand)),
        Tree::Union(parts) => parts.iter().any(needs_tree),
        Tree::Filter(..) => true,
        Tree::Path(Path { start: Start::Expr(start), steps }) => {
            needs_tree(start) || steps.iter().any(|step| !step.predicates.is_empty())
        }
        Tree::Path(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Program;
    use crate::services::Services;

    fn text(expression: &str, failover: bool) -> Option<Option<String>> {
        let prefixes = [
            ("fn".into(), "http://www.w3.org/2005/xpath-functions".into()),
            ("xs".into(), "http://www.w3.org/2001/XMLSchema".into()),
        ];
        let xpath = XPathExpr::compile_with(expression, &prefixes, failover).unwrap();
        let mut message = Message::new();
        let document = artifacts::xml::parse("<a><b>2</b><b>10</b><b>2</b></a>").unwrap();
        let root = document.root_element().unwrap_or(Document::ROOT);
        message.payload.envelope_mut().set_payload(&document, root);
        message.properties.set("id", "05_2017_380");
        let cx = Context::new(Arc::new(Program::default()), Arc::new(Services::default()));
        xpath.text(&message, &cx).ok()
    }

    #[test]
    fn functions_of_xpath_2_work_only_with_the_failover() {
        for (expression, wanted) in [
            ("fn:tokenize($ctx:id, '_')[last()]", "380"),
            ("tokenize($ctx:id, '_')", "05"),
            ("count(tokenize(',a,,b', ','))", "4"),
            ("fn:substring-before($ctx:id, concat('', fn:tokenize($ctx:id,'_')[last()]))", "05_2017_"),
            ("replace($ctx:id, '([0-9]+)_', '<$1>')", "<05><2017>380"),
            ("matches('Abc', '^a', 'i')", "true"),
            ("string-join(b, '-')", "2-10-2"),
            ("string-join(distinct-values(b), '-')", "2-10"),
            ("max(b) + min(b)", "12"),
            ("exists(b[. = 10]) and empty(c)", "true"),
            ("index-of(b, '10')", "2"),
            ("string-join(subsequence(b, 2), ',')", "10,2"),
            ("xs:integer('7.9')", "7"),
            ("compare('a', 'b')", "-1"),
        ] {
            assert_eq!(text(expression, false), None, "{expression}");
            assert_eq!(text(expression, true), Some(Some(wanted.to_owned())), "{expression}");
        }
        assert_eq!(text("concat('a', 'b')", true), Some(Some("ab".to_owned())));
        assert_eq!(text("no-such()", true), None);
    }
}
