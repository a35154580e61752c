//! `<in>`: its children run when the message is no response.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{Block, Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::xml::ElementRef;
use std::sync::Arc;

/// A list for one direction; `<out>` is the same with `response` true.
#[derive(Debug)]
pub(super) struct Directed {
    pub(super) response: bool,
    pub(super) block: Arc<Block>,
}

/// Its children are mediators.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    Some(Step::now(Directed { response: false, block: compiler.list(element) }))
}

impl Mediator for Directed {
    fn mediate(&self, message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
        Ok(if message.response == self.response { Next::enter(&self.block) } else { Next::Continue })
    }

    fn reads_body(&self) -> bool {
        false
    }
}
