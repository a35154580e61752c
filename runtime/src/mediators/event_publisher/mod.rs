//! `<eventPublisher eventSourceName=".."/>`: hands a message to an event source.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// `eventSourceName` is needed.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let source = compiler.required(element, "eventSourceName")?;
    unsupported::step(element, &format!("the event source {source} is not available"), compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(&["<eventPublisher eventSourceName='e'/>"], &["<eventPublisher/>"]);
    }
}
