//! `<library.operation configKey="..">`: an operation of an imported connector. It is the call of a
//! sequence template that the connector brings; the children are the parameters.
//!
//! ```xml
//! <gmail.send configKey="MyGmail"><to>{json-eval($.mail)}</to></gmail.send>
//! ```

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

/// Can the element be an operation? The library is the part before the first dot.
pub(super) fn is_operation(element: ElementRef<'_>) -> bool {
    library(element).is_some()
}

fn library(element: ElementRef<'_>) -> Option<&str> {
    let (library, operation) = element.local().split_once('.')?;
    (!library.is_empty() && !operation.is_empty()).then_some(library)
}

/// Parameter values (text and attributes) may be expressions in braces. An operation of a library
/// that the deployment does not import is an unknown mediator, if the imports are known.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let library = library(element)?;
    let name = element.local();
    if let Some(libraries) = &compiler.libraries
        && !libraries.contains(library)
    {
        let message = format!("expected a mediator, found <{name}>; no connector '{library}' is imported");
        compiler.error(Code::UNKNOWN_MEDIATOR, element.place(), message);
        return None;
    }
    compiler.dynamic(element, "configKey");
    for child in element.children() {
        parameter(child, compiler);
    }
    let missing = format!("the connector '{library}' is written in Java and has no counterpart here");
    unsupported::step(element, &missing, compiler)
}

fn parameter(element: ElementRef<'_>, compiler: &mut Compiler) {
    for attribute in element.attributes().iter().filter(|attribute| !attribute.value.is_empty()) {
        compiler.dynamic(element, &attribute.name.local);
    }
    if element.first().is_none() {
        let text = element.text();
        compiler.dynamic_text(element, element.place(), &text);
    }
    for child in element.children() {
        parameter(child, compiler);
    }
}
