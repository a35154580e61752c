//! Artifact set to program: reads mediators, parses expressions, collects every problem. Pure: no
//! socket, no file, nothing spawned.

mod on_demand;
mod program;

pub use program::{Options, compile};

use crate::eval::{Dialects, Dynamic, Expr, InlineTemplate, JavaRegex};
use crate::flow::{Block, Step};
use crate::mediators;
use artifacts::diagnostics::{Code, Diagnostic, Diagnostics, nearest};
use artifacts::source::{SourceRef, Span};
use artifacts::xml::ElementRef;
use regex::Regex;
use std::collections::HashSet;
use std::str::FromStr;
use std::sync::Arc;

/// What a mediator's `compile` works with.
#[derive(Debug, Default)]
pub struct Compiler {
    /// Everything found so far.
    pub diagnostics: Diagnostics,
    /// Endpoint templates of the deployment, filled in when an instance is compiled.
    pub(crate) endpoint_templates: std::collections::HashMap<String, artifacts::xml::XmlElement>,
    /// Connectors that the deployment imports, by name; `None` when that is not known, as for a single
    /// file that is checked.
    pub libraries: Option<HashSet<Arc<str>>>,
    /// Names of the sequences of the deployment.
    pub sequences: HashSet<Arc<str>>,
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

    /// Compiles an anonymous sequence (`inSequence`, `sequence` of a target): its children are
    /// mediators, its `onError` names the fault sequence.
    pub fn block(&mut self, element: ElementRef<'_>) -> Arc<Block> {
        let steps = self.steps(element);
        Arc::new(Block { steps, on_error: element.attr("onError").map(Into::into) })
    }

    /// Compiles a plain list (`then`, `case`, `in`, ...), which has no `onError` in MI.
    pub fn list(&mut self, element: ElementRef<'_>) -> Arc<Block> {
        Arc::new(Block { steps: self.steps(element), on_error: None })
    }

    /// The child elements of `element` as mediators, `description` left out. Children that cannot be
    /// compiled are reported and skipped.
    fn steps(&mut self, element: ElementRef<'_>) -> Vec<Step> {
        let is_mediator = |child: &ElementRef<'_>| child.local() != "description" || !child.is_synapse();
        element.children().filter(is_mediator).filter_map(|child| self.mediator(child)).collect()
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

    /// As [`Self::required`], and an empty value is an error too (a blank one with `blank` false).
    pub fn filled<'e>(&mut self, element: ElementRef<'e>, name: &str, blank: bool) -> Option<&'e str> {
        let value = self.required(element, name)?;
        if value.is_empty() || (!blank && value.trim().is_empty()) {
            let message = format!("'{name}' of <{}> must not be empty", element.local());
            self.error(Code::MISSING_ATTRIBUTE, element.place_of(name), message);
            return None;
        }
        Some(value)
    }

    /// Checks the static key of a sequence. One that is not deployed is looked up in the registry, which
    /// refuses keys that cannot be part of a path.
    pub fn sequence_key(&mut self, element: ElementRef<'_>, name: &str, key: &str) {
        if self.sequences.contains(key) || (!key.is_empty() && is_resource_path(key)) {
            return;
        }
        let message = format!("'{key}' names no sequence and cannot be a registry key");
        self.error(Code::BAD_VALUE, element.place_of(name), message);
    }

    /// A number attribute as Java's `parseInt` and its kin read it: no blanks, no fraction. Absent
    /// gives `None`; an unreadable one is an error.
    pub fn number<N: FromStr>(&mut self, element: ElementRef<'_>, name: &str) -> Option<N> {
        let value = element.attr(name)?;
        let number = value.parse().ok();
        if number.is_none() {
            let message =
                format!("'{name}' of <{}> must be a whole number, found '{value}'", element.local());
            self.error(Code::BAD_VALUE, element.place_of(name), message);
        }
        number
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
        if let Some(escaped) = text.trim().strip_prefix("{{").and_then(|t| t.strip_suffix("}}"))
            && !escaped.is_empty()
        {
            return Some(self.escaped(element, place, escaped));
        }
        match text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
            Some(inner) => self.expression_text(element, place, inner, Dialects::Any).map(Dynamic::Expr),
            None => Some(Dynamic::Literal(text.into())),
        }
    }

    /// Compiles a text with `${...}` in it that stands at `place`.
    pub fn inline_text(
        &mut self,
        element: ElementRef<'_>,
        place: (&SourceRef, Span),
        text: &str,
    ) -> Option<InlineTemplate> {
        match InlineTemplate::compile(text, &element.prefixes()) {
            Ok(template) => Some(template),
            Err(problem) => {
                let message =
                    format!("an expression in the text of <{}> is not valid: {problem}", element.local());
                self.error(Code::BAD_EXPRESSION, place, message);
                None
            }
        }
    }

    /// `{{expr}}`. MI parses it when it is used, so a mistake in it is no reason to refuse the artifact.
    fn escaped(&mut self, element: ElementRef<'_>, place: (&SourceRef, Span), text: &str) -> Dynamic {
        match Expr::compile(text, &element.prefixes(), Dialects::Any) {
            Ok(expr) => Dynamic::Escaped(Arc::new(expr)),
            Err(problem) => {
                let message = format!("the expression '{text}' is not valid: {problem}");
                self.warning(Code::BAD_EXPRESSION, place, message);
                Dynamic::Literal(format!("{{{{{text}}}}}").into())
            }
        }
    }

    /// Compiles a regular expression attribute for full matches, as Java's `matches`.
    pub fn full_match(&mut self, element: ElementRef<'_>, name: &str) -> Option<Regex> {
        let text = element.attr(name)?;
        match Regex::new(&format!("^(?s-u:)(?:{text})$")) {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.bad_regex(element, name, &error.to_string());
                None
            }
        }
    }

    /// Compiles an attribute in Java's regular expression syntax. Absent gives `None`; a syntax error
    /// is reported.
    pub fn pattern(&mut self, element: ElementRef<'_>, name: &str) -> Option<JavaRegex> {
        let text = element.attr(name)?;
        match JavaRegex::compile(text) {
            Ok(pattern) => Some(pattern),
            Err(reason) => {
                self.bad_regex(element, name, &reason);
                None
            }
        }
    }

    fn bad_regex(&mut self, element: ElementRef<'_>, name: &str, reason: &str) {
        let reason = reason.lines().last().unwrap_or_default();
        let message = format!("'{name}' of <{}> is no regular expression: {reason}", element.local());
        self.error(Code::BAD_REGEX, element.place_of(name), message);
    }
}

/// Can the text stand in a registry path? MI puts it into a URI, which takes no blanks, braces, quotes
/// and the like.
pub fn is_resource_path(key: &str) -> bool {
    !key.chars().any(|c| c.is_whitespace() || c.is_control() || "{}<>\"\\^`|".contains(c))
}
