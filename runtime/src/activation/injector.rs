//! MI's MessageInjector: what a scheduled task hands to a sequence, a proxy or the main sequence.

use super::fence::Held;
use crate::engine::{Engine, InjectTo};
use crate::message::{Dispatch, Envelope, Message, Payload, Soap, Value, facts::EntryName};
use crate::program::Resource;
use artifacts::kinds::Task;
use artifacts::xml::XmlElement;
use std::sync::Arc;

/// Shape of the injected message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// SOAP 1.2 around the body: when nothing is said.
    Soap12,
    Soap11,
    Pox,
    Get,
}

/// A compiled MessageInjector.
#[derive(Debug)]
pub struct Injector {
    task: Arc<str>,
    to: InjectTo,
    /// `To` of the message.
    address: Option<Arc<str>>,
    /// SOAP action of the message.
    action: Option<Arc<str>>,
    format: Format,
    body: Body,
    /// Mediate on the task's own time: the next fire waits for the flow.
    pub sequential: bool,
}

#[derive(Debug)]
enum Body {
    Xml(XmlElement),
    Registry(String),
    Missing,
}

impl Injector {
    /// Reads the properties of a task artifact.
    pub fn of(task: &Task) -> Self {
        let property = |name: &str| task.property(name).map(str::trim).filter(|text| !text.is_empty());
        let xml = task.properties.iter().rev().find(|p| p.name == "message").and_then(|p| p.xml.clone());
        let to = match property("injectTo").map(str::to_ascii_lowercase).as_deref() {
            Some("sequence") => InjectTo::Sequence(property("sequenceName").unwrap_or_default().into()),
            Some("proxy") => InjectTo::Proxy(property("proxyName").unwrap_or_default().into()),
            _ => InjectTo::Main,
        };
        Self {
            task: task.name.as_str().into(),
            sequential: property("sequential") == Some("true") || !matches!(to, InjectTo::Sequence(_)),
            to,
            address: property("to").map(Into::into),
            action: property("soapAction").map(Into::into),
            format: match property("format") {
                Some("soap11") => Format::Soap11,
                Some("pox") => Format::Pox,
                Some("get") => Format::Get,
                _ => Format::Soap12,
            },
            body: match (xml, property("registryKey")) {
                (Some(element), _) => Body::Xml(element),
                (None, Some(key)) => Body::Registry(key.to_owned()),
                (None, None) => Body::Missing,
            },
        }
    }

    /// Makes the message and runs its flow to the end. Errors are logged, as MI does; the schedule goes on.
    /// Receivers find in properties under which term this is, which fire (milliseconds since 1970), and
    /// which run of the task (from 1).
    pub async fn run(&self, engine: &Arc<Engine>, held: &Arc<Held>, fire_key: i64, run: i64) {
        let Some(element) = self.body(engine) else {
            tracing::error!("task '{}': neither 'message' nor a readable 'registryKey' is given", self.task);
            return;
        };
        let mut message = self.message(&element);
        // For receivers that can compare: an older owner's effects carry a smaller epoch.
        message.properties.set("coordination.epoch", Value::Long(held.guard().epoch().0));
        message.properties.set("coordination.fire", Value::Long(fire_key));
        message.properties.set("coordination.run", Value::Long(run));
        if let Err(problem) = engine.inject(message, &self.to, Some(held.clone())).await {
            tracing::error!("task '{}': {problem}", self.task);
        }
    }

    fn body(&self, engine: &Engine) -> Option<XmlElement> {
        match &self.body {
            Body::Xml(element) => Some(element.clone()),
            Body::Registry(key) => match engine.program().resource(key)? {
                Resource::Xml(element) => Some(element),
                Resource::Text(_) | Resource::Binary(_) => None,
            },
            Body::Missing => None,
        }
    }

    fn message(&self, element: &XmlElement) -> Message {
        let version = if self.format == Format::Soap12 { Soap::V12 } else { Soap::V11 };
        let mut message = Message::new();
        message.payload = Payload::xml(Envelope::with_payload(version, element.document(), element.id()));
        message.rest = matches!(self.format, Format::Pox | Format::Get);
        message.addressing.to = self.address.clone();
        message.addressing.action = self.action.clone();
        message.properties.set("task.name", &*self.task);
        message.dispatch =
            Arc::new(Dispatch { entry: EntryName::Task(self.task.clone()), ..Dispatch::default() });
        message
    }
}
