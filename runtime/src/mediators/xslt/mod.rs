//! `<xslt key [source] [target] [useCache]>`: transforms the payload, or what `source` selects.
//!
//! ```xml
//! <xslt key="orders.xslt" source="//order" target="result">
//!   <property name="currency" expression="$ctx:currency"/>
//!   <resource location="common.xslt" key="conf:common"/>
//! </xslt>
//! ```
//!
//! The result takes the place of what was transformed, or becomes the property `target`.

mod run;
#[cfg(test)]
mod tests;

use super::parts::reading::{
    NamedSetting, ResourceEntry, features, named_settings, pairs, parse_boolean, resources,
};
use crate::compile::Compiler;
use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::Step;
use artifacts::xml::ElementRef;
use std::sync::Arc;

/// A transformation; also what `fastXSLT` is.
#[derive(Debug)]
pub(super) struct Xslt {
    key: Dynamic,
    source: Option<Arc<Expr>>,
    target: Option<Arc<str>>,
    parameters: Vec<NamedSetting>,
    resources: Vec<ResourceEntry>,
    use_cache: bool,
    cache: run::Cache,
}

/// `key` is needed; `source` is XPath.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    compiler.required(element, "key");
    let key = compiler.dynamic(element, "key");
    let source = compiler.expression(element, "source", Dialects::XPathOnly);
    // Features and attributes steer Java's transformer; they are read for their mistakes only.
    features(element, compiler);
    pairs(element, "attribute", compiler);
    let parameters = named_settings(element, compiler);
    let resources = resources(element, compiler);
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    let use_cache = element.attr("useCache").is_none_or(|text| parse_boolean(Some(text)));
    let target = element.attr("target").map(Into::into);
    let cache = run::Cache::default();
    Some(Step::now(Xslt { key: key?, source, target, parameters, resources, use_cache, cache }))
}

/// A transformation of the payload without parameters.
pub(super) fn plain(key: Dynamic) -> Step {
    Step::now(Xslt {
        key,
        source: None,
        target: None,
        parameters: Vec::new(),
        resources: Vec::new(),
        use_cache: true,
        cache: run::Cache::default(),
    })
}
