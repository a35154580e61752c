//! `<throwError type=".." errorMessage=".."/>`: raises a fault. The type becomes `ERROR_CODE`, as text.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::eval::Dynamic;
use crate::flow::{Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct ThrowError {
    kind: Arc<str>,
    text: Dynamic,
}

/// Both attributes are optional; the message may be `{expression}`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let filled = |name| element.attr(name).filter(|text: &&str| !text.is_empty());
    let text = match filled("errorMessage") {
        Some(_) => compiler.dynamic(element, "errorMessage")?,
        None => Dynamic::Literal("Error occurred in the mediation flow".into()),
    };
    Some(Step::now(ThrowError { kind: filled("type").unwrap_or("ANY").into(), text }))
}

impl Mediator for ThrowError {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let text = self.text.text(message, cx)?;
        message.properties.set("ERROR_CODE", &*self.kind);
        if let Some(text) = &text {
            message.properties.set("ERROR_MESSAGE", &**text);
        }
        // The code is set, so publishing leaves the properties alone: ERROR_DETAIL stays unset, as in MI.
        Err(Fault::new(text.unwrap_or_default().to_string()))
    }
}
