//! `<clone>`: a copy of the message for each target.
//!
//! ```xml
//! <clone continueParent="false" sequential="false" id="c" iterations="3">
//!   <target sequence="A"/>
//!   <target><sequence>...</sequence></target>
//! </clone>
//! ```

mod run;
#[cfg(test)]
mod tests;

use super::parts::reading::is_true_explicitly;
use super::parts::target::{self, Target};
use crate::compile::Compiler;
use crate::eval::Dynamic;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct Clone {
    id: Option<Arc<str>>,
    continue_parent: bool,
    sequential: bool,
    /// So many copies for the single target.
    iterations: Option<Dynamic>,
    targets: Vec<Target>,
}

/// With `iterations` at most one target is allowed.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let targets: Vec<Target> =
        element.children_named("target").map(|child| target::compile(child, compiler)).collect();
    let iterations = compiler.dynamic(element, "iterations");
    if element.attr("iterations").is_some() && targets.len() > 1 {
        let message = format!("with 'iterations' <clone> has one target, found {}", targets.len());
        compiler.error(Code::CONFLICT, element.place_of("iterations"), message);
    }
    let clone = Clone {
        id: element.attr("id").map(Into::into),
        continue_parent: element.attr("continueParent").is_some_and(is_true_explicitly),
        sequential: element.attr("sequential") == Some("true"),
        iterations: iterations.filter(|_| element.attr("iterations") != Some("")),
        targets,
    };
    (!compiler.diagnostics.has_errors_since(mark)).then(|| Step::wait(clone))
}
