//! XPath 1.0 over [`artifacts::xml::Document`], with Jaxen's behaviour over Axiom where it differs from
//! the recommendation.
//!
//! [`Query::compile`] resolves prefixes and functions once; [`Query::evaluate`] borrows the trees, so
//! results are [`Node`] handles without reference counts. What a message adds (`$ctx:x`,
//! `get-property()`) comes from the caller's [`Scope`].

mod axes;
mod compare;
mod compile;
mod evaluate;
mod functions;
mod later;
mod node;
mod numbers;
mod order;
mod pattern;
mod program;
mod prune;
#[cfg(test)]
mod tests;
mod value;

pub use compile::Names;
pub use node::{Node, Part};
pub use numbers::{java_number, number_text};
pub use pattern::Pattern;
pub use program::{Program, Step, Test};
pub use value::Value;

use artifacts::expr::SyntaxError;
use artifacts::xml::Document;
use std::sync::Arc;

/// Why an evaluation has no result; becomes a fault of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct EvaluationError(pub String);

/// Result of evaluating.
pub type Evaluated<T> = Result<T, EvaluationError>;

/// A namespace binding: prefix and URI.
pub type Binding = (Arc<str>, Arc<str>);

/// What an expression may ask of its surroundings.
pub trait Scope<'a> {
    /// Value of `$prefix:name`. `None`: there is no such variable, which is an error;
    /// `Some(Value::Null)`: it exists and has no value.
    fn variable(&self, prefix: &str, name: &str) -> Evaluated<Option<Value<'a>>>;

    /// Result of a function that is not one of XPath's. `None`: there is no such function.
    fn call(
        &self,
        name: &FunctionName,
        arguments: &[Value<'a>],
        focus: &Focus<'a>,
    ) -> Evaluated<Option<Value<'a>>>;

    /// Has this tree no document node? Then absolute paths start at its root element, as with Axiom
    /// envelopes that were built around a REST payload.
    fn is_rootless(&self, _document: &Document) -> bool {
        false
    }
}

/// Name of a function of the surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionName {
    /// Prefix as written.
    pub prefix: Arc<str>,
    /// What the prefix is bound to, if it is.
    pub namespace: Option<Arc<str>>,
    /// Local name.
    pub local: Arc<str>,
}

/// The context node with its position and size.
#[derive(Debug, Clone, Copy)]
pub struct Focus<'a> {
    /// The context node.
    pub node: Node<'a>,
    /// Position from 1; 0 outside of any step, as in Jaxen.
    pub position: usize,
    /// Number of nodes in the context.
    pub size: usize,
}

impl<'a> Focus<'a> {
    /// A single node, as an expression starts with.
    pub fn on(node: Node<'a>) -> Self {
        Self { node, position: 0, size: 1 }
    }
}

/// A scope without variables and functions.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoScope;

impl<'a> Scope<'a> for NoScope {
    fn variable(&self, _prefix: &str, _name: &str) -> Evaluated<Option<Value<'a>>> {
        Ok(None)
    }

    fn call(&self, _: &FunctionName, _: &[Value<'a>], _: &Focus<'a>) -> Evaluated<Option<Value<'a>>> {
        Ok(None)
    }
}

/// A compiled expression. Immutable, shared by all messages.
#[derive(Debug)]
pub struct Query {
    text: Arc<str>,
    program: Program,
    names: Names,
}

impl Query {
    /// Compiles a text. `prefixes` are the namespaces in scope where it is written; a prefix that is
    /// missing there is an error only when a step with it is evaluated.
    pub fn compile(text: &str, prefixes: &[Binding]) -> Result<Self, SyntaxError> {
        let parsed = artifacts::expr::xpath::parse(text)?;
        Ok(Self::from_tree(&parsed, Names::jaxen(prefixes)))
    }

    /// Compiles a text by the recommendation, as XSLT has it.
    pub fn compile_standard(text: &str, names: &Names) -> Result<Self, SyntaxError> {
        Ok(Self::from_tree(&artifacts::expr::xpath::parse_standard(text)?, names.clone()))
    }

    /// Compiles a parsed expression with the given meaning of names.
    pub fn from_tree(parsed: &artifacts::expr::xpath::XPath, names: Names) -> Self {
        Self { text: parsed.text.clone(), program: compile::program(&parsed.root, &names), names }
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The compiled form.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Does evaluating it need the message body? MI's rule over the text.
    pub fn reads_payload(&self) -> bool {
        artifacts::expr::xpath::reads_payload(&self.text)
    }

    /// Evaluates at a context node.
    pub fn evaluate<'a>(&self, scope: &dyn Scope<'a>, node: Node<'a>) -> Evaluated<Value<'a>> {
        self.evaluate_at(scope, &Focus::on(node))
    }

    /// Evaluates with position and size.
    pub fn evaluate_at<'a>(&self, scope: &dyn Scope<'a>, focus: &Focus<'a>) -> Evaluated<Value<'a>> {
        evaluate::Evaluator::new(scope, &self.names).run(&self.program, focus)
    }

    /// The string that most mediators use (`stringValueOf`), `None` for null; see [`Value::synapse_text`].
    pub fn synapse_text(&self, value: &Value<'_>) -> Option<String> {
        value.synapse_text(self.text.contains("node()"))
    }
}

fn failed<T>(message: impl Into<String>) -> Evaluated<T> {
    Err(EvaluationError(message.into()))
}
