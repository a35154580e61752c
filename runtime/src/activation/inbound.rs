//! Sources of messages from outside: each runs behind its guard and delivers into a sequence, or into
//! the proxy service whose transport it is (`listener.rs`).

use super::Activated;
use super::fence::{Held, while_held};
use super::listener::{IntoProxy, Listener};
use crate::engine::Engine;
use crate::flow::{self, BoxFuture, End, Handler, Leave};
use crate::message::{Dispatch, Message, Payload, Value, Wire, WireBody, facts::EntryName};
use artifacts::kinds::InboundEndpoint;
use connectors::contract::{Deliver, Delivery, Gate, Header, Inbound, InboundContext, Outcome, Owner};
use coordination::lease::{Key, Policy, fingerprint};
use coordination::{Guard, Handle};
use std::path::Path;
use std::sync::Arc;

/// An inbound endpoint of a deployment, or a transport of a proxy service.
#[derive(Debug)]
pub struct InboundSource {
    /// Name of the artifact.
    pub name: Arc<str>,
    /// Changes when the artifact does.
    pub definition: Arc<str>,
    /// On how many nodes it runs.
    pub policy: Policy,
    pub(super) taker: Taker,
    pub(super) source: Arc<dyn Inbound>,
}

/// Who takes what comes in.
#[derive(Debug)]
pub(super) enum Taker {
    /// Of an inbound endpoint.
    Sequence { name: Arc<str>, on_error: Option<Arc<str>> },
    /// The proxy service of that name.
    Proxy(Listener),
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
            policy: policy(&format!("inbound endpoint '{name}'"), parameter("coordination").as_deref()),
            taker: Taker::Sequence {
                name: endpoint.sequence.as_ref().map(|s| s.key.as_str()).unwrap_or_default().into(),
                on_error: endpoint.on_error.as_ref().map(|s| s.key.as_str().into()),
            },
            source,
        }))
    }

    /// The key of its lease.
    pub(super) fn key(&self) -> Key {
        match &self.taker {
            Taker::Sequence { .. } => Key::new(&format!("inbound/{}", self.name)),
            Taker::Proxy(listener) => Key::new(&format!("{}/{}", listener.transport, self.name)),
        }
    }

    /// Kind and name, for log lines.
    fn label(&self) -> String {
        match &self.taker {
            Taker::Sequence { .. } => format!("inbound endpoint '{}'", self.name),
            Taker::Proxy(_) => format!("proxy service '{}'", self.name),
        }
    }
}

/// The parameter `coordination`. MI reads `false` and gates all the same; here it is what it says.
pub(super) fn policy(label: &str, text: Option<&str>) -> Policy {
    let policy = match text.map(str::trim).map(str::to_ascii_lowercase).as_deref() {
        Some("false") => Policy::EveryNode,
        Some("shared") => Policy::Shared,
        _ => Policy::Exclusive,
    };
    if policy != Policy::Exclusive {
        tracing::info!("{label} runs on every node: its parameter coordination says so");
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
        let (engine, held) = (self.engine.clone(), Held::of(guard.clone()));
        let to: Arc<dyn Deliver> = match &self.source.taker {
            Taker::Sequence { name, on_error } => Arc::new(IntoSequence {
                endpoint: self.source.name.clone(),
                sequence: name.clone(),
                on_error: on_error.clone(),
                engine,
                held,
            }),
            Taker::Proxy(listener) => {
                Arc::new(IntoProxy::new(self.source.name.clone(), listener.clone(), engine, held))
            }
        };
        let label: Arc<str> = self.source.label().into();
        let gate = Arc::new(GuardGate(guard.clone()));
        let config = self.handle.config();
        let owner = Owner {
            group: config.group.clone(),
            lease: guard.key().as_str().into(),
            node: config.node.clone(),
            epoch: guard.epoch().0,
        };
        let cx = InboundContext { to, gate, name: label.clone(), owner };
        Box::pin(async move {
            if !while_held(&guard, self.source.source.run(cx)).await {
                tracing::warn!("{label} stops at once, its lease is gone");
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
    endpoint: Arc<str>,
    sequence: Arc<str>,
    on_error: Option<Arc<str>>,
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
            if let Some(name) = &self.on_error {
                cx.push_handler(Handler::Named(name.clone()));
            }
            let Some(sequence) = cx.sequence(&self.sequence) else {
                // MI counts this as success, and loses the message; here it stays a failure.
                return Outcome::Failed(format!("the sequence '{}' is not deployed", self.sequence));
            };
            if parse_first && let Err(fault) = flow::build_payload(&mut message, &cx).await {
                return Outcome::Failed(fault.to_string());
            }
            cx.push_block(sequence.block.clone(), Leave::Continue);
            let end = flow::run(&mut cx, &mut message).await;
            // The delivery is settled then: nothing may be under way that could still be lost.
            cx.exchange.idle().await;
            match end {
                End::Completed | End::Stopped => Outcome::Done,
                End::Failed => Outcome::Failed(error_text(&message)),
                // This node may not act for it any more.
                End::Abandoned => Outcome::Rejected,
            }
        })
    }
}

impl IntoSequence {
    fn message(&self, delivery: Delivery) -> Message {
        let name = &self.endpoint;
        let mut message = message_of(delivery, &self.held);
        if let Some(charset) = message.axis2_text("CHARACTER_SET_ENCODING") {
            message.properties.set("CHARACTER_SET_ENCODING", charset);
        }
        message.properties.set("isInbound", Value::Boolean(true));
        message.properties.set("ARTIFACT_NAME", format!("inboundendpoint{name}"));
        message.dispatch =
            Arc::new(Dispatch { entry: EntryName::Inbound(name.clone()), ..Dispatch::default() });
        message
    }
}

/// The message of a delivery. It is sent on with POST when nobody says another method.
pub(super) fn message_of(delivery: Delivery, held: &Held) -> Message {
    let mut message = Message::new();
    // MI reads a message whose type nobody tells as SOAP.
    let content_type = delivery.content_type.unwrap_or_else(|| "text/xml".to_owned());
    message.wire = Arc::new(Wire {
        method: http::Method::POST,
        content_type: http::HeaderValue::try_from(content_type).ok(),
        ..Wire::default()
    });
    message.payload = Payload::Unread(WireBody::Full(delivery.payload));
    for (header, value) in delivery.headers {
        let value = match value {
            Header::Text(text) => Value::from(text),
            Header::Number(number) => Value::Long(number),
        };
        message.headers.set_value(header, value);
    }
    message.properties.set("coordination.epoch", Value::Long(held.guard().epoch().0));
    message
}

/// What a flow that failed says about it.
pub(super) fn error_text(message: &Message) -> String {
    let text = message.property("ERROR_MESSAGE").map(|value| value.text().into_owned());
    text.unwrap_or_else(|| "the flow failed".to_owned())
}
