//! Mediators that MI knows and this runtime does not run yet: their grammar is checked as MI checks it,
//! a warning says that they are not run, and a message that reaches one faults.
//!
//! A row of the mediator table hides the row of the same name here.

mod routing;
mod transform;

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

/// Reports what MI refuses in an element.
type Check = fn(ElementRef<'_>, &mut Compiler);

/// Names and checks.
const ALL: &[(&str, Check)] = &[
    ("builder", |_, _| {}),
    ("conditionalRouter", routing::conditional_router),
    ("datamapper", transform::data_mapper),
    ("fastXSLT", transform::fast_xslt),
    ("jsontransform", transform::json_transform),
    ("rewrite", transform::rewrite),
    ("scatter-gather", routing::scatter_gather),
    ("smooks", |_, _| {}),
    ("validate", transform::validate),
    ("xquery", transform::xquery),
    ("xslt", transform::xslt),
];

/// A step for an accepted element, `None` for a name that MI does not know either.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let local = element.local();
    if !element.is_synapse() {
        return None;
    }
    if let Some((_, check)) = ALL.iter().find(|(name, _)| *name == local) {
        check(element, compiler);
    } else {
        return None;
    }
    let message = format!("<{local}> is not run yet; a message that reaches it faults");
    compiler.warning(Code::UNSUPPORTED, element.place(), message);
    Some(Step::now(NotRun { name: local.into() }))
}

/// Names for "did you mean".
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|(name, _)| *name)
}

#[derive(Debug)]
struct NotRun {
    name: Arc<str>,
}

impl Mediator for NotRun {
    fn mediate(&self, _message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
        Err(Fault::new(format!("the mediator <{}> is not run by this version", self.name)))
    }

    fn reads_body(&self) -> bool {
        false
    }
}

/// A required child element.
fn child<'e>(element: ElementRef<'e>, name: &str, compiler: &mut Compiler) -> Option<ElementRef<'e>> {
    let found = element.child(name);
    if found.is_none() {
        let message = format!("<{}> needs a <{name}>", element.local());
        compiler.error(Code::MISSING_CHILD, element.place(), message);
    }
    found
}

/// A static registry key, or an expression in braces.
fn key(element: ElementRef<'_>, attribute: &str, compiler: &mut Compiler) {
    if compiler.required(element, attribute).is_some() {
        compiler.dynamic(element, attribute);
    }
}

#[cfg(test)]
mod tests;
