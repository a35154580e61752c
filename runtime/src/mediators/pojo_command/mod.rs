//! `<pojoCommand name="class">`: a Java command object; its properties come from and go to the message.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

const ACTIONS: &[&str] = &[
    "ReadMessage",
    "UpdateMessage",
    "ReadContext",
    "UpdateContext",
    "ReadAndUpdateMessage",
    "ReadAndUpdateContext",
];

/// `name` of the class; `property` children in any namespace with `name` and a source.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let class = compiler.required(element, "name");
    for child in element.children().filter(|child| child.local() == "property") {
        property(child, compiler);
    }
    unsupported::step(element, &unsupported::java(class?), compiler)
}

fn property(element: ElementRef<'_>, compiler: &mut Compiler) {
    compiler.filled(element, "name", true);
    let expression = element.attr("expression").is_some();
    if expression {
        compiler.expression(element, "expression", Dialects::XPathOnly);
    }
    let context = element.attr("context-name").is_some();
    let has_value = element.attr("value").is_some() || element.first().is_some();
    if has_value && expression && context {
        let message = "a property of <pojoCommand> cannot have a value, 'expression' and 'context-name'";
        compiler.error(Code::CONFLICT, element.place(), message);
    } else if !has_value {
        let action = compiler.word(element, "action", ACTIONS);
        if !expression && !context {
            let message = "a property of <pojoCommand> needs a value, 'expression' or 'context-name'";
            compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        } else if expression && context && action.is_none() && element.attr("action").is_none() {
            let message = "'action' must tell whether the message or the context is read";
            compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &[
                "<pojoCommand name='c'/>",
                "<pojoCommand name='c'><property name='a' value='b'/></pojoCommand>",
            ],
            &[
                "<pojoCommand/>",
                "<pojoCommand name='c'><property value='b'/></pojoCommand>",
                "<pojoCommand name='c'><property name='a'/></pojoCommand>",
                "<pojoCommand name='c'><property name='a' expression='//a' action='bogus'/></pojoCommand>",
            ],
        );
    }
}
