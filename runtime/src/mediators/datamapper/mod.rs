//! `<datamapper config inputSchema outputSchema [inputType] [outputType] [xsltStyleSheet]/>`: accepted;
//! the mapping scripts it runs are not.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// `config`, `inputSchema` and `outputSchema` are needed, but may be empty.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    for name in ["config", "inputSchema", "outputSchema"] {
        compiler.required(element, name);
        compiler.dynamic(element, name);
    }
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    unsupported::step(element, "data mapper scripts need the mapper's JavaScript library", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn verdict() {
        verdicts(
            &[
                "<datamapper config='a' inputSchema='b' outputSchema='c' inputType='bogus' xsltStyleSheet=''/>",
                "<datamapper config='' inputSchema='' outputSchema=''><bogus/></datamapper>",
            ],
            &[
                "<datamapper inputSchema='b' outputSchema='c'/>",
                "<datamapper config='a' outputSchema='c'/>",
                "<datamapper config='a' inputSchema='b'/>",
            ],
        );
    }
}
