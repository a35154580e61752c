//! `<ejb beanstalk=".." class=".." method="..">`: calls an Enterprise JavaBean.

use super::parts::reading::parse_boolean;
use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// `beanstalk` and `class`; `method` unless `remove`; `id` when `stateful`; `value` of each argument.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.required(element, "beanstalk");
    let class = compiler.required(element, "class");
    if parse_boolean(element.attr("stateful")) {
        compiler.required(element, "id");
    }
    if !parse_boolean(element.attr("remove")) {
        compiler.required(element, "method");
    }
    compiler.dynamic(element, "id");
    for argument in element.child("args").into_iter().flat_map(|args| args.children_named("arg")) {
        compiler.required(argument, "value");
        compiler.dynamic(argument, "value");
    }
    unsupported::step(element, &unsupported::java(class?), compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &["<ejb beanstalk='b' class='c' method='m'/>", "<ejb beanstalk='b' class='c' remove='TRUE'/>"],
            &[
                "<ejb class='c' method='m'/>",
                "<ejb beanstalk='b' method='m'/>",
                "<ejb beanstalk='b' class='c'/>",
                "<ejb beanstalk='b' class='c' method='m' stateful='true'/>",
                "<ejb beanstalk='b' class='c' method='m'><args><arg/></args></ejb>",
            ],
        );
    }
}
