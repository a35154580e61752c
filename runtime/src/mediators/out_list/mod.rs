//! `<out>`: its children run when the message is a response.

use super::in_list::Directed;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// Its children are mediators.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    Some(Step::now(Directed { response: true, block: compiler.list(element) }))
}
