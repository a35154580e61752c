//! `${...}` expressions: lexer, parser and syntax tree, with the quirks of the original grammar
//! (`and` binds tighter than `==`, characters that no token starts with are skipped).

mod lexer;
mod order;
mod parser;
#[cfg(test)]
mod tests;

pub use parser::parse;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// A number as written.
    Number(String),
    /// A text with its quotes; escapes stay as written.
    Text(String),
    /// `true`, `false`
    Bool(bool),
    /// `null`
    Null,
    /// `[a, b]`
    Array(Vec<Expr>),
    /// `left op right`
    Binary(Operator, Box<Expr>, Box<Expr>),
    /// `condition ? yes : no`
    Conditional(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `-expression` inside a slice.
    Negated(Box<Expr>),
    /// `payload...`, `vars...`, or a path after `object()`, `array()`, `registry()`.
    Access(Access),
    /// A header, property, parameter or configuration value.
    Member(Scope, String),
    /// A function call. `registry(a).property(b)` is `registry(a, b)`.
    Call(String, Vec<Expr>),
}

/// Where a [`Expr::Member`] is looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// `headers.x`
    Header,
    /// `configs.x`
    Config,
    /// `params.queryParams.x`
    QueryParam,
    /// `params.pathParams.x`
    PathParam,
    /// `params.functionParams.x`
    FunctionParam,
    /// `props.synapse.x`
    Synapse,
    /// `props.axis2.x`
    Axis2,
}

/// A path whose text is handed to JSONPath once its dynamic parts are filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// What the path starts at.
    pub root: Root,
    /// The whole text without blanks; starts with `payload`, `$` or `vars` unless the root is a call.
    pub text: String,
    /// Bracket contents that are evaluated first, with their text, in the order of replacement.
    pub indexes: Vec<(String, Index)>,
}

/// What an [`Access`] starts at.
#[derive(Debug, Clone, PartialEq)]
pub enum Root {
    /// The message body.
    Payload,
    /// A variable.
    Variable,
    /// The result of `registry()`, `object()` or `array()`.
    Call(Box<Expr>),
}

/// Contents of a bracket.
#[derive(Debug, Clone, PartialEq)]
pub enum Index {
    /// One expression.
    One(Expr),
    /// `a, b` or `a : b`; an absent side of a slice is `None`.
    List(char, Vec<Option<Expr>>),
    /// `?(...)`: the text between the parentheses and the parts of it that are evaluated.
    Filter(String, Vec<(String, Expr)>),
}

/// A binary operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it.
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    And,
    Or,
}

/// A text without one pair of matching outer quotes, as the engine prints every text.
pub fn unquoted(text: &str) -> &str {
    for quote in ['"', '\''] {
        if text.len() > 1 && text.starts_with(quote) && text.ends_with(quote) {
            return &text[1..text.len() - 1];
        }
    }
    text
}
