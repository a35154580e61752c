//! Gathering.

use super::{Aggregation, Form, Place};
use crate::errors::Fault;
use crate::eval::Dynamic;
use crate::flow::{self, BoxFuture, Collect, Context};
use crate::mediators::parts::payload;
use crate::message::{Envelope, Json, Message, Payload, Value};
use artifacts::xml::{Document, Name, XmlElement, parse};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;

/// The copies of one execution that came back.
pub(super) struct Collector {
    aggregation: Arc<Aggregation>,
    total: usize,
    state: Mutex<State>,
}

/// The collector behind a pointer that its timer shares.
pub(super) struct Gatherer(pub(super) Arc<Collector>);

struct State {
    /// In order of arrival.
    messages: Vec<Message>,
    limits: Option<(usize, usize)>,
    timer: Option<AbortHandle>,
    /// The original message and what comes after; gone when the results were put together.
    rest: Option<(Message, Context)>,
}

struct Complete {
    messages: Vec<Message>,
    original: Message,
    rest: Context,
}

impl Collector {
    pub(super) fn new(
        total: usize,
        aggregation: Arc<Aggregation>,
        message: &Message,
        cx: &mut Context,
    ) -> Self {
        let mut rest = cx.continuation();
        rest.waiter = cx.waiter.take();
        let rest = Some((message.fork(), rest));
        let state = State { messages: Vec::with_capacity(total), limits: None, timer: None, rest };
        Self { aggregation, total, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a copy; everything when it completes the set, and `true` when it was the first.
    fn add(&self, message: &Message, limits: (usize, usize)) -> (Option<Complete>, bool) {
        let mut state = self.lock();
        if state.rest.is_none() {
            return (None, false);
        }
        let first = state.messages.is_empty();
        let (min, max) = *state.limits.get_or_insert(limits);
        if max == 0 || state.messages.len() < max {
            state.messages.push(message.fork());
        }
        let count = state.messages.len();
        let complete = count >= self.total || min > 0 && count >= min || max > 0 && count >= max;
        (if complete { take(&mut state) } else { None }, first)
    }

    fn limits(&self, message: &Message, cx: &Context) -> Result<(usize, usize), Fault> {
        let limit = |value: &Option<Dynamic>| -> Result<usize, Fault> {
            let Some(value) = value else { return Ok(0) };
            let text = value.text(message, cx)?.unwrap_or_default();
            let number: f64 = text.trim().parse().map_err(|_| {
                Fault::new(format!("a message count of <scatter-gather> is a number, found '{text}'"))
            })?;
            // Negative becomes 0: not set.
            Ok(number as usize)
        };
        Ok((limit(&self.aggregation.min)?, limit(&self.aggregation.max)?))
    }

    fn start_timer(self: &Arc<Self>) {
        let Some(timeout) = self.aggregation.timeout else { return };
        let own = self.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            // A task of its own, so that nobody can cut the flow by stopping the timer.
            tokio::spawn(async move { own.time_out().await });
        });
        let mut state = self.lock();
        if state.rest.is_some() {
            state.timer = Some(timer.abort_handle());
        } else {
            timer.abort();
        }
    }

    async fn time_out(&self) {
        let complete = take(&mut self.lock());
        let Some(complete) = complete else { return };
        tracing::warn!("Scatter Gather mediator timeout occurred.");
        let Some(mut last) = complete.messages.last().map(Message::fork) else { return };
        let mut handlers = complete.rest.continuation();
        if let Err(fault) = self.go_on(complete).await {
            flow::run_fault(&mut handlers, &mut last, &fault).await;
        }
    }

    /// Puts the results together and runs what comes after.
    async fn go_on(&self, complete: Complete) -> Result<(), Fault> {
        let Complete { messages, original, mut rest } = complete;
        let mut message = match &self.aggregation.place {
            Place::Body => messages.last().map_or(original, Message::fork),
            Place::Variable(_) => original,
        };
        match &self.aggregation.form {
            Form::Json => self.put_json(&messages, &mut message, &rest)?,
            Form::Xml(root) => self.put_xml(root, &messages, &mut message, &rest)?,
        }
        flow::run(&mut rest, &mut message).await;
        Ok(())
    }

    fn put_json(&self, messages: &[Message], message: &mut Message, cx: &Context) -> Result<(), Fault> {
        let expression = &self.aggregation.expression;
        let mut items = Vec::with_capacity(messages.len());
        for one in messages {
            match (expression.value(one, cx)?, &self.aggregation.place) {
                (Some(Value::Json(json)), _) => items.push((*json).clone()),
                (Some(other), Place::Body) => items.push(Json::string(&*other.text())),
                _ => {
                    return Err(Fault::new(format!(
                        "Aggregation expression {} did not return a valid JSON element",
                        expression.source()
                    )));
                }
            }
        }
        let array = Json::Array(items);
        match &self.aggregation.place {
            Place::Variable(name) => message.variables.set_shared(name, Value::Json(Arc::new(array))),
            Place::Body => {
                message.payload = payload::json(&array.to_string()).map_err(Fault::new)?;
                typed(message, "application/json");
            }
        }
        Ok(())
    }

    fn put_xml(
        &self,
        root: &str,
        messages: &[Message],
        message: &mut Message,
        cx: &Context,
    ) -> Result<(), Fault> {
        let expression = &self.aggregation.expression;
        let mut document = Document::new();
        let element = document.add_element(Document::ROOT, Name::plain(root));
        for one in messages {
            let text = expression.text(one, cx)?.unwrap_or_default();
            let found = parse(&text).map_err(|error| {
                Fault::new(format!("Error reading XML element: {}", expression.source()))
                    .detail(error.to_string())
            })?;
            let copy = document.import(&found, found.root_element().unwrap_or(Document::ROOT));
            document.append(element, copy);
        }
        match &self.aggregation.place {
            Place::Variable(name) => {
                let value = Value::Xml(XmlElement::new(Arc::new(document), element));
                message.variables.set_shared(name, value);
            }
            Place::Body => {
                let mut envelope = Envelope::new(message.payload.envelope().version());
                envelope.set_payload(&document, element);
                message.payload = Payload::xml(envelope);
                typed(message, "application/xml");
            }
        }
        Ok(())
    }
}

fn typed(message: &mut Message, media_type: &str) {
    message.set_message_type(media_type);
    message.axis2.remove("NO_ENTITY_BODY");
}

fn take(state: &mut State) -> Option<Complete> {
    let (original, rest) = state.rest.take()?;
    if let Some(timer) = state.timer.take() {
        timer.abort();
    }
    Some(Complete { messages: std::mem::take(&mut state.messages), original, rest })
}

impl Collect for Gatherer {
    fn collect<'a>(
        &'a self,
        _index: usize,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        Box::pin(async move {
            if message.payload.is_unread() {
                flow::build_payload(message, cx).await?;
            }
            let collector = &self.0;
            if let Some(condition) = &collector.aggregation.condition {
                let text = condition.text(message, cx)?;
                if !text.is_some_and(|text| text.eq_ignore_ascii_case("true")) {
                    return Ok(());
                }
            }
            let limits = collector.limits(message, cx)?;
            let (complete, first) = collector.add(message, limits);
            match complete {
                Some(complete) => collector.go_on(complete).await,
                None => {
                    if first {
                        collector.start_timer();
                    }
                    Ok(())
                }
            }
        })
    }
}
