//! `<validate [source] [cache-schema] [json-source]>`: checks the payload against schemas; `on-fail`
//! runs when it does not fit, and then the flow goes on.
//!
//! ```xml
//! <validate source="//order" cache-schema="true" json-source="false">
//!   <schema key="orders.xsd"/>
//!   <resource location="types.xsd" key="conf:types"/>
//!   <on-fail>...</on-fail>
//! </validate>
//! ```
//!
//! JSON payloads are checked with JSON Schema (draft 4, the last key counts), others with XML Schema.

mod run;
mod schema;
#[cfg(test)]
mod tests;
mod xsd;

use super::parts::reading::{ResourceEntry, features, parse_boolean, resources};
use crate::compile::Compiler;
use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::{Block, Step};
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct Validate {
    schemas: Vec<Dynamic>,
    source: Option<Arc<Expr>>,
    json_source: bool,
    resources: Vec<ResourceEntry>,
    on_fail: Arc<Block>,
    cache: run::Cache,
}

/// A schema with a key and a filled `on-fail` are needed.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let mut schemas = Vec::new();
    for child in element.children_named("schema") {
        compiler.required(child, "key");
        schemas.extend(compiler.dynamic(child, "key"));
    }
    if element.child("schema").is_none() {
        compiler.error(Code::MISSING_CHILD, element.place(), "<validate> needs a <schema>");
    }
    let source = compiler.expression(element, "source", Dialects::Any);
    let resources = resources(element, compiler);
    features(element, compiler);
    let on_fail = match element.child("on-fail").filter(|child| child.first().is_some()) {
        Some(child) => Some(compiler.block(child)),
        None => {
            let message = "<validate> needs an <on-fail> with mediators";
            compiler.error(Code::MISSING_CHILD, element.place(), message);
            None
        }
    };
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    let json_source = parse_boolean(element.attr("json-source"));
    let cache = run::Cache::default();
    Some(Step::now(Validate { schemas, source, json_source, resources, on_fail: on_fail?, cache }))
}
