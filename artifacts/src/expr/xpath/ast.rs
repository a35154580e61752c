//! The syntax tree. Names are as written; what prefixes and functions mean is decided by the runtime.

use std::sync::Arc;

/// A parsed expression with its text.
#[derive(Debug, Clone, PartialEq)]
pub struct XPath {
    /// The text it was parsed from.
    pub text: Arc<str>,
    /// The whole expression.
    pub root: Expr,
}

/// A name with an optional prefix (empty when there is none).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QName {
    /// Prefix, empty for none.
    pub prefix: Arc<str>,
    /// Local part.
    pub local: Arc<str>,
}

/// One expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// `1.5`
    Number(f64),
    /// `'text'`
    Literal(Arc<str>),
    /// `$ctx:name`
    Variable(QName),
    /// `name(arguments)`
    Call(QName, Vec<Expr>),
    /// `-operand`
    Negate(Box<Expr>),
    /// Operators of one precedence level, applied from left to right: `a + b - c`.
    Chain(Box<Expr>, Vec<(BinaryOp, Expr)>),
    /// `a | b`. In Jaxen's grammar there are two parts, and the second one reaches to the end of the
    /// surrounding expression.
    Union(Vec<Expr>),
    /// `(expression)[predicate]...`
    Filter(Box<Expr>, Vec<Expr>),
    /// A location path.
    Path(Path),
}

/// Binary operators but the union.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOp {
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

/// Steps from a starting point.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Where the first step starts.
    pub start: Start,
    /// The steps; may be empty (`/`).
    pub steps: Vec<Step>,
}

/// Where a path starts.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// The context node.
    Context,
    /// The root of the context node's tree.
    Root,
    /// The nodes of an expression, `$body/x`.
    Expr(Box<Expr>),
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Direction.
    pub axis: Axis,
    /// Which nodes.
    pub test: NodeTest,
    /// Filters, in order.
    pub predicates: Vec<Expr>,
}

/// The thirteen axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Axis {
    Child,
    Descendant,
    DescendantOrSelf,
    Parent,
    Ancestor,
    AncestorOrSelf,
    FollowingSibling,
    PrecedingSibling,
    Following,
    Preceding,
    Attribute,
    Namespace,
    SelfNode,
}

/// Which nodes of an axis a step takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeTest {
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
    /// `prefix:local` or `local`
    Name(QName),
}

impl Axis {
    /// An axis by its name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "child" => Self::Child,
            "descendant" => Self::Descendant,
            "descendant-or-self" => Self::DescendantOrSelf,
            "parent" => Self::Parent,
            "ancestor" => Self::Ancestor,
            "ancestor-or-self" => Self::AncestorOrSelf,
            "following-sibling" => Self::FollowingSibling,
            "preceding-sibling" => Self::PrecedingSibling,
            "following" => Self::Following,
            "preceding" => Self::Preceding,
            "attribute" => Self::Attribute,
            "namespace" => Self::Namespace,
            "self" => Self::SelfNode,
            _ => return None,
        })
    }

    /// Does the axis run against document order?
    pub fn is_reverse(self) -> bool {
        matches!(self, Self::Parent | Self::Ancestor | Self::AncestorOrSelf)
            || matches!(self, Self::PrecedingSibling | Self::Preceding)
    }
}
