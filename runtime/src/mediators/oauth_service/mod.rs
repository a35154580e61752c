//! `<oauthService>`: has an identity server check the OAuth header of a request.

use super::parts::unsupported;
use crate::compile::Compiler;
use crate::flow::Step;
use artifacts::xml::ElementRef;

/// `remoteServiceUrl`, `username` and `password`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    for name in ["remoteServiceUrl", "username", "password"] {
        compiler.required(element, name);
    }
    unsupported::step(
        element,
        "the OAuth validation service of an identity server is not available",
        compiler,
    )
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;

    #[test]
    fn grammar() {
        verdicts(
            &["<oauthService remoteServiceUrl='u' username='a' password='b'/>"],
            &[
                "<oauthService username='a' password='b'/>",
                "<oauthService remoteServiceUrl='u' username='a'/>",
            ],
        );
    }
}
