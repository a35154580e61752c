//! `<property>`: sets or removes a property of the message in one of its scopes.
//!
//! ```xml
//! <property name="id" expression="json-eval($.id)" type="INTEGER"/>
//! <property name="messageType" value="application/xml" scope="axis2"/>
//! <property name="part" expression="//id" pattern="[A-Z]([0-9]+)" group="1"/>
//! <property name="X-Old" scope="transport" action="remove"/>
//! ```

mod run;
#[cfg(test)]
mod tests;
pub(super) mod types;

use crate::compile::Compiler;
use crate::eval::{Dialects, Dynamic, Expr, JavaRegex};
use crate::flow::Step;
use crate::message::{Scope, Value};
use artifacts::diagnostics::Code;
use artifacts::xml::{ElementRef, XmlElement};
use std::sync::Arc;
use types::Type;

#[derive(Debug)]
pub(super) struct Property {
    name: Dynamic,
    scope: Scope,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Set { source: Source, pattern: Option<(JavaRegex, usize)> },
    Remove,
}

#[derive(Debug)]
enum Source {
    /// Converted at deployment; `None` is unparsable JSON, which MI only logs.
    Literal(Option<Value>),
    Xml(XmlElement),
    Expr(Arc<Expr>, Option<Type>),
}

const SCOPES: &[(&str, Scope)] = &[
    ("default", Scope::Default),
    ("axis2", Scope::Axis2),
    ("transport", Scope::Transport),
    ("axis2-client", Scope::Axis2Client),
    ("operation", Scope::Operation),
    ("registry", Scope::Registry),
    ("system", Scope::System),
    ("trace", Scope::Trace),
    ("analytics", Scope::Analytics),
];

/// `name`, then `value`, a child element or `expression` (in this order of precedence), `scope`,
/// `type`, `pattern` with `group`, `action`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    read(element, compiler).map(Step::now)
}

pub(super) fn read(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Property> {
    let name = compiler.filled(element, "name", true).and_then(|name| dynamic_name(element, name, compiler));
    let scope = scope(element, compiler);
    let pattern = pattern(element, compiler);
    let source = source(element, compiler);
    let action =
        if removes(element) { Action::Remove } else { Action::Set { source: source?, pattern: pattern? } };
    Some(Property { name: name?, scope: scope?, action })
}

/// Any other word than `remove` sets.
fn removes(element: ElementRef<'_>) -> bool {
    element.attr("action") == Some("remove")
}

fn dynamic_name(element: ElementRef<'_>, name: &str, compiler: &mut Compiler) -> Option<Dynamic> {
    if name.len() < 2 {
        return Some(Dynamic::Literal(name.into()));
    }
    compiler.dynamic(element, "name")
}

fn scope(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Scope> {
    if element.attr("scope").is_none() {
        return Some(Scope::Default);
    }
    let words: Vec<&str> = SCOPES.iter().map(|(word, _)| *word).collect();
    let word = compiler.word(element, "scope", &words)?;
    SCOPES.iter().find(|(name, _)| *name == word).map(|(_, scope)| *scope)
}

/// `Some(None)` without a pattern, `None` after an error.
fn pattern(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Option<(JavaRegex, usize)>> {
    let has_group = element.attr("group").is_some();
    if element.attr("pattern").is_none() {
        if has_group {
            let message = "'group' of <property> needs a 'pattern'";
            compiler.error(Code::CONFLICT, element.place_of("group"), message);
            return None;
        }
        return Some(None);
    }
    let pattern = compiler.pattern(element, "pattern");
    let group = if has_group { compiler.number::<i32>(element, "group")? } else { 0 };
    let Ok(group) = usize::try_from(group) else {
        let message = "'group' of <property> must not be negative";
        compiler.error(Code::BAD_VALUE, element.place_of("group"), message);
        return None;
    };
    Some(Some((pattern?, group)))
}

fn source(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Source> {
    let kind = element.attr("type");
    if let Some(text) = element.attr("value") {
        return literal(element, text, kind, compiler).map(Source::Literal);
    }
    if let Some(child) = element.first() {
        let document = Arc::new(child.to_document());
        let root = document.root_element()?;
        return Some(Source::Xml(XmlElement::new(document, root)));
    }
    if element.attr("expression").is_some() {
        let expr = compiler.expression(element, "expression", Dialects::Any)?;
        // An unknown type is found when the first value is converted, as in MI.
        let kind = kind.map(|word| Type::of_property(word).unwrap_or(Type::Unknown(word.into())));
        return Some(Source::Expr(expr, kind));
    }
    if !removes(element) {
        let message = "<property> needs 'value', 'expression' or a child element to set";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
    }
    None
}

fn literal(
    element: ElementRef<'_>,
    text: &str,
    kind: Option<&str>,
    compiler: &mut Compiler,
) -> Option<Option<Value>> {
    let Some(word) = kind else { return Some(Some(text.into())) };
    let Some(kind) = Type::of_property(word) else {
        unknown_type(element, Type::PROPERTY, word, compiler);
        return None;
    };
    match kind.convert(text, false) {
        Ok(value) => Some(value),
        Err(()) => {
            let message = format!("'{text}' is no value of type {word}");
            compiler.error(Code::BAD_VALUE, element.place_of("value"), message);
            None
        }
    }
}

/// Reports an unknown `type`.
pub(super) fn unknown_type(
    element: ElementRef<'_>,
    known: &[(&'static str, Type)],
    word: &str,
    compiler: &mut Compiler,
) {
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    if compiler.word(element, "type", &words).is_some() {
        let message = format!("'{word}' is no type");
        compiler.error(Code::BAD_VALUE, element.place_of("type"), message);
    }
}
