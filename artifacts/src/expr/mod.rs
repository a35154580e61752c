//! Expression languages: text in, syntax tree or [`SyntaxError`] out.
//!
//! Each language has its own module; evaluation is the runtime's.

pub mod jsonpath;
pub mod synapse;
pub mod xpath;

/// Why a text is no expression of its language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// What was expected and what was found, without the place.
    pub message: String,
    /// Byte offset in the expression text where it was found.
    pub offset: usize,
}

impl SyntaxError {
    /// An error at a byte offset.
    pub fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), offset }
    }
}
