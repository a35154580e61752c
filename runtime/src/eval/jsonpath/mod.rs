//! JSONPath in Jayway's dialect over [`Json`]: reading, and changing by path for enrich and foreach.

mod change;
mod filter;
mod functions;
mod number;
mod program;
mod run;
#[cfg(test)]
mod tests;

pub use number::Number;

use super::selection::{JsonMatch, Key};
use crate::message::Json;
use artifacts::expr::SyntaxError;
use program::Token;
use run::{Run, last_member};
use std::sync::Arc;

/// Why a path gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A member or element that the path needs is not there.
    #[error("{0}")]
    NotFound(String),
    /// The path cannot be applied to this tree (a function over wrong input, a filter over a scalar).
    #[error("{0}")]
    Invalid(String),
}

/// What reading gives, with the Java type that MI works with.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// Null.
    Null,
    /// A string; `true` when a function gave it (then it is no JSON element any more).
    Text(Arc<str>, bool),
    /// A boolean; `true` when a function gave it.
    Bool(bool, bool),
    /// A number; `true` when a function gave it.
    Number(Number, bool),
    /// An object or array.
    Container(Json),
}

/// A compiled path.
#[derive(Debug, Clone)]
pub struct JsonPath {
    text: Arc<str>,
    at_document: bool,
    tokens: Vec<Token>,
    definite: bool,
    function: bool,
    /// Only single members and positions: walked without bookkeeping.
    simple: bool,
}

impl JsonPath {
    /// Compiles a path as Jayway does: `$.a`, `a.b` and `@.a` are all accepted.
    pub fn compile(text: &str) -> Result<Self, SyntaxError> {
        Self::from_path(&artifacts::expr::jsonpath::parse(text)?, text)
    }

    fn from_path(path: &artifacts::expr::jsonpath::Path, text: &str) -> Result<Self, SyntaxError> {
        let tokens = program::tokens(&path.tokens)?;
        let simple = tokens.iter().all(|token| match token {
            Token::Properties(names) => names.len() == 1,
            Token::Indexes(indexes) => indexes.len() == 1,
            _ => false,
        });
        Ok(Self {
            text: text.into(),
            at_document: path.at_document,
            tokens,
            definite: path.is_definite(),
            function: path.is_function(),
            simple,
        })
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names at most one element (no wildcard, scan, slice or filter)?
    pub fn is_definite(&self) -> bool {
        self.definite
    }

    /// Ends in a function?
    pub fn is_function(&self) -> bool {
        self.function
    }

    /// Is it `$`?
    pub fn is_root(&self) -> bool {
        self.at_document && self.tokens.is_empty()
    }

    /// Reads: the element of a definite path, an array of matches otherwise. A member that is missing
    /// at the end of a definite path is [`PathError::NotFound`].
    pub fn read(&self, root: &Json) -> Result<Json, PathError> {
        Ok(match self.find(root)? {
            Found::Null => Json::Null,
            Found::Text(text, _) => Json::String(text),
            Found::Bool(value, _) => Json::Bool(value),
            Found::Number(number, _) => Json::Number(number.text()),
            Found::Container(json) => json,
        })
    }

    /// Reads with the Java type of the result.
    pub fn find(&self, root: &Json) -> Result<Found, PathError> {
        if self.simple {
            let (json, member) = self.walk(root)?;
            return Ok(found(json, member, false));
        }
        let hits = Run::new(self, root, root).hits()?;
        if !self.definite {
            return Ok(Found::Container(Json::Array(hits.into_iter().map(run::Hit::into_result).collect())));
        }
        match hits.into_iter().next_back() {
            Some(hit) => Ok(found(&hit.value, hit.member, self.function)),
            None => Err(self.not_found()),
        }
    }

    /// The element of a path of members and positions only, without copying it; `None` for other paths.
    pub fn peek<'j>(&self, root: &'j Json) -> Option<Result<&'j Json, PathError>> {
        self.simple.then(|| self.walk(root).map(|(json, _)| json))
    }

    fn not_found(&self) -> PathError {
        PathError::NotFound(format!("no results for path {}", self.text))
    }

    /// The element and whether it is a member of an object.
    fn walk<'j>(&self, root: &'j Json) -> Result<(&'j Json, bool), PathError> {
        let (mut json, mut member) = (root, false);
        for token in &self.tokens {
            let next = match (token, json) {
                (Token::Properties(names), Json::Object(members)) => {
                    member = true;
                    names.first().and_then(|name| last_member(members, name))
                }
                (Token::Indexes(indexes), Json::Array(items)) => {
                    member = false;
                    indexes.first().and_then(|index| items.get(run::position(*index, items.len())?))
                }
                _ => None,
            };
            json = next.ok_or_else(|| self.not_found())?;
        }
        Ok((json, member))
    }

    /// Every match with its place.
    pub fn matches(&self, root: &Json) -> Result<Vec<JsonMatch>, PathError> {
        let hits = Run::new(self, root, root).tracked().hits()?;
        if self.definite && hits.is_empty() {
            return Err(self.not_found());
        }
        Ok(hits
            .into_iter()
            .map(|hit| JsonMatch { place: hit.place.clone(), value: hit.into_result() })
            .collect())
    }

    /// The places of all matches; a missing leaf is no error here.
    fn places(&self, root: &Json) -> Result<Vec<Vec<Key>>, PathError> {
        let places: Vec<_> =
            Run::new(self, root, root).for_update().hits()?.into_iter().map(|hit| hit.place).collect();
        if places.is_empty() { Err(self.not_found()) } else { Ok(places) }
    }
}

fn found(json: &Json, member: bool, function: bool) -> Found {
    match json {
        Json::Null => Found::Null,
        Json::Bool(value) => Found::Bool(*value, function),
        Json::String(text) => Found::Text(text.clone(), function),
        Json::Number(text) if function => Found::Number(Number::of_function(text), true),
        Json::Number(text) if member => Found::Number(Number::of_member(text), false),
        Json::Number(text) => Found::Number(Number::Lazy(text.clone()), false),
        container => Found::Container(container.clone()),
    }
}
