//! `<variable>`: sets or removes a variable (`${vars.name}`), with the type that the value has.
//!
//! ```xml
//! <variable name="count" expression="${length(payload.items)}" type="INTEGER"/>
//! <variable name="count" action="remove"/>
//! ```
//!
//! XPath and json-eval give no native value: without a type, or with `type="STRING"` or `XML`, only
//! the latter two set something.

mod run;
#[cfg(test)]
mod tests;

use super::property::types::Type;
use super::property::unknown_type;
use crate::compile::Compiler;
use crate::eval::{Dialects, Expr};
use crate::flow::Step;
use crate::message::Value;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct Variable {
    name: Arc<str>,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Literal(Option<Value>),
    Expr(Arc<Expr>, Option<Type>),
    Remove,
}

/// `name`, `value` or `expression` (the value wins), `type`, `action`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let name = compiler.filled(element, "name", true);
    let value = source(element, compiler);
    let action = if element.attr("action") == Some("remove") { Action::Remove } else { value? };
    Some(Step::now(Variable { name: name?.into(), action }))
}

fn source(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Action> {
    let word = element.attr("type");
    if let Some(text) = element.attr("value") {
        let Some(word) = word else { return Some(Action::Literal(Some(text.into()))) };
        let Some(kind) = Type::of_variable(word) else {
            unknown_type(element, Type::VARIABLE, word, compiler);
            return None;
        };
        let Ok(value) = kind.convert(text, false) else {
            let message = format!("'{text}' is no value of type {word}");
            compiler.error(Code::BAD_VALUE, element.place_of("value"), message);
            return None;
        };
        return Some(Action::Literal(value));
    }
    if element.attr("expression").is_some() {
        let expr = compiler.expression(element, "expression", Dialects::Any)?;
        let kind = word.map(|word| Type::of_variable(word).unwrap_or(Type::Unknown(word.into())));
        return Some(Action::Expr(expr, kind));
    }
    if element.attr("action") != Some("remove") {
        let message = "<variable> needs 'value' or 'expression' to set";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
    }
    None
}
