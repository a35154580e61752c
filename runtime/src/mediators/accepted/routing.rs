//! conditionalRouter and scatter-gather.

use super::child;
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::mediators::parts::{condition, reading};
use artifacts::diagnostics::Code;
use artifacts::values;
use artifacts::xml::ElementRef;

pub(super) fn conditional_router(element: ElementRef<'_>, compiler: &mut Compiler) {
    explicit_boolean(element, "continueAfter", compiler);
    for route in element.children_named("conditionalRoute") {
        explicit_boolean(route, "breakRoute", compiler);
        match child(route, "condition", compiler).map(ElementRef::first) {
            Some(Some(first)) => _ = condition::compile(first, compiler),
            Some(None) => {
                compiler.error(Code::MISSING_CHILD, route.place(), "<condition> is empty");
            }
            None => {}
        }
        child(route, "target", compiler);
    }
}

fn explicit_boolean(element: ElementRef<'_>, attribute: &str, compiler: &mut Compiler) {
    let Some(text) = element.attr(attribute).map(str::trim) else { return };
    if !reading::is_true_explicitly(text) && !reading::is_false_explicitly(text) {
        let message = format!("'{attribute}' of <{}> is 'true' or 'false', found '{text}'", element.local());
        compiler.error(Code::BAD_VALUE, element.place_of(attribute), message);
    }
}

pub(super) fn scatter_gather(element: ElementRef<'_>, compiler: &mut Compiler) {
    reading::not_blank(element, "result-content-type", compiler);
    if compiler.word(element, "result-content-type", &["JSON", "XML"]) == Some("XML") {
        reading::not_blank(element, "result-enclosing-element", compiler);
    }
    if let Some(target) = reading::not_blank(element, "target", compiler) {
        match target.to_lowercase().as_str() {
            "variable" => _ = reading::not_blank(element, "target-variable", compiler),
            "body" => {}
            _ => _ = compiler.word(element, "target", &["body", "variable"]),
        }
    }
    child(element, "sequence", compiler);
    element.children_named("sequence").for_each(|sequence| _ = compiler.block(sequence));
    let Some(aggregation) = child(element, "aggregation", compiler) else { return };
    compiler.required(aggregation, "expression");
    compiler.expression(aggregation, "expression", Dialects::Any);
    compiler.expression(aggregation, "condition", Dialects::Any);
    compiler.dynamic(aggregation, "min-messages");
    compiler.dynamic(aggregation, "max-messages");
    if let Some(text) = aggregation.attr("timeout")
        && values::java_long(text).is_none()
    {
        let message = format!("'timeout' of <aggregation> must be a whole number, found '{text}'");
        compiler.error(Code::BAD_VALUE, aggregation.place_of("timeout"), message);
    }
}
