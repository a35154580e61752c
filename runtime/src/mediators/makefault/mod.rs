//! `<makefault [version="soap11|soap12|pox"] [response="true|false"]>`: the message becomes a fault.
//!
//! ```xml
//! <makefault version="soap12" response="true">
//!   <code xmlns:env="http://www.w3.org/2003/05/soap-envelope" value="env:Receiver"/>
//!   <reason expression="get-property('ERROR_MESSAGE')"/>
//!   <node>http://host/node</node> <role>http://host/role</role> <detail>text</detail>
//! </makefault>
//! ```

mod run;
#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::eval::{Dialects, Expr};
use crate::flow::Step;
use crate::message::Soap;
use artifacts::diagnostics::Code;
use artifacts::xml::{Document, ElementRef, Name};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Soap(Soap),
    Pox,
}

#[derive(Debug)]
enum FaultCode {
    Name(Name),
    Expr(Arc<Expr>),
}

#[derive(Debug)]
enum Text {
    Value(Arc<str>),
    Expr(Arc<Expr>),
}

#[derive(Debug)]
enum Detail {
    Text(Arc<str>),
    Expr(Arc<Expr>),
    Elements(Vec<Arc<Document>>),
}

#[derive(Debug)]
struct MakeFault {
    version: Version,
    /// The fault travels back to the sender.
    response: bool,
    code: Option<FaultCode>,
    reason: Option<Text>,
    node: Option<Arc<str>>,
    role: Option<Arc<str>>,
    detail: Option<Detail>,
}

/// `code` and `reason` are needed unless the fault is `pox`; `node` needs an explicit version.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let version = match compiler.word(element, "version", &["soap11", "soap12", "pox"]) {
        Some("soap12") => Version::Soap(Soap::V12),
        Some("pox") => Version::Pox,
        _ => Version::Soap(Soap::V11),
    };
    let response = compiler.word(element, "response", &["true", "false"]) != Some("false");
    let code = child(element, "code", version, compiler).and_then(|c| code(c, version, compiler));
    let reason = child(element, "reason", version, compiler).and_then(|c| text(c, compiler));
    let node = uri(element, "node", compiler);
    let node_version = element.attr("version");
    if node.is_some() && node_version.is_none() {
        let message = "<node> needs an explicit 'version' on <makefault>";
        compiler.error(Code::CONFLICT, element.place(), message);
    }
    let node = node.filter(|_| node_version != Some("soap11"));
    let role = uri(element, "role", compiler);
    let detail = element.child("detail").and_then(|d| detail(d, compiler));
    let fault = MakeFault { version, response, code, reason, node, role, detail };
    (!compiler.diagnostics.has_errors_since(mark)).then(|| Step::now(fault))
}

fn child<'e>(
    element: ElementRef<'e>,
    name: &str,
    version: Version,
    compiler: &mut Compiler,
) -> Option<ElementRef<'e>> {
    let child = element.child(name);
    if child.is_none() && version != Version::Pox {
        let message = format!("<makefault> needs a <{name}> unless its version is pox");
        compiler.error(Code::MISSING_CHILD, element.place(), message);
    }
    child
}

fn code(element: ElementRef<'_>, version: Version, compiler: &mut Compiler) -> Option<FaultCode> {
    let Some(value) = element.attr("value") else {
        return expression_or_error(element, compiler).map(FaultCode::Expr);
    };
    let place = element.place_of("value");
    let Some((prefix, local)) = value.split_once(':') else {
        let message = format!("a fault code is written prefix:name, found '{value}'");
        compiler.error(Code::BAD_VALUE, place, message);
        return None;
    };
    let Some(ns) = element.document.lookup_prefix(element.id, prefix) else {
        let message = format!("the prefix '{prefix}' of the fault code has no namespace here");
        compiler.error(Code::UNBOUND_PREFIX, place, message);
        return None;
    };
    if let Version::Soap(soap) = version {
        check_code(&ns, local, soap, place, compiler)?;
    }
    Some(FaultCode::Name(Name::new(&ns, prefix, local)))
}

fn check_code(
    ns: &str,
    local: &str,
    soap: Soap,
    place: (&artifacts::source::SourceRef, artifacts::source::Span),
    compiler: &mut Compiler,
) -> Option<()> {
    let (word, names): (&str, &[&str]) = match soap {
        Soap::V11 => ("soap11", &["VersionMismatch", "MustUnderstand", "Client", "Server"]),
        Soap::V12 => {
            ("soap12", &["VersionMismatch", "MustUnderstand", "DataEncodingUnknown", "Sender", "Receiver"])
        }
    };
    if ns != soap.namespace() {
        let message = format!("a fault code of {word} is in the namespace {}, found {ns}", soap.namespace());
        compiler.error(Code::BAD_VALUE, place, message);
        return None;
    }
    if !names.contains(&local) {
        let message = format!("a fault code of {word} is one of {}, found '{local}'", names.join(", "));
        compiler.error(Code::BAD_VALUE, place, message);
        return None;
    }
    Some(())
}

fn text(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Text> {
    match element.attr("value") {
        Some(value) => Some(Text::Value(value.into())),
        None => expression_or_error(element, compiler).map(Text::Expr),
    }
}

fn expression_or_error(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Arc<Expr>> {
    if element.attr("expression").is_none() {
        let message = format!("<{}> of <makefault> needs 'value' or 'expression'", element.local());
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        return None;
    }
    compiler.expression(element, "expression", Dialects::XPathOnly)
}

fn uri(element: ElementRef<'_>, name: &str, compiler: &mut Compiler) -> Option<Arc<str>> {
    let child = element.child(name)?;
    let text = child.text();
    if is_uri(&text) {
        return Some(text.into());
    }
    let message = format!("<{name}> of <makefault> holds a URI, found '{text}'");
    compiler.error(Code::BAD_VALUE, child.place(), message);
    None
}

/// Does `java.net.URI` read it? No blanks, no `"<>\^{|}` and backquote, complete escapes, something
/// behind the scheme.
fn is_uri(text: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || "\"<>\\^{|}`".contains(c);
    if text.contains(bad) {
        return false;
    }
    let mut parts = text.split('%');
    parts.next();
    if !parts.all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_hexdigit())) {
        return false;
    }
    match text.split_once(':') {
        Some((scheme, rest)) if !scheme.contains(['/', '?', '#']) => {
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
                && !rest.is_empty()
        }
        _ => true,
    }
}

fn detail(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Detail> {
    if element.attr("expression").is_some() {
        return compiler.expression(element, "expression", Dialects::XPathOnly).map(Detail::Expr);
    }
    if element.first().is_some() {
        return Some(Detail::Elements(element.children().map(|c| Arc::new(c.to_document())).collect()));
    }
    Some(Detail::Text(element.text().into()))
}
