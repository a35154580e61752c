//! `<payloadFactory>`: a new payload from a format, its arguments and `${...}` expressions.
//!
//! ```xml
//! <payloadFactory media-type="json" template-type="default" escapeXmlChars="false">
//!   <format>{"name": "$1", "id": ${payload.id}}</format>       <!-- or key="entry" -->
//!   <args><arg expression="json-eval($.n)" evaluator="json" literal="false"/></args>
//! </payloadFactory>
//! ```

mod arguments;
mod format;
mod free_marker;
mod replace;
mod run;
#[cfg(test)]
mod tests;

use super::parts::reading::{json_path_text, not_blank, parse_boolean};
use crate::compile::Compiler;
use crate::eval::{Dialects, Dynamic};
use crate::flow::Step;
use arguments::{Argument, Source};
use artifacts::diagnostics::Code;
use artifacts::xml::{Document, ElementRef, NodeId};
use format::Template;
use std::sync::{Arc, Mutex};

/// What the format is written in. Any other word computes the text and throws it away, as MI does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Media {
    Xml,
    Json,
    Text,
    Other,
}

#[derive(Debug)]
enum Format {
    Inline(Template),
    /// A local entry or registry resource; the last one read is kept compiled.
    Key(Dynamic, Mutex<Option<(Arc<str>, Arc<Template>)>>),
    /// A FreeMarker template, in place or by key.
    FreeMarker(free_marker::Source),
}

#[derive(Debug)]
struct PayloadFactory {
    media: Media,
    format: Format,
    arguments: Vec<Argument>,
    escape_xml_chars: bool,
}

/// `format` is needed; every child of `args` needs `value` or `expression`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let media_text = element.attr("media-type");
    let media = match media_text {
        None | Some("xml") => Media::Xml,
        Some("json") => Media::Json,
        Some("text") => Media::Text,
        Some(_) => Media::Other,
    };
    let freemarker = element.attr("template-type").is_some_and(|t| t.eq_ignore_ascii_case("freemarker"));
    let format = match element.child("format") {
        Some(child) => format_of(child, media_text, freemarker, compiler),
        None => {
            let message = "<payloadFactory> needs a <format>";
            compiler.error(Code::MISSING_CHILD, element.place(), message);
            None
        }
    };
    let arguments = match element.child("args") {
        Some(args) => args.children().filter_map(|arg| argument(arg, compiler)).collect(),
        None => Vec::new(),
    };
    let escape_xml_chars = parse_boolean(element.attr("escapeXmlChars"));
    if compiler.diagnostics.has_errors_since(mark) {
        return None;
    }
    Some(Step::now(PayloadFactory { media, format: format?, arguments, escape_xml_chars }))
}

fn format_of(
    element: ElementRef<'_>,
    media: Option<&str>,
    freemarker: bool,
    compiler: &mut Compiler,
) -> Option<Format> {
    if freemarker {
        return free_marker::source(element, media, compiler).map(Format::FreeMarker);
    }
    if element.attr("key").is_some() {
        return compiler.dynamic(element, "key").map(|key| Format::Key(key, Mutex::new(None)));
    }
    let text = inline_text(element, media);
    match Template::compile(&text, &element.prefixes()) {
        Ok(template) => Some(Format::Inline(template)),
        Err((expression, problem)) => {
            let message = format!("the expression '${{{expression}}}' in the format is not valid: {problem}");
            compiler.error(Code::BAD_EXPRESSION, element.place(), message);
            None
        }
    }
}

/// JSON and text formats are the element's text; others the first child element, else the text.
fn inline_text(element: ElementRef<'_>, media: Option<&str>) -> String {
    let copy = clean(element);
    let textual = media.is_some_and(|m| m.contains("json") || m.contains("text"));
    let root = copy.root_element().unwrap_or(Document::ROOT);
    match copy.first_element(root).filter(|_| !textual) {
        Some(child) => copy.node_to_xml(child),
        None => copy.own_text_of_root(),
    }
}

trait RootText {
    fn own_text_of_root(&self) -> String;
}

impl RootText for Document {
    fn own_text_of_root(&self) -> String {
        self.root_element().map(|root| self.own_text(root)).unwrap_or_default()
    }
}

/// A copy without texts that are only blanks.
fn clean(element: ElementRef<'_>) -> Document {
    let mut copy = element.to_document();
    remove_blank_texts(&mut copy);
    copy
}

/// Removes every text node that is only blanks, as MI does with formats.
pub(super) fn remove_blank_texts(document: &mut Document) {
    let blank = |id: &NodeId| document.text_of(*id).is_some_and(|t| t.trim().is_empty());
    let nodes: Vec<NodeId> = document.descendants(Document::ROOT).filter(blank).collect();
    for node in nodes {
        document.detach(node);
    }
}

fn argument(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Argument> {
    if let Some(value) = element.attr("value") {
        return Some(Argument { source: Source::constant(value), literal: false });
    }
    let literal = parse_boolean(element.attr("literal"));
    if element.attr("expression").is_none() {
        let message = format!("<{}> in <args> needs 'value' or 'expression'", element.local());
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        return None;
    }
    let text = not_blank(element, "expression", compiler)?;
    let source = if element.attr("evaluator") == Some("json") {
        // With this evaluator the path may stand alone.
        let path = format!("json-eval({})", json_path_text(text));
        let place = element.place_of("expression");
        Source::JsonPath(compiler.expression_text(element, place, &path, Dialects::PathsOnly)?)
    } else {
        Source::XPath(compiler.expression(element, "expression", Dialects::XPathOnly)?)
    };
    Some(Argument { source, literal })
}
