//! `<opa>`: asks an Open Policy Agent server whether a request is allowed.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// All children are optional; a parameter needs a name.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let parameters = element.child("additionalParameters");
    for parameter in parameters.into_iter().flat_map(|list| list.children_named("parameter")) {
        compiler.required(parameter, "name");
    }
    unsupported::step(element, "Open Policy Agent checks are not available", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &["<opa><serverUrl>http://x</serverUrl><bogus/></opa>"],
            &["<opa><additionalParameters><parameter>v</parameter></additionalParameters></opa>"],
        );
    }
}
