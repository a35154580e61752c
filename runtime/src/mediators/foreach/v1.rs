//! The first form: on the message itself, in turn.

use crate::errors::Fault;
use crate::eval::{Dialect, Expr, Selected, Selection, json_root};
use crate::flow::{AsyncMediator, Block, BoxFuture, Context, End, Next};
use crate::mediators::parts::payload;
use crate::message::{Envelope, Json, JsonBody, Message, Payload, Value, XmlItem};
use artifacts::xml::{Document, NodeId};
use std::sync::Arc;

/// What a sequence of this form cannot hold.
pub(super) const CALLS: [&str; 3] = ["call", "send", "callout"];

#[derive(Debug)]
pub(super) struct Foreach {
    pub(super) expression: Arc<Expr>,
    pub(super) id: Option<Arc<str>>,
    pub(super) continue_on_failure: bool,
    pub(super) steps: Steps,
}

#[derive(Debug)]
pub(super) enum Steps {
    Inline(Arc<Block>),
    Named(Arc<str>),
    /// MI deploys it; the first part is a fault.
    Missing,
}

impl AsyncMediator for Foreach {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let original = message.payload.envelope().document().clone();
            message.properties.set(&self.name("FOREACH_ORIGINAL_MESSAGE"), Value::Envelope(original));
            self.count(0, message);
            match self.expression.dialect() {
                Dialect::JsonPath => self.json(message, cx).await?,
                Dialect::XPath => self.xml(message, cx).await?,
                Dialect::Synapse => {
                    return Err(Fault::new("the expression of <foreach> is XPath or JSONPath, found ${...}"));
                }
            }
            Ok(Next::Continue)
        })
    }
}

impl Foreach {
    fn name(&self, base: &str) -> String {
        match &self.id {
            Some(id) => format!("{id}_{base}"),
            None => base.to_owned(),
        }
    }

    fn count(&self, number: i32, message: &mut Message) {
        message.properties.set(&self.name("FOREACH_COUNTER"), Value::Integer(number));
    }

    fn block(&self, cx: &Context) -> Result<Arc<Block>, Fault> {
        match &self.steps {
            Steps::Inline(block) => Ok(block.clone()),
            Steps::Missing => Err(Fault::new("Couldn't find sequence information")),
            Steps::Named(name) => {
                let found = cx.sequence(name);
                let found =
                    found.ok_or_else(|| Fault::new(format!("Couldn't find the sequence named : {name}")))?;
                if found.block.steps.iter().any(|step| CALLS.contains(&&*step.name)) {
                    return Err(Fault::new(
                        "ForEach: Referred sequence cannot contain Call, Send or CallOut mediators",
                    ));
                }
                Ok(found.block.clone())
            }
        }
    }

    /// Runs the steps on one part. `None` is a failure that does not count; `false` ends the loop.
    async fn part(&self, message: &mut Message, cx: &mut Context) -> Result<Option<bool>, Fault> {
        let block = self.block(cx)?;
        match cx.run_block(&block, message).await {
            Ok(end) => Ok(Some(end == End::Completed || self.continue_on_failure)),
            Err(fault) if self.continue_on_failure => {
                tracing::warn!(
                    "Error occurred while mediating the sequence for the foreach mediator, {fault}. \
                     Continuing with the remaining."
                );
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// The results take the place of the array. Parts behind one that ended the loop are lost.
    async fn json(&self, message: &mut Message, cx: &mut Context) -> Result<(), Fault> {
        let path = self.expression.json_path(message, cx)?;
        let path = path.ok_or_else(|| Fault::new("the expression of <foreach> is no JSONPath"))?;
        let root = json_root(message)?.ok_or_else(|| Fault::new("<foreach> found no JSON payload"))?;
        let found = path.read(&root).map_err(|error| Fault::new(error.to_string()))?;
        let Json::Array(items) = found else {
            return Err(Fault::new(format!(
                "JSON element expressed by the path {} is not a valid JSON array",
                path.text()
            )));
        };
        if items.is_empty() {
            tracing::info!("No elements found for the JSONPath : {}", self.expression.source());
            return Ok(());
        }
        let mut results = Vec::with_capacity(items.len());
        let mut counter = 0;
        for item in &items {
            message.payload = payload::json(&item.to_string()).map_err(Fault::new)?;
            let Some(go_on) = self.part(message, cx).await? else { continue };
            results.push(result_of(message));
            counter += 1;
            self.count(counter, message);
            if !go_on {
                break;
            }
        }
        let results = Json::Array(results);
        let whole = if path.is_root() {
            results
        } else {
            let mut whole = (*root).clone();
            path.set(&mut whole, &results).map_err(|error| Fault::new(error.to_string()))?;
            whole
        };
        message.payload = Payload::json(JsonBody::from_tree(whole));
        Ok(())
    }

    /// The results are appended to the parent of the first part.
    async fn xml(&self, message: &mut Message, cx: &mut Context) -> Result<(), Fault> {
        let nodes: Vec<NodeId> = match self.expression.select(message, cx)? {
            Selection::Nodes(nodes) => nodes
                .into_iter()
                .filter_map(|node| match node {
                    Selected::Own(id) => Some(id),
                    Selected::OwnAttribute(..) | Selected::Item(XmlItem::Element(_) | XmlItem::Text(_)) => {
                        None
                    }
                })
                .collect(),
            _ => Vec::new(),
        };
        let Some(first) = nodes.first() else { return Ok(()) };
        let mut envelope = message.payload.envelope();
        let document = envelope.document_mut();
        let parent = document.parent(*first);
        let parent = parent.ok_or_else(|| Fault::new("Error detecting parent element to merge"))?;
        nodes.iter().for_each(|node| document.detach(*node));
        let mut counter = 0;
        for node in nodes {
            let mut part = Envelope::new(envelope.version());
            part.set_payload(envelope.document(), node);
            message.payload = Payload::xml(part);
            let go_on = self.part(message, cx).await?.unwrap_or(true);
            append_result(message, envelope.document_mut(), parent);
            counter += 1;
            self.count(counter, message);
            if !go_on {
                break;
            }
        }
        message.payload = Payload::xml(envelope);
        Ok(())
    }
}

/// The payload as JSON; what cannot be read is null.
fn result_of(message: &Message) -> Json {
    match json_root(message) {
        Ok(Some(json)) => (*json).clone(),
        _ => Json::Null,
    }
}

fn append_result(message: &Message, document: &mut Document, parent: NodeId) {
    let envelope = message.payload.envelope();
    if let Some(result) = envelope.payload() {
        let copy = document.import(envelope.document(), result);
        document.append(parent, copy);
    }
}
