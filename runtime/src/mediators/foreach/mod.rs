//! `<foreach>` in its two forms.
//!
//! With `expression` (v1) the steps run on the message itself, once for each part, and the parts are
//! put back:
//!
//! ```xml
//! <foreach expression="//item" id="f" continueLoopOnFailure="false"><sequence>...</sequence></foreach>
//! ```
//!
//! With `collection` (v2) they run on copies, beside each other or in turn, and what the copies hold at
//! the end is collected:
//!
//! ```xml
//! <foreach collection="${payload.items}" parallel-execution="false" counter-variable="i"
//!          update-original="false" target-variable="v" result-content-type="JSON|XML"
//!          result-enclosing-element="all" continue-without-aggregation="false">
//!   <sequence>...</sequence>
//! </foreach>
//! ```

mod collect;
#[cfg(test)]
mod tests;
mod v1;
mod v2;

use super::parts::reading::parse_boolean;
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::flow::Step;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

/// A `collection` that is not blank makes it the second form.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let blank = element.attr("collection").is_none_or(|text| text.trim().is_empty());
    if blank { first(element, compiler) } else { second(element, compiler) }
}

fn first(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    compiler.required(element, "expression");
    let expression = compiler.expression(element, "expression", Dialects::Any);
    let steps = if let Some(name) = element.attr("sequence") {
        if name.is_empty() {
            let message = "'sequence' of <foreach> is empty";
            compiler.error(Code::MISSING_ATTRIBUTE, element.place_of("sequence"), message);
        }
        v1::Steps::Named(name.into())
    } else {
        match element.child("sequence") {
            Some(child) => {
                no_calls(child, compiler);
                v1::Steps::Inline(compiler.block(child))
            }
            None => v1::Steps::Missing,
        }
    };
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    Some(Step::wait(v1::Foreach {
        expression: expression?,
        id: element.attr("id").map(Into::into),
        continue_on_failure: parse_boolean(element.attr("continueLoopOnFailure")),
        steps,
    }))
}

/// Only direct children are looked at, as MI does.
fn no_calls(sequence: ElementRef<'_>, compiler: &mut Compiler) {
    for child in sequence.children() {
        if v1::CALLS.contains(&child.local()) && child.is_synapse() {
            let message = format!("the sequence of a <foreach> cannot hold <{}>", child.local());
            let diagnostic = compiler.error(Code::CONFLICT, child.place(), message);
            diagnostic.hint = Some("<foreach collection=\"...\"> can".to_owned());
        }
    }
}

fn second(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let parallel = element.attr("parallel-execution") != Some("false");
    let outcome = outcome(element, compiler);
    let given = |name: &str| element.attr(name).filter(|text| !text.trim().is_empty());
    let counter = given("counter-variable");
    if counter.is_some() && parallel {
        let message = "'counter-variable' needs parallel-execution=\"false\"";
        compiler.error(Code::CONFLICT, element.place_of("counter-variable"), message);
    }
    let collection = compiler.expression(element, "collection", Dialects::Any);
    let block = match element.child("sequence") {
        Some(child) => Some(compiler.block(child)),
        None => {
            compiler.error(Code::MISSING_CHILD, element.place(), "<foreach> needs a <sequence>");
            None
        }
    };
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    Some(Step::wait(v2::Foreach {
        collection: collection?,
        parallel,
        counter: counter.map(Into::into),
        outcome: outcome?,
        block: block?,
    }))
}

fn outcome(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<v2::Outcome> {
    if parse_boolean(element.attr("continue-without-aggregation")) {
        return Some(v2::Outcome::Nothing);
    }
    if element.attr("update-original") != Some("false") {
        return Some(v2::Outcome::Original);
    }
    let given = |name: &str| element.attr(name).filter(|text| !text.trim().is_empty());
    let (Some(kind), Some(name)) = (given("result-content-type"), given("target-variable")) else {
        let message = "update-original=\"false\" needs 'result-content-type' and 'target-variable'";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        return None;
    };
    let form = match (kind, given("result-enclosing-element")) {
        ("JSON", _) => v2::Form::Json,
        ("XML", Some(root)) => v2::Form::Xml(root.into()),
        ("XML", None) => {
            let message = "a result of type XML needs 'result-enclosing-element'";
            compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
            return None;
        }
        _ => {
            compiler.word(element, "result-content-type", &["JSON", "XML"]);
            return None;
        }
    };
    Some(v2::Outcome::Variable(name.into(), form))
}
