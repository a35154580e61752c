//! `<entitlementService>`: has an identity server decide by XACML policy.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// `invalidationInterval` and `maxCacheEntries` are numbers; the four sequences are compiled unless an
/// attribute of that name refers to one.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.number::<i32>(element, "invalidationInterval");
    compiler.number::<i32>(element, "maxCacheEntries");
    for name in ["onReject", "onAccept", "obligations", "advice"] {
        if element.attr(name).is_none()
            && let Some(child) = element.child(name)
        {
            compiler.block(child);
        }
    }
    unsupported::step(element, "XACML decisions of an identity server are not available", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &[
                "<entitlementService/>",
                "<entitlementService onReject='s'><onReject><bogus/></onReject></entitlementService>",
                "<entitlementService><onAccept><log/></onAccept></entitlementService>",
            ],
            &[
                "<entitlementService maxCacheEntries='x'/>",
                "<entitlementService><advice><bogus/></advice></entitlementService>",
            ],
        );
    }
}
