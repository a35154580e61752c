//! `<aggregate>`: collects messages that belong together and goes on with one made of them.
//!
//! ```xml
//! <aggregate id="a">
//!   <correlateOn expression="//@id"/>
//!   <completeCondition timeout="5"><messageCount min="1" max="{$ctx:max}"/></completeCondition>
//!   <onComplete expression="//item" aggregateElementType="root" enclosingElementProperty="p">...</onComplete>
//! </aggregate>
//! ```

mod groups;
mod merge;
mod run;
#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::{Block, Step};
use crate::message::Soap;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use groups::Groups;
use std::sync::Arc;
use std::time::Duration;

/// How JSON results are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ElementType {
    /// An array of the results.
    Root,
    /// One object with the members of all results.
    Child,
    /// Any other word: MI collects nothing.
    Neither,
}

#[derive(Debug)]
enum OnComplete {
    Block(Arc<Block>),
    Sequence(Arc<str>),
    /// No `onComplete`: completion is a fault.
    Missing,
}

/// Everything but the groups, shared with the timers.
#[derive(Debug)]
struct Settings {
    id: Option<Arc<str>>,
    correlate: Option<Arc<Expr>>,
    timeout: Option<Duration>,
    min: Option<Dynamic>,
    max: Option<Dynamic>,
    expression: Arc<Expr>,
    element_type: ElementType,
    enclosing: Option<Arc<str>>,
    on_complete: OnComplete,
}

struct Aggregate {
    settings: Arc<Settings>,
    groups: Arc<Groups>,
}

/// The first child of the body, for messages that came as SOAP.
const DEFAULT_EXPRESSION: &str =
    "/s11:Envelope/s11:Body/child::*[position()=1] | /s12:Envelope/s12:Body/child::*[position()=1]";

/// Nothing is needed. The timeout is a number of seconds; message counts are not looked at.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let correlate = element
        .child("correlateOn")
        .and_then(|child| compiler.expression(child, "expression", Dialects::Any));
    let condition = element.child("completeCondition");
    let timeout = condition.and_then(|condition| timeout(condition, compiler));
    let count = condition.and_then(|condition| condition.child("messageCount"));
    let mut limit = |name: &str| count.and_then(|count| compiler.dynamic(count, name));
    let (min, max) = (limit("min"), limit("max"));
    let on_complete = element.child("onComplete");
    let expression = match on_complete.filter(|child| child.attr("expression").is_some()) {
        Some(child) => compiler.expression(child, "expression", Dialects::Any),
        None => default_expression(element, compiler),
    };
    let settings = Settings {
        id: element.attr("id").map(Into::into),
        correlate,
        timeout,
        min,
        max,
        element_type: on_complete.map_or(ElementType::Root, element_type),
        enclosing: on_complete.and_then(|c| c.attr("enclosingElementProperty")).map(Into::into),
        on_complete: on_complete.map_or(OnComplete::Missing, |child| steps(child, compiler)),
        expression: expression?,
    };
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    Some(Step::wait(Aggregate { settings: Arc::new(settings), groups: Arc::default() }))
}

fn timeout(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Duration> {
    let text = element.attr("timeout")?;
    let Ok(seconds) = text.parse::<i64>() else {
        let message = format!("'timeout' of <completeCondition> is a number of seconds, found '{text}'");
        compiler.error(Code::BAD_VALUE, element.place_of("timeout"), message);
        return None;
    };
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

fn default_expression(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Arc<Expr>> {
    let prefixes =
        [("s11".into(), Soap::V11.namespace().into()), ("s12".into(), Soap::V12.namespace().into())];
    match Expr::compile(DEFAULT_EXPRESSION, &prefixes, Dialects::XPathOnly) {
        Ok(expr) => Some(Arc::new(expr)),
        Err(problem) => {
            compiler.error(Code::BAD_EXPRESSION, element.place(), problem);
            None
        }
    }
}

fn element_type(element: ElementRef<'_>) -> ElementType {
    match element.attr("aggregateElementType") {
        None | Some("root") => ElementType::Root,
        Some("child") => ElementType::Child,
        Some(_) => ElementType::Neither,
    }
}

fn steps(element: ElementRef<'_>, compiler: &mut Compiler) -> OnComplete {
    if let Some(name) = element.attr("sequence") {
        return OnComplete::Sequence(name.into());
    }
    // Without children MI drops the message, which an empty list followed by nothing does as well.
    let mut block = compiler.block(element);
    if element.first().is_none() {
        block = Arc::new(Block { steps: vec![Step::now(run::Drop)], on_error: None });
    }
    OnComplete::Block(block)
}
