//! One function per kind of instruction.

use super::{Done, Frame, Run, XsltError, error};
use crate::eval::xpath::{Focus, Node, Value};
use crate::xslt::avt::{Avt, Piece};
use crate::xslt::builder::Builder;
use crate::xslt::model::{Body, Content, Expanded, Literal, Op, Scope};
use artifacts::java_regex::JavaRegex;
use artifacts::xml::{Name, NodeKind};

impl<'a> Run<'a> {
    pub(super) fn instruction(
        &self,
        op: &'a Op,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
        out: &mut Builder,
    ) -> Done {
        match op {
            Op::Text(text, false) => out.text(text),
            Op::Text(text, true) => out.raw_text(text),
            Op::ValueOf { content, separator, raw, all } => {
                let separator = self.optional(separator.as_ref(), focus, frame)?;
                let separator = separator.as_deref().or(all.then_some(" "));
                let text = self.text(content, separator, focus, frame)?;
                if *raw { out.raw_text(&text) } else { out.text(&text) }
            }
            Op::CopyOf(query) | Op::Sequence(query) => copy_value(&self.evaluate(query, focus, frame)?, out),
            Op::Copy { sets, body } => return self.copy(sets, body, focus, frame, out),
            Op::Literal(literal) => return self.literal(literal, focus, frame, out),
            Op::Element { name, namespace, scope, sets, body } => {
                let name = self.name(name, namespace.as_ref(), scope, true, focus, frame)?;
                out.start(name, &[]);
                self.sets(sets, focus, out)?;
                self.body(body, focus, frame, out)?;
                out.end();
            }
            Op::Attribute { name, namespace, scope, content, separator } => {
                let name = self.name(name, namespace.as_ref(), scope, false, focus, frame)?;
                let separator = self.optional(separator.as_ref(), focus, frame)?;
                let separator = separator.as_deref().or(self.sheet.later.then_some(" "));
                let text = self.text(content, separator, focus, frame)?;
                out.attribute(name, &text);
            }
            Op::Comment(content) => {
                let text = self.text(content, None, focus, frame)?;
                out.comment(&text);
            }
            Op::ProcessingInstruction(name, content) => {
                let target = self.avt(name, focus, frame)?;
                let data = self.text(content, None, focus, frame)?;
                out.instruction(&target, &data);
            }
            Op::Namespace(name, content) => {
                let prefix = self.avt(name, focus, frame)?;
                let uri = self.text(content, None, focus, frame)?;
                out.namespace(&prefix, &uri);
            }
            Op::ApplyTemplates { select, mode, sorts, parameters } => {
                let nodes = match select {
                    Some(query) => self.nodes(self.evaluate(query, focus, frame)?, query.text())?,
                    None => focus.node.document.children(focus.node.id).map(|c| focus.node.at(c)).collect(),
                };
                let nodes = self.sorted(nodes, sorts, frame)?;
                let passed = self.passed(parameters, focus, frame)?;
                return self.apply(&nodes, self.mode(mode, frame), &passed, out);
            }
            Op::ApplyImports(parameters) => {
                let passed = self.passed(parameters, focus, frame)?;
                let rule = self.rule(frame);
                let imported = rule.map_or(0..0, |rule| rule.imports_from..rule.precedence);
                return self.apply_from(
                    frame.rule.map_or(0, |r| r + 1),
                    imported,
                    focus,
                    frame.mode,
                    &passed,
                    out,
                );
            }
            Op::NextMatch(parameters) => {
                let passed = self.passed(parameters, focus, frame)?;
                let first = frame.rule.map_or(0, |r| r + 1);
                return self.apply_from(first, 0..usize::MAX, focus, frame.mode, &passed, out);
            }
            Op::Call { template, parameters } => {
                let Some(index) = self.sheet.named.get(template) else {
                    return Err(error(0, format!("there is no template named '{}'", template.local)));
                };
                let passed = self.passed(parameters, focus, frame)?;
                return self.invoke(*index, frame.rule, focus, frame.mode, &passed, out);
            }
            Op::ForEach { select, sorts, body } => {
                let nodes = self.nodes(self.evaluate(select, focus, frame)?, select.text())?;
                let nodes = self.sorted(nodes, sorts, frame)?;
                return self.each(&nodes, body, frame, out);
            }
            Op::ForEachGroup { select, by, sorts, body } => {
                let nodes = self.nodes(self.evaluate(select, focus, frame)?, select.text())?;
                return self.groups(&nodes, by, sorts, body, frame, out);
            }
            Op::If(test, body) => {
                if self.evaluate(test, focus, frame)?.boolean() {
                    return self.body(body, focus, frame, out);
                }
            }
            Op::Choose(branches, otherwise) => {
                for (test, body) in branches {
                    if self.evaluate(test, focus, frame)?.boolean() {
                        return self.body(body, focus, frame, out);
                    }
                }
                return self.body(otherwise, focus, frame, out);
            }
            Op::Variable(variable) => {
                let value = self.value(&variable.content, focus, frame)?;
                frame.variables.push((&variable.name, value));
            }
            Op::Message { content, terminate } => {
                return self.message(content, terminate.as_ref(), focus, frame);
            }
            Op::Number(number) => {
                let text = self.number(number, focus, frame)?;
                out.text(&text);
            }
            Op::AnalyzeString { select, regex, flags, matching, other } => {
                let text = self.evaluate(select, focus, frame)?.string().into_owned();
                let regex = self.avt(regex, focus, frame)?;
                let flags = self.optional(flags.as_ref(), focus, frame)?.unwrap_or_default();
                let regex = JavaRegex::with_flags(&regex, &flags).map_err(|e| error(0, e))?;
                return self.analyze(&text, &regex, matching, other, frame, out);
            }
            Op::PerformSort { select, sorts } => {
                let nodes = self.nodes(self.evaluate(select, focus, frame)?, select.text())?;
                self.sorted(nodes, sorts, frame)?.into_iter().for_each(|node| out.copy(node));
            }
            Op::Block(body) => return self.body(body, focus, frame, out),
        }
        Ok(())
    }

    fn rule(&self, frame: &Frame<'a>) -> Option<&'a crate::xslt::model::Rule> {
        self.sheet.rules.get(&frame.mode.cloned())?.get(frame.rule?)
    }

    fn nodes(&self, value: Value<'a>, text: &str) -> Result<Vec<Node<'a>>, XsltError> {
        match value {
            Value::Nodes(nodes) => Ok(nodes),
            Value::Element(node) => Ok(vec![node]),
            Value::Null => Ok(Vec::new()),
            // A sequence of one in 2.0.
            other if self.sheet.later => match self.texts([other.string().into_owned()]) {
                Value::Nodes(nodes) => Ok(nodes),
                _ => Ok(Vec::new()),
            },
            _ => Err(error(0, format!("expected a node-set, found another value (in '{text}')"))),
        }
    }

    pub(super) fn each(
        &self,
        nodes: &[Node<'a>],
        body: &'a Body,
        frame: &mut Frame<'a>,
        out: &mut Builder,
    ) -> Done {
        for (at, node) in nodes.iter().enumerate() {
            let focus = Focus { node: *node, position: at + 1, size: nodes.len() };
            self.body(body, &focus, frame, out)?;
        }
        Ok(())
    }

    pub(super) fn avt(
        &self,
        avt: &'a Avt,
        focus: &Focus<'a>,
        frame: &Frame<'a>,
    ) -> Result<String, XsltError> {
        let mut text = String::new();
        for piece in &avt.0 {
            match piece {
                Piece::Text(literal) => text.push_str(literal),
                Piece::Query(query) => match self.evaluate(query, focus, frame)? {
                    Value::Nodes(nodes) if self.sheet.later => {
                        let texts: Vec<_> = nodes.iter().map(|n| n.string_value()).collect();
                        text.push_str(&texts.join(" "));
                    }
                    value => text.push_str(&value.string()),
                },
            }
        }
        Ok(text)
    }

    pub(super) fn optional(
        &self,
        avt: Option<&'a Avt>,
        focus: &Focus<'a>,
        frame: &Frame<'a>,
    ) -> Result<Option<String>, XsltError> {
        avt.map(|avt| self.avt(avt, focus, frame)).transpose()
    }

    /// The name of `xsl:element` or `xsl:attribute`.
    fn name(
        &self,
        name: &'a Avt,
        namespace: Option<&'a Avt>,
        scope: &Scope,
        element: bool,
        focus: &Focus<'a>,
        frame: &Frame<'a>,
    ) -> Result<Name, XsltError> {
        let text = self.avt(name, focus, frame)?;
        let text = text.trim();
        let (prefix, local) = text.split_once(':').unwrap_or(("", text));
        if local.is_empty() || local.contains([' ', ':', '<', '>', '&', '/']) {
            return Err(error(0, format!("'{text}' is no XML name")));
        }
        if let Some(namespace) = self.optional(namespace, focus, frame)? {
            return Ok(Name::new(&namespace, prefix, local));
        }
        if prefix == "xml" {
            return Ok(Name::new(artifacts::xml::XML_NS, prefix, local));
        }
        let bound = scope.iter().find(|(p, _)| **p == *prefix).map(|(_, uri)| &**uri);
        match bound {
            Some(uri) if element || !prefix.is_empty() => Ok(Name::new(uri, prefix, local)),
            _ if prefix.is_empty() => Ok(Name::plain(local)),
            _ => Err(error(0, format!("the prefix '{prefix}' of '{text}' is not declared"))),
        }
    }

    fn sets(&self, sets: &'a [Expanded], focus: &Focus<'a>, out: &mut Builder) -> Done {
        for name in sets {
            let found: Vec<_> = self.sheet.attribute_sets.iter().filter(|s| s.name == *name).collect();
            if found.is_empty() {
                return Err(error(0, format!("there is no attribute set '{}'", name.local)));
            }
            for set in found {
                self.deeper(|| self.sets(&set.uses, focus, out))?;
                self.body(&set.body, focus, &mut Frame::default(), out)?;
            }
        }
        Ok(())
    }

    fn literal(
        &self,
        literal: &'a Literal,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
        out: &mut Builder,
    ) -> Done {
        out.start(literal.name.clone(), &literal.namespaces);
        self.sets(&literal.sets, focus, out)?;
        for (name, value) in &literal.attributes {
            match value.constant() {
                Some(text) => out.attribute(name.clone(), text),
                None => {
                    let text = self.avt(value, focus, frame)?;
                    out.attribute(name.clone(), &text);
                }
            }
        }
        self.body(&literal.body, focus, frame, out)?;
        out.end();
        Ok(())
    }

    fn copy(
        &self,
        sets: &'a [Expanded],
        body: &'a Body,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
        out: &mut Builder,
    ) -> Done {
        let node = focus.node;
        match node.kind() {
            Some(NodeKind::Element(element)) => {
                let inherited =
                    if out.is_top() { node.document.namespaces_in_scope(node.id) } else { Vec::new() };
                let declarations = if inherited.is_empty() { &element.declarations } else { &inherited };
                out.start(element.name.clone(), declarations);
                self.sets(sets, focus, out)?;
                self.body(body, focus, frame, out)?;
                out.end();
                Ok(())
            }
            Some(NodeKind::Document) => self.body(body, focus, frame, out),
            _ => {
                out.copy(node);
                Ok(())
            }
        }
    }

    fn message(
        &self,
        content: &'a Content,
        terminate: Option<&'a Avt>,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
    ) -> Done {
        let text = self.text(content, None, focus, frame)?;
        let terminate = self.optional(terminate, focus, frame)?;
        if matches!(terminate.as_deref().map(str::trim), Some("yes" | "true" | "1")) {
            return Err(error(0, format!("the stylesheet stopped the transformation: {text}")));
        }
        tracing::debug!(message = %text, "xsl:message");
        Ok(())
    }

    fn analyze(
        &self,
        text: &str,
        regex: &JavaRegex,
        matching: &'a Body,
        other: &'a Body,
        frame: &mut Frame<'a>,
        out: &mut Builder,
    ) -> Done {
        let pieces = regex.pieces(text);
        let size = pieces.len();
        let before = std::mem::take(&mut frame.captures);
        for (at, piece) in pieces.into_iter().enumerate() {
            let (text, body) = match piece {
                Ok(groups) => {
                    frame.captures = groups.iter().map(|g| g.unwrap_or("").to_owned()).collect();
                    (groups.first().copied().flatten().unwrap_or(""), matching)
                }
                Err(text) => {
                    frame.captures.clear();
                    (text, other)
                }
            };
            let Value::Nodes(nodes) = self.texts([text.to_owned()]) else { continue };
            if let Some(node) = nodes.first() {
                self.body(body, &Focus { node: *node, position: at + 1, size }, frame, out)?;
            }
        }
        frame.captures = before;
        Ok(())
    }

    /// The value of a body that is made of variables, choices and one `xsl:sequence`; `None` when it
    /// builds something instead.
    pub(super) fn sequence(
        &self,
        body: &'a Body,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
    ) -> Result<Option<Value<'a>>, XsltError> {
        if !is_sequence(body) {
            return Ok(None);
        }
        for instruction in body {
            match &instruction.op {
                Op::Sequence(query) => return self.evaluate(query, focus, frame).map(Some),
                Op::ValueOf { content, separator: None, .. } => {
                    return self.text(content, None, focus, frame).map(|text| Some(Value::text(text)));
                }
                Op::If(test, inner) => {
                    let holds = self.evaluate(test, focus, frame)?.boolean();
                    return if holds {
                        self.sequence(inner, focus, frame)
                    } else {
                        Ok(Some(Value::Nodes(Vec::new())))
                    };
                }
                Op::Choose(branches, otherwise) => {
                    for (test, inner) in branches {
                        if self.evaluate(test, focus, frame)?.boolean() {
                            return self.sequence(inner, focus, frame);
                        }
                    }
                    return self.sequence(otherwise, focus, frame);
                }
                op => self.instruction(op, focus, frame, &mut Builder::new())?,
            }
        }
        Ok(Some(Value::Nodes(Vec::new())))
    }
}

fn is_sequence(body: &Body) -> bool {
    let Some((last, before)) = body.split_last() else { return true };
    let last = match &last.op {
        Op::Sequence(_) | Op::ValueOf { separator: None, .. } => true,
        Op::If(_, inner) => is_sequence(inner),
        Op::Choose(branches, otherwise) => {
            branches.iter().all(|(_, b)| is_sequence(b)) && is_sequence(otherwise)
        }
        _ => false,
    };
    last && before.iter().all(|i| matches!(i.op, Op::Variable(_)))
}

fn copy_value(value: &Value<'_>, out: &mut Builder) {
    match value {
        Value::Nodes(nodes) => nodes.iter().for_each(|node| out.copy(*node)),
        Value::Element(node) => out.copy(*node),
        other => out.text(&other.string()),
    }
}
