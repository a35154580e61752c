//! `<sequence key=".."/>`: runs a named sequence; `<sequence name="..">` with children runs in place.
//!
//! ```xml
//! <sequence key="audit"/>
//! <sequence key="{get-property('next')}"/>
//! ```

#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::eval::Dynamic;
use crate::flow::{Block, Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
enum Sequence {
    Inline(Arc<Block>),
    Reference(Dynamic),
}

/// `name` with children and `onError`, or `key` alone.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    if element.attr("name").is_some() {
        return Some(Step::now(Sequence::Inline(compiler.block(element))));
    }
    let Some(key) = element.attr("key") else {
        let message = "<sequence> needs 'key' (a reference) or 'name' (written in place)";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        return None;
    };
    if element.attr("onError").is_some() {
        let message = "a reference to a sequence cannot have 'onError'";
        compiler
            .error(Code::CONFLICT, element.place_of("onError"), message)
            .with_hint("put 'onError' on the sequence that is referred to");
    }
    let dynamic = compiler.dynamic(element, "key")?;
    if matches!(dynamic, Dynamic::Literal(_)) {
        compiler.sequence_key(element, "key", key);
    }
    Some(Step::now(Sequence::Reference(dynamic)))
}

impl Mediator for Sequence {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let key = match self {
            Sequence::Inline(block) => return Ok(Next::enter(block)),
            Sequence::Reference(key) => key,
        };
        let name = key.text(message, cx)?.unwrap_or_default();
        match cx.sequence(&name) {
            Some(sequence) => Ok(Next::enter(&sequence.block)),
            None => Err(missing(key, &name)),
        }
    }

    /// MI does not build the message for a key, not even for one computed from the payload.
    fn reads_body(&self) -> bool {
        false
    }
}

/// What MI says about a key that leads nowhere.
fn missing(key: &Dynamic, name: &str) -> Fault {
    if name.is_empty() || !crate::compile::is_resource_path(name) {
        return Fault::new(format!("Error while resolving the canonical path of the registry key : {name}"));
    }
    Fault::new(match key {
        Dynamic::Literal(name) => {
            format!("Sequence named Value {{name ='null', keyValue ='{name}'}} cannot be found")
        }
        Dynamic::Expr(expr) | Dynamic::Escaped(expr) => {
            format!("Sequence named Value {{name ='null', expression ={}}} cannot be found", expr.source())
        }
    })
    .detail(format!("the sequence '{name}' is not deployed"))
}
