//! `<NTLM>`: credentials for later blocking calls.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// All attributes are optional and may be `{expression}`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    for name in ["username", "password", "host", "domain", "ntlmVersion"] {
        compiler.dynamic(element, name);
    }
    unsupported::step(element, "NTLM authentication is not available", compiler)
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(&["<NTLM/>", "<NTLM username='u' password='{$ctx:p}'/>"], &["<ntlm/>"]);
    }
}
