//! `<bean action=".." var="..">`: creates, removes, reads and writes Java beans.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

/// `var` and `action` (in any letter case), and what the action needs.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.required(element, "var");
    let action = compiler.required(element, "action")?;
    let needed: &[&str] = match action.to_uppercase().as_str() {
        "CREATE" => &["class"],
        "REMOVE" => &[],
        "SET_PROPERTY" => &["property", "value"],
        "GET_PROPERTY" => &["property", "target"],
        _ => {
            let message = format!(
                "'action' of <bean> is one of CREATE, REMOVE, SET_PROPERTY, GET_PROPERTY, found '{action}'"
            );
            compiler.error(Code::BAD_VALUE, element.place_of("action"), message);
            &[]
        }
    };
    for name in needed {
        compiler.required(element, name);
    }
    compiler.dynamic(element, "value");
    let class = element.attr("class").unwrap_or("behind a bean");
    unsupported::step(element, &unsupported::java(class), compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &["<bean action='create' var='b' class='c'/>", "<bean action='REMOVE' var='b'/>"],
            &[
                "<bean action='CREATE' class='c'/>",
                "<bean var='b'/>",
                "<bean action='CREATE' var='b'/>",
                "<bean action='SET_PROPERTY' var='b' property='p'/>",
                "<bean action='bogus' var='b'/>",
            ],
        );
    }
}
