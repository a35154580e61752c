//! `<fastXSLT key="k"/>`: transforms the payload. MI streams it through the transformer; here it is the
//! same transformation as `<xslt key="k"/>`.

use super::xslt;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// `key` is needed.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.required(element, "key")?;
    compiler.dynamic(element, "key").map(xslt::plain)
}
