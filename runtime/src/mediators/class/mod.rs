//! `<class name="..">`: a mediator written in Java. Its class comes with the deployment and needs a Java
//! virtual machine, so it is deployed and faults when a message reaches it.

use super::parts::reading::named_settings_with;
use super::parts::result_target;
use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// `name`; `property` children, or with `target` its variable and `inputs`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let class = compiler.required(element, "name");
    let target = element.attr("target").filter(|target| !target.trim().is_empty());
    match target {
        Some(_) => {
            result_target::compile(element, compiler);
            result_target::inputs(element, None, compiler);
        }
        None => {
            named_settings_with(element, true, compiler);
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
            &[
                "<class name='c'/>",
                "<class name='c'><property name='a' value=''/></class>",
                "<class name='c' target='Variable' target-variable='v'/>",
            ],
            &[
                "<class/>",
                "<class name='c'><property name='a'/></class>",
                "<class name='c' target='variable'/>",
                "<class name='c' target='header'/>",
            ],
        );
    }
}
