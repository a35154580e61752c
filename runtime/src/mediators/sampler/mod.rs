//! `<sampler>`: lets a sample of the messages through to a target, from a queue of its own.

use super::parts::target;
use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

/// `rate` and `unitTime` are numbers; a `target` is needed.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.number::<i32>(element, "rate");
    compiler.number::<i64>(element, "unitTime");
    match element.child("target") {
        Some(child) => {
            target::compile(child, compiler);
        }
        None => {
            compiler.error(Code::MISSING_CHILD, element.place(), "<sampler> needs a <target>");
        }
    }
    unsupported::step(element, "sampling queues are not available", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &["<sampler rate='2' unitTime='1000'><target sequence='s'/></sampler>"],
            &[
                "<sampler/>",
                "<sampler rate='x'><target sequence='s'/></sampler>",
                "<sampler unitTime=''><target/></sampler>",
            ],
        );
    }
}
