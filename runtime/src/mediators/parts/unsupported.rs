//! The one step of all mediators that MI runs and this runtime cannot: a warning when it is compiled,
//! a fault that says what is missing when a message reaches it.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

struct Unsupported {
    text: String,
}

/// A step that faults. `missing` completes "cannot run here: ...".
pub(crate) fn step(element: ElementRef<'_>, missing: &str, compiler: &mut Compiler) -> Option<Step> {
    let text = format!("<{}> cannot run here: {missing}", element.local());
    let diagnostic = compiler.warning(Code::UNSUPPORTED, element.place(), text.as_str());
    diagnostic.with_hint("it is deployed; a message that reaches it gets a fault");
    Some(Step::now(Unsupported { text }))
}

/// What Java classes need.
pub(crate) fn java(class: &str) -> String {
    format!("the Java class {class} needs a Java virtual machine")
}

impl Mediator for Unsupported {
    fn mediate(&self, _message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
        Err(Fault::new(self.text.as_str()))
    }

    fn reads_body(&self) -> bool {
        false
    }
}
