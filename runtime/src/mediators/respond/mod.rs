//! `<respond/>`: the current message is the answer to the caller; the flow ends.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::xml::ElementRef;

struct Respond;

/// Takes no attributes.
pub(super) fn compile(_element: ElementRef<'_>, _compiler: &mut Compiler) -> Option<Step> {
    Some(Step::now(Respond))
}

impl Mediator for Respond {
    fn mediate(&self, message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
        message.addressing.to = None;
        message.response = true;
        Ok(Next::Reply)
    }

    fn reads_body(&self) -> bool {
        false
    }
}
