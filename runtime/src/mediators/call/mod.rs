//! `<call>`: sends the message and goes on with the response behind it.
//!
//! ```xml
//! <call>
//!   <source type="inline" contentType="application/json">{"ask": 1}</source>
//!   <target type="property">answer</target>
//!   <endpoint key="Orders"/>
//! </call>
//! ```
//!
//! Without `blocking="true"` the response replaces payload, headers and axis2 properties; a blocking
//! call keeps request headers and takes error statuses as faults. With a target other than the body
//! the original payload, types and headers come back after the call.

mod run;
#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::endpoints::Endpoint;
use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::{ElementRef, XmlElement};
use std::sync::Arc;

/// What is sent.
#[derive(Debug)]
enum Source {
    /// The body as it is.
    Body,
    /// The value of a default-scope property.
    Property(Arc<str>),
    /// An element or text of the artifact.
    Inline(Inline),
    /// What an expression selects.
    Custom(Arc<Expr>),
}

#[derive(Debug)]
enum Inline {
    Xml(XmlElement),
    Text(Arc<str>),
}

/// Where the response goes.
#[derive(Debug)]
enum Target {
    Body,
    Property(Arc<str>),
    Variable(Dynamic),
}

struct Call {
    endpoint: Option<Arc<Endpoint>>,
    blocking: bool,
    source: Option<(Source, Option<String>)>,
    target: Option<Target>,
}

pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let endpoint = match element.child("endpoint") {
        Some(child) => compiler.endpoint_element(child),
        None => None,
    };
    let source = element.child("source").and_then(|child| source(child, compiler));
    let target = element.child("target").and_then(|child| target(child, compiler));
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    let blocking = element.attr("blocking") == Some("true");
    Some(Step::wait(Call { endpoint, blocking, source, target }))
}

fn source(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<(Source, Option<String>)> {
    let content_type = element.attr("contentType").map(str::to_owned);
    let kind = match element.attr("type") {
        None => "custom",
        Some(_) => compiler.word(element, "type", &["body", "property", "inline", "custom"])?,
    };
    let text = element.text().trim().to_owned();
    let source = match kind {
        "body" => Source::Body,
        "property" => Source::Property(needs_text(&text, element, compiler)?.into()),
        "inline" => match element.first() {
            Some(child) => Source::Inline(Inline::Xml(child.to_element())),
            None => Source::Inline(Inline::Text(needs_text(&text, element, compiler)?.into())),
        },
        _ => {
            let text = needs_text(&text, element, compiler)?;
            Source::Custom(compiler.expression_text(element, element.place(), text, Dialects::PathsOnly)?)
        }
    };
    Some((source, content_type))
}

fn target(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Target> {
    let kind = match element.attr("type") {
        None => "body",
        Some(_) => compiler.word(element, "type", &["body", "property", "variable"])?,
    };
    let text = element.text().trim().to_owned();
    Some(match kind {
        "property" => Target::Property(needs_text(&text, element, compiler)?.into()),
        "variable" => {
            let text = needs_text(&text, element, compiler)?;
            Target::Variable(compiler.dynamic_text(element, element.place(), text)?)
        }
        _ => Target::Body,
    })
}

fn needs_text<'t>(text: &'t str, element: ElementRef<'_>, compiler: &mut Compiler) -> Option<&'t str> {
    if text.is_empty() {
        let kind = element.attr("type").unwrap_or_default();
        let message = format!("<{}> of type '{kind}' needs a text", element.local());
        compiler.error(Code::MISSING_CHILD, element.place(), message);
        return None;
    }
    Some(text)
}
