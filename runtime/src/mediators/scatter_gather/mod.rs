//! `<scatter-gather>`: each sequence works on a copy of the message; their results become the body or
//! a variable.
//!
//! ```xml
//! <scatter-gather parallel-execution="true" target="body|variable" target-variable="v"
//!                 result-content-type="JSON|XML" result-enclosing-element="all">
//!   <aggregation expression="${payload}" condition="${payload.ok}" timeout="5000"
//!                min-messages="1" max-messages="{$ctx:n}"/>
//!   <sequence>...</sequence>
//!   <sequence>...</sequence>
//! </scatter-gather>
//! ```

mod collect;
mod run;
#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::{Block, Step};
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug)]
enum Form {
    Json,
    /// With this root element.
    Xml(Arc<str>),
}

#[derive(Debug)]
enum Place {
    Body,
    Variable(Arc<str>),
}

/// What is done with the copies that come back.
#[derive(Debug)]
struct Aggregation {
    expression: Arc<Expr>,
    condition: Option<Arc<Expr>>,
    timeout: Option<Duration>,
    min: Option<Dynamic>,
    max: Option<Dynamic>,
    form: Form,
    place: Place,
}

#[derive(Debug)]
struct ScatterGather {
    parallel: bool,
    aggregation: Arc<Aggregation>,
    branches: Vec<Arc<Block>>,
}

/// Target, result type and aggregation expression are needed, and a sequence. The timeout is in
/// milliseconds.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let form = form(element, compiler);
    let place = place(element, compiler);
    let branches: Vec<_> = element.children_named("sequence").map(|child| compiler.block(child)).collect();
    if branches.is_empty() {
        compiler.error(Code::MISSING_CHILD, element.place(), "<scatter-gather> needs a <sequence>");
    }
    let Some(child) = element.child("aggregation") else {
        compiler.error(Code::MISSING_CHILD, element.place(), "<scatter-gather> needs an <aggregation>");
        return None;
    };
    compiler.required(child, "expression");
    let expression = compiler.expression(child, "expression", Dialects::Any);
    let condition = compiler.expression(child, "condition", Dialects::Any);
    let timeout = timeout(child, compiler);
    let (min, max) = (compiler.dynamic(child, "min-messages"), compiler.dynamic(child, "max-messages"));
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    let (expression, form, place) = (expression?, form?, place?);
    let aggregation = Aggregation { expression, condition, timeout, min, max, form, place };
    let parallel = element.attr("parallel-execution") != Some("false");
    Some(Step::wait(ScatterGather { parallel, aggregation: Arc::new(aggregation), branches }))
}

fn given<'e>(element: ElementRef<'e>, name: &str) -> Option<&'e str> {
    element.attr(name).filter(|text| !text.trim().is_empty())
}

fn needed<'e>(element: ElementRef<'e>, name: &str, why: &str, compiler: &mut Compiler) -> Option<&'e str> {
    let found = given(element, name);
    if found.is_none() {
        let message = format!("<scatter-gather> needs '{name}'{why}");
        compiler.error(Code::MISSING_ATTRIBUTE, element.place_of(name), message);
    }
    found
}

fn form(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Form> {
    needed(element, "result-content-type", "", compiler)?;
    match compiler.word(element, "result-content-type", &["JSON", "XML"])? {
        "JSON" => Some(Form::Json),
        _ => needed(element, "result-enclosing-element", " for results of type XML", compiler)
            .map(|root| Form::Xml(root.into())),
    }
}

/// The two words in any letter case.
fn place(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Place> {
    let target = needed(element, "target", "", compiler)?;
    if target.eq_ignore_ascii_case("body") {
        return Some(Place::Body);
    }
    if target.eq_ignore_ascii_case("variable") {
        return needed(element, "target-variable", " for the target 'variable'", compiler)
            .map(|name| Place::Variable(name.into()));
    }
    compiler.word(element, "target", &["body", "variable"]);
    None
}

fn timeout(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Duration> {
    let text = element.attr("timeout")?;
    let Ok(millis) = text.parse::<i64>() else {
        let message = format!("'timeout' of <aggregation> is a number of milliseconds, found '{text}'");
        compiler.error(Code::BAD_VALUE, element.place_of("timeout"), message);
        return None;
    };
    u64::try_from(millis).ok().filter(|millis| *millis > 0).map(Duration::from_millis)
}
