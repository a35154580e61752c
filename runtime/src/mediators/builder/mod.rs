//! `<builder>`: reads and builds the message here. MI lets it name builder and formatter classes; they
//! are Java and are not used.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

struct Builder;

/// Nothing is needed.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let named = element.attr("class").is_some() || element.child("messageBuilder").is_some();
    if named {
        let message = "<builder> builds by content type; the classes it names are not used";
        compiler.warning(Code::UNSUPPORTED, element.place(), message);
    }
    Some(Step::now(Builder))
}

impl Mediator for Builder {
    fn mediate(&self, _message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
        // The executor has built the payload, because this step says that it reads it.
        Ok(Next::Continue)
    }
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::{compile, verdicts};

    #[test]
    fn verdict_and_building() {
        verdicts(&["<builder/>", "<builder><messageBuilder contentType='a/b' class='x'/></builder>"], &[]);
        assert!(compile("<builder/>").0[0].reads_body);
    }
}
