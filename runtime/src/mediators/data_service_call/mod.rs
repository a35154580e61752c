//! `<dataServiceCall serviceName="..">`: runs operations of a data service in the same process.

use super::parts::reading::json_path_text;
use super::parts::unsupported;
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

/// `serviceName`; `operations` only and always with `<source type="inline"/>`; a `target` of type
/// `property` needs a name.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let name = compiler.required(element, "serviceName");
    let kind = element.child("source").and_then(|source| source.attr("type"));
    let inline = kind.is_some_and(|kind| kind.eq_ignore_ascii_case("inline"));
    match (element.child("operations"), inline) {
        (Some(list), true) => operations(list, compiler),
        (None, true) => {
            let message = "<dataServiceCall> with an inline source needs <operations>";
            compiler.error(Code::MISSING_CHILD, element.place(), message);
        }
        (Some(list), false) => {
            let message = "<operations> need <source type=\"inline\"/>";
            compiler.error(Code::CONFLICT, list.place(), message);
        }
        (None, false) => {}
    }
    if let Some(target) = element.child("target").filter(|target| target.attr("type") == Some("property")) {
        compiler.filled(target, "name", true);
        compiler.dynamic(target, "name");
    }
    unsupported::step(element, &format!("the data service {} is not available", name?), compiler)
}

fn operations(element: ElementRef<'_>, compiler: &mut Compiler) {
    compiler.required(element, "type");
    nested(element, compiler);
}

/// Only `operation` and nested `operations` may stand here, in any namespace.
fn nested(element: ElementRef<'_>, compiler: &mut Compiler) {
    for child in element.children() {
        match child.local() {
            "operation" if child.attr("name").is_some() => parameters(child, compiler),
            "operation" => {}
            "operations" => nested(child, compiler),
            other => {
                let message = format!("expected <operation>, found <{other}>");
                compiler.error(Code::MISSING_CHILD, child.place(), message);
            }
        }
    }
}

/// Parameters are looked up in no namespace; those of the Synapse namespace are only noticed.
fn parameters(element: ElementRef<'_>, compiler: &mut Compiler) {
    let named = |child: &ElementRef<'_>| child.local() == "param" && child.ns().is_empty();
    for child in element.children().filter(named).filter(|child| child.attr("name").is_some()) {
        let Some(text) = child.attr("expression") else { continue };
        if child.attr("evaluator") == Some("json") {
            let path = json_path_text(text);
            let text = format!("json-eval({path})");
            compiler.expression_text(child, child.place_of("expression"), &text, Dialects::PathsOnly);
        } else {
            compiler.expression(child, "expression", Dialects::XPathOnly);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        let inline = |rest: &str| {
            format!("<dataServiceCall serviceName='s'><source type='Inline'/>{rest}</dataServiceCall>")
        };
        let good = inline("<operations type='single'><operation name='o'/><operation/></operations>");
        let unknown = inline("<operations type='single'><bogus/></operations>");
        let untyped = inline("<operations><operation name='o'/></operations>");
        verdicts(
            &["<dataServiceCall serviceName='s'/>", &good],
            &[
                "<dataServiceCall/>",
                "<dataServiceCall serviceName='s'><operations type='single'/></dataServiceCall>",
                "<dataServiceCall serviceName='s'><target type='property'/></dataServiceCall>",
                &inline(""),
                &unknown,
                &untyped,
            ],
        );
    }
}
