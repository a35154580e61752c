//! Templates: sequences and endpoints with parameters.

use super::flow::Flow;
use crate::diagnostics::Code;
use crate::read::Reader;
use crate::values;
use crate::xml::XmlElement;

/// A template.
#[derive(Debug, Clone)]
pub struct Template {
    /// Name.
    pub name: String,
    /// What it makes.
    pub body: TemplateBody,
    /// Parameters in order.
    pub parameters: Vec<TemplateParameter>,
    /// Sequence for faults of a sequence template.
    pub on_error: Option<String>,
    /// `statistics="enable"`.
    pub statistics: bool,
    /// `trace="enable"`.
    pub trace: bool,
    /// The `<template>` element.
    pub element: XmlElement,
}

/// What a template makes.
#[derive(Debug, Clone)]
pub enum TemplateBody {
    /// Mediators.
    Sequence(Flow),
    /// An `<endpoint>` with `$name`, `$uri` and `$parameter` in it; read after they are filled in.
    Endpoint(XmlElement),
}

/// A parameter of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateParameter {
    /// Name.
    pub name: String,
    /// A call without it faults.
    pub mandatory: bool,
    /// Value when a call does not give it.
    pub default: Option<String>,
}

/// `None` without an error: MI drops the file silently, which is reported as a warning.
pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Template> {
    let this = element.get();
    reader.known_attributes(this, &["name", "onError", "statistics", "trace"]);
    reader.known_children(this, &["parameter", "sequence", "endpoint", "description"]);
    let body = body(element)?;
    let body = match body {
        Some(body) => body,
        None => {
            let message = "<template> holds neither <sequence> nor <endpoint>; nothing is deployed";
            reader.warn(Code::MISSING_CHILD, this.place(), message);
            reader.required(this, "name");
            return None;
        }
    };
    let name = reader.required(this, "name");
    let parameters = parameters(element, &body, reader);
    Some(Template {
        name: name?,
        body,
        parameters,
        on_error: this.attr("onError").map(str::to_owned),
        statistics: reader.enabled(this, "statistics"),
        trace: reader.enabled(this, "trace"),
        element: element.clone(),
    })
}

fn body(element: &XmlElement) -> Option<Option<TemplateBody>> {
    if let Some(sequence) = element.child("sequence") {
        return Some(Some(TemplateBody::Sequence(Flow::of(&sequence))));
    }
    Some(element.child("endpoint").map(TemplateBody::Endpoint))
}

fn parameters(element: &XmlElement, body: &TemplateBody, reader: &mut Reader<'_>) -> Vec<TemplateParameter> {
    let mut found: Vec<TemplateParameter> = Vec::new();
    for child in element.children_named("parameter") {
        let this = child.get();
        let name = match (this.attr("name"), body) {
            (Some(name), _) => name.trim().to_owned(),
            (None, TemplateBody::Endpoint(_)) => {
                reader.present(this, "name");
                continue;
            }
            (None, TemplateBody::Sequence(_)) => {
                reader.warn(Code::MISSING_ATTRIBUTE, this.place(), "<parameter> without 'name' is ignored");
                continue;
            }
        };
        found.push(TemplateParameter {
            name,
            mandatory: this.attr("isMandatory").is_some_and(values::java_bool),
            default: this.attr("defaultValue").map(str::to_owned),
        });
    }
    found
}
