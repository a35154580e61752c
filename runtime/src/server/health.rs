//! The internal HTTP listener: `/healthz` and `/liveness`, with the bodies that MI's tooling expects.

use crate::flow::{Answer, BoxFuture, Exchange};
use crate::http::Serve;
use crate::message::{JsonBody, Message, Payload, Value};
use serde_json::json;
use std::sync::{Arc, RwLock};

/// What the probes report.
#[derive(Debug, Default)]
pub struct Health {
    faulty: RwLock<Vec<String>>,
}

impl Health {
    /// Replaces the names of the applications that were left out.
    pub fn set_faulty(&self, names: Vec<String>) {
        // The list is replaced as a whole; it is usable after a panic elsewhere.
        *self.faulty.write().unwrap_or_else(|p| p.into_inner()) = names;
    }

    fn readiness(&self) -> (i32, serde_json::Value) {
        let faulty = self.faulty.read().unwrap_or_else(|p| p.into_inner()).clone();
        let version = env!("CARGO_PKG_VERSION");
        if faulty.is_empty() {
            return (200, json!({"version": version, "update_level": "0", "status": "ready"}));
        }
        let status = "not ready, faulty CAPPs detected";
        (500, json!({"version": version, "update_level": "0", "status": status, "Faulty CAPPs": faulty}))
    }
}

/// The door for probes.
#[derive(Debug)]
pub struct Probes(pub Arc<Health>);

impl Serve for Probes {
    fn serve(&self, message: Message, exchange: Arc<Exchange>) -> BoxFuture<'static, ()> {
        let (status, body) = match crate::router::path_of(&message.wire.target) {
            "/healthz" => {
                let (status, body) = self.0.readiness();
                (status, Some(body.to_string()))
            }
            "/liveness" => (200, Some(r#"{"server" : "started"}"#.to_owned())),
            _ => (404, None),
        };
        let mut reply = Message::new();
        reply.response = true;
        reply.axis2.set("HTTP_SC", Value::Integer(status));
        match body {
            Some(body) => {
                reply.payload = Payload::json(JsonBody::from_text(body));
                reply.axis2.set("DISABLE_CHUNKING", "true");
                reply.set_message_type("application/json");
            }
            None => reply.axis2.set("NO_ENTITY_BODY", Value::Boolean(true)),
        }
        exchange.answer(Answer::Reply(Box::new(reply)));
        Box::pin(std::future::ready(()))
    }
}
