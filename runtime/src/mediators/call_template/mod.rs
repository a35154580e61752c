//! `<call-template>`: runs a sequence template with parameters.
//!
//! ```xml
//! <call-template target="notify" onError="failed">
//!   <with-param name="to" value="{json-eval($.mail)}"/>
//!   <with-param name="path" value="{{//order}}"/>
//! </call-template>
//! ```
//!
//! A value in one pair of braces is evaluated for the call; in two pairs the expression itself is handed
//! over and evaluated where the template uses the parameter.

mod run;
#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::eval::Dynamic;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct CallTemplate {
    target: Arc<str>,
    on_error: Option<Arc<str>>,
    parameters: Vec<(Arc<str>, Argument)>,
}

#[derive(Debug)]
struct Argument {
    value: Dynamic,
    /// Namespaces that a computed expression is compiled with.
    prefixes: Vec<(Arc<str>, Arc<str>)>,
}

/// `target` (always the name as written), `onError`, and `with-param` children.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let target = compiler.filled(element, "target", true);
    let children = element.children_named("with-param");
    let parameters = children.filter_map(|child| parameter(child, compiler)).collect();
    let on_error = element.attr("onError").filter(|name| !name.is_empty()).map(Into::into);
    Some(Step::now(CallTemplate { target: target?.into(), on_error, parameters }))
}

/// A parameter without a name is ignored, but its value is checked.
fn parameter(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<(Arc<str>, Argument)> {
    let value = compiler.required(element, "value").and_then(|_| compiler.dynamic(element, "value"));
    let name = element.attr("name")?;
    if name.is_empty() {
        let message = "'name' of <with-param> must not be empty";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place_of("name"), message);
    }
    Some((name.into(), Argument { value: value?, prefixes: element.prefixes() }))
}
