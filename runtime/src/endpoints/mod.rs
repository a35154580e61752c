//! Where messages are sent: leaves (address, http, default, wsdl), groups of them, and references.
//!
//! [`Endpoint::send`] sends one message and turns it into the response. The scheme of the address says
//! how: `http:` through the client, `local:` to a service of this process, `vfs:` to a file. State (suspension, position of
//! a round robin) lives in the endpoint and ends with its program.

mod address;
mod compile;
mod group;
mod leaf;
mod local;
pub mod suspension;
mod verdict;
pub mod vfs;

pub use leaf::Leaf;

use crate::errors::{Fault, Origin, codes};
use crate::eval::Expr;
use crate::flow::{BoxFuture, Context};
use crate::message::{Message, Scope, Value};
use artifacts::xml::XmlElement;
use group::{Failover, LoadBalance, RecipientList};
use std::sync::Arc;

/// An endpoint of the program.
#[derive(Debug)]
pub struct Endpoint {
    /// Its name; endpoints in place have none.
    pub name: Option<Arc<str>>,
    /// Sequence for faults after the message left (`onError`).
    pub on_error: Option<Arc<str>>,
    /// Set on the message before sending.
    pub properties: Vec<Property>,
    /// What it is.
    pub kind: Kind,
}

/// What an endpoint is.
#[derive(Debug)]
pub enum Kind {
    /// One address.
    Leaf(Box<Leaf>),
    /// Another endpoint by key, looked up when used.
    Indirect(Arc<str>),
    /// Another endpoint, its key computed for each message.
    Resolving(Arc<Expr>),
    /// The first child that works.
    Failover(Failover),
    /// Children in turn.
    LoadBalance(LoadBalance),
    /// A copy to every child.
    RecipientList(RecipientList),
    /// Accepted by MI, not run here.
    Unsupported(String),
}

/// A property that an endpoint sets.
#[derive(Debug)]
pub struct Property {
    name: Arc<str>,
    scope: Scope,
    value: PropertyValue,
}

#[derive(Debug)]
enum PropertyValue {
    Text(Arc<str>),
    Expr(Arc<Expr>),
    Xml(XmlElement),
}

/// Who sends: decides what a missing response means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `call`: the flow goes on behind it.
    Call,
    /// `send`: the response takes the out route.
    Send,
    /// `call blocking="true"` and its relatives: error statuses are faults.
    Blocking,
}

/// What became of a message that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The message is now the response.
    Response,
    /// A copy left (`OUT_ONLY`, or a transport without responses); the message is unchanged.
    OneWay,
    /// The time is over and nothing follows: no response, no fault sequence.
    Nothing,
}

impl Endpoint {
    /// What a `send` or `call` without an endpoint uses: the message's `To`.
    pub fn implicit() -> Self {
        compile::implicit_endpoint()
    }

    /// An endpoint in place with this address, which no failure suspends.
    pub fn at(url: &str) -> Self {
        compile::unsuspended_endpoint(url)
    }

    /// The endpoint of this key, looked up when it is used.
    pub fn by_key(key: &str) -> Self {
        Self { name: None, on_error: None, properties: Vec::new(), kind: Kind::Indirect(key.into()) }
    }

    /// Sends the message. On success it has become the response; on a fault it is the request again,
    /// its body as far as it can still be built. Where a SOAP fault in the answer is the fault
    /// ([`Origin::Answer`]), the message is that answer.
    ///
    /// Cancel safe in the sense that dropping the future drops the backend connection.
    pub fn send<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
        mode: Mode,
    ) -> BoxFuture<'a, Result<Sent, Fault>> {
        Box::pin(async move {
            self.set_properties(message, cx)?;
            if mode != Mode::Blocking {
                cx.give_way();
            }
            let depth = cx.handler_depth();
            let sent = match &self.kind {
                Kind::Leaf(leaf) => leaf.send(self.display_name(), message, cx, mode).await,
                Kind::Indirect(key) => resolve(key, cx)?.send(message, cx, mode).await,
                Kind::Resolving(expr) => {
                    let key = expr.text(message, cx)?.filter(|key| !key.is_empty());
                    let key = key.ok_or_else(|| Fault::new("Error while performing the call operation"))?;
                    resolve(&key, cx)?.send(message, cx, mode).await
                }
                Kind::Failover(group) => group.send(self.display_name(), message, cx, mode).await,
                Kind::LoadBalance(group) => group.send(self.display_name(), message, cx, mode).await,
                Kind::RecipientList(group) => group.send(self.display_name(), message, cx, mode).await,
                Kind::Unsupported(what) => Err(Fault::new(format!("<{what}> endpoints are not run yet"))),
            };
            if let (Err(fault), Some(sequence)) = (&sent, &self.on_error)
                && depth == cx.handler_depth()
                && handled_by_endpoint(fault)
            {
                cx.push_handler(crate::flow::Handler::Named(sequence.clone()));
            }
            sent
        })
    }

    /// May a message be sent to it now?
    pub fn is_ready(&self, cx: &Context) -> bool {
        match &self.kind {
            Kind::Leaf(leaf) => leaf.is_ready(),
            Kind::Indirect(key) => cx.program.endpoint(key).is_some_and(|e| e.is_ready(cx)),
            Kind::Failover(group) => group.is_ready(cx),
            Kind::LoadBalance(group) => group.is_ready(cx),
            Kind::Resolving(_) | Kind::RecipientList(_) | Kind::Unsupported(_) => true,
        }
    }

    /// Name for messages: MI calls endpoints in place `AnonymousEndpoint`.
    pub fn display_name(&self) -> &str {
        self.name.as_deref().unwrap_or("AnonymousEndpoint")
    }

    fn set_properties(&self, message: &mut Message, cx: &mut Context) -> Result<(), Fault> {
        for property in &self.properties {
            let value = match &property.value {
                PropertyValue::Text(text) => Some(Value::String(text.clone())),
                PropertyValue::Expr(expr) => expr.text(message, cx)?.map(Value::from),
                PropertyValue::Xml(element) => Some(Value::Xml(element.clone())),
            };
            let Some(value) = value else { continue };
            match property.scope {
                Scope::Axis2 => message.axis2.set_shared(&property.name, value),
                Scope::Axis2Client => message.axis2_client.set_shared(&property.name, value),
                Scope::Transport => message.headers.set_value(&property.name, value),
                _ => message.properties.set_shared(&property.name, value),
            }
        }
        Ok(())
    }
}

/// Refused connections and unready endpoints go straight to the sequence's handler, as in MI.
fn handled_by_endpoint(fault: &Fault) -> bool {
    let broken = fault.protocol.is_some() && fault.number() != codes::CONNECTION_FAILED;
    broken || fault.origin == Origin::Answer
}

fn resolve(key: &str, cx: &Context) -> Result<Arc<Endpoint>, Fault> {
    let found = cx.program.endpoint(key);
    found.ok_or_else(|| {
        Fault::endpoint(codes::INDIRECT_NOT_READY, format!("Couldn't find the endpoint with the key : {key}"))
    })
}
