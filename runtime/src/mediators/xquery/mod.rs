//! `<xquery key="k" [target="xpath"]>`: runs a query; its first item takes the place of the payload, or of
//! what `target` selects.
//!
//! ```xml
//! <xquery key="order-query" target="//m:order">
//!   <variable name="payload" type="ELEMENT"/>                      <!-- the payload -->
//!   <variable name="code" type="STRING" expression="//m:code"/>
//!   <variable name="rate" type="DOUBLE" value="1.5"/>
//!   <variable name="rates" type="DOCUMENT" key="rates.xml"/>
//! </xquery>
//! ```
//!
//! Of XQuery it knows what `query` says; a query that needs more is a fault of the message.

mod query;
mod run;
#[cfg(test)]
mod tests;

use super::parts::last::Last;
use super::parts::reading::named_settings;
use crate::compile::Compiler;
use crate::eval::xpath::Query;
use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use query::XQuery;
use std::sync::Arc;

const TYPES: [(&str, Kind); 11] = [
    ("INT", Kind::Int),
    ("INTEGER", Kind::Int),
    ("BOOLEAN", Kind::Boolean),
    ("BYTE", Kind::Byte),
    ("DOUBLE", Kind::Double),
    ("SHORT", Kind::Short),
    ("LONG", Kind::Long),
    ("FLOAT", Kind::Float),
    ("STRING", Kind::Text),
    ("DOCUMENT", Kind::Tree),
    ("ELEMENT", Kind::Tree),
];

/// The type of a variable.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Int,
    Boolean,
    Byte,
    Double,
    Short,
    Long,
    Float,
    Text,
    /// A document with one element.
    Tree,
}

#[derive(Debug)]
struct XQueryStep {
    key: Dynamic,
    target: Option<Arc<Expr>>,
    variables: Vec<Variable>,
    last: Last<XQuery>,
}

/// A variable that the mediator binds.
#[derive(Debug)]
struct Variable {
    name: Arc<str>,
    kind: Kind,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Literal(Arc<str>),
    /// An XPath over the message; without one the payload.
    Expression(Option<Arc<Expr>>),
    /// An entry, or what an XPath selects in it.
    Key(Arc<str>, Option<Query>),
}

/// `key` is needed; a variable with name and type needs a known type.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    compiler.required(element, "key");
    let key = compiler.dynamic(element, "key");
    let target = match element.attr("target") {
        Some(target) if !target.is_empty() => compiler.expression(element, "target", Dialects::XPathOnly),
        _ => None,
    };
    if let Some(source) = element.child("dataSource") {
        // Switches of the processor that MI uses; they are read for their mistakes only.
        named_settings(source, compiler);
    }
    let variables =
        element.children_named("variable").filter_map(|child| variable(child, compiler)).collect();
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    Some(Step::now(XQueryStep { key: key?, target, variables, last: Last::default() }))
}

fn variable(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Variable> {
    let given = |name: &str| element.attr(name).filter(|text| !text.is_empty());
    let (name, word) = (given("name")?, given("type")?);
    let source = match (given("value"), element.attr("key")) {
        (Some(value), _) => Source::Literal(value.trim().into()),
        (None, key) => {
            let expression = given("expression");
            let compiled =
                expression.and_then(|_| compiler.expression(element, "expression", Dialects::XPathOnly));
            match key {
                Some(key) => {
                    let path = expression.and_then(|text| Query::compile(text, &element.prefixes()).ok());
                    Source::Key(key.trim().into(), path)
                }
                None => Source::Expression(compiled),
            }
        }
    };
    let Some((_, kind)) = TYPES.iter().find(|(known, _)| *known == word.trim()) else {
        let types = TYPES.map(|(known, _)| known).join(", ");
        let message = format!("the type of a variable of <xquery> is one of {types}, found '{word}'");
        compiler.error(Code::BAD_VALUE, element.place_of("type"), message);
        return None;
    };
    Some(Variable { name: name.trim().into(), kind: *kind, source })
}
