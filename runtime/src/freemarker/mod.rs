//! FreeMarker templates: the part of the language that payload templates use.
//!
//! Interpolations, `if`, `list`, `assign`, macros and functions, `switch`, `attempt`, white-space
//! stripping, XML nodes and about a hundred built-ins. What is not there (includes, imports, custom
//! transforms) is refused when the template is parsed. Numbers print as Java does in US English.

mod built_ins;
mod expression;
mod parser;
mod render;
mod scan;
#[cfg(test)]
mod tests;
mod value;
mod xml;

pub use value::{Moment, Value};
pub use xml::Nodes;

use parser::Parsed;

/// Why a template is no template, or why it could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What was expected and what was found.
    pub message: String,
    /// Byte offset in the template; 0 for problems while filling in.
    pub offset: usize,
}

/// Where top-level names come from; [`Value::Null`] for names that are not there.
pub type Model<'m> = &'m dyn Fn(&str) -> Value;

/// A parsed template. Immutable; shared by all messages.
#[derive(Debug)]
pub struct Template {
    parsed: Parsed,
    text: String,
}

impl Template {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        Ok(Self { parsed: parser::parse(text)?, text: text.to_owned() })
    }

    /// The text it was parsed from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Fills it in.
    pub fn render(&self, model: Model<'_>) -> Result<String, TemplateError> {
        render::render(&self.parsed, model)
    }
}
