//! cache, conditionalRouter, scatter-gather, throttle.

use super::child;
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::mediators::parts::{condition, reading};
use artifacts::diagnostics::Code;
use artifacts::values;
use artifacts::xml::ElementRef;

pub(super) fn cache(element: ElementRef<'_>, compiler: &mut Compiler) {
    if compiler.required(element, "collector").is_none() {
        return;
    }
    if compiler.word(element, "collector", &["true", "false"]) != Some("false") {
        return;
    }
    number(element, "timeout", compiler, |text| values::java_long(text).is_some());
    number(element, "maxMessageSize", compiler, |text| values::java_int(text).is_some());
    if let Some(implementation) = element.child("implementation") {
        number(implementation, "maxSize", compiler, |text| values::java_int(text).is_some());
    }
    element.children_named("protocol").take(1).for_each(|protocol| cache_methods(protocol, compiler));
    if let Some(hit) = element.child("onCacheHit")
        && hit.attr("sequence").is_none()
    {
        compiler.block(hit);
    }
}

fn number(element: ElementRef<'_>, attribute: &str, compiler: &mut Compiler, fits: fn(&str) -> bool) {
    let Some(text) = element.attr(attribute) else { return };
    if !fits(text.trim()) {
        let message =
            format!("'{attribute}' of <{}> must be a whole number, found '{text}'", element.local());
        compiler.error(Code::BAD_VALUE, element.place_of(attribute), message);
    }
}

const METHODS: [&str; 9] = ["POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "PATCH", "*"];

fn cache_methods(protocol: ElementRef<'_>, compiler: &mut Compiler) {
    let is_http = protocol.attr("type").is_some_and(|kind| kind.trim().eq_ignore_ascii_case("http"));
    let Some(methods) = protocol.child("methods").filter(|_| is_http) else { return };
    let text = methods.text();
    for word in text.split(',').filter(|_| !text.is_empty()) {
        if !METHODS.contains(&&*word.trim().to_uppercase()) {
            let message = format!("'{}' is no method that <cache> knows", word.trim());
            compiler.error(Code::BAD_VALUE, methods.place(), message);
        }
    }
}

pub(super) fn conditional_router(element: ElementRef<'_>, compiler: &mut Compiler) {
    explicit_boolean(element, "continueAfter", compiler);
    for route in element.children_named("conditionalRoute") {
        explicit_boolean(route, "breakRoute", compiler);
        match child(route, "condition", compiler).map(ElementRef::first) {
            Some(Some(first)) => _ = condition::compile(first, compiler),
            Some(None) => {
                compiler.error(Code::MISSING_CHILD, route.place(), "<condition> is empty");
            }
            None => {}
        }
        child(route, "target", compiler);
    }
}

fn explicit_boolean(element: ElementRef<'_>, attribute: &str, compiler: &mut Compiler) {
    let Some(text) = element.attr(attribute).map(str::trim) else { return };
    if !reading::is_true_explicitly(text) && !reading::is_false_explicitly(text) {
        let message = format!("'{attribute}' of <{}> is 'true' or 'false', found '{text}'", element.local());
        compiler.error(Code::BAD_VALUE, element.place_of(attribute), message);
    }
}

pub(super) fn scatter_gather(element: ElementRef<'_>, compiler: &mut Compiler) {
    reading::not_blank(element, "result-content-type", compiler);
    if compiler.word(element, "result-content-type", &["JSON", "XML"]) == Some("XML") {
        reading::not_blank(element, "result-enclosing-element", compiler);
    }
    if let Some(target) = reading::not_blank(element, "target", compiler) {
        match target.to_lowercase().as_str() {
            "variable" => _ = reading::not_blank(element, "target-variable", compiler),
            "body" => {}
            _ => _ = compiler.word(element, "target", &["body", "variable"]),
        }
    }
    child(element, "sequence", compiler);
    element.children_named("sequence").for_each(|sequence| _ = compiler.block(sequence));
    let Some(aggregation) = child(element, "aggregation", compiler) else { return };
    compiler.required(aggregation, "expression");
    compiler.expression(aggregation, "expression", Dialects::Any);
    compiler.expression(aggregation, "condition", Dialects::Any);
    compiler.dynamic(aggregation, "min-messages");
    compiler.dynamic(aggregation, "max-messages");
    if let Some(text) = aggregation.attr("timeout")
        && values::java_long(text).is_none()
    {
        let message = format!("'timeout' of <aggregation> must be a whole number, found '{text}'");
        compiler.error(Code::BAD_VALUE, aggregation.place_of("timeout"), message);
    }
}

pub(super) fn throttle(element: ElementRef<'_>, compiler: &mut Compiler) {
    if compiler.required(element, "id") == Some("") {
        compiler.error(Code::MISSING_ATTRIBUTE, element.place_of("id"), "'id' of <throttle> is empty");
    }
    if let Some(policy) = element.child("policy")
        && policy.attr("key") == Some("")
    {
        compiler.error(Code::MISSING_ATTRIBUTE, policy.place_of("key"), "'key' of <policy> is empty");
    }
    for name in ["onReject", "onAccept"] {
        if element.attr(name).is_none()
            && let Some(flow) = element.child(name)
        {
            compiler.block(flow);
        }
    }
}
