//! The compiled form: prefixes are namespaces, functions are numbers, steps know their short cuts.

use super::FunctionName;
use super::functions::Function;
use super::later::Later;
use artifacts::expr::xpath::{Axis, BinaryOp};
use std::sync::Arc;

/// One compiled expression.
#[derive(Debug)]
#[allow(missing_docs)] // Same shapes as the syntax tree.
pub enum Program {
    Number(f64),
    Text(Arc<str>),
    Variable { prefix: Arc<str>, local: Arc<str> },
    Core(Function, Vec<Program>),
    Later(Later, Vec<Program>),
    Extension(FunctionName, Vec<Program>),
    Negate(Box<Program>),
    Chain(Box<Program>, Vec<(BinaryOp, Program)>),
    Union(Vec<Program>),
    Filter(Box<Program>, Vec<Predicate>),
    Path(Start, Vec<Step>),
}

/// Where a path starts.
#[derive(Debug)]
pub enum Start {
    /// The context node.
    Context,
    /// The root of its tree.
    Root,
    /// The nodes of an expression.
    Value(Box<Program>),
}

/// One step.
#[derive(Debug)]
pub struct Step {
    /// Direction.
    pub axis: Axis,
    /// Which nodes.
    pub test: Test,
    /// Filters.
    pub predicates: Vec<Predicate>,
    /// For a descendant step made of `//name[n]...`: positions count among the matching children of
    /// one parent instead of along the axis.
    pub per_parent: bool,
}

/// A filter, sorted by what it needs.
#[derive(Debug)]
pub enum Predicate {
    /// `[3]`: a position; 0 when no position can match.
    Position(usize),
    /// `[last()]`
    Last,
    /// Neither a number nor dependent on position and size.
    Plain(Program),
    /// Anything else.
    General(Program),
}

/// A node test with its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// `node()`
    Any,
    /// `text()`
    Text,
    /// `comment()`
    Comment,
    /// `processing-instruction('target')`
    Instruction(Option<Arc<str>>),
    /// `*`
    AnyName,
    /// `prefix:*`
    AnyNameIn(Arc<str>),
    /// A name.
    Name {
        /// Namespace, empty for none.
        ns: Arc<str>,
        /// Local name.
        local: Arc<str>,
    },
    /// A prefix that is bound to nothing: an error when a node is tested.
    Unbound(Arc<str>),
}
