//! `<loopback/>`: a request turns round and takes the out route of its entry; a response just ends.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::xml::ElementRef;

struct Loopback;

/// Takes no attributes.
pub(super) fn compile(_element: ElementRef<'_>, _compiler: &mut Compiler) -> Option<Step> {
    Some(Step::now(Loopback))
}

impl Mediator for Loopback {
    fn mediate(&self, message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
        Ok(if message.response { Next::Stop } else { Next::Loopback })
    }

    fn reads_body(&self) -> bool {
        false
    }
}
