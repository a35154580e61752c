//! `<iterate>`: a copy of the message for each element that an expression selects.
//!
//! ```xml
//! <iterate expression="//item" continueParent="false" sequential="false" id="i"
//!          preservePayload="true" attachPath="//items">
//!   <target><sequence>...</sequence></target>
//! </iterate>
//! ```

mod run;
mod split;
#[cfg(test)]
mod tests;

use super::parts::reading::parse_boolean;
use super::parts::target::{self, Target};
use crate::compile::Compiler;
use crate::eval::{Dialect, Dialects, Expr};
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct Iterate {
    id: Option<Arc<str>>,
    continue_parent: bool,
    sequential: bool,
    /// Each copy keeps the rest of the payload.
    preserve_payload: bool,
    expression: Arc<Expr>,
    /// Where the element goes in a preserved payload.
    attach_path: Option<Arc<Expr>>,
    target: Target,
}

/// `expression` and `attachPath` are of one language; `attachPath` needs `preservePayload`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    compiler.required(element, "expression");
    let expression = compiler.expression(element, "expression", Dialects::Any);
    let preserve_payload = parse_boolean(element.attr("preservePayload"));
    if element.attr("attachPath").is_some() && !preserve_payload {
        let message = "'attachPath' needs preservePayload=\"true\"";
        compiler.error(Code::CONFLICT, element.place_of("attachPath"), message);
    }
    let attach_path = match element.attr("attachPath") {
        Some(_) => compiler.expression(element, "attachPath", Dialects::Any),
        None => default_attach_path(element, expression.as_deref(), compiler),
    };
    if let (Some(expression), Some(path)) = (&expression, &attach_path)
        && expression.dialect() != path.dialect()
        && element.attr("attachPath").is_some()
    {
        let message = "'expression' and 'attachPath' are both XPath or both JSONPath";
        compiler.error(Code::CONFLICT, element.place_of("attachPath"), message);
    }
    let target = match element.child("target") {
        Some(child) => Some(target::compile(child, compiler)),
        None => {
            compiler.error(Code::MISSING_CHILD, element.place(), "<iterate> needs a <target>");
            None
        }
    };
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    Some(Step::wait(Iterate {
        id: element.attr("id").map(Into::into),
        continue_parent: parse_boolean(element.attr("continueParent")),
        sequential: element.attr("sequential") == Some("true"),
        preserve_payload,
        expression: expression?,
        attach_path,
        target: target?,
    }))
}

fn default_attach_path(
    element: ElementRef<'_>,
    expression: Option<&Expr>,
    compiler: &mut Compiler,
) -> Option<Arc<Expr>> {
    let text = if expression?.dialect() == Dialect::JsonPath { "json-eval($)" } else { "." };
    compiler.expression_text(element, element.place(), text, Dialects::PathsOnly)
}
