//! Flows: lists of mediators that stay XML here, or the name of a sequence that holds them.

use crate::read::Reader;
use crate::source::Span;
use crate::xml::XmlElement;
use std::fmt;
use std::ops::Deref;

/// The name of another artifact, with the place where it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    /// Name or registry key, as written.
    pub key: String,
    /// Where it is written, in the source of the artifact.
    pub span: Span,
}

/// Mediators written in place.
#[derive(Clone)]
pub struct Flow {
    /// Its child elements are mediators; a `<description>` in the Synapse namespace is none.
    pub element: XmlElement,
    /// Name of the sequence that handles faults of this flow.
    pub on_error: Option<String>,
}

/// A flow in place, or the name of a sequence.
#[derive(Clone)]
pub enum FlowRef {
    /// Written in place.
    Inline(Flow),
    /// Key of a deployed sequence or registry resource.
    Named(Reference),
}

impl Deref for Reference {
    type Target = str;
    fn deref(&self) -> &str {
        &self.key
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-> {}", self.key)
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.element.get().children().map(|child| child.local()).collect();
        write!(f, "[{}]", names.join(", "))?;
        match &self.on_error {
            Some(name) => write!(f, " on error -> {name}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for FlowRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FlowRef::Inline(flow) => flow.fmt(f),
            FlowRef::Named(name) => name.fmt(f),
        }
    }
}

impl Flow {
    /// The flow of an element whose children are mediators.
    pub fn of(element: &XmlElement) -> Self {
        let on_error = element.get().attr("onError").map(str::to_owned);
        Self { element: element.clone(), on_error }
    }
}

/// An attribute as reference to another artifact; empty counts as absent.
pub(crate) fn reference(element: &XmlElement, attribute: &str) -> Option<Reference> {
    let found = element.get().attribute(attribute)?;
    (!found.value.is_empty()).then(|| Reference { key: found.value.to_string(), span: found.span })
}

/// `inSequence` and its kind: the attribute wins over the child element of the same name.
pub(crate) fn flow_ref(reader: &mut Reader<'_>, element: &XmlElement, name: &str) -> Option<FlowRef> {
    if let Some(reference) = reference(element, name) {
        return Some(FlowRef::Named(reference));
    }
    let child = element.child(name)?;
    if let Some(key) = child.get().attribute("key") {
        let message = format!("'key' on <{name}> is ignored; its mediators are written in place");
        reader
            .warn(crate::diagnostics::Code::UNKNOWN_ATTRIBUTE, (child.get().source(), key.span), message)
            .with_hint(format!("write {name}=\"{}\" on <{}>", key.value, element.get().local()));
    }
    Some(FlowRef::Inline(Flow::of(&child)))
}
