//! XSLT 1.0 on our own XPath and trees, with the parts of 2.0 that stylesheets of integrations use.
//!
//! [`Stylesheet::compile`] reads a stylesheet once and reports everything it cannot run, with offsets;
//! [`Stylesheet::transform`] is a pure function from tree and parameters to tree or text. A stylesheet
//! of version 2.0 or 3.0 is accepted; instructions beyond the supported ones are refused at compile time
//! unless they carry an `xsl:fallback`.

mod arena;
mod avt;
mod builder;
mod compile;
mod functions;
mod model;
mod numbers;
mod run;
#[cfg(test)]
mod tests;

pub use model::Stylesheet;
pub use run::Parameter;

use artifacts::xml::Document;

/// The XSLT namespace.
pub const XSL: &str = "http://www.w3.org/1999/XSL/Transform";

/// A problem of a stylesheet, or why a transformation stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct XsltError {
    /// What was expected and what was found.
    pub message: String,
    /// Byte offset in the text of the stylesheet; 0 where there is none.
    pub offset: u32,
}

/// What a transformation gives.
#[derive(Debug, Clone)]
pub enum Output {
    /// A tree; text and several elements may stand at its top.
    Xml(Document),
    /// `xsl:output method="text"`.
    Text(String),
}

impl Output {
    /// The result as text, elements serialised.
    pub fn text(&self) -> String {
        match self {
            Output::Xml(document) => document.to_xml(),
            Output::Text(text) => text.clone(),
        }
    }
}

/// Gives the stylesheet that `xsl:import` and `xsl:include` name; `None` when there is none.
pub type Loader<'l> = &'l dyn Fn(&str) -> Option<Document>;

fn error(offset: u32, message: impl Into<String>) -> XsltError {
    XsltError { message: message.into(), offset }
}
