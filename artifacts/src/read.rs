//! The cursor that kinds read elements with: attributes, numbers, placeholders, and what to say when
//! something is missing, wrong or unknown.
//!
//! Reading never stops: a method that cannot give a value has already recorded why.

use crate::config::{self, ConfigSource, NoConfigs};
use crate::diagnostics::{Code, Diagnostic, Diagnostics, nearest};
use crate::source::{SourceRef, Span};
use crate::values;
use crate::xml::ElementRef;

/// The list that findings go to and the values for placeholders.
pub struct Reader<'r> {
    /// Where findings go.
    pub diagnostics: &'r mut Diagnostics,
    /// Values for `$SYSTEM:`, `$FILE:` and `${configs.}`.
    pub configs: &'r dyn ConfigSource,
}

impl std::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader({} findings)", self.diagnostics.len())
    }
}

impl<'r> Reader<'r> {
    /// A reader that leaves placeholders as they are.
    pub fn new(diagnostics: &'r mut Diagnostics) -> Self {
        Self { diagnostics, configs: &NoConfigs }
    }

    /// A reader that resolves placeholders.
    pub fn with(diagnostics: &'r mut Diagnostics, configs: &'r dyn ConfigSource) -> Self {
        Self { diagnostics, configs }
    }

    /// Records an error.
    pub fn error(
        &mut self,
        code: Code,
        at: (&SourceRef, Span),
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.error(code, at, message)
    }

    /// Records a warning.
    pub fn warn(
        &mut self,
        code: Code,
        at: (&SourceRef, Span),
        message: impl Into<String>,
    ) -> &mut Diagnostic {
        self.diagnostics.warning(code, at, message)
    }

    /// An attribute that must be there and not be empty.
    pub fn required(&mut self, element: ElementRef<'_>, attribute: &str) -> Option<String> {
        match element.attr(attribute) {
            Some(value) if !value.is_empty() => Some(value.to_owned()),
            found => {
                let found = if found.is_some() { "it is empty" } else { "it is missing" };
                let message = format!("<{}> needs the attribute '{attribute}'; {found}", element.local());
                let near = nearest(attribute, element.attributes().iter().map(|a| &*a.name.local));
                let near = near.filter(|name| *name != attribute).map(str::to_owned);
                let diagnostic = self.error(Code::MISSING_ATTRIBUTE, element.place_of(attribute), message);
                if let Some(near) = near {
                    diagnostic.with_hint(format!("'{near}' is not read; did you mean '{attribute}'?"));
                }
                None
            }
        }
    }

    /// An attribute that must be there but may be empty.
    pub fn present(&mut self, element: ElementRef<'_>, attribute: &str) -> Option<String> {
        match element.attr(attribute) {
            Some(value) => Some(value.to_owned()),
            None => self.required(element, attribute),
        }
    }

    /// `enable` switches statistics and tracing on; everything else is off.
    pub fn enabled(&self, element: ElementRef<'_>, attribute: &str) -> bool {
        element.attr(attribute) == Some("enable")
    }

    /// A value with its placeholder resolved; a placeholder without a value is an error and stays.
    pub fn resolve(&mut self, value: &str, at: (&SourceRef, Span)) -> String {
        config::resolve(value, self.configs).unwrap_or_else(|placeholder| {
            let message = format!("'{placeholder}' has no value");
            self.error(Code::UNRESOLVED_CONFIG, at, message);
            value.to_owned()
        })
    }

    /// An attribute with its placeholder resolved.
    pub fn resolved(&mut self, element: ElementRef<'_>, attribute: &str) -> Option<String> {
        let value = element.attr(attribute)?;
        Some(self.resolve(value, element.place_of(attribute)))
    }

    /// A 32-bit number; `None` was reported.
    pub fn int(&mut self, text: &str, at: (&SourceRef, Span), what: &str) -> Option<i32> {
        let value = values::java_int(text);
        if value.is_none() {
            self.bad_number(text, at, what, "a whole number");
        }
        value
    }

    /// A 64-bit number; `None` was reported.
    pub fn long(&mut self, text: &str, at: (&SourceRef, Span), what: &str) -> Option<i64> {
        let value = values::java_long(text);
        if value.is_none() {
            self.bad_number(text, at, what, "a whole number");
        }
        value
    }

    /// A decimal number; `None` was reported.
    pub fn float(&mut self, text: &str, at: (&SourceRef, Span), what: &str) -> Option<f64> {
        let value = values::java_float(text);
        if value.is_none() {
            self.bad_number(text, at, what, "a number");
        }
        value
    }

    fn bad_number(&mut self, text: &str, at: (&SourceRef, Span), what: &str, expected: &str) {
        let message = format!("{what} must be {expected}; found '{text}'");
        let trimmed = text.trim();
        let diagnostic = self.error(Code::BAD_VALUE, at, message);
        if trimmed != text && values::java_long(trimmed).is_some() {
            diagnostic.with_hint("remove the blanks around it");
        }
    }

    /// One of a list of words; `None` was reported.
    pub fn word<T: Copy>(
        &mut self,
        text: &str,
        at: (&SourceRef, Span),
        what: &str,
        words: &[(&str, T)],
    ) -> Option<T> {
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Some(*value);
        }
        self.unknown_word(text, at, what, words.iter().map(|(word, _)| *word));
        None
    }

    /// Reports a word that is none of `words`.
    pub fn unknown_word<'w>(
        &mut self,
        text: &str,
        at: (&SourceRef, Span),
        what: &str,
        words: impl Iterator<Item = &'w str> + Clone,
    ) {
        let listed = words.clone().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
        let near = nearest(text, words).map(str::to_owned);
        let diagnostic =
            self.error(Code::BAD_VALUE, at, format!("expected one of {listed} as {what}; found '{text}'"));
        if let Some(near) = near {
            diagnostic.with_hint(format!("did you mean '{near}'?"));
        }
    }

    /// Warns about attributes that nobody reads (names in no namespace only).
    pub fn known_attributes(&mut self, element: ElementRef<'_>, known: &[&str]) {
        for attribute in element.attributes() {
            let name = &*attribute.name.local;
            if !attribute.name.ns.is_empty() || known.contains(&name) || name == "description" {
                continue;
            }
            let message = format!("<{}> has no attribute '{name}'; it is ignored", element.local());
            let near = nearest(name, known.iter().copied().filter(|k| element.attr(k).is_none()));
            let near = near.map(str::to_owned);
            let diagnostic = self.warn(Code::UNKNOWN_ATTRIBUTE, (element.source(), attribute.span), message);
            if let Some(near) = near {
                diagnostic.with_hint(format!("did you mean '{near}'?"));
            }
        }
    }

    /// Warns about child elements that nobody reads.
    pub fn known_children(&mut self, element: ElementRef<'_>, known: &[&str]) {
        for child in element.children() {
            let name = child.local();
            if known.contains(&name) && child.is_synapse() {
                continue;
            }
            if known.contains(&name) {
                let message = format!(
                    "<{name}> is ignored: it is in the namespace '{}' instead of Synapse's",
                    child.ns()
                );
                self.warn(Code::WRONG_NAMESPACE, child.place(), message);
                continue;
            }
            let message = format!("<{}> has no child <{name}>; it is ignored", element.local());
            let near = nearest(name, known.iter().copied()).map(str::to_owned);
            let diagnostic = self.warn(Code::UNKNOWN_ELEMENT, child.place(), message);
            if let Some(near) = near {
                diagnostic.with_hint(format!("did you mean <{near}>?"));
            }
        }
    }

    /// A static reference or name that MI looks up as a registry path when it deploys.
    pub fn registry_key(&mut self, element: ElementRef<'_>, attribute: &str) {
        let Some(key) = element.attr(attribute) else { return };
        if !values::is_registry_key(key) {
            let message = format!(
                "'{key}' cannot be used as '{attribute}' of <{}>: blanks, braces and brackets are not allowed in it",
                element.local()
            );
            self.error(Code::BAD_VALUE, element.place_of(attribute), message);
        }
    }
}
