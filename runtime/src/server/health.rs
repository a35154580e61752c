//! The internal HTTP listener: probes with the bodies that MI's tooling expects, the state of the
//! group, and metrics.

use crate::activation::{Activations, Lateness};
use crate::flow::{Answer, BoxFuture, Exchange};
use crate::http::Serve;
use crate::message::{Envelope, JsonBody, Message, Payload, Soap, Value};
use coordination::Handle;
use coordination::metrics::Sample;
use coordination::status::Status;
use serde_json::json;
use std::fmt::Write as _;
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
pub struct Probes {
    health: Arc<Health>,
    coordinator: Handle,
    lateness: Arc<Lateness>,
}

/// What a path answers.
enum Page {
    Json(i32, String),
    Text(String),
    Missing,
}

impl Probes {
    /// Reports the state of these.
    pub fn new(health: Arc<Health>, activations: &Activations) -> Self {
        let (coordinator, lateness) = (activations.coordinator().clone(), activations.lateness());
        Self { health, coordinator, lateness }
    }

    fn samples(&self) -> Vec<Sample> {
        let mut samples = self.coordinator.samples();
        samples.extend(self.lateness.samples());
        samples
    }

    fn page(&self, path: &str) -> Page {
        match path {
            "/healthz" => {
                let (status, body) = self.health.readiness();
                Page::Json(status, body.to_string())
            }
            "/liveness" => Page::Json(200, r#"{"server" : "started"}"#.to_owned()),
            "/coordination" => Page::Json(200, status_json(&self.coordinator.status()).to_string()),
            "/metric-service/metrics" => Page::Text(metrics_text(&self.samples())),
            _ => Page::Missing,
        }
    }
}

impl Serve for Probes {
    fn serve(&self, message: Message, exchange: Arc<Exchange>) -> BoxFuture<'static, ()> {
        let mut reply = Message::new();
        reply.response = true;
        reply.rest = true;
        reply.axis2.set("DISABLE_CHUNKING", "true");
        let status = match self.page(crate::router::path_of(&message.wire.target)) {
            Page::Json(status, body) => {
                reply.payload = Payload::json(JsonBody::from_text(body));
                reply.set_message_type("application/json");
                status
            }
            Page::Text(text) => {
                reply.payload = Payload::xml(Envelope::with_text(Soap::V11, &text));
                reply.set_message_type("text/plain");
                200
            }
            Page::Missing => {
                reply.axis2.set("NO_ENTITY_BODY", Value::Boolean(true));
                404
            }
        };
        reply.axis2.set("HTTP_SC", Value::Integer(status));
        exchange.answer(Answer::Reply(Box::new(reply)));
        Box::pin(std::future::ready(()))
    }
}

/// Members, owners, epochs and the latest moves as this node sees them.
fn status_json(status: &Status) -> serde_json::Value {
    let members: Vec<_> = status
        .view
        .members
        .iter()
        .map(|row| json!({"node": &*row.node, "member": row.id.to_string()}))
        .collect();
    let owners: Vec<_> = status
        .owners()
        .into_iter()
        .map(|row| {
            json!({
                "activation": row.key.as_str(), "node": row.node.as_deref(), "epoch": row.epoch.0,
                "paused": row.paused, "runs": row.runs, "lastFire": row.last_fire,
            })
        })
        .collect();
    let moves: Vec<_> = status
        .moves
        .iter()
        .map(|m| {
            json!({
                "at": m.at.0, "activation": m.key.as_str(), "from": m.from.as_deref(), "to": m.to.as_deref(),
                "epoch": m.epoch.0, "reason": m.reason,
            })
        })
        .collect();
    json!({
        "phase": status.phase.word(), "group": &*status.group, "node": &*status.node,
        "member": status.member.to_string(), "store": &*status.store,
        "trustLeftMs": u64::try_from(status.trust_left.as_millis()).unwrap_or(u64::MAX),
        "databaseSilentMs": status.database_silent.map(|d| d.as_millis() as u64),
        "databaseError": status.database_error.as_deref(),
        "duplicateNode": status.duplicate_node,
        "differingDefinitions": status.differing.iter().map(|key| key.as_str()).collect::<Vec<_>>(),
        "members": members, "activations": owners, "moves": moves,
    })
}

/// Prometheus' text form.
fn metrics_text(samples: &[Sample]) -> String {
    samples.iter().fold(String::new(), |mut text, sample| {
        let label =
            sample.label.as_ref().map(|(key, value)| format!("{{{key}=\"{value}\"}}")).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "ganglion_{}{label} {}", sample.name, sample.value);
        text
    })
}
