//! The second form: on copies, whose payloads are collected.

use super::collect::Collector;
use crate::errors::Fault;
use crate::eval::Expr;
use crate::flow::{self, AsyncMediator, Block, BoxFuture, Context, Next, Slot};
use crate::mediators::parts::payload;
use crate::message::{Envelope, Json, Message, Payload, Value, XmlItem};
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Foreach {
    pub(super) collection: Arc<Expr>,
    pub(super) parallel: bool,
    pub(super) counter: Option<Arc<str>>,
    pub(super) outcome: Outcome,
    pub(super) block: Arc<Block>,
}

/// What becomes of the results.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// Nothing: the flow goes on at once.
    Nothing,
    /// They take the place of the collection.
    Original,
    /// They become a variable.
    Variable(Arc<str>, Form),
}

#[derive(Debug, Clone)]
pub(super) enum Form {
    Json,
    /// With this root element.
    Xml(Arc<str>),
}

/// One element of the collection.
enum Item {
    Json(Json),
    Xml(XmlItem),
}

impl AsyncMediator for Foreach {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let items = self.items(message, cx)?;
            if items.is_empty() {
                tracing::info!("No elements found for the expression : {}", self.collection.source());
                return Ok(Next::Continue);
            }
            let wait = !matches!(self.outcome, Outcome::Nothing);
            let collector = wait.then(|| {
                Arc::new(Collector::new(
                    items.len(),
                    self.collection.clone(),
                    self.outcome.clone(),
                    message,
                    cx,
                ))
            });
            for (index, item) in items.iter().enumerate() {
                let copy = self.copy(message, item, index)?;
                let branch = match &collector {
                    Some(collector) => cx.collected(&self.block, Slot { to: collector.clone(), index }),
                    None => cx.branch(&self.block),
                };
                if self.parallel {
                    flow::parallel(branch, copy, async |_| {}).await;
                } else {
                    flow::sequential(branch, copy, async |_| ()).await;
                }
            }
            if !wait {
                return Ok(Next::Continue);
            }
            cx.exchange.expect_reply();
            Ok(Next::Stop)
        })
    }
}

impl Foreach {
    fn items(&self, message: &Message, cx: &Context) -> Result<Vec<Item>, Fault> {
        match self.collection.value(message, cx)? {
            Some(Value::Json(json)) => match Arc::unwrap_or_clone(json) {
                Json::Array(items) => Ok(items.into_iter().map(Item::Json).collect()),
                _ => Err(self.no_array()),
            },
            Some(Value::Nodes(nodes)) => Ok(nodes.iter().cloned().map(Item::Xml).collect()),
            Some(Value::Xml(element)) => Ok(vec![Item::Xml(XmlItem::Element(element))]),
            _ => Err(self.no_array()),
        }
    }

    fn no_array(&self) -> Fault {
        Fault::new(format!("Expression {} did not resolve to a valid array", self.collection.source()))
    }

    fn copy(&self, message: &Message, item: &Item, index: usize) -> Result<Message, Fault> {
        let mut copy = message.fork();
        copy.payload = match item {
            Item::Json(json) => payload::json(&json.to_string()).map_err(Fault::new)?,
            Item::Xml(item) => {
                let mut envelope = Envelope::new(message.payload.envelope().version());
                match item {
                    XmlItem::Element(element) => envelope.set_payload(element.document(), element.id()),
                    XmlItem::Text(text) => {
                        let body = envelope.body();
                        envelope.document_mut().add_text(body, text);
                    }
                }
                Payload::xml(envelope)
            }
        };
        if let Some(counter) = &self.counter {
            let number = i32::try_from(index).unwrap_or(i32::MAX);
            copy.variables.set_shared(counter, Value::Integer(number));
        }
        Ok(copy)
    }
}
