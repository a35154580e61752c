//! `<throttle>`: lets a limited number of requests through, by a policy in place or by key.
//!
//! ```xml
//! <throttle id="orders">
//!   <policy key="conf:/policy.xml"/>
//!   <onAccept> .. </onAccept>
//!   <onReject> .. </onReject>
//! </throttle>
//! ```
//!
//! Callers are told apart by domain (`X-Forwarded-Host`) and address (`X-Forwarded-For`, else the peer).
//! Responses pass. Without `onReject` a rejected request just ends.

mod policy;
mod run;
#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::flow::Step;
use crate::program::FlowTarget;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use policy::Policy;
use run::{Counters, Throttle};
use std::sync::{Arc, OnceLock};

/// Where the policy comes from.
#[derive(Debug)]
enum Source {
    Inline(Option<Arc<Policy>>),
    Key(Arc<str>, OnceLock<Arc<Policy>>),
}

/// `id`, a `policy` with `key` or an element, `onAccept` and `onReject` as attribute or child.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let source = element.child("policy").map_or(Some(Source::Inline(None)), |p| source(p, compiler));
    let id = compiler.filled(element, "id", true);
    let on_reject = branch(element, "onReject", compiler);
    let on_accept = branch(element, "onAccept", compiler);
    let counters = Arc::new(Counters::default());
    Some(Step::now(Throttle { id: id?.trim().into(), source: source?, on_accept, on_reject, counters }))
}

fn source(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Source> {
    match element.attr("key") {
        Some("") => {
            compiler.filled(element, "key", true);
            None
        }
        Some(key) => Some(Source::Key(key.into(), OnceLock::new())),
        None => Some(Source::Inline(element.first().map(|first| {
            let policy = Policy::read(first);
            if policy.is_empty() {
                let message = "the policy limits nothing: no MediatorThrottleAssertion with rules is in it";
                compiler.warning(Code::BAD_VALUE, first.place(), message);
            }
            Arc::new(policy)
        }))),
    }
}

fn branch(element: ElementRef<'_>, name: &str, compiler: &mut Compiler) -> Option<FlowTarget> {
    match element.attr(name) {
        Some(key) => Some(FlowTarget::Named(key.trim().into())),
        None => element.child(name).map(|child| FlowTarget::Inline(compiler.block(child))),
    }
}
