//! Artifact set to program: reads mediators, parses expressions, collects every problem. Pure: no
//! socket, no file, nothing spawned.

mod program;

pub use program::{Options, compile};

use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::{Block, Step};
use crate::mediators;
use artifacts::diagnostics::{Code, Diagnostic, Diagnostics, nearest};
use artifacts::source::{SourceRef, Span};
use artifacts::xml::ElementRef;
use regex::Regex;
use std::sync::Arc;

/// What a mediator's `compile` works with.
#[derive(Debug, Default)]
pub struct Compiler {
    /// Everything found so far.
    pub diagnostics: Diagnostics,
    /// Endpoint templates of the deployment, filled in when an instance is compiled.
    pub(crate) endpoint_templates: std::collections::HashMap<String, artifacts::xml::XmlElement>,
}

impl Compiler {
    /// Records an error: MI refuses the artifact.
    pub fn error(
        &mut self,
        code: Code,
        at: (&SourceRef, Span),
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.error(code, at, message)
    }

    /// Records a warning: MI deploys it anyway.
    pub fn warning(
        &mut self,
        code: Code,
        at: (&SourceRef, Span),
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.warning(code, at, message)
    }

    /// Compiles the child elements of `element` as mediators. Children that cannot be compiled are
    /// reported and left out.
    pub fn block(&mut self, element: ElementRef<'_>) -> Arc<Block> {
        let steps = element.children().filter_map(|child| self.mediator(child)).collect();
        Arc::new(Block { steps, on_error: element.attr("onError").map(Into::into) })
    }

    /// Compiles one mediator element.
    pub fn mediator(&mut self, element: ElementRef<'_>) -> Option<Step> {
        mediators::compile(element, self)
    }

    /// A required attribute: an error when it is absent, the text otherwise.
    pub fn required<'e>(&mut self, element: ElementRef<'e>, name: &str) -> Option<&'e str> {
        let value = element.attr(name);
        if value.is_none() {
            let message = format!("<{}> needs the attribute '{name}'", element.local());
            self.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        }
        value
    }

    /// An attribute that must be one of `words` (exactly, as MI compares). Absent gives `None`.
    pub fn word<'w>(&mut self, element: ElementRef<'_>, name: &str, words: &[&'w str]) -> Option<&'w str> {
        let value = element.attr(name)?;
        if let Some(word) = words.iter().find(|w| **w == value) {
            return Some(word);
        }
        let message =
            format!("'{name}' of <{}> is one of {}, found '{value}'", element.local(), words.join(", "));
        let hint = nearest(value, words.iter().copied()).map(|word| format!("did you mean '{word}'?"));
        let diagnostic = self.error(Code::BAD_VALUE, element.place_of(name), message);
        diagnostic.hint = hint;
        None
    }

    /// Compiles the expression in an attribute; a syntax error is reported.
    pub fn expression(
        &mut self,
        element: ElementRef<'_>,
        name: &str,
        dialects: Dialects,
    ) -> Option<Arc<Expr>> {
        let text = element.attr(name)?;
        self.expression_text(element, element.place_of(name), text, dialects)
    }

    /// Compiles an expression text that stands at `place`.
    pub fn expression_text(
        &mut self,
        element: ElementRef<'_>,
        place: (&SourceRef, Span),
        text: &str,
        dialects: Dialects,
    ) -> Option<Arc<Expr>> {
        match Expr::compile(text, &element.prefixes(), dialects) {
            Ok(expr) => Some(Arc::new(expr)),
            Err(problem) => {
                self.error(
                    Code::BAD_EXPRESSION,
                    place,
                    format!("the expression '{text}' is not valid: {problem}"),
                );
                None
            }
        }
    }

    /// Compiles a "key or dynamic value" attribute: literal, `{expression}` or `{{expression}}`.
    pub fn dynamic(&mut self, element: ElementRef<'_>, name: &str) -> Option<Dynamic> {
        let text = element.attr(name)?;
        self.dynamic_text(element, element.place_of(name), text)
    }

    /// As [`Self::dynamic`] for a text at `place`.
    pub fn dynamic_text(
        &mut self,
        element: ElementRef<'_>,
        place: (&SourceRef, Span),
        text: &str,
    ) -> Option<Dynamic> {
        let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}'));
        let Some(inner) = inner else { return Some(Dynamic::Literal(text.into())) };
        match inner.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            Some(escaped) => {
                self.expression_text(element, place, escaped, Dialects::Any).map(Dynamic::Escaped)
            }
            None => self.expression_text(element, place, inner, Dialects::Any).map(Dynamic::Expr),
        }
    }

    /// Compiles a regular expression attribute for full matches, as Java's `matches`.
    pub fn full_match(&mut self, element: ElementRef<'_>, name: &str) -> Option<Regex> {
        let text = element.attr(name)?;
        match Regex::new(&format!("^(?s-u:)(?:{text})$")) {
            Ok(regex) => Some(regex),
            Err(error) => {
                let reason = error.to_string().lines().last().unwrap_or_default().to_owned();
                let message = format!("'{name}' of <{}> is no regular expression: {reason}", element.local());
                self.error(Code::BAD_REGEX, element.place_of(name), message);
                None
            }
        }
    }
}
