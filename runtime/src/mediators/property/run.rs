//! Setting and removing, with the side effects that MI gives to some names.

use super::{Action, Property, Source};
use crate::errors::Fault;
use crate::eval::Dynamic;
use crate::flow::{Context, Mediator, Next};
use crate::message::{Message, Scope, Value};
use std::sync::Arc;

impl Mediator for Property {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let name = self.name.text(message, cx)?.unwrap_or_default();
        if name.is_empty() {
            tracing::warn!("the computed name of a property is empty");
        }
        match &self.action {
            Action::Remove => self.remove(&name, message),
            Action::Set { .. } => {
                let value = self.value(message, cx)?;
                self.set(&name, value, message, cx)?;
            }
        }
        Ok(Next::Continue)
    }

    fn reads_body(&self) -> bool {
        self.looks_inside() || self.name_needs_body()
    }

    fn looks_inside(&self) -> bool {
        let expression = match &self.action {
            Action::Set { source: Source::Expr(expr, _), .. } => expr.reads_body(),
            _ => false,
        };
        expression || self.name.reads_body()
    }
}

impl Property {
    /// Names whose setting makes MI build the message.
    fn name_needs_body(&self) -> bool {
        let Dynamic::Literal(name) = &self.name else { return false };
        match self.scope {
            Scope::Axis2 => matches!(&**name, "messageType" | "DISABLE_CHUNKING" | "FORCE_HTTP_1.0"),
            Scope::Transport => &**name == "Content-Encoding",
            _ => false,
        }
    }

    /// The value to set, `None` for null.
    fn value(&self, message: &Message, cx: &Context) -> Result<Option<Value>, Fault> {
        let Action::Set { source, pattern } = &self.action else { return Ok(None) };
        let value = match source {
            Source::Literal(value) => value.clone(),
            Source::Xml(element) => Some(Value::Xml(element.clone())),
            Source::Expr(expr, kind) => {
                let text = expr.text(message, cx)?;
                match (text, kind) {
                    (text, None) => text.map(Value::from),
                    (None, Some(super::Type::String | super::Type::Xml)) => None,
                    (None, Some(super::Type::Boolean)) => Some(Value::Boolean(false)),
                    (Some(text), Some(kind)) => {
                        kind.convert(&text, true).map_err(|()| conversion_fault(kind.word()))?
                    }
                    (None, Some(kind)) => return Err(conversion_fault(kind.word())),
                }
            }
        };
        Ok(match (value, pattern) {
            (Some(Value::String(text)), Some((pattern, group))) => {
                let groups = pattern.groups(&text).unwrap_or_default();
                Some(groups.get(*group).copied().flatten().unwrap_or("").into())
            }
            (value, _) => value,
        })
    }

    fn set(
        &self,
        name: &Arc<str>,
        value: Option<Value>,
        message: &mut Message,
        cx: &mut Context,
    ) -> Result<(), Fault> {
        match self.scope {
            Scope::Default => {
                if &**name == "RESPONSE" {
                    cx.exchange.expect_reply();
                }
                if let Some(value) = value {
                    message.properties.set_shared(name, value);
                }
            }
            Scope::Axis2 => set_axis2(name, value, message),
            Scope::Axis2Client => put(&mut message.axis2_client, name, value),
            Scope::Operation => put(&mut message.operation, name, value),
            Scope::Transport => message.headers.set_value(name, value.unwrap_or_else(|| "".into())),
            Scope::Registry => write_resource(name, value, cx)?,
            Scope::System => {
                if let Some(value) = value {
                    cx.services.system.set(name, &value.text());
                }
            }
            // Only recorded by tracing and analytics.
            Scope::Trace | Scope::Analytics => {}
        }
        Ok(())
    }

    fn remove(&self, name: &str, message: &mut Message) {
        match self.scope {
            Scope::Default => message.properties.remove(name),
            Scope::Axis2 if name == "TRANSPORT_HEADERS" => message.headers.clear(),
            Scope::Axis2 => message.axis2.remove(name),
            Scope::Axis2Client => message.axis2_client.remove(name),
            Scope::Operation => message.operation.remove(name),
            Scope::Transport => message.headers.remove(name),
            Scope::Registry | Scope::System | Scope::Trace | Scope::Analytics => {}
        }
    }
}

/// `path` gets the text as its content, `path@property` gets the property.
fn write_resource(name: &str, value: Option<Value>, cx: &Context) -> Result<(), Fault> {
    let value = value.ok_or_else(|| Fault::new(format!("no value to write to the resource '{name}'")))?;
    let registry = &cx.program.registry;
    let written = match name.split_once('@') {
        Some((path, property)) => registry.write_property(path, property, &value.text()),
        None => registry.write(name, &value.text()),
    };
    written.map_err(|error| Fault::new(format!("the resource '{name}' cannot be written: {error}")))
}

fn put(properties: &mut crate::message::Properties, name: &Arc<str>, value: Option<Value>) {
    match value {
        Some(value) => properties.set_shared(name, value),
        None => properties.remove(name),
    }
}

/// Axis2 scope; `messageType` also decides ContentType and the header, `SET_ROLLBACK_ONLY` is copied
/// to the operation.
fn set_axis2(name: &Arc<str>, value: Option<Value>, message: &mut Message) {
    match (&**name, &value) {
        ("messageType", Some(value)) => {
            message.set_message_type(&value.text());
            return;
        }
        ("SET_ROLLBACK_ONLY", Some(value)) => message.operation.set_shared(name, value.clone()),
        _ => {}
    }
    put(&mut message.axis2, name, value);
}

fn conversion_fault(word: &str) -> Fault {
    Fault::new(format!(
        "Unknown type : {word} for the property mediator or the property value cannot be converted into the specified type."
    ))
}
