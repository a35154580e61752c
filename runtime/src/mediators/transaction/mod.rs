//! `<transaction action=".."/>`: begins and ends a JTA transaction. There is no transaction manager here.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// `action` is needed; unknown words are found when a message comes.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.required(element, "action")?;
    unsupported::step(element, "there is no transaction manager", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(&["<transaction action='bogus'/>"], &["<transaction/>"]);
    }
}
