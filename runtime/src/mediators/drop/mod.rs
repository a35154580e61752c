//! `<drop/>`: ends the flow. Sends nothing by itself; a request that nobody answered gets 202.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::xml::ElementRef;

struct Drop;

/// Takes no attributes.
pub(super) fn compile(_element: ElementRef<'_>, _compiler: &mut Compiler) -> Option<Step> {
    Some(Step::now(Drop))
}

impl Mediator for Drop {
    fn mediate(&self, message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
        message.addressing.to = None;
        Ok(Next::Stop)
    }

    fn reads_body(&self) -> bool {
        false
    }
}
