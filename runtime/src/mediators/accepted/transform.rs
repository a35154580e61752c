//! xslt, xquery, datamapper, jsontransform, rewrite, validate.

use super::{child, key};
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::mediators::parts::{condition, reading};
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

pub(super) fn xslt(element: ElementRef<'_>, compiler: &mut Compiler) {
    key(element, "key", compiler);
    compiler.expression(element, "source", Dialects::XPathOnly);
    reading::features(element, compiler);
    reading::pairs(element, "attribute", compiler);
    reading::named_settings(element, compiler);
}

pub(super) fn fast_xslt(element: ElementRef<'_>, compiler: &mut Compiler) {
    key(element, "key", compiler);
}

const TYPES: [&str; 11] = [
    "INT", "INTEGER", "BOOLEAN", "BYTE", "DOUBLE", "SHORT", "LONG", "FLOAT", "STRING", "DOCUMENT", "ELEMENT",
];

pub(super) fn xquery(element: ElementRef<'_>, compiler: &mut Compiler) {
    key(element, "key", compiler);
    if element.attr("target").is_some_and(|target| !target.is_empty()) {
        compiler.expression(element, "target", Dialects::XPathOnly);
    }
    for variable in element.children_named("variable") {
        let filled = |name: &str| variable.attr(name).is_some_and(|text| !text.is_empty());
        if !filled("name") || !filled("type") {
            continue;
        }
        if !filled("value") && filled("expression") {
            compiler.expression(variable, "expression", Dialects::XPathOnly);
        }
        if !TYPES.contains(&variable.attr("type").unwrap_or("").trim()) {
            compiler.word(variable, "type", &TYPES);
        }
    }
}

pub(super) fn data_mapper(element: ElementRef<'_>, compiler: &mut Compiler) {
    for attribute in ["config", "inputSchema", "outputSchema"] {
        key(element, attribute, compiler);
    }
    compiler.dynamic(element, "xsltStyleSheet");
}

pub(super) fn json_transform(element: ElementRef<'_>, compiler: &mut Compiler) {
    compiler.dynamic(element, "schema");
    let properties = reading::named_settings(element, compiler);
    if element.attr("schema").is_none() && properties.is_empty() {
        let message = "<jsontransform> needs 'schema' or a <property>";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
    }
}

const ACTIONS: [&str; 6] = ["set", "append", "prepend", "replace", "remove", "remove-query-param"];
const FRAGMENTS: [&str; 8] = ["protocol", "user", "host", "port", "path", "query", "ref", "full"];

pub(super) fn rewrite(element: ElementRef<'_>, compiler: &mut Compiler) {
    for rule in element.children_named("rewriterule") {
        rule.children_named("action").for_each(|action| rewrite_action(action, compiler));
        if let Some(first) = rule.child("condition").and_then(ElementRef::first) {
            condition::compile(first, compiler);
        }
    }
}

fn rewrite_action(action: ElementRef<'_>, compiler: &mut Compiler) {
    let kind = action.attr("type");
    if action.attr("value").is_none() && action.attr("xpath").is_none() && kind != Some("remove") {
        compiler.error(Code::MISSING_ATTRIBUTE, action.place(), "<action> needs 'value' or 'xpath'");
    }
    compiler.expression(action, "xpath", Dialects::XPathOnly);
    compiler.word(action, "fragment", &FRAGMENTS);
    compiler.word(action, "type", &ACTIONS);
    match kind {
        Some("replace") => _ = compiler.required(action, "regex"),
        Some("remove-query-param") if action.attr("fragment") != Some("query") => {
            let message = "'remove-query-param' is only allowed for the fragment 'query'";
            compiler.error(Code::CONFLICT, action.place_of("type"), message);
        }
        _ => {}
    }
}

pub(super) fn validate(element: ElementRef<'_>, compiler: &mut Compiler) {
    if child(element, "schema", compiler).is_some() {
        element.children_named("schema").for_each(|schema| key(schema, "key", compiler));
    }
    compiler.expression(element, "source", Dialects::Any);
    reading::features(element, compiler);
    match element.child("on-fail") {
        Some(on_fail) if on_fail.first().is_some() => _ = compiler.block(on_fail),
        _ => {
            let message = "<validate> needs an <on-fail> with mediators in it";
            compiler.error(Code::MISSING_CHILD, element.place(), message);
        }
    }
}
