//! Sequence constructors: the content of templates, one instruction per element.

use super::{Compiler, is_xsl, is_yes};
use crate::xslt::XSL;
use crate::xslt::avt::Avt;
use crate::xslt::model::{
    Body, Grouping, Instruction, Level, Literal, Mode, Number, Op, Scope, Sort, Variable,
};
use crate::xslt::numbers::NumberFormat;
use artifacts::xml::{Document, Name, NodeId, NodeKind, XML_NS};
use std::sync::Arc;

impl Compiler<'_> {
    /// The content of an element; parameters, sorts and the like are read by their owner.
    pub(super) fn body(&mut self, document: &Arc<Document>, parent: NodeId) -> Body {
        let mut body = Vec::new();
        for child in document.children(parent) {
            self.child(document, child, &mut body);
        }
        body
    }

    fn child(&mut self, document: &Arc<Document>, node: NodeId, body: &mut Body) {
        match document.kind(node) {
            NodeKind::Text(text, _) => {
                let blank = text.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
                if !blank || preserves_space(document, node) {
                    body.push(Instruction {
                        offset: document.span(node).start,
                        op: Op::Text(text.clone(), false),
                    });
                }
            }
            NodeKind::Element(_) => self.instruction(document, node, body),
            _ => {}
        }
    }

    pub(super) fn instruction(&mut self, document: &Arc<Document>, node: NodeId, body: &mut Body) {
        let op = if document.namespace(node) == XSL {
            self.xsl(document, node)
        } else {
            self.literal(document, node)
        };
        if let Some(op) = op {
            body.push(Instruction { offset: document.span(node).start, op });
        }
    }

    fn xsl(&mut self, document: &Arc<Document>, node: NodeId) -> Option<Op> {
        let attribute = |name: &str| document.attribute(node, name);
        Some(match document.local_name(node) {
            "apply-templates" => Op::ApplyTemplates {
                select: self.query(document, node, "select"),
                mode: self.mode(document, node),
                sorts: self.sorts(document, node),
                parameters: self.parameters(document, node),
            },
            "apply-imports" => Op::ApplyImports(self.parameters(document, node)),
            "next-match" => Op::NextMatch(self.parameters(document, node)),
            "attribute" => Op::Attribute {
                name: self.required_avt(document, node, "name")?,
                namespace: self.avt(document, node, "namespace"),
                scope: scope(document, node),
                content: self.content(document, node),
                separator: self.avt(document, node, "separator"),
            },
            "call-template" => {
                let template = self.required_name(document, node)?;
                Op::Call { template, parameters: self.parameters(document, node) }
            }
            "choose" => self.choose(document, node),
            "comment" => Op::Comment(self.content(document, node)),
            "copy" => Op::Copy {
                sets: self.attribute_sets(document, node, attribute("use-attribute-sets")),
                body: self.body(document, node),
            },
            "copy-of" => Op::CopyOf(self.required_query(document, node, "select")?),
            "sequence" => Op::Sequence(self.required_query(document, node, "select")?),
            "element" => Op::Element {
                name: self.required_avt(document, node, "name")?,
                namespace: self.avt(document, node, "namespace"),
                scope: scope(document, node),
                sets: self.attribute_sets(document, node, attribute("use-attribute-sets")),
                body: self.body(document, node),
            },
            "for-each" => Op::ForEach {
                select: self.required_query(document, node, "select")?,
                sorts: self.sorts(document, node),
                body: self.body(document, node),
            },
            "for-each-group" => self.group(document, node)?,
            "if" => Op::If(self.required_query(document, node, "test")?, self.body(document, node)),
            "message" => Op::Message {
                content: self.content(document, node),
                terminate: self.avt(document, node, "terminate"),
            },
            "namespace" => {
                Op::Namespace(self.required_avt(document, node, "name")?, self.content(document, node))
            }
            "number" => self.number(document, node),
            "processing-instruction" => Op::ProcessingInstruction(
                self.required_avt(document, node, "name")?,
                self.content(document, node),
            ),
            "text" => {
                let raw = attribute("disable-output-escaping").is_some_and(is_yes);
                Op::Text(document.own_text(node).into(), raw)
            }
            "value-of" => {
                if attribute("select").is_none() && !self.sheet.later {
                    self.missing(document, node, "select");
                }
                Op::ValueOf {
                    content: self.content(document, node),
                    separator: self.avt(document, node, "separator"),
                    raw: attribute("disable-output-escaping").is_some_and(is_yes),
                    all: self.sheet.later || attribute("separator").is_some(),
                }
            }
            "variable" => Op::Variable(self.variable(document, node)?),
            "analyze-string" => self.analyze(document, node)?,
            "perform-sort" => Op::PerformSort {
                select: self.required_query(document, node, "select")?,
                sorts: self.sorts(document, node),
            },
            "document" => Op::Block(self.body(document, node)),
            // Read by the instruction they belong to.
            "param" | "with-param" | "sort" | "fallback" => return None,
            other => return self.unknown(document, node, other),
        })
    }

    fn unknown(&mut self, document: &Arc<Document>, node: NodeId, name: &str) -> Option<Op> {
        let fallbacks: Vec<NodeId> =
            document.child_elements(node).filter(|c| is_xsl(document, *c, "fallback")).collect();
        if fallbacks.is_empty() {
            self.report(document, node, format!("xsl:{name} is not supported here"));
            return None;
        }
        let mut body = Vec::new();
        for fallback in fallbacks {
            body.extend(self.body(document, fallback));
        }
        Some(Op::Block(body))
    }

    fn mode(&mut self, document: &Document, node: NodeId) -> Mode {
        match document.attribute(node, "mode") {
            None | Some("#default") => Mode::Default,
            Some("#current") => Mode::Current,
            Some(name) => self.expanded(document, node, name).map_or(Mode::Default, Mode::Named),
        }
    }

    fn parameters(&mut self, document: &Arc<Document>, node: NodeId) -> Vec<Variable> {
        let children: Vec<NodeId> = document.child_elements(node).collect();
        children
            .into_iter()
            .filter(|c| is_xsl(document, *c, "with-param"))
            .filter_map(|c| self.variable(document, c))
            .collect()
    }

    fn sorts(&mut self, document: &Arc<Document>, node: NodeId) -> Vec<Sort> {
        let children: Vec<NodeId> =
            document.child_elements(node).filter(|c| is_xsl(document, *c, "sort")).collect();
        children
            .into_iter()
            .filter_map(|sort| {
                let select = match document.attribute(sort, "select") {
                    Some(_) => self.query(document, sort, "select"),
                    None => self.own_query(document, sort, "."),
                };
                Some(Sort {
                    select: select?,
                    order: self.avt(document, sort, "order"),
                    data_type: self.avt(document, sort, "data-type"),
                    case_order: self.avt(document, sort, "case-order"),
                })
            })
            .collect()
    }

    fn choose(&mut self, document: &Arc<Document>, node: NodeId) -> Op {
        let mut branches = Vec::new();
        let mut otherwise = Vec::new();
        for child in document.child_elements(node) {
            if is_xsl(document, child, "when") {
                let body = self.body(document, child);
                branches.extend(self.required_query(document, child, "test").map(|test| (test, body)));
            } else if is_xsl(document, child, "otherwise") {
                otherwise = self.body(document, child);
            } else {
                let name = document.local_name(child);
                self.report(document, child, format!("expected xsl:when or xsl:otherwise, found <{name}>"));
            }
        }
        if branches.is_empty() {
            self.report(document, node, "expected xsl:when in xsl:choose, found none");
        }
        Op::Choose(branches, otherwise)
    }

    fn group(&mut self, document: &Arc<Document>, node: NodeId) -> Option<Op> {
        let select = self.required_query(document, node, "select");
        let by = if let Some(query) = self.query(document, node, "group-by") {
            Grouping::By(query)
        } else if let Some(query) = self.query(document, node, "group-adjacent") {
            Grouping::Adjacent(query)
        } else if document.attribute(node, "group-starting-with").is_some() {
            Grouping::StartingWith(self.patterns(document, node, "group-starting-with"))
        } else if document.attribute(node, "group-ending-with").is_some() {
            Grouping::EndingWith(self.patterns(document, node, "group-ending-with"))
        } else {
            self.missing(document, node, "group-by");
            return None;
        };
        Some(Op::ForEachGroup {
            select: select?,
            by,
            sorts: self.sorts(document, node),
            body: self.body(document, node),
        })
    }

    fn number(&mut self, document: &Arc<Document>, node: NodeId) -> Op {
        let level = match document.attribute(node, "level") {
            Some("multiple") => Level::Multiple,
            Some("any") => Level::Any,
            _ => Level::Single,
        };
        let format = NumberFormat {
            format: self.avt(document, node, "format"),
            separator: self.avt(document, node, "grouping-separator"),
            size: self.avt(document, node, "grouping-size"),
        };
        Op::Number(Box::new(Number {
            value: self.query(document, node, "value"),
            level,
            count: self.patterns(document, node, "count"),
            from: self.patterns(document, node, "from"),
            format,
        }))
    }

    fn analyze(&mut self, document: &Arc<Document>, node: NodeId) -> Option<Op> {
        let part = |compiler: &mut Self, name: &str| {
            let child = document.child_elements(node).find(|c| is_xsl(document, *c, name));
            child.map(|c| compiler.body(document, c)).unwrap_or_default()
        };
        let matching = part(self, "matching-substring");
        let other = part(self, "non-matching-substring");
        Some(Op::AnalyzeString {
            select: self.required_query(document, node, "select")?,
            regex: self.required_avt(document, node, "regex")?,
            flags: self.avt(document, node, "flags"),
            matching,
            other,
        })
    }

    fn literal(&mut self, document: &Arc<Document>, node: NodeId) -> Option<Op> {
        let element = document.element(node)?;
        let names = self.names(document, node);
        let mut attributes = Vec::new();
        for attribute in element.attributes.iter().filter(|a| &*a.name.ns != XSL) {
            match Avt::compile(&attribute.value, &names) {
                Ok(avt) => attributes.push((self.aliased(&attribute.name), avt)),
                Err(problem) => {
                    let local = attribute.name.local.clone();
                    self.report_in(document, node, &local, problem.offset, problem.message);
                }
            }
        }
        let sets =
            self.attribute_sets(document, node, document.attribute_ns(node, XSL, "use-attribute-sets"));
        let name = self.aliased(&element.name);
        let namespaces = self.literal_namespaces(document, node);
        let body = self.body(document, node);
        Some(Op::Literal(Box::new(Literal { name, namespaces, attributes, sets, body })))
    }

    fn aliased(&self, name: &Name) -> Name {
        match self.sheet.aliases.iter().find(|(from, ..)| *from == name.ns) {
            Some((_, to, prefix)) if !name.ns.is_empty() || name.prefix.is_empty() => {
                Name { ns: to.clone(), prefix: prefix.clone(), local: name.local.clone() }
            }
            _ => name.clone(),
        }
    }

    /// Namespaces that the result element must declare: those in scope that are not excluded and that
    /// no literal element around it has declared already.
    fn literal_namespaces(&self, document: &Document, node: NodeId) -> Vec<(Arc<str>, Arc<str>)> {
        let around = std::iter::successors(document.parent(node), |n| document.parent(*n))
            .find(|n| document.is_element(*n) && document.namespace(*n) != XSL);
        let known = around.map(|n| document.namespaces_in_scope(n)).unwrap_or_default();
        let excluded = excluded(document, node);
        let mut scope = document.namespaces_in_scope(node);
        scope.retain(|binding| {
            let aliased = self.sheet.aliases.iter().any(|(from, ..)| *from == binding.1);
            &*binding.1 != XSL && !excluded.contains(&binding.1) && !known.contains(binding) && !aliased
        });
        scope
    }
}

/// URIs named by `exclude-result-prefixes` and `extension-element-prefixes` here and around.
fn excluded(document: &Document, node: NodeId) -> Vec<Arc<str>> {
    let mut found = Vec::new();
    for at in std::iter::successors(Some(node), |n| document.parent(*n)) {
        let ns = if document.namespace(at) == XSL { "" } else { XSL };
        for attribute in ["exclude-result-prefixes", "extension-element-prefixes"] {
            for prefix in document.attribute_ns(at, ns, attribute).unwrap_or("").split_whitespace() {
                match prefix {
                    "#all" => found.extend(document.namespaces_in_scope(at).into_iter().map(|(_, uri)| uri)),
                    "#default" => found.extend(document.lookup_prefix(at, "")),
                    prefix => found.extend(document.lookup_prefix(at, prefix)),
                }
            }
        }
    }
    found
}

fn scope(document: &Document, node: NodeId) -> Scope {
    document.namespaces_in_scope(node).into()
}

fn preserves_space(document: &Document, text: NodeId) -> bool {
    std::iter::successors(document.parent(text), |n| document.parent(*n))
        .find_map(|n| document.attribute_ns(n, XML_NS, "space"))
        == Some("preserve")
}
