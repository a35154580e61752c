//! Collecting the copies of the second form and going on behind it.

use super::v2::{Form, Outcome};
use crate::errors::Fault;
use crate::eval::{Expr, Selected, Selection, Target, json_root};
use crate::flow::{self, BoxFuture, Collect, Context};
use crate::message::{Json, JsonBody, Message, Payload, Value, XmlItem};
use artifacts::xml::{Document, Name, NodeId, XmlElement};
use std::sync::{Arc, Mutex, PoisonError};

/// The results of one execution.
pub(super) struct Collector {
    collection: Arc<Expr>,
    outcome: Outcome,
    state: Mutex<State>,
}

struct State {
    /// Final payloads by position.
    results: Vec<Option<Payload>>,
    missing: usize,
    /// The message and what comes after, taken when the last result is there.
    rest: Option<(Message, Context)>,
}

impl Collector {
    pub(super) fn new(
        total: usize,
        collection: Arc<Expr>,
        outcome: Outcome,
        message: &Message,
        cx: &mut Context,
    ) -> Self {
        let mut rest = cx.continuation();
        rest.waiter = cx.waiter.take();
        let results = std::iter::repeat_with(|| None).take(total).collect();
        let state = State { results, missing: total, rest: Some((message.fork(), rest)) };
        Self { collection, outcome, state: Mutex::new(state) }
    }

    /// Keeps a result; everything when it was the last.
    fn add(&self, index: usize, payload: Payload) -> Option<(Vec<Option<Payload>>, Message, Context)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = state.results.get_mut(index)?;
        if slot.replace(payload).is_none() {
            state.missing -= 1;
        }
        if state.missing > 0 {
            return None;
        }
        let (message, cx) = state.rest.take()?;
        Some((std::mem::take(&mut state.results), message, cx))
    }

    fn apply(&self, results: &[Option<Payload>], message: &mut Message, cx: &Context) -> Result<(), Fault> {
        match &self.outcome {
            Outcome::Nothing => Ok(()),
            Outcome::Variable(name, Form::Json) => {
                let array = Json::Array(results.iter().map(json_of).collect());
                message.variables.set_shared(name, Value::Json(Arc::new(array)));
                Ok(())
            }
            Outcome::Variable(name, Form::Xml(root)) => {
                message.variables.set_shared(name, Value::Xml(enclosed(root, &elements(results))));
                Ok(())
            }
            Outcome::Original => self.update(results, message, cx),
        }
    }

    fn update(&self, results: &[Option<Payload>], message: &mut Message, cx: &Context) -> Result<(), Fault> {
        let json = matches!(self.collection.value(message, cx)?, Some(Value::Json(_)));
        let target = self.collection.target(message, cx)?;
        let Some(target) = target else {
            let source = self.collection.source();
            return Err(Fault::new(format!("the collection {source} cannot be written back to")));
        };
        match target {
            Target::Payload(path) => {
                let array = Json::Array(results.iter().map(json_of).collect());
                let root = json_root(message)?.unwrap_or_else(|| Arc::new(Json::Null));
                let whole = replaced((*root).clone(), Some(&path), array)?;
                message.payload = Payload::json(JsonBody::from_tree(whole));
            }
            Target::Variable(name, path) if json => {
                let array = Json::Array(results.iter().map(json_of).collect());
                let old = match message.variables.get(&name) {
                    Some(Value::Json(old)) => (**old).clone(),
                    Some(other) => Json::parse(&other.text()).unwrap_or(Json::Null),
                    None => Json::Null,
                };
                let new = replaced(old, path.as_deref(), array)?;
                message.variables.set_shared(&name, Value::Json(Arc::new(new)));
            }
            Target::Variable(name, _) => {
                let items: Vec<XmlItem> = elements(results).into_iter().map(XmlItem::Element).collect();
                message.variables.set_shared(&name, Value::Nodes(items.into()));
            }
            Target::XPath(expr, None) => update_body(&expr, results, message, cx)?,
            Target::XPath(expr, Some(name)) => update_variable(&expr, &name, results, message, cx)?,
        }
        Ok(())
    }
}

impl Collect for Collector {
    fn collect<'a>(
        &'a self,
        index: usize,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            if message.payload.is_unread() {
                flow::build_payload(message, cx).await?;
            }
            let Some((results, mut original, mut rest)) = self.add(index, message.payload.share()) else {
                return Ok(());
            };
            self.apply(&results, &mut original, &rest)?;
            flow::run(&mut rest, &mut original).await;
            Ok(())
        })
    }
}

/// Objects and arrays; anything else becomes null, as in MI.
fn json_of(payload: &Option<Payload>) -> Json {
    let tree = payload.as_ref().and_then(Payload::as_json).and_then(|body| body.tree().ok());
    match tree {
        Some(tree) if tree.is_container() => (**tree).clone(),
        _ => Json::Null,
    }
}

fn elements(results: &[Option<Payload>]) -> Vec<XmlElement> {
    results
        .iter()
        .flatten()
        .filter_map(|payload| {
            let envelope = payload.envelope();
            let node = envelope.payload()?;
            Some(XmlElement::new(envelope.document().clone(), node))
        })
        .collect()
}

fn enclosed(root: &str, elements: &[XmlElement]) -> XmlElement {
    let mut document = Document::new();
    let element = document.add_element(Document::ROOT, Name::plain(root));
    append(&mut document, element, elements);
    XmlElement::new(Arc::new(document), element)
}

fn append(document: &mut Document, parent: NodeId, elements: &[XmlElement]) {
    for element in elements {
        let copy = document.import(element.document(), element.id());
        document.append(parent, copy);
    }
}

fn replaced(mut root: Json, path: Option<&crate::eval::JsonPath>, array: Json) -> Result<Json, Fault> {
    let Some(path) = path.filter(|path| !path.is_root()) else { return Ok(array) };
    path.set(&mut root, &array).map_err(|error| Fault::new(error.to_string()))?;
    Ok(root)
}

/// The old elements leave, the results go to the end of the first one's parent.
fn swap(document: &mut Document, old: &[NodeId], results: &[Option<Payload>]) {
    let Some(parent) = old.first().and_then(|first| document.parent(*first)) else { return };
    old.iter().for_each(|node| document.detach(*node));
    append(document, parent, &elements(results));
}

fn update_body(
    expr: &Expr,
    results: &[Option<Payload>],
    message: &mut Message,
    cx: &Context,
) -> Result<(), Fault> {
    let Selection::Nodes(nodes) = expr.select(message, cx)? else { return Ok(()) };
    let old: Vec<NodeId> = nodes
        .into_iter()
        .filter_map(|node| match node {
            Selected::Own(id) => Some(id),
            Selected::OwnAttribute(..) | Selected::Item(_) => None,
        })
        .collect();
    swap(message.payload.envelope_mut().document_mut(), &old, results);
    Ok(())
}

fn update_variable(
    expr: &Expr,
    name: &Arc<str>,
    results: &[Option<Payload>],
    message: &mut Message,
    cx: &Context,
) -> Result<(), Fault> {
    let items = expr.select(message, cx)?.items(message);
    let old: Vec<&XmlElement> = items
        .iter()
        .filter_map(|item| match item {
            XmlItem::Element(element) => Some(element),
            XmlItem::Text(_) => None,
        })
        .collect();
    let Some(first) = old.first() else { return Ok(()) };
    let mut document = (**first.document()).clone();
    let nodes: Vec<NodeId> = old.iter().map(|element| element.id()).collect();
    swap(&mut document, &nodes, results);
    let root = match message.variables.get(name) {
        Some(Value::Xml(element)) => element.id(),
        _ => document.root_element().unwrap_or(Document::ROOT),
    };
    message.variables.set_shared(name, Value::Xml(XmlElement::new(Arc::new(document), root)));
    Ok(())
}
