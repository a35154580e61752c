//! `<smooks config-key="k"><input type="xml|text"/><output type="xml|text|java"/></smooks>`: accepted;
//! the transformations are Java code.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// Only `config-key` is looked at.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.required(element, "config-key")?;
    unsupported::step(element, "Smooks transformations need a Java virtual machine", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn verdict() {
        verdicts(
            &["<smooks config-key='k'><input type='text'/><output type='xml'/></smooks>"],
            &["<smooks/>"],
        );
    }
}
