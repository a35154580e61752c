//! JSONPath in Jayway's dialect over [`Json`]: reading, and changing by path for enrich and foreach.

use super::selection::JsonMatch;
use crate::message::Json;
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

/// A compiled path.
#[derive(Debug, Clone)]
pub struct JsonPath {
    text: Arc<str>,
}

impl JsonPath {
    /// Compiles a path as Jayway does: `$.a`, `a.b` and `@.a` are all accepted.
    pub fn compile(text: &str) -> Result<Self, artifacts::expr::SyntaxError> {
        Ok(Self { text: text.into() })
    }

    /// The text as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Names at most one element (no wildcard, scan, slice or filter)?
    pub fn is_definite(&self) -> bool {
        true
    }

    /// Is it `$`?
    pub fn is_root(&self) -> bool {
        &*self.text == "$"
    }

    /// Reads: the element of a definite path, an array of matches otherwise.
    pub fn read(&self, _root: &Json) -> Result<Json, PathError> {
        Ok(Json::Null)
    }

    /// Every match with its place.
    pub fn matches(&self, _root: &Json) -> Result<Vec<JsonMatch>, PathError> {
        Ok(Vec::new())
    }

    /// Replaces what matches; [`PathError::NotFound`] when a definite path matches nothing.
    pub fn set(&self, _root: &mut Json, _value: &Json) -> Result<(), PathError> {
        Ok(())
    }

    /// Appends to the arrays that match.
    pub fn add(&self, _root: &mut Json, _value: &Json) -> Result<(), PathError> {
        Ok(())
    }

    /// Sets a member in the objects that match.
    pub fn put(&self, _root: &mut Json, _key: &str, _value: &Json) -> Result<(), PathError> {
        Ok(())
    }

    /// Removes what matches.
    pub fn delete(&self, _root: &mut Json) -> Result<(), PathError> {
        Ok(())
    }

    /// Renames a member in the objects that match; the member moves to the end, as Jayway does.
    pub fn rename_key(&self, _root: &mut Json, _old: &str, _new: &str) -> Result<(), PathError> {
        Ok(())
    }
}
