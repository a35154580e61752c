//! `<conditionalRouter>`: runs the targets whose conditions hold.
//!
//! ```xml
//! <conditionalRouter continueAfter="true">
//!   <conditionalRoute breakRoute="false" asynchronous="false">
//!     <condition><match type="header" source="X" regex="a.*"/></condition>
//!     <target sequence="A"/>
//!   </conditionalRoute>
//! </conditionalRouter>
//! ```

mod run;
#[cfg(test)]
mod tests;

use super::parts::condition::{self, Condition};
use super::parts::reading::{is_false_explicitly, is_true_explicitly};
use super::parts::target::{self, Target};
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

#[derive(Debug)]
struct Router {
    continue_after: bool,
    routes: Vec<Route>,
}

#[derive(Debug)]
struct Route {
    condition: Condition,
    target: Target,
    /// No further route after this one.
    breaks: bool,
    asynchronous: bool,
}

/// Each route needs a condition and a target.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let continue_after = boolean(element, "continueAfter", false, compiler);
    let routes =
        element.children_named("conditionalRoute").filter_map(|child| route(child, compiler)).collect();
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    Some(Step::wait(Router { continue_after, routes }))
}

/// These attributes have to say clearly yes or no.
fn boolean(element: ElementRef<'_>, name: &str, default: bool, compiler: &mut Compiler) -> bool {
    let Some(text) = element.attr(name).map(str::trim) else { return default };
    if is_true_explicitly(text) {
        return true;
    }
    if !is_false_explicitly(text) {
        let message = format!("'{name}' of <{}> is 'true' or 'false', found '{text}'", element.local());
        compiler.error(Code::BAD_VALUE, element.place_of(name), message);
    }
    false
}

fn route(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Route> {
    let breaks = boolean(element, "breakRoute", true, compiler);
    let condition = element.child("condition").and_then(ElementRef::first);
    if condition.is_none() {
        compiler.error(Code::MISSING_CHILD, element.place(), "<conditionalRoute> needs a <condition>");
    }
    let condition = condition.and_then(|child| condition::compile(child, compiler));
    let target = element.child("target").map(|child| target::compile(child, compiler));
    if target.is_none() {
        compiler.error(Code::MISSING_CHILD, element.place(), "<conditionalRoute> needs a <target>");
    }
    let asynchronous = element.attr("asynchronous").is_some_and(is_true_explicitly);
    Some(Route { condition: condition?, target: target?, breaks, asynchronous })
}
