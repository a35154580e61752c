//! `target`, `target-variable` and `<inputs>`: how class and script mediators of newer deployments get
//! arguments and give back results.

use crate::compile::Compiler;
use crate::eval::{Dialects, Expr};
use crate::mediators::property::types::Type;
use crate::message::Value;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

/// Where a result goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResultTarget {
    /// It becomes the payload.
    Body,
    /// It is stored in this variable.
    Variable(Arc<str>),
    /// It is ignored.
    Nowhere,
}

/// An argument that a function is called with.
#[derive(Debug)]
pub(crate) struct Input {
    /// Its name, for messages; arguments are passed in order.
    pub(crate) name: Arc<str>,
    /// Its value.
    pub(crate) value: InputValue,
}

/// Source of an [`Input`].
#[derive(Debug)]
pub(crate) enum InputValue {
    /// Written in the artifact and converted to its type.
    Literal(Option<Value>),
    /// Evaluated for each message.
    Expr(Arc<Expr>, Option<Type>),
    /// Neither was given.
    Nothing,
}

/// Reads `target` (in any letter case). Blank or absent gives `None`, and so does a mistake.
pub(crate) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<ResultTarget> {
    let text = element.attr("target").filter(|text| !text.trim().is_empty())?;
    match text.to_ascii_lowercase().as_str() {
        "body" => Some(ResultTarget::Body),
        "none" => Some(ResultTarget::Nowhere),
        "variable" => {
            compiler.filled(element, "target-variable", false).map(|name| ResultTarget::Variable(name.into()))
        }
        _ => {
            let message =
                format!("'target' of <{}> is body, variable or none, found '{text}'", element.local());
            compiler.error(Code::BAD_VALUE, element.place_of("target"), message);
            None
        }
    }
}

/// Reads `<inputs><argument name=".." type=".." (value|expression)/></inputs>`. `words` are the known
/// types; without them types are not looked at, because the Java class decides.
pub(crate) fn inputs(
    element: ElementRef<'_>,
    words: Option<&[(&str, Type)]>,
    compiler: &mut Compiler,
) -> Vec<Input> {
    let arguments = element.child("inputs").into_iter().flat_map(|inputs| inputs.children());
    arguments
        .filter(|child| child.local() == "argument")
        .filter_map(|child| input(child, words, compiler))
        .collect()
}

fn input(element: ElementRef<'_>, words: Option<&[(&str, Type)]>, compiler: &mut Compiler) -> Option<Input> {
    let name = element.attr("name").unwrap_or_default().into();
    let word = element.attr("type");
    let kind = word.map(|word| {
        let known = words.unwrap_or_default().iter().find(|(name, _)| *name == word);
        known.map_or(Type::Unknown(word.into()), |(_, kind)| kind.clone())
    });
    let value = if let Some(text) = element.attr("value") {
        match (&kind, words) {
            (Some(kind), Some(_)) => match kind.convert(text, false) {
                Ok(value) => InputValue::Literal(value),
                Err(()) => {
                    let message = format!("'{text}' is no value of type {}", kind.word());
                    compiler.error(Code::BAD_VALUE, element.place_of("value"), message);
                    return None;
                }
            },
            _ => InputValue::Literal(Some(text.into())),
        }
    } else if element.attr("expression").is_some() {
        InputValue::Expr(compiler.expression(element, "expression", Dialects::Any)?, kind)
    } else {
        InputValue::Nothing
    };
    Some(Input { name, value })
}
