//! Running a compiled stylesheet.

mod group;
mod instructions;
mod number;
mod sort;

use super::arena::Arena;
use super::builder::{Builder, RAW};
use super::functions::View;
use super::model::{Body, Content, Expanded, Mode, Stylesheet, Variable};
use super::{Output, XsltError, error};
use crate::eval::xpath::{EvaluationError, Focus, Node, Query, Value};
use artifacts::xml::{Document, NodeId, NodeKind};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A stylesheet parameter: name (local) and text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Name of the `xsl:param`, without namespace.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Deepest nesting of template and function calls.
const MAX_CALLS: usize = 5_000;
/// At this depth the work moves to a thread with a stack for all the rest.
const HOP: usize = 40;
const STACK: usize = 512 << 20;

type Done = Result<(), XsltError>;

impl Stylesheet {
    /// Transforms a document. The result of `xsl:message` goes to the debug log.
    pub fn transform(&self, source: &Document, parameters: &[Parameter]) -> Result<Output, XsltError> {
        let stripped = self.stripped(source);
        let source = stripped.as_ref().unwrap_or(source);
        let arena = Arena::default();
        let run = Run::new(self, source, &arena, parameters);
        let mut out = Builder::new();
        run.apply(&[Node::new(source, Document::ROOT)], None, &Passed::default(), &mut out)?;
        if self.text_output {
            let raw = out.raw;
            let text = out.finish().string_value(Document::ROOT);
            return Ok(Output::Text(if raw { text.replace([RAW.0, RAW.1], "") } else { text }));
        }
        let raw = out.raw;
        let document = out.finish();
        if raw { reparsed(&document) } else { Ok(Output::Xml(document)) }
    }

    /// Transforms one element as if it were the root of a document.
    pub fn transform_node(
        &self,
        document: &Document,
        node: NodeId,
        parameters: &[Parameter],
    ) -> Result<Output, XsltError> {
        self.transform(&Document::from_subtree(document, node), parameters)
    }

    /// The source without the white space that `xsl:strip-space` names; `None` when there is none.
    fn stripped(&self, source: &Document) -> Option<Document> {
        if !self.spaces.iter().any(|rule| rule.strip) {
            return None;
        }
        let blank = |id: &NodeId| {
            let text =
                source.text_of(*id).is_some_and(|t| t.chars().all(|c| matches!(c, ' ' | '\t' | '\n' | '\r')));
            text && source.parent(*id).is_some_and(|parent| self.strips(source, parent))
        };
        let found: Vec<NodeId> = source.descendants(Document::ROOT).filter(blank).collect();
        let mut copy = source.clone();
        found.into_iter().for_each(|id| copy.detach(id));
        Some(copy)
    }

    fn strips(&self, source: &Document, element: NodeId) -> bool {
        let Some(name) = source.name(element) else { return false };
        let fits = |rule: &&super::model::SpaceRule| {
            rule.ns.as_ref().is_none_or(|ns| *ns == name.ns)
                && rule.local.as_ref().is_none_or(|l| *l == name.local)
        };
        self.spaces.iter().find(fits).is_some_and(|rule| rule.strip)
    }
}

/// Text that was written without escaping becomes markup.
fn reparsed(document: &Document) -> Result<Output, XsltError> {
    let xml = document.to_xml();
    let mut text = String::with_capacity(xml.len());
    let mut rest = xml.as_str();
    while let Some((before, after)) = rest.split_once(RAW.0) {
        let (raw, after) = after.split_once(RAW.1).unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&raw.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"));
        rest = after;
    }
    text.push_str(rest);
    match artifacts::xml::parse(&text) {
        Ok(document) => Ok(Output::Xml(document)),
        Err(problem) => {
            Err(error(0, format!("the result with unescaped text is not well-formed: {problem}")))
        }
    }
}

/// One transformation.
pub(super) struct Run<'a> {
    pub(super) sheet: &'a Stylesheet,
    source: &'a Document,
    arena: &'a Arena,
    parameters: &'a [Parameter],
    globals: Mutex<Vec<Global<'a>>>,
    keys: Mutex<HashMap<Expanded, KeyTable>>,
    depth: AtomicUsize,
}

#[derive(Clone)]
enum Global<'a> {
    Waiting,
    Running,
    Done(Value<'a>),
}

type KeyTable = HashMap<String, Vec<(NodeId, crate::eval::xpath::Part)>>;

/// Parameters handed to a template.
#[derive(Default, Clone)]
pub(super) struct Passed<'a> {
    own: Vec<(&'a Expanded, Value<'a>)>,
    tunnel: Vec<(&'a Expanded, Value<'a>)>,
}

/// What belongs to one running template.
#[derive(Default, Clone)]
pub(super) struct Frame<'a> {
    variables: Vec<(&'a Expanded, Value<'a>)>,
    tunnel: Vec<(&'a Expanded, Value<'a>)>,
    mode: Option<&'a Expanded>,
    /// The rule that was chosen, as an index into the rules of the mode.
    rule: Option<usize>,
    group: Vec<Node<'a>>,
    grouping_key: String,
    captures: Vec<String>,
}

impl<'a> Frame<'a> {
    pub(super) fn variable(&self, prefix: &str, name: &str) -> Option<&Value<'a>> {
        let named = |key: &Expanded| *key.local == *name && key.ns.is_empty() == prefix.is_empty();
        self.variables.iter().rev().find(|(key, _)| named(key)).map(|(_, value)| value)
    }

    pub(super) fn group(&self) -> &[Node<'a>] {
        &self.group
    }

    pub(super) fn grouping_key(&self) -> &str {
        &self.grouping_key
    }

    pub(super) fn regex_group(&self, number: f64) -> &str {
        let index = if number >= 0.0 { number as usize } else { usize::MAX };
        self.captures.get(index).map_or("", String::as_str)
    }
}

impl<'a> Run<'a> {
    fn new(
        sheet: &'a Stylesheet,
        source: &'a Document,
        arena: &'a Arena,
        parameters: &'a [Parameter],
    ) -> Self {
        Self {
            sheet,
            source,
            arena,
            parameters,
            globals: Mutex::new(vec![Global::Waiting; sheet.globals.len()]),
            keys: Mutex::default(),
            depth: AtomicUsize::new(0),
        }
    }

    /// Keeps a temporary tree until the transformation ends.
    pub(super) fn keep(&self, document: Document) -> &'a Document {
        self.arena.keep(document)
    }

    pub(super) fn stylesheet_document(&self) -> Node<'a> {
        match self.sheet.documents.first() {
            Some(document) => Node::new(document, Document::ROOT),
            None => Node::new(self.source, Document::ROOT),
        }
    }

    /// One level deeper; far down the stack of the caller would not suffice.
    fn deeper<T: Send>(&self, work: impl FnOnce() -> Result<T, XsltError> + Send) -> Result<T, XsltError> {
        let depth = self.depth.fetch_add(1, Ordering::Relaxed);
        let result = match depth {
            MAX_CALLS.. => Err(error(0, format!("templates call each other deeper than {MAX_CALLS} levels"))),
            HOP => std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
                match thread.map(std::thread::ScopedJoinHandle::join) {
                    Ok(Ok(result)) => result,
                    Ok(Err(panic)) => std::panic::resume_unwind(panic),
                    Err(problem) => Err(error(0, format!("no thread for a deep recursion: {problem}"))),
                }
            }),
            _ => work(),
        };
        self.depth.fetch_sub(1, Ordering::Relaxed);
        result
    }

    /// Value of a global variable or parameter; `None` when there is none of the name.
    pub(super) fn global(&self, prefix: &str, name: &str) -> Result<Option<Value<'a>>, XsltError> {
        let named = |v: &Variable| *v.name.local == *name && v.name.ns.is_empty() == prefix.is_empty();
        let Some(index) = self.sheet.globals.iter().position(named) else { return Ok(None) };
        let state = self.swap_global(index, Global::Running);
        let value = match state {
            Global::Done(value) => value,
            Global::Running => return Err(error(0, format!("the global variable '{name}' needs itself"))),
            Global::Waiting => self.global_value(&self.sheet.globals[index])?,
        };
        self.swap_global(index, Global::Done(value.clone()));
        Ok(Some(value))
    }

    fn swap_global(&self, index: usize, new: Global<'a>) -> Global<'a> {
        let mut globals = self.globals.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match globals.get_mut(index) {
            Some(slot) => std::mem::replace(slot, new),
            None => Global::Waiting,
        }
    }

    fn global_value(&self, variable: &'a Variable) -> Result<Value<'a>, XsltError> {
        if variable.parameter {
            let given = self.parameters.iter().rev().find(|p| p.name == *variable.name.local);
            if let Some(given) = given.filter(|_| variable.name.ns.is_empty()) {
                return Ok(Value::Text(given.value.as_str().into()));
            }
        }
        let focus = Focus { node: Node::new(self.source, Document::ROOT), position: 1, size: 1 };
        self.value(&variable.content, &focus, &mut Frame::default())
    }

    /// A value by expression, or a temporary tree.
    fn value(
        &self,
        content: &'a Content,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
    ) -> Result<Value<'a>, XsltError> {
        match content {
            Content::Select(query) => self.evaluate(query, focus, frame),
            Content::Empty => Ok(Value::Text("".into())),
            Content::Body(body) => {
                let mut out = Builder::new();
                self.body(body, focus, frame, &mut out)?;
                Ok(Value::Nodes(vec![Node::new(self.keep(out.finish()), Document::ROOT)]))
            }
        }
    }

    /// The text of a value or content; `separator` joins all items, without one only the first counts.
    fn text(
        &self,
        content: &'a Content,
        separator: Option<&str>,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
    ) -> Result<String, XsltError> {
        match content {
            Content::Empty => Ok(String::new()),
            Content::Select(query) => {
                let value = self.evaluate(query, focus, frame)?;
                Ok(match (separator, &value) {
                    (Some(separator), Value::Nodes(nodes)) => {
                        nodes.iter().map(|n| n.string_value()).collect::<Vec<_>>().join(separator)
                    }
                    _ => value.string().into_owned(),
                })
            }
            Content::Body(body) => {
                let mut out = Builder::new();
                self.body(body, focus, frame, &mut out)?;
                Ok(out.into_text())
            }
        }
    }

    fn evaluate(
        &self,
        query: &'a Query,
        focus: &Focus<'a>,
        frame: &Frame<'a>,
    ) -> Result<Value<'a>, XsltError> {
        let view = View { run: self, frame, current: focus.node };
        query
            .evaluate_at(&view, focus)
            .map_err(|EvaluationError(problem)| error(0, format!("{problem} (in '{}')", query.text())))
    }

    fn body(&self, body: &'a Body, focus: &Focus<'a>, frame: &mut Frame<'a>, out: &mut Builder) -> Done {
        let mark = frame.variables.len();
        for instruction in body {
            if let Err(mut problem) = self.instruction(&instruction.op, focus, frame, out) {
                // The innermost instruction tells its place.
                if problem.offset == 0 {
                    problem.offset = instruction.offset;
                }
                return Err(problem);
            }
        }
        frame.variables.truncate(mark);
        Ok(())
    }

    /// Applies the best rule to each node.
    fn apply(
        &self,
        nodes: &[Node<'a>],
        mode: Option<&'a Expanded>,
        passed: &Passed<'a>,
        out: &mut Builder,
    ) -> Done {
        for (at, node) in nodes.iter().enumerate() {
            let focus = Focus { node: *node, position: at + 1, size: nodes.len() };
            self.apply_from(0, 0..usize::MAX, &focus, mode, passed, out)?;
        }
        Ok(())
    }

    /// Applies the first rule from `first` on whose precedence is in range, or the built-in one.
    fn apply_from(
        &self,
        first: usize,
        precedence: std::ops::Range<usize>,
        focus: &Focus<'a>,
        mode: Option<&'a Expanded>,
        passed: &Passed<'a>,
        out: &mut Builder,
    ) -> Done {
        let blank = Frame::default();
        let view = View { run: self, frame: &blank, current: focus.node };
        let rules = self.sheet.rules.get(&mode.cloned()).map(Vec::as_slice).unwrap_or_default();
        for (at, rule) in rules.iter().enumerate().skip(first) {
            if precedence.contains(&rule.precedence)
                && rule.pattern.matches(&view, focus.node).map_err(|e| error(0, e.0))?
            {
                return self.invoke(rule.template, Some(at), focus, mode, passed, out);
            }
        }
        self.built_in(focus, mode, passed, out)
    }

    fn built_in(
        &self,
        focus: &Focus<'a>,
        mode: Option<&'a Expanded>,
        passed: &Passed<'a>,
        out: &mut Builder,
    ) -> Done {
        let node = focus.node;
        match node.kind() {
            Some(NodeKind::Document | NodeKind::Element(_)) => {
                let children: Vec<Node<'a>> = node.document.children(node.id).map(|c| node.at(c)).collect();
                self.deeper(|| self.apply(&children, mode, passed, out))
            }
            Some(NodeKind::Text(text, _)) => {
                out.text(text);
                Ok(())
            }
            None => {
                if let Some(attribute) = node.attribute() {
                    out.text(&attribute.value);
                }
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    fn invoke(
        &self,
        template: usize,
        rule: Option<usize>,
        focus: &Focus<'a>,
        mode: Option<&'a Expanded>,
        passed: &Passed<'a>,
        out: &mut Builder,
    ) -> Done {
        let template = &self.sheet.templates[template];
        let mut frame = Frame { rule, mode, tunnel: passed.tunnel.clone(), ..Frame::default() };
        self.bind(&template.parameters, passed, focus, &mut frame)?;
        self.deeper(|| self.body(&template.body, focus, &mut frame, out))
    }

    fn bind(
        &self,
        parameters: &'a [Variable],
        passed: &Passed<'a>,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
    ) -> Done {
        for parameter in parameters {
            let from = if parameter.tunnel { &passed.tunnel } else { &passed.own };
            let given = from.iter().rev().find(|(name, _)| **name == parameter.name);
            let value = match given {
                Some((_, value)) => value.clone(),
                None if parameter.required => {
                    return Err(error(0, format!("the parameter '{}' is required", parameter.name.local)));
                }
                None => self.value(&parameter.content, focus, frame)?,
            };
            frame.variables.push((&parameter.name, value));
        }
        Ok(())
    }

    fn passed(
        &self,
        parameters: &'a [Variable],
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
    ) -> Result<Passed<'a>, XsltError> {
        let mut passed = Passed { own: Vec::new(), tunnel: frame.tunnel.clone() };
        for parameter in parameters {
            let value = self.value(&parameter.content, focus, frame)?;
            let list = if parameter.tunnel { &mut passed.tunnel } else { &mut passed.own };
            list.push((&parameter.name, value));
        }
        Ok(passed)
    }

    fn mode(&self, mode: &'a Mode, frame: &Frame<'a>) -> Option<&'a Expanded> {
        match mode {
            Mode::Default => None,
            Mode::Named(name) => Some(name),
            Mode::Current => frame.mode,
        }
    }

    /// Calls an `xsl:function`; `None` when there is none of the name and arity.
    pub(super) fn function(
        &self,
        name: &Expanded,
        arguments: &[Value<'a>],
    ) -> Result<Option<Value<'a>>, XsltError> {
        let fits =
            |f: &&super::model::Function| f.name == *name && f.template.parameters.len() == arguments.len();
        let Some(function) = self.sheet.functions.iter().rev().find(fits) else { return Ok(None) };
        let mut frame = Frame::default();
        let names = function.template.parameters.iter().map(|p| &p.name);
        frame.variables.extend(names.zip(arguments.iter().cloned()));
        let focus = Focus { node: Node::new(self.source, Document::ROOT), position: 1, size: 1 };
        self.deeper(|| self.result(&function.template.body, &focus, &mut frame)).map(Some)
    }

    /// What a function body gives: the value of a lone `xsl:sequence`, or the nodes it builds.
    fn result(
        &self,
        body: &'a Body,
        focus: &Focus<'a>,
        frame: &mut Frame<'a>,
    ) -> Result<Value<'a>, XsltError> {
        if let Some(value) = self.sequence(body, focus, frame)? {
            return Ok(value);
        }
        let mut out = Builder::new();
        self.body(body, focus, frame, &mut out)?;
        let document = self.keep(out.finish());
        Ok(Value::Nodes(document.children(Document::ROOT).map(|id| Node::new(document, id)).collect()))
    }

    /// Nodes that a key knows under one of the values, in the document of `node`.
    pub(super) fn key(
        &self,
        name: &str,
        values: &[String],
        node: Node<'a>,
    ) -> Result<Vec<Node<'a>>, XsltError> {
        let Some(key) = self.sheet.keys.iter().find(|k| *k.name.local == *name) else {
            return Err(error(0, format!("there is no key '{name}'")));
        };
        let document = node.document;
        let cached = std::ptr::eq(document, self.source);
        let known =
            |keys: &HashMap<Expanded, KeyTable>| keys.get(&key.name).map(|table| gather(table, values));
        if cached
            && let Some(found) = known(&self.keys.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
        {
            return Ok(found.into_iter().map(|(id, part)| Node { document, id, part }).collect());
        }
        let table = self.key_table(&key.name, document)?;
        let found = gather(&table, values);
        if cached {
            self.keys
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .insert(key.name.clone(), table);
        }
        Ok(found.into_iter().map(|(id, part)| Node { document, id, part }).collect())
    }

    fn key_table(&self, name: &Expanded, document: &'a Document) -> Result<KeyTable, XsltError> {
        let mut table = KeyTable::new();
        let blank = Frame::default();
        for key in self.sheet.keys.iter().filter(|k| k.name == *name) {
            for node in everything(document) {
                let view = View { run: self, frame: &blank, current: node };
                let mut hit = false;
                for pattern in &key.patterns {
                    hit |= pattern.matches(&view, node).map_err(|e| error(0, e.0))?;
                }
                if !hit {
                    continue;
                }
                let focus = Focus { node, position: 1, size: 1 };
                let texts: Vec<String> = match self.evaluate(&key.value, &focus, &blank)? {
                    Value::Nodes(nodes) => nodes.iter().map(|n| n.string_value().into_owned()).collect(),
                    other => vec![other.string().into_owned()],
                };
                for text in texts {
                    table.entry(text).or_default().push((node.id, node.part));
                }
            }
        }
        Ok(table)
    }
}

fn gather(table: &KeyTable, values: &[String]) -> Vec<(NodeId, crate::eval::xpath::Part)> {
    let mut found: Vec<_> = values.iter().filter_map(|v| table.get(v)).flatten().copied().collect();
    if values.len() > 1 {
        found.sort();
        found.dedup();
    }
    found
}

/// All nodes and attributes of a document.
fn everything(document: &Document) -> impl Iterator<Item = Node<'_>> {
    document.descendants(Document::ROOT).flat_map(move |id| {
        let node = Node::new(document, id);
        let count = document.element(id).map_or(0, |e| e.attributes.len()) as u32;
        let attribute = move |i| Node { part: crate::eval::xpath::Part::Attribute(i), ..node };
        std::iter::once(node).chain((0..count).map(attribute))
    })
}
