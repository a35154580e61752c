//! `<enrich>`: moves content between the body, properties, the envelope and text of the artifact.
//!
//! ```xml
//! <enrich>
//!   <source type="custom|envelope|body|property|inline" clone="true" xpath="..." property="..." key="..."/>
//!   <target type="custom|envelope|body|property|key" action="replace|child|sibling|remove" xpath="..." property="..."/>
//! </enrich>
//! ```
//!
//! JSON payloads are changed as JSON where source and target allow it, as XML otherwise.

mod inline;
mod json;
mod run;
mod source;
#[cfg(test)]
mod tests;
mod xml;

use crate::compile::Compiler;
use crate::eval::{Dialect, Dialects, Expr};
use crate::flow::Step;
use crate::message::Json;
use artifacts::diagnostics::Code;
use artifacts::xml::{Document, ElementRef};
use inline::Holes;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Custom,
    Envelope,
    Body,
    Property,
    Inline,
    Key,
}

const KINDS: [(&str, Kind); 6] = [
    ("custom", Kind::Custom),
    ("envelope", Kind::Envelope),
    ("body", Kind::Body),
    ("property", Kind::Property),
    ("inline", Kind::Inline),
    ("key", Kind::Key),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Replace,
    Child,
    Sibling,
    Remove,
}

#[derive(Debug)]
enum Source {
    Custom(Arc<Expr>),
    Envelope,
    Body,
    Property(Arc<str>),
    Inline(Inline),
    /// `key` as a source type: MI accepts it and finds nothing.
    Nothing,
}

#[derive(Debug)]
enum Inline {
    Element(Arc<Document>, Option<Holes>),
    Text(Arc<str>, Option<Holes>),
    /// A local entry or registry resource.
    Key(Arc<str>),
}

#[derive(Debug)]
enum Target {
    Custom(Arc<Expr>),
    Envelope,
    Body,
    Property(Arc<str>),
    /// Renames the member that the path ends with.
    Key(Arc<Expr>),
}

#[derive(Debug)]
struct Enrich {
    source: Source,
    /// The source stays where it is.
    clone: bool,
    target: Target,
    action: Action,
    /// Nothing in it asks for XML.
    native_json: bool,
}

/// The table of types, combinations and attributes that MI refuses is in `combination`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mut part = |name: &str| {
        let child = element.child(name);
        if child.is_none() {
            let message = format!("<enrich> needs a <{name}>");
            compiler.error(Code::MISSING_CHILD, element.place(), message);
        }
        child
    };
    let (from, to) = (part("source"), part("target"));
    let (from, to) = (from?, to?);
    let mark = compiler.diagnostics.len();
    let (source_kind, target_kind) = (kind(from, compiler)?, kind(to, compiler)?);
    let action = action(to, compiler)?;
    combination(source_kind, target_kind, action, to, compiler)?;
    let source = source(from, source_kind, compiler);
    let target = target(to, target_kind, action, compiler);
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    let (source, target) = (source?, target?);
    let clone = from.attr("clone").is_none_or(|text| text.eq_ignore_ascii_case("true"));
    let native_json = native_json(&source, &target);
    Some(Step::now(Enrich { source, clone, target, action, native_json }))
}

fn kind(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Kind> {
    if element.attr("type").is_none() {
        return Some(Kind::Custom);
    }
    let word = compiler.word(element, "type", &KINDS.map(|(word, _)| word))?;
    KINDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
}

fn action(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Action> {
    if element.attr("action").is_none() {
        return Some(Action::Replace);
    }
    Some(match compiler.word(element, "action", &["replace", "child", "sibling", "remove"])? {
        "child" => Action::Child,
        "sibling" => Action::Sibling,
        "remove" => Action::Remove,
        _ => Action::Replace,
    })
}

fn combination(
    source: Kind,
    target: Kind,
    action: Action,
    element: ElementRef<'_>,
    compiler: &mut Compiler,
) -> Option<()> {
    use Kind::{Body, Custom, Envelope, Inline, Key, Property};
    // A target without `type` is custom, but MI forgets that when it looks for wrong combinations.
    let written = element.attr("type").is_some();
    let wrong = match (source, target) {
        (_, Inline) => Some("a target cannot be inline"),
        (Envelope, Custom) if written => Some("an envelope cannot go to a custom place"),
        (Envelope, Envelope | Body) | (Body, Envelope | Body) | (Custom, Envelope) => {
            Some("this source cannot go to this target")
        }
        (Body, Key) => Some("the body cannot become a key"),
        (_, Key) if action != Action::Replace => Some("a key can only be replaced"),
        (_, Envelope) if action != Action::Replace => Some("an envelope can only be replaced"),
        (from, _) if action == Action::Remove && from != Custom => Some("'remove' needs a custom source"),
        (_, Custom) if action == Action::Remove && written => Some("'remove' works on body or property"),
        (_, Custom | Envelope | Body | Property | Key) => None,
    };
    let Some(wrong) = wrong else { return Some(()) };
    compiler.error(Code::CONFLICT, element.place(), format!("<enrich>: {wrong}"));
    None
}

fn source(element: ElementRef<'_>, kind: Kind, compiler: &mut Compiler) -> Option<Source> {
    Some(match kind {
        Kind::Custom => {
            compiler.required(element, "xpath")?;
            Source::Custom(compiler.expression(element, "xpath", Dialects::Any)?)
        }
        Kind::Envelope => Source::Envelope,
        Kind::Body => Source::Body,
        Kind::Property => Source::Property(compiler.required(element, "property")?.into()),
        Kind::Inline => Source::Inline(inline(element, compiler)?),
        Kind::Key => Source::Nothing,
    })
}

fn inline(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Inline> {
    if let Some(child) = element.first() {
        // Only the text right inside the element is searched for `{...}`, but then all of it is filled.
        let holes = inline::has_holes(&child.text()).then(|| Holes::compile(&child.to_xml()));
        return Some(Inline::Element(Arc::new(child.to_document()), holes));
    }
    let text = element.text();
    if !text.trim().is_empty() {
        let holes = inline::has_holes(&text).then(|| Holes::compile(&text));
        return Some(Inline::Text(text.into(), holes));
    }
    if let Some(key) = element.attr("key") {
        return Some(Inline::Key(key.into()));
    }
    compiler.error(Code::MISSING_CHILD, element.place(), "an inline <source> needs content or 'key'");
    None
}

fn target(element: ElementRef<'_>, kind: Kind, action: Action, compiler: &mut Compiler) -> Option<Target> {
    Some(match kind {
        Kind::Custom => {
            compiler.required(element, "xpath")?;
            let expr = compiler.expression(element, "xpath", Dialects::Any)?;
            let root = matches!(element.attr("xpath"), Some("json-eval($)" | "json-eval($.)"));
            if root && action == Action::Replace {
                let message = "the root is replaced with a target of type 'body', not 'custom'";
                compiler.error(Code::CONFLICT, element.place_of("xpath"), message);
                return None;
            }
            Target::Custom(expr)
        }
        Kind::Envelope => Target::Envelope,
        Kind::Body | Kind::Inline => Target::Body,
        Kind::Property => Target::Property(compiler.required(element, "property")?.into()),
        Kind::Key => {
            compiler.required(element, "xpath")?;
            Target::Key(compiler.expression(element, "xpath", Dialects::Any)?)
        }
    })
}

fn native_json(source: &Source, target: &Target) -> bool {
    let json = |expr: &Expr| expr.dialect() == Dialect::JsonPath;
    let source = match source {
        Source::Custom(expr) => json(expr),
        Source::Envelope => false,
        Source::Inline(Inline::Element(..)) => false,
        Source::Inline(Inline::Text(text, _)) => is_json(text),
        Source::Body | Source::Property(_) | Source::Inline(Inline::Key(_)) | Source::Nothing => true,
    };
    let target = match target {
        Target::Custom(expr) => json(expr),
        Target::Envelope => false,
        Target::Body | Target::Property(_) | Target::Key(_) => true,
    };
    source && target
}

/// JSON as MI's lenient reader sees it, or something in braces with `{...}` in it.
fn is_json(text: &str) -> bool {
    match Json::parse(text) {
        Ok(json) => json != Json::Null,
        Err(_) => text.trim().starts_with('{') && text.trim().ends_with('}'),
    }
}
