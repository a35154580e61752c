//! `<header name="..." value|expression [scope="default|transport"] [type="OM"] [action="set|remove"]/>`
//! sets or removes a SOAP header block, an address or a transport header;
//! `<header><x:any xmlns:x="..."/></header>` adds the children as SOAP header blocks.

mod run;
#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::eval::{Dialects, Expr};
use crate::flow::Step;
use artifacts::diagnostics::{Code, nearest};
use artifacts::xml::{Document, ElementRef, Name};
use std::sync::Arc;

/// The addresses that a SOAP header name without prefix may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Address {
    To,
    From,
    Action,
    FaultTo,
    ReplyTo,
    RelatesTo,
}

const ADDRESSES: [(&str, Address); 6] = [
    ("To", Address::To),
    ("From", Address::From),
    ("Action", Address::Action),
    ("FaultTo", Address::FaultTo),
    ("ReplyTo", Address::ReplyTo),
    ("RelatesTo", Address::RelatesTo),
];

#[derive(Debug)]
enum Place {
    Address(Address),
    Block(Name),
    Transport(Arc<str>),
    /// No name: what stands inside is added.
    Implicit(Vec<Arc<Document>>),
}

#[derive(Debug)]
enum Source {
    Text(Arc<str>),
    Expr(Arc<Expr>),
    /// No value, for `remove`.
    None,
}

#[derive(Debug)]
struct Header {
    place: Place,
    source: Source,
    remove: bool,
    /// The value is XML.
    xml: bool,
}

/// SOAP headers need a prefix that is in scope, or one of the six address names.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let scope = compiler.word(element, "scope", &["default", "transport"]);
    let known_scope = scope.is_some() || element.attr("scope").is_none();
    let place = if known_scope { place(element, scope == Some("transport"), compiler) } else { None };
    // Anything but `remove` sets.
    let remove = element.attr("action") == Some("remove");
    let implicit = element.attr("name").is_none();
    let source = if let Some(value) = element.attr("value") {
        Some(Source::Text(value.into()))
    } else if element.attr("expression").is_some() {
        compiler.expression(element, "expression", Dialects::Any).map(Source::Expr)
    } else if remove || implicit {
        Some(Source::None)
    } else {
        let message = "<header> that sets needs 'value' or 'expression'";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        None
    };
    let xml = element.attr("type").is_some_and(|t| t.eq_ignore_ascii_case("OM"));
    Some(Step::now(Header { place: place?, source: source?, remove, xml }))
}

fn place(element: ElementRef<'_>, transport: bool, compiler: &mut Compiler) -> Option<Place> {
    let Some(name) = element.attr("name") else {
        if element.first().is_none() {
            let message = "<header> needs the attribute 'name' or an element inside";
            compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
            return None;
        }
        return Some(Place::Implicit(element.children().map(|c| Arc::new(c.to_document())).collect()));
    };
    if transport {
        return Some(Place::Transport(name.into()));
    }
    let place = element.place_of("name");
    if let Some((prefix, local)) = name.split_once(':') {
        let Some(ns) = element.document.lookup_prefix(element.id, prefix) else {
            let message = format!("the prefix '{prefix}' of the header '{name}' has no namespace here");
            compiler.error(Code::UNBOUND_PREFIX, place, message);
            return None;
        };
        return Some(Place::Block(Name::new(&ns, prefix, local)));
    }
    if let Some((_, address)) = ADDRESSES.iter().find(|(known, _)| *known == name) {
        return Some(Place::Address(*address));
    }
    let message = format!(
        "a SOAP header is written prefix:name unless it is To, From, Action, FaultTo, ReplyTo or RelatesTo; found '{name}'"
    );
    let hint = match nearest(name, ADDRESSES.iter().map(|(known, _)| *known)) {
        Some(known) => format!("did you mean '{known}'?"),
        None => "a transport header needs scope=\"transport\"".to_owned(),
    };
    compiler.error(Code::BAD_VALUE, place, message).hint = Some(hint);
    None
}
