//! `<switch>`: the first case whose regular expression matches the whole source text.
//!
//! ```xml
//! <switch source="json-eval($.kind)">
//!   <case regex="a|b"> .. </case>
//!   <default> .. </default>
//! </switch>
//! ```

#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::eval::{Dialects, Expr, JavaRegex};
use crate::flow::{Block, Context, Mediator, Next, Step};
use crate::message::Message;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct Switch {
    source: Arc<Expr>,
    cases: Vec<(JavaRegex, Arc<Block>)>,
    default: Option<Arc<Block>>,
}

/// `source`; `case` children with `regex`; the first `default`. Other children are ignored.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let source = compiler
        .required(element, "source")
        .and_then(|_| compiler.expression(element, "source", Dialects::Any));
    let cases = element.children_named("case").filter_map(|child| case(child, compiler)).collect();
    let default = element.child("default").map(|child| compiler.list(child));
    Some(Step::now(Switch { source: source?, cases, default }))
}

fn case(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<(JavaRegex, Arc<Block>)> {
    let regex = compiler.required(element, "regex").and_then(|_| compiler.pattern(element, "regex"));
    let block = compiler.list(element);
    Some((regex?, block))
}

impl Mediator for Switch {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        // A null source goes to the default.
        let text = self.source.text(message, cx)?;
        let case = text.and_then(|text| self.cases.iter().find(|(regex, _)| regex.matches(&text)));
        let block = case.map(|(_, block)| block).or(self.default.as_ref());
        Ok(block.map_or(Next::Continue, Next::enter))
    }

    fn reads_body(&self) -> bool {
        self.source.reads_body()
    }
}
