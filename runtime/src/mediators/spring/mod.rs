//! `<spring bean=".." key=".."/>`: a Spring bean as mediator.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// Both attributes are needed.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let (bean, key) = (compiler.required(element, "bean"), compiler.required(element, "key"));
    let missing = format!("the Spring bean {} needs a Java virtual machine", bean?);
    key.and_then(|_| unsupported::step(element, &missing, compiler))
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(&["<spring bean='b' key='k'/>"], &["<spring bean='b'/>", "<spring key='k'/>"]);
    }
}
