//! Sources of messages from outside: each runs behind its guard and delivers into a sequence.

use super::Activated;
use super::fence::{Held, while_held};
use crate::engine::Engine;
use crate::flow::{self, BoxFuture, End, Handler, Leave};
use crate::message::{
    Dispatch, Message, Payload, Value, Wire, WireBody, facts::EntryName, media_type_parameter,
};
use artifacts::kinds::InboundEndpoint;
use connectors::contract::{Deliver, Delivery, Gate, Header, Inbound, InboundContext, Outcome, Owner};
use coordination::lease::{Policy, fingerprint};
use coordination::{Guard, Handle};
use std::path::Path;
use std::sync::Arc;

/// An inbound endpoint of a deployment.
#[derive(Debug)]
pub struct InboundSource {
    /// Its name.
    pub name: Arc<str>,
    /// Changes when the artifact does.
    pub definition: Arc<str>,
    /// On how many nodes it runs.
    pub policy: Policy,
    sequence: Arc<str>,
    on_error: Option<Arc<str>>,
    source: Arc<dyn Inbound>,
}

impl InboundSource {
    /// What an artifact means in this build; `None` (and a log line) when it does not run: suspended,
    /// a protocol that is not built in, a parameter that cannot be used. Relative paths start at `home`;
    /// `lookup` gives the text of a local entry.
    pub fn of(
        endpoint: &InboundEndpoint,
        home: &Path,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Arc<Self>> {
        let name = &endpoint.name;
        if endpoint.suspend {
            tracing::info!("inbound endpoint '{name}' is deployed suspended");
            return None;
        }
        let parameter = |wanted: &str| {
            let found = endpoint.parameters.iter().rev().find(|p| p.name == wanted)?;
            match &found.key {
                Some(key) => lookup(&key.key),
                None => Some(found.value.clone()),
            }
        };
        let source = match connectors::open(endpoint, &parameter, home) {
            Some(Ok(source)) => source,
            Some(Err(problem)) => {
                tracing::error!("inbound endpoint '{name}' does not run: {problem}");
                return None;
            }
            None => {
                tracing::error!(
                    "inbound endpoint '{name}' does not run: {:?} is not built in",
                    endpoint.source
                );
                return None;
            }
        };
        // Values that stand in local entries are part of what it is.
        let mut parts = vec![endpoint.element.get().to_xml()];
        parts
            .extend(endpoint.parameters.iter().filter_map(|p| p.key.as_ref()).filter_map(|p| lookup(&p.key)));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Some(Arc::new(Self {
            name: name.as_str().into(),
            definition: fingerprint(&parts),
            policy: policy(name, parameter("coordination").as_deref()),
            sequence: endpoint.sequence.as_ref().map(|s| s.key.as_str()).unwrap_or_default().into(),
            on_error: endpoint.on_error.as_ref().map(|s| s.key.as_str().into()),
            source,
        }))
    }
}

/// The parameter `coordination`. MI reads `false` and gates all the same; here it is what it says.
fn policy(name: &str, text: Option<&str>) -> Policy {
    let policy = match text.map(str::trim).map(str::to_ascii_lowercase).as_deref() {
        Some("false") => Policy::EveryNode,
        Some("shared") => Policy::Shared,
        _ => Policy::Exclusive,
    };
    if policy != Policy::Exclusive {
        tracing::info!("inbound endpoint '{name}' runs on every node: its parameter coordination says so");
    }
    policy
}

/// An inbound endpoint at work on this node.
pub(super) struct InboundRunner {
    pub(super) source: Arc<InboundSource>,
    pub(super) engine: Arc<Engine>,
    pub(super) handle: Handle,
}

impl Activated for InboundRunner {
    fn run(&self, guard: Guard) -> BoxFuture<'_, ()> {
        let to = Arc::new(IntoSequence {
            source: self.source.clone(),
            engine: self.engine.clone(),
            held: Held::of(guard.clone()),
        });
        let gate = Arc::new(GuardGate(guard.clone()));
        let config = self.handle.config();
        let owner = Owner {
            group: config.group.clone(),
            lease: guard.key().as_str().into(),
            node: config.node.clone(),
            epoch: guard.epoch().0,
        };
        let cx = InboundContext { to, gate, name: self.source.name.clone(), owner };
        Box::pin(async move {
            if !while_held(&guard, self.source.source.run(cx)).await {
                tracing::warn!("inbound endpoint '{}' stops at once, its lease is gone", self.source.name);
            }
        })
    }
}

/// The guard as sources ask it.
struct GuardGate(Guard);

impl Gate for GuardGate {
    fn holds(&self) -> bool {
        self.0.holds()
    }

    fn is_stopping(&self) -> bool {
        self.0.stop().is_some()
    }

    fn ended(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.0.ended().await;
        })
    }
}

/// Where a source delivers: each message runs through the sequence of the inbound endpoint.
struct IntoSequence {
    source: Arc<InboundSource>,
    engine: Arc<Engine>,
    held: Arc<Held>,
}

impl Deliver for IntoSequence {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let parse_first = delivery.parse_first;
            let mut message = self.message(delivery);
            let mut cx = self.engine.context();
            cx.fence = Some(self.held.clone());
            // Without an onError a fault goes to the source, not to the default fault sequence.
            cx.truncate_handlers(0);
            if let Some(name) = &self.source.on_error {
                cx.push_handler(Handler::Named(name.clone()));
            }
            let Some(sequence) = cx.sequence(&self.source.sequence) else {
                // MI counts this as success, and loses the message; here it stays a failure.
                return Outcome::Failed(format!("the sequence '{}' is not deployed", self.source.sequence));
            };
            if parse_first && let Err(fault) = flow::build_payload(&mut message, &cx).await {
                return Outcome::Failed(fault.to_string());
            }
            cx.push_block(sequence.block.clone(), Leave::Continue);
            match flow::run(&mut cx, &mut message).await {
                End::Completed | End::Stopped => Outcome::Done,
                End::Failed => {
                    let text = message.property("ERROR_MESSAGE").map(|v| v.text().into_owned());
                    Outcome::Failed(text.unwrap_or_else(|| "the flow failed".to_owned()))
                }
                // This node may not act for it any more.
                End::Abandoned => Outcome::Rejected,
            }
        })
    }
}

impl IntoSequence {
    fn message(&self, delivery: Delivery) -> Message {
        let name = &self.source.name;
        let mut message = Message::new();
        // MI reads a message whose type nobody tells as SOAP.
        let content_type = delivery.content_type.unwrap_or_else(|| "text/xml".to_owned());
        if let Some(charset) = media_type_parameter(&content_type, "charset") {
            message.properties.set("CHARACTER_SET_ENCODING", charset);
        }
        let value = http::HeaderValue::try_from(content_type).ok();
        message.wire = Arc::new(Wire { content_type: value, ..Wire::default() });
        message.payload = Payload::Unread(WireBody::Full(delivery.payload));
        for (header, value) in delivery.headers {
            let value = match value {
                Header::Text(text) => Value::from(text),
                Header::Number(number) => Value::Long(number),
            };
            message.headers.set_value(header, value);
        }
        message.properties.set("isInbound", Value::Boolean(true));
        message.properties.set("ARTIFACT_NAME", format!("inboundendpoint{name}"));
        message.properties.set("coordination.epoch", Value::Long(self.held.guard().epoch().0));
        message.dispatch =
            Arc::new(Dispatch { entry: EntryName::Inbound(name.clone()), ..Dispatch::default() });
        message
    }
}
