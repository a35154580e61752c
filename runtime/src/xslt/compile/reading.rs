//! Small readers: names, expressions and patterns of attributes, with problems at their place.

use super::Compiler;
use crate::eval::xpath::{Binding, Names, Pattern, Query};
use crate::xslt::avt::Avt;
use crate::xslt::model::Expanded;
use crate::xslt::{XSL, error};
use artifacts::expr::SyntaxError;
use artifacts::xml::{Document, NodeId};

impl Compiler<'_> {
    pub(super) fn report(&mut self, document: &Document, node: NodeId, message: impl Into<String>) {
        self.errors.push(error(document.span(node).start, message));
    }

    /// A problem inside an attribute value.
    pub(super) fn report_in(
        &mut self,
        document: &Document,
        node: NodeId,
        attribute: &str,
        offset: usize,
        message: impl std::fmt::Display,
    ) {
        let span = document.element(node).and_then(|e| {
            e.attributes.iter().find(|a| &*a.name.local == attribute).map(|a| a.span.start + offset as u32)
        });
        let place = span.unwrap_or(document.span(node).start);
        self.errors.push(error(place, format!("in '{attribute}': {message}")));
    }

    /// What names mean in the expressions of an element.
    pub(super) fn names(&self, document: &Document, node: NodeId) -> Names {
        let mut scope: Vec<Binding> = document.namespaces_in_scope(node);
        scope.retain(|(prefix, _)| !prefix.is_empty());
        let mut names = Names::standard(&scope);
        let default = std::iter::successors(Some(node), |n| document.parent(*n)).find_map(|n| {
            let ns = if document.namespace(n) == XSL { "" } else { XSL };
            document.attribute_ns(n, ns, "xpath-default-namespace")
        });
        if let Some(default) = default {
            names.default_element = default.into();
        }
        names
    }

    /// A qualified name; the default namespace does not apply.
    pub(super) fn expanded(&mut self, document: &Document, node: NodeId, name: &str) -> Option<Expanded> {
        let name = name.trim();
        let Some((prefix, local)) = name.split_once(':') else {
            return Some(Expanded { ns: "".into(), local: name.into() });
        };
        match document.lookup_prefix(node, prefix) {
            Some(ns) => Some(Expanded { ns, local: local.into() }),
            None => {
                self.report(document, node, format!("the prefix '{prefix}' of '{name}' is not declared"));
                None
            }
        }
    }

    pub(super) fn required_name(&mut self, document: &Document, node: NodeId) -> Option<Expanded> {
        match document.attribute(node, "name") {
            Some(name) => self.expanded(document, node, name),
            None => {
                self.missing(document, node, "name");
                None
            }
        }
    }

    pub(super) fn missing(&mut self, document: &Document, node: NodeId, attribute: &str) {
        let element = document.local_name(node);
        self.report(document, node, format!("the attribute '{attribute}' of xsl:{element} is missing"));
    }

    fn keep<T>(
        &mut self,
        document: &Document,
        node: NodeId,
        attribute: &str,
        result: Result<T, SyntaxError>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(problem) => {
                self.report_in(document, node, attribute, problem.offset, problem.message);
                None
            }
        }
    }

    pub(super) fn query(&mut self, document: &Document, node: NodeId, attribute: &str) -> Option<Query> {
        let text = document.attribute(node, attribute)?;
        let names = self.names(document, node);
        self.keep(document, node, attribute, Query::compile_standard(text, &names))
    }

    pub(super) fn required_query(
        &mut self,
        document: &Document,
        node: NodeId,
        attribute: &str,
    ) -> Option<Query> {
        if document.attribute(node, attribute).is_none() {
            self.missing(document, node, attribute);
        }
        self.query(document, node, attribute)
    }

    /// An expression of our own making.
    pub(super) fn own_query(&mut self, document: &Document, node: NodeId, text: &str) -> Option<Query> {
        let names = self.names(document, node);
        self.keep(document, node, "select", Query::compile_standard(text, &names))
    }

    pub(super) fn avt(&mut self, document: &Document, node: NodeId, attribute: &str) -> Option<Avt> {
        let text = document.attribute(node, attribute)?;
        let names = self.names(document, node);
        self.keep(document, node, attribute, Avt::compile(text, &names))
    }

    pub(super) fn required_avt(&mut self, document: &Document, node: NodeId, attribute: &str) -> Option<Avt> {
        if document.attribute(node, attribute).is_none() {
            self.missing(document, node, attribute);
        }
        self.avt(document, node, attribute)
    }

    pub(super) fn patterns(&mut self, document: &Document, node: NodeId, attribute: &str) -> Vec<Pattern> {
        let Some(text) = document.attribute(node, attribute) else { return Vec::new() };
        let names = self.names(document, node);
        self.keep(document, node, attribute, Pattern::compile(text, &names)).unwrap_or_default()
    }

    pub(super) fn attribute_sets(
        &mut self,
        document: &Document,
        node: NodeId,
        text: Option<&str>,
    ) -> Vec<Expanded> {
        text.unwrap_or("").split_whitespace().filter_map(|name| self.expanded(document, node, name)).collect()
    }
}
