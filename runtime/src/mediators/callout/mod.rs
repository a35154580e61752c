//! `<callout>`: the old blocking call. A part of the message is what is sent; the answer takes the
//! place of a part.
//!
//! ```xml
//! <callout serviceURL="http://host/quotes" action="urn:getQuote">
//!   <source xpath="//m:getQuote"/>
//!   <target xpath="//m:getQuote"/>
//! </callout>
//! ```
//!
//! `key` instead of `xpath` names a property (as a source also a local entry) that holds an element.
//! Without a source the whole envelope is sent, without a target the answer is the new envelope. JSON is
//! sent and taken over as a whole. Of the answer only the payload and `HTTP_SC` reach the message.

mod run;
#[cfg(test)]
mod tests;

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::endpoints::Endpoint;
use crate::eval::{Dialects, Expr};
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

/// What is sent, or what the answer replaces.
#[derive(Debug)]
enum Part {
    /// The whole envelope.
    Envelope,
    /// The first element that an XPath selects.
    Path(Arc<Expr>),
    /// The element in a property.
    Key(Arc<str>),
}

struct Callout {
    /// `None`: the message's `To`.
    endpoint: Option<Arc<Endpoint>>,
    action: Option<Arc<str>>,
    source: Part,
    target: Part,
}

/// Of several addresses the first in this order counts: `serviceURL`, `endpointKey`, `<endpoint>`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    if let Some(text) = element.attr("initAxis2ClientOptions")
        && !["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
    {
        let message = format!("'initAxis2ClientOptions' is true or false, found '{text}'");
        compiler.error(Code::BAD_VALUE, element.place_of("initAxis2ClientOptions"), message);
    }
    let inline = element.child("endpoint").and_then(|endpoint| compiler.endpoint_element(endpoint));
    let endpoint = match (element.attr("serviceURL"), element.attr("endpointKey")) {
        (Some(url), _) => Some(Arc::new(Endpoint::at(url))),
        (None, Some(key)) => Some(Arc::new(Endpoint::by_key(key))),
        (None, None) => inline,
    };
    let source = element.child("source").filter(|s| s.attr("type") != Some("envelope"));
    let source = source.map_or(Some(Part::Envelope), |source| part(source, compiler));
    let target = element.child("target").map_or(Some(Part::Envelope), |target| part(target, compiler));
    let security = element.child("enableSec");
    let policies = ["policy", "outboundPolicy", "inboundPolicy"];
    if let Some(security) = security.filter(|s| policies.iter().all(|name| s.attr(name).is_none())) {
        let message = "<enableSec> needs 'policy', 'outboundPolicy' or 'inboundPolicy'";
        compiler.error(Code::MISSING_ATTRIBUTE, security.place(), message);
    }
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    if security.is_some() {
        return unsupported::step(element, "there is no WS-Security", compiler);
    }
    let action = element.attr("action").map(Into::into);
    Some(Step::wait(Callout { endpoint, action, source: source?, target: target? }))
}

fn part(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Part> {
    if element.attr("xpath").is_some() {
        return compiler.expression(element, "xpath", Dialects::XPathOnly).map(Part::Path);
    }
    if let Some(key) = element.attr("key") {
        return Some(Part::Key(key.into()));
    }
    let message = format!("<{}> of <callout> needs 'xpath' or 'key'", element.local());
    compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
    None
}
