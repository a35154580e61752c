//! `<annotatedCommand name="class">`: a Java command object with annotations.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

/// `name` of the class; `property` children with `name` and `expression` or `value`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let class = compiler.required(element, "name");
    for child in element.children().filter(|child| child.local() == "property") {
        compiler.required(child, "name");
        if child.attr("expression").is_some() {
            compiler.expression(child, "expression", Dialects::XPathOnly);
        } else if child.attr("value").is_none() {
            let message = "a property of <annotatedCommand> needs 'expression' or 'value'";
            compiler.error(Code::MISSING_ATTRIBUTE, child.place(), message);
        }
    }
    unsupported::step(element, &unsupported::java(class?), compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &["<annotatedCommand name='c'><property name='a' value='b'/></annotatedCommand>"],
            &["<annotatedCommand/>", "<annotatedCommand name='c'><property name='a'/></annotatedCommand>"],
        );
    }
}
