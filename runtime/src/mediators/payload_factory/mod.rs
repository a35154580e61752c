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
mod source;
#[cfg(test)]
mod tests;

use super::parts::reading::{json_path_text, not_blank, parse_boolean};
use crate::compile::Compiler;
use crate::eval::Dialects;
use crate::flow::Step;
use arguments::{Argument, Value};
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use format::Template;
use source::Source;

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
    Default(Source<Template>),
    FreeMarker(Source<crate::freemarker::Template>),
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
        return Source::read(element, media, compiler, free_marker::parse).map(Format::FreeMarker);
    }
    let compile = |text: &str| {
        let compiled = match media {
            Some("json") => Template::compile_json(text, &element.prefixes()),
            _ => Template::compile(text, &element.prefixes()),
        };
        compiled.map_err(|(expression, problem)| {
            format!("the expression '${{{expression}}}' in the format is not valid: {problem}")
        })
    };
    Source::read(element, media, compiler, compile).map(Format::Default)
}

fn argument(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Argument> {
    if let Some(value) = element.attr("value") {
        return Some(Argument { value: Value::constant(value), literal: false });
    }
    let literal = parse_boolean(element.attr("literal"));
    if element.attr("expression").is_none() {
        let message = format!("<{}> in <args> needs 'value' or 'expression'", element.local());
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        return None;
    }
    let text = not_blank(element, "expression", compiler)?;
    let value = if element.attr("evaluator") == Some("json") {
        // With this evaluator the path may stand alone.
        let path = format!("json-eval({})", json_path_text(text));
        let place = element.place_of("expression");
        Value::JsonPath(compiler.expression_text(element, place, &path, Dialects::PathsOnly)?)
    } else {
        Value::XPath(compiler.expression(element, "expression", Dialects::XPathOnly)?)
    };
    Some(Argument { value, literal })
}
