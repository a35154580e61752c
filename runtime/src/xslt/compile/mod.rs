//! Stylesheet documents to [`Stylesheet`]: modules, declarations, and the order of rules.

mod body;
mod reading;

use super::model::{
    AttributeSet, Content, Expanded, Function, Key, Rule, SpaceRule, Stylesheet, Template, Variable,
};
use super::{Loader, XSL, XsltError, error};
use crate::eval::decimal_format::DecimalFormat;
use crate::eval::xpath::Pattern;
use artifacts::xml::{Document, NodeId};
use std::sync::Arc;

/// Most modules one stylesheet may pull in; bounds imports that go round in circles.
const MAX_MODULES: usize = 100;

impl Stylesheet {
    /// Compiles a stylesheet document. `loader` resolves imports and includes. All problems are
    /// returned, in document order.
    pub fn compile(document: &Document, loader: Loader<'_>) -> Result<Self, Vec<XsltError>> {
        let mut compiler =
            Compiler { sheet: Self::default(), errors: Vec::new(), precedence: 0, modules: 0, loader };
        let document = Arc::new(document.clone());
        compiler.sheet.documents.push(document.clone());
        compiler.module(&document);
        let Compiler { mut sheet, errors, .. } = compiler;
        if !errors.is_empty() {
            return Err(errors);
        }
        sheet.finish();
        Ok(sheet)
    }

    fn finish(&mut self) {
        for rules in self.rules.values_mut() {
            // Stable order and later ones first among equals.
            rules.reverse();
            rules.sort_by(|a, b| b.precedence.cmp(&a.precedence).then(b.priority.total_cmp(&a.priority)));
        }
        // Of globals with one name the highest precedence counts.
        self.globals.sort_by_key(|g| std::cmp::Reverse(g.precedence));
        let mut seen = std::collections::HashSet::new();
        self.globals.retain(|g| seen.insert(g.name.clone()));
        self.spaces.sort_by_key(|rule| {
            let specific = u8::from(rule.local.is_some()) + u8::from(rule.ns.is_some());
            std::cmp::Reverse((rule.precedence, specific))
        });
    }
}

pub(super) struct Compiler<'l> {
    sheet: Stylesheet,
    errors: Vec<XsltError>,
    precedence: usize,
    modules: usize,
    loader: Loader<'l>,
}

/// A top-level element with its document.
type Declaration = (Arc<Document>, NodeId);

impl Compiler<'_> {
    fn module(&mut self, document: &Arc<Document>) {
        self.modules += 1;
        let Some(root) = document.root_element() else {
            self.errors.push(error(0, "expected a stylesheet, found an empty document"));
            return;
        };
        if self.modules > MAX_MODULES {
            self.errors
                .push(error(0, format!("more than {MAX_MODULES} modules; do they import each other?")));
            return;
        }
        let imports_from = self.precedence;
        if !is_xsl(document, root, "stylesheet") && !is_xsl(document, root, "transform") {
            self.simplified(document, root);
            return;
        }
        self.version(document, root);
        let mut declarations = Vec::new();
        self.gather(document, root, &mut declarations);
        let precedence = self.precedence;
        self.precedence += 1;
        // Literal elements need to know them whatever the order.
        for (document, node) in declarations.iter().filter(|(d, n)| is_xsl(d, *n, "namespace-alias")) {
            self.alias(document, *node);
        }
        for (document, node) in declarations {
            self.declaration(&document, node, precedence, imports_from);
        }
    }

    fn version(&mut self, document: &Document, root: NodeId) {
        match document.attribute(root, "version") {
            None => self.report(document, root, "the attribute 'version' is missing"),
            Some(version) => self.sheet.later |= version.trim().parse::<f64>().is_ok_and(|v| v >= 2.0),
        }
    }

    /// Top-level elements of the module and of what it includes; imports are compiled on the way.
    fn gather(&mut self, document: &Arc<Document>, root: NodeId, found: &mut Vec<Declaration>) {
        for node in document.child_elements(root) {
            let import = is_xsl(document, node, "import");
            if !import && !is_xsl(document, node, "include") {
                found.push((document.clone(), node));
                continue;
            }
            let Some(href) = document.attribute(node, "href") else {
                self.report(document, node, "the attribute 'href' is missing");
                continue;
            };
            let Some(module) = (self.loader)(href).map(Arc::new) else {
                self.report(document, node, format!("there is no stylesheet '{href}'"));
                continue;
            };
            self.sheet.documents.push(module.clone());
            match module.root_element() {
                _ if import => self.module(&module),
                Some(root) if self.modules < MAX_MODULES => {
                    self.modules += 1;
                    self.gather(&module, root, found);
                }
                _ => self.report(document, node, format!("'{href}' cannot be included")),
            }
        }
    }

    fn simplified(&mut self, document: &Arc<Document>, root: NodeId) {
        let Some(version) = document.attribute_ns(root, XSL, "version") else {
            let name = document.name(root).map(artifacts::xml::Name::qualified).unwrap_or_default();
            self.report(
                document,
                root,
                format!("expected xsl:stylesheet or an element with xsl:version, found <{name}>"),
            );
            return;
        };
        self.sheet.later |= version.trim().parse::<f64>().is_ok_and(|v| v >= 2.0);
        let mut body = Vec::new();
        self.instruction(document, root, &mut body);
        let names = self.names(document, root);
        if let Ok(patterns) = Pattern::compile("/", &names) {
            self.add_template(
                Template { parameters: Vec::new(), body },
                patterns,
                &[None],
                None,
                (self.precedence, self.precedence),
            );
        }
        self.precedence += 1;
    }

    fn declaration(
        &mut self,
        document: &Arc<Document>,
        node: NodeId,
        precedence: usize,
        imports_from: usize,
    ) {
        if document.namespace(node) != XSL {
            // Data of the user; in no namespace it would be an error, MI's processors let it pass.
            return;
        }
        match document.local_name(node) {
            "template" => self.template(document, node, precedence, imports_from),
            "variable" | "param" => {
                if let Some(mut variable) = self.variable(document, node) {
                    variable.precedence = precedence;
                    self.sheet.globals.push(variable);
                }
            }
            "output" => {
                if document.attribute(node, "method").is_some_and(|m| m == "text") {
                    self.sheet.text_output = true;
                }
            }
            "key" => self.key(document, node),
            "strip-space" => self.spaces(document, node, true, precedence),
            "preserve-space" => self.spaces(document, node, false, precedence),
            "attribute-set" => self.attribute_set(document, node),
            "decimal-format" => self.decimal_format(document, node),
            "function" => self.function(document, node),
            "namespace-alias" | "import-schema" | "character-map" => {}
            other => self.report(
                document,
                node,
                format!("xsl:{other} is not supported at the top of a stylesheet"),
            ),
        }
    }

    fn template(&mut self, document: &Arc<Document>, node: NodeId, precedence: usize, imports_from: usize) {
        let names = self.names(document, node);
        let name = document.attribute(node, "name").and_then(|n| self.expanded(document, node, n));
        let patterns = match document.attribute(node, "match") {
            Some(text) => match Pattern::compile(text, &names) {
                Ok(patterns) => patterns,
                Err(problem) => {
                    self.report_in(document, node, "match", problem.offset, problem.message);
                    Vec::new()
                }
            },
            None if name.is_none() => {
                self.report(document, node, "expected 'match' or 'name' on xsl:template");
                Vec::new()
            }
            None => Vec::new(),
        };
        let priority = document.attribute(node, "priority").and_then(|p| p.trim().parse::<f64>().ok());
        let modes = self.modes(document, node);
        let template = self.template_body(document, node);
        let index = self.add_template(template, patterns, &modes, priority, (precedence, imports_from));
        if let Some(name) = name {
            // Modules come in rising precedence, so the last one wins.
            self.sheet.named.insert(name, index);
        }
    }

    fn modes(&mut self, document: &Document, node: NodeId) -> Vec<Option<Expanded>> {
        let Some(text) = document.attribute(node, "mode") else { return vec![None] };
        text.split_whitespace()
            .filter_map(|mode| match mode {
                "#default" => Some(None),
                name => self.expanded(document, node, name).map(Some),
            })
            .collect()
    }

    fn template_body(&mut self, document: &Arc<Document>, node: NodeId) -> Template {
        let mut parameters = Vec::new();
        for child in document.child_elements(node).filter(|c| is_xsl(document, *c, "param")) {
            parameters.extend(self.variable(document, child));
        }
        Template { parameters, body: self.body(document, node) }
    }

    fn add_template(
        &mut self,
        template: Template,
        patterns: Vec<Pattern>,
        modes: &[Option<Expanded>],
        priority: Option<f64>,
        (precedence, imports_from): (usize, usize),
    ) -> usize {
        let index = self.sheet.templates.len();
        self.sheet.templates.push(template);
        for pattern in patterns.into_iter().map(Arc::new) {
            for mode in modes {
                let priority = priority.unwrap_or(pattern.priority());
                let rule =
                    Rule { pattern: pattern.clone(), template: index, priority, precedence, imports_from };
                self.sheet.rules.entry(mode.clone()).or_default().push(rule);
            }
        }
        index
    }

    fn key(&mut self, document: &Arc<Document>, node: NodeId) {
        let Some(name) = self.required_name(document, node) else { return };
        let patterns = self.patterns(document, node, "match");
        if let (false, Some(value)) = (patterns.is_empty(), self.required_query(document, node, "use")) {
            self.sheet.keys.push(Key { name, patterns, value });
        }
    }

    fn spaces(&mut self, document: &Document, node: NodeId, strip: bool, precedence: usize) {
        let elements = document.attribute(node, "elements").unwrap_or("");
        for name in elements.split_whitespace() {
            let (ns, local) = match name.split_once(':') {
                None if name == "*" => (None, None),
                None => (Some("".into()), Some(name.into())),
                Some((prefix, local)) => {
                    let ns = document.lookup_prefix(node, prefix).unwrap_or_else(|| "".into());
                    (Some(ns), (local != "*").then(|| local.into()))
                }
            };
            self.sheet.spaces.push(SpaceRule { ns, local, strip, precedence });
        }
    }

    fn attribute_set(&mut self, document: &Arc<Document>, node: NodeId) {
        let Some(name) = self.required_name(document, node) else { return };
        let uses = self.attribute_sets(document, node, document.attribute(node, "use-attribute-sets"));
        let body = self.body(document, node);
        self.sheet.attribute_sets.push(AttributeSet { name, uses, body });
    }

    fn alias(&mut self, document: &Document, node: NodeId) {
        let uri = |attribute: &str| {
            let prefix = document.attribute(node, attribute)?;
            let prefix = if prefix == "#default" { "" } else { prefix };
            Some((prefix.to_owned(), document.lookup_prefix(node, prefix).unwrap_or_else(|| "".into())))
        };
        match (uri("stylesheet-prefix"), uri("result-prefix")) {
            (Some((_, from)), Some((prefix, to))) => self.sheet.aliases.push((from, to, prefix.into())),
            _ => self.report(document, node, "expected 'stylesheet-prefix' and 'result-prefix'"),
        }
    }

    fn decimal_format(&mut self, document: &Document, node: NodeId) {
        let name = document.attribute(node, "name").and_then(|n| self.expanded(document, node, n));
        let format = DecimalFormat::read(&|attribute| document.attribute(node, attribute));
        self.sheet.decimal_formats.insert(name, format);
    }

    fn function(&mut self, document: &Arc<Document>, node: NodeId) {
        let Some(name) = self.required_name(document, node) else { return };
        let template = self.template_body(document, node);
        self.sheet.functions.push(Function { name, template });
    }

    /// `xsl:variable`, `xsl:param`, `xsl:with-param`.
    fn variable(&mut self, document: &Arc<Document>, node: NodeId) -> Option<Variable> {
        let name = self.required_name(document, node)?;
        let content = self.content(document, node);
        let yes = |attribute| document.attribute(node, attribute).is_some_and(is_yes);
        Some(Variable {
            name,
            content,
            parameter: document.local_name(node) == "param",
            required: yes("required"),
            tunnel: yes("tunnel"),
            precedence: 0,
        })
    }

    /// A value by `select`, or by content.
    fn content(&mut self, document: &Arc<Document>, node: NodeId) -> Content {
        if document.attribute(node, "select").is_some() {
            return self.required_query(document, node, "select").map_or(Content::Empty, Content::Select);
        }
        let body = self.body(document, node);
        if body.is_empty() { Content::Empty } else { Content::Body(body) }
    }
}

fn is_xsl(document: &Document, node: NodeId, local: &str) -> bool {
    document.is_named(node, XSL, local)
}

fn is_yes(text: &str) -> bool {
    matches!(text.trim(), "yes" | "true" | "1")
}
