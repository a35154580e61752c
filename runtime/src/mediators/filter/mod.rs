//! `<filter>`: one list of mediators or another, by a condition.
//!
//! ```xml
//! <filter xpath="//symbol = 'IBM'"> <then>..</then> <else sequence="other"/> </filter>
//! <filter source="json-eval($.id)" regex="[0-9]+"> .. </filter>
//! ```

#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::eval::{Dialects, Expr, JavaRegex};
use crate::flow::{Context, Mediator, Next, Step};
use crate::message::Message;
use crate::program::FlowTarget;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct Filter {
    condition: Condition,
    then: FlowTarget,
    otherwise: Option<FlowTarget>,
}

#[derive(Debug)]
enum Condition {
    Expr(Arc<Expr>),
    Match(Arc<Expr>, JavaRegex),
}

/// `xpath`, or `source` with `regex`; `then` and `else`, or the children as the then-branch.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let condition = condition(element, compiler);
    let (then, otherwise) = match element.child("then") {
        Some(then) => {
            let otherwise = element.child("else");
            (branch(then, compiler), otherwise.map(|child| branch(child, compiler)))
        }
        None => (FlowTarget::Inline(compiler.list(element)), None),
    };
    Some(Step::now(Filter { condition: condition?, then, otherwise }))
}

fn condition(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Condition> {
    if element.attr("xpath").is_some() {
        compiler.filled(element, "xpath", false)?;
        return compiler.expression(element, "xpath", Dialects::Any).map(Condition::Expr);
    }
    if element.attr("source").is_none() || element.attr("regex").is_none() {
        let message = "<filter> needs 'xpath', or 'source' together with 'regex'";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        return None;
    }
    let filled = (compiler.filled(element, "source", false), compiler.filled(element, "regex", false));
    let (Some(_), Some(_)) = filled else { return None };
    let source = compiler.expression(element, "source", Dialects::Any);
    let regex = compiler.pattern(element, "regex");
    Some(Condition::Match(source?, regex?))
}

fn branch(element: ElementRef<'_>, compiler: &mut Compiler) -> FlowTarget {
    match element.attr("sequence") {
        Some(name) => FlowTarget::Named(name.into()),
        None => FlowTarget::Inline(compiler.list(element)),
    }
}

impl Condition {
    fn holds(&self, message: &Message, cx: &Context) -> Result<bool, Fault> {
        match self {
            Condition::Expr(expr) => expr.is_true(message, cx),
            Condition::Match(source, regex) => {
                Ok(source.text(message, cx)?.is_some_and(|text| regex.matches(&text)))
            }
        }
    }
}

impl Mediator for Filter {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let holds = self.condition.holds(message, cx)?;
        let (branch, word) =
            if holds { (Some(&self.then), "then") } else { (self.otherwise.as_ref(), "else") };
        let Some(branch) = branch else { return Ok(Next::Continue) };
        match branch.block(&cx.program) {
            Some(block) => Ok(Next::enter(&block)),
            None => Err(missing(branch, word)),
        }
    }

    fn reads_body(&self) -> bool {
        match &self.condition {
            Condition::Expr(expr) | Condition::Match(expr, _) => expr.reads_body(),
        }
    }
}

fn missing(branch: &FlowTarget, word: &str) -> Fault {
    let name = if let FlowTarget::Named(name) = branch { &**name } else { "" };
    Fault::new(format!("Couldn't find the referred {word} sequence with key : {name}"))
}
