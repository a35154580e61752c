//! One attempt to send a message to the endpoint of a forwarding processor.

use super::deliver::{Attempt, Courier};
use super::run_sequence;
use crate::activation::fence::Held;
use crate::endpoints::{Endpoint, Kind, Mode, Sent};
use crate::engine::Engine;
use crate::errors::Fault;
use crate::flow::{BoxFuture, End};
use crate::message::Message;
use std::sync::{Arc, OnceLock};

/// Names the endpoint in a parameter, and in a property of the message.
pub(super) const TARGET: &str = "target.endpoint";

/// Where messages go, and what happens to the answers.
#[derive(Debug, Clone)]
pub(super) struct Route {
    /// `targetEndpoint` or `target.endpoint`; `None`: what the first message says.
    pub(super) endpoint: Option<Arc<str>>,
    /// `message.processor.reply.sequence`: gets the answers.
    pub(super) reply: Option<Arc<str>>,
    /// `message.processor.fault.sequence`.
    pub(super) fault: Option<Arc<str>>,
    /// `non.retry.status.codes`: statuses that count as delivered when this text contains them.
    pub(super) delivered: String,
}

/// Sends to an endpoint.
pub(super) struct Forward {
    engine: Arc<Engine>,
    processor: Arc<str>,
    route: Route,
    /// The endpoint that the first message named serves all later ones, as in MI.
    remembered: OnceLock<Arc<str>>,
}

impl Courier for Forward {
    fn attempt<'a>(&'a self, message: &'a mut Message, held: &'a Arc<Held>) -> BoxFuture<'a, Attempt> {
        Box::pin(async move {
            match self.endpoint(message) {
                Ok(endpoint) => self.send(&endpoint, message, held).await,
                Err(why) => Attempt::Hopeless(why),
            }
        })
    }
}

impl Forward {
    pub(super) fn new(engine: Arc<Engine>, processor: Arc<str>, route: Route) -> Self {
        Self { engine, processor, route, remembered: OnceLock::new() }
    }

    fn endpoint(&self, message: &Message) -> Result<Arc<Endpoint>, String> {
        let named = self.route.endpoint.clone().or_else(|| self.remembered.get().cloned());
        let name = match named {
            Some(name) => name,
            None => {
                let name = message.property(TARGET).map(|value| Arc::from(&*value.text()));
                let name = name.ok_or("neither the processor nor the message names a target endpoint")?;
                self.remembered.get_or_init(|| name).clone()
            }
        };
        let endpoint = self.engine.program().endpoint(&name);
        let endpoint = endpoint.ok_or_else(|| format!("the endpoint '{name}' is not deployed"))?;
        match endpoint.kind {
            // MI needs the settings of the endpoint itself, and a group has none.
            Kind::Failover(_) | Kind::LoadBalance(_) | Kind::RecipientList(_) => {
                Err(format!("the endpoint '{name}' is a group, and a processor cannot send to a group"))
            }
            _ => Ok(endpoint),
        }
    }

    async fn send(&self, endpoint: &Endpoint, message: &mut Message, held: &Arc<Held>) -> Attempt {
        let mut outgoing = fresh(message);
        if !self.route.delivered.is_empty() {
            outgoing.axis2.set("non.error.http.status.codes", self.route.delivered.as_str());
        }
        let one_way = message.properties.get("OUT_ONLY").is_some_and(|value| value.text() == "true");
        let mut cx = self.engine.context_of(message);
        cx.fence = Some(held.clone());
        cx.truncate_handlers(0);
        let sent = endpoint.send(&mut outgoing, &mut cx, Mode::Blocking).await;
        if let Ok(Sent::OneWay) = sent {
            // A transport without responses has taken it.
            return Attempt::Delivered;
        }
        let status = outgoing.axis2_text("HTTP_SC");
        if status.as_deref().is_some_and(|status| self.is_delivered(status)) {
            return if one_way { Attempt::Delivered } else { self.reply(outgoing, held).await };
        }
        let (name, id) = (&self.processor, message.id());
        let why = reason(&sent, status.as_deref());
        tracing::warn!(
            "message processor '{name}': {id} was not delivered to '{}': {why}",
            endpoint.display_name()
        );
        // A one-way message that was refused is no error to MI, only not delivered.
        if !one_way || status.is_none() {
            self.fault(&mut outgoing, sent.err().as_ref(), held).await;
            message.properties = outgoing.properties;
            message.variables = outgoing.variables;
        }
        Attempt::Failed
    }

    fn is_delivered(&self, status: &str) -> bool {
        (status.len() == 3 && status.starts_with('2')) || self.route.delivered.contains(status)
    }

    async fn reply(&self, mut answer: Message, held: &Arc<Held>) -> Attempt {
        let Some(name) = &self.route.reply else {
            return Attempt::Hopeless("an answer came, and there is no reply sequence".to_owned());
        };
        match run_sequence(&self.engine, held, name, &mut answer).await {
            Some(End::Completed) => Attempt::Delivered,
            // As in MI: a sequence that ends early (drop, respond) has the message sent again.
            Some(End::Stopped) => {
                tracing::warn!(
                    "message processor '{}': the reply sequence '{name}' ended early",
                    self.processor
                );
                Attempt::Failed
            }
            Some(End::Abandoned) => Attempt::Failed,
            Some(End::Failed) => Attempt::Hopeless(format!("the reply sequence '{name}' failed")),
            None => Attempt::Hopeless(format!("the reply sequence '{name}' is not deployed")),
        }
    }

    async fn fault(&self, message: &mut Message, fault: Option<&Fault>, held: &Arc<Held>) {
        if let Some(fault) = fault {
            fault.publish(message);
        }
        let Some(name) = &self.route.fault else { return };
        if run_sequence(&self.engine, held, name, message).await.is_none() {
            tracing::error!(
                "message processor '{}': the fault sequence '{name}' is not deployed",
                self.processor
            );
        }
    }
}

/// What an attempt starts from: nothing of an earlier one decides where it goes or how it ended.
fn fresh(message: &Message) -> Message {
    let mut fresh = message.twin();
    fresh.properties.remove("blocking.sender.error");
    fresh.axis2.remove("HTTP_SC");
    fresh
}

fn reason(sent: &Result<Sent, Fault>, status: Option<&str>) -> String {
    match (sent, status) {
        (Err(fault), _) => fault.to_string(),
        (Ok(_), Some(status)) => format!("status {status}"),
        (Ok(_), None) => "no answer came".to_owned(),
    }
}
