//! JSONPath as Jayway's library reads it: as lax (`$.a[` is `$.a`, `a.b` is `$.a.b`) and as strict
//! (no blanks in names, no trailing dot) as that parser.

mod cursor;
mod filter;
mod parser;
#[cfg(test)]
mod tests;

pub use parser::parse;

/// A parsed path.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// Does it start at the document (`$`) or at the item of a filter (`@`)?
    pub at_document: bool,
    /// The steps after the root.
    pub tokens: Vec<Token>,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Token {
    /// `.a`, `['a']`, `['a','b']`
    Properties(Vec<String>),
    /// `[1]`, `[1,-2]`
    Indexes(Vec<i32>),
    /// `[1:2]`, `[:2]`, `[1:]`; a step after a second colon is read and ignored.
    Slice(Option<i32>, Option<i32>),
    /// `*`, `[*]`
    Wildcard,
    /// `..`; applies the following step to every container below.
    Scan,
    /// `[?(...)]`
    Filter(Filter),
    /// `name(...)`
    Function(String, Vec<Parameter>),
}

/// An argument of a path function.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// JSON text: number, string or object.
    Json(String),
    /// A path.
    Path(Path),
}

/// The condition of a filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// One of them.
    Or(Vec<Filter>),
    /// All of them.
    And(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
    /// `left op right`
    Relation(Operand, Operator, Operand),
    /// A path alone, or `!` and a path.
    Exists(Path, bool),
}

/// A side of a relation.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// `@.a`, `$.a`
    Path(Path),
    /// A quoted text, unescaped.
    Text(String),
    /// A number as written.
    Number(String),
    /// `true`, `false`
    Bool(bool),
    /// `null`
    Null,
    /// `[...]` or `{...}`, as written.
    Json(String),
    /// `/pattern/flags`
    Pattern(String, String),
}

/// A relation; words are accepted in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // The names say it.
pub enum Operator {
    Ge,
    Le,
    Eq,
    TypeSafeEq,
    Ne,
    TypeSafeNe,
    Lt,
    Gt,
    Regex,
    NotIn,
    In,
    Contains,
    All,
    Size,
    Exists,
    Type,
    Matches,
    Empty,
    SubsetOf,
    AnyOf,
    NoneOf,
}

impl Operator {
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        Some(match text.to_uppercase().as_str() {
            ">=" => Self::Ge,
            "<=" => Self::Le,
            "==" => Self::Eq,
            "===" => Self::TypeSafeEq,
            "!=" => Self::Ne,
            "!==" => Self::TypeSafeNe,
            "<" => Self::Lt,
            ">" => Self::Gt,
            "=~" => Self::Regex,
            "NIN" => Self::NotIn,
            "IN" => Self::In,
            "CONTAINS" => Self::Contains,
            "ALL" => Self::All,
            "SIZE" => Self::Size,
            "EXISTS" => Self::Exists,
            "TYPE" => Self::Type,
            "MATCHES" => Self::Matches,
            "EMPTY" => Self::Empty,
            "SUBSETOF" => Self::SubsetOf,
            "ANYOF" => Self::AnyOf,
            "NONEOF" => Self::NoneOf,
            _ => return None,
        })
    }
}

impl Path {
    /// Names at most one element?
    pub fn is_definite(&self) -> bool {
        let last = self.tokens.len().saturating_sub(1);
        self.tokens.iter().enumerate().all(|(index, token)| match token {
            Token::Properties(names) => names.len() == 1 || index == last,
            Token::Indexes(indexes) => indexes.len() == 1,
            Token::Function(..) => true,
            Token::Slice(..) | Token::Wildcard | Token::Scan | Token::Filter(_) => false,
        })
    }

    /// Ends in a function?
    pub fn is_function(&self) -> bool {
        matches!(self.tokens.last(), Some(Token::Function(..)))
    }
}
