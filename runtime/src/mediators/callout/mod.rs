//! `<callout>`: the old blocking call.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

/// An inline endpoint, `source` and `target` with `xpath` or `key`, and a policy for `enableSec`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    if let Some(text) = element.attr("initAxis2ClientOptions")
        && !["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
    {
        let message = format!("'initAxis2ClientOptions' is true or false, found '{text}'");
        compiler.error(Code::BAD_VALUE, element.place_of("initAxis2ClientOptions"), message);
    }
    if let Some(endpoint) = element.child("endpoint") {
        compiler.endpoint_element(endpoint);
    }
    if let Some(source) = element.child("source").filter(|s| s.attr("type") != Some("envelope")) {
        part(source, compiler);
    }
    if let Some(target) = element.child("target") {
        part(target, compiler);
    }
    let security = element.child("enableSec");
    let policies = ["policy", "outboundPolicy", "inboundPolicy"];
    if let Some(security) = security.filter(|s| policies.iter().all(|name| s.attr(name).is_none())) {
        let message = "<enableSec> needs 'policy', 'outboundPolicy' or 'inboundPolicy'";
        compiler.error(Code::MISSING_ATTRIBUTE, security.place(), message);
    }
    unsupported::step(element, "use <call blocking=\"true\"> instead", compiler)
}

fn part(element: ElementRef<'_>, compiler: &mut Compiler) {
    if element.attr("xpath").is_some() {
        compiler.expression(element, "xpath", Dialects::XPathOnly);
    } else if element.attr("key").is_none() {
        let message = format!("<{}> of <callout> needs 'xpath' or 'key'", element.local());
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
    }
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &[
                "<callout/>",
                "<callout serviceURL='u' initAxis2ClientOptions='TRUE'><source xpath='//a'/><target key='k'/></callout>",
                "<callout><source type='envelope'/></callout>",
            ],
            &[
                "<callout initAxis2ClientOptions='1'/>",
                "<callout><source/></callout>",
                "<callout><target/></callout>",
                "<callout><source xpath=''/></callout>",
                "<callout><enableSec/></callout>",
            ],
        );
    }
}
