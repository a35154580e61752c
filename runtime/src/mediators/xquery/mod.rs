//! `<xquery key="k" [target="xpath"]>` with `variable` children: accepted; there is no XQuery engine here.

use super::parts::reading::named_settings;
use super::parts::unsupported;
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

const TYPES: [&str; 11] = [
    "INT", "INTEGER", "BOOLEAN", "BYTE", "DOUBLE", "SHORT", "LONG", "FLOAT", "STRING", "DOCUMENT", "ELEMENT",
];

/// `key` is needed; a variable with name and type needs a known type. Values are not looked at.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    compiler.required(element, "key");
    compiler.dynamic(element, "key");
    if element.attr("target").is_some_and(|target| !target.is_empty()) {
        compiler.expression(element, "target", Dialects::XPathOnly);
    }
    if let Some(source) = element.child("dataSource") {
        named_settings(source, compiler);
    }
    for child in element.children_named("variable") {
        variable(child, compiler);
    }
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    unsupported::step(element, "there is no XQuery engine", compiler)
}

fn variable(element: ElementRef<'_>, compiler: &mut Compiler) {
    let given = |name: &str| element.attr(name).filter(|text| !text.is_empty());
    let (Some(_), Some(kind)) = (given("name"), given("type")) else { return };
    if given("value").is_none() && given("expression").is_some() {
        compiler.expression(element, "expression", Dialects::XPathOnly);
    }
    if !TYPES.contains(&kind.trim()) {
        let message =
            format!("the type of a variable of <xquery> is one of {}, found '{kind}'", TYPES.join(", "));
        compiler.error(Code::BAD_VALUE, element.place_of("type"), message);
    }
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn verdict() {
        verdicts(
            &[
                "<xquery key='k' target=''><variable name='a' type=' INT ' value='x'/><bogus/></xquery>",
                "<xquery key='k'><variable name='a' type='LONG'/><variable/><variable name='b' type=''/></xquery>",
            ],
            &["<xquery/>", "<xquery key='k'><variable name='a' type='JSON' value='x'/></xquery>"],
        );
    }
}
