//! The call: source in, send, target out.

use super::{Call, Inline, Source, Target};
use crate::endpoints::{Mode, Sent};
use crate::errors::{Fault, codes};
use crate::flow::{AsyncMediator, BoxFuture, Context, Next};
use crate::message::{Content, Headers, Json, Message, Payload, Value, XmlItem, builders, media_type};
use bytes::Bytes;
use std::sync::Arc;

/// What comes back after a call whose response goes elsewhere.
struct Kept {
    payload: Payload,
    headers: Headers,
    types: [Option<Value>; 2],
}

impl AsyncMediator for Call {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let kept = self.keeps_body().then(|| keep(message));
            if let Some((source, content_type)) = &self.source {
                apply_source(source, content_type.as_deref(), message, cx)?;
            }
            let implicit = cx.program.implicit_endpoint.clone();
            let endpoint = self.endpoint.as_deref().unwrap_or(&implicit);
            let mode = if self.blocking { Mode::Blocking } else { Mode::Call };
            match endpoint.send(message, cx, mode).await? {
                Sent::OneWay => return Ok(Next::Continue),
                Sent::Nothing => return Ok(Next::Stop),
                Sent::Response => {}
            }
            if mode == Mode::Call {
                cx.resumed = true;
            }
            if let (Some(kept), Some(target)) = (kept, &self.target) {
                crate::flow::build_payload(message, cx).await?;
                store(target, kept, message, cx)?;
            }
            Ok(Next::Continue)
        })
    }

    fn reads_body(&self) -> bool {
        self.blocking || self.source.is_some() || self.keeps_body()
    }
}

impl Call {
    fn keeps_body(&self) -> bool {
        matches!(self.target, Some(Target::Property(_) | Target::Variable(_)))
    }
}

fn keep(message: &Message) -> Kept {
    Kept {
        payload: message.payload.share(),
        headers: message.headers.clone(),
        types: [message.axis2("messageType"), message.axis2("ContentType")],
    }
}

fn apply_source(
    source: &Source,
    content_type: Option<&str>,
    message: &mut Message,
    cx: &Context,
) -> Result<(), Fault> {
    let current = message.message_type();
    let media = content_type.map(str::to_owned).or_else(|| current.clone()).unwrap_or_default();
    match source {
        Source::Body => {}
        Source::Property(name) => {
            let value = message.property(name);
            let value = value
                .ok_or_else(|| Fault::new(format!("the source property '{name}' of <call> is not set")))?;
            message.payload = payload_of(&value, &media)?;
        }
        Source::Inline(Inline::Xml(element)) => {
            message.payload = payload_of(&Value::Xml(element.clone()), &media)?;
        }
        Source::Inline(Inline::Text(text)) => {
            message.payload = payload_of(&Value::String(text.clone()), &media)?
        }
        Source::Custom(expr) => {
            let value = expr.value(message, cx)?;
            let value = match value {
                Some(value) => Some(value),
                None => expr.text(message, cx)?.map(Value::from),
            };
            let value = value.ok_or_else(|| Fault::new("the source of <call> selects nothing"))?;
            message.payload = payload_of(&value, &media)?;
        }
    }
    if content_type.is_some() && Some(media_type(&media)) != current {
        message.set_message_type(&media);
    }
    Ok(())
}

/// A value as the body of the request, read as the given media type.
fn payload_of(value: &Value, media: &str) -> Result<Payload, Fault> {
    let element = match value {
        Value::Xml(element) => Some(element.clone()),
        Value::Nodes(items) => items.iter().find_map(|item| match item {
            XmlItem::Element(element) => Some(element.clone()),
            XmlItem::Text(_) => None,
        }),
        _ => None,
    };
    if let (Some(element), false) = (&element, media.contains("json")) {
        let mut envelope = crate::message::Envelope::new(crate::message::Soap::V11);
        envelope.set_payload(element.document(), element.id());
        return Ok(Payload::xml(envelope));
    }
    let bytes = Bytes::from(value.text().into_owned());
    let content = builders::build(&bytes, Some(media));
    content.map(Payload::Built).map_err(|error| Fault::with_code(codes::BUILD, error.to_string()))
}

fn store(target: &Target, kept: Kept, message: &mut Message, cx: &Context) -> Result<(), Fault> {
    let body = body_value(&message.payload);
    match target {
        Target::Body => {}
        Target::Property(name) => {
            let value = match &body {
                Value::Json(json) => Value::from(json.to_string()),
                other => other.clone(),
            };
            message.properties.set_shared(name, value);
        }
        Target::Variable(name) => {
            let name = name.text(message, cx)?.unwrap_or_else(|| "".into());
            let response = response_map(body, message);
            message.variables.set_shared(&name, response);
        }
    }
    message.payload = kept.payload;
    message.headers = kept.headers;
    let [message_type, content_type] = kept.types;
    for (name, value) in [("messageType", message_type), ("ContentType", content_type)] {
        match value {
            Some(value) => message.axis2.set(name, value),
            None => message.axis2.remove(name),
        }
    }
    Ok(())
}

fn response_map(body: Value, message: &Message) -> Value {
    let headers: Vec<(Arc<str>, Json)> =
        message.headers.iter().map(|(name, value)| (name.into(), Json::string(&*value))).collect();
    let status = Json::number(message.axis2_text("HTTP_SC").and_then(|t| t.parse().ok()).unwrap_or(0));
    Value::Map(Arc::new(vec![
        ("payload".into(), body),
        ("headers".into(), Value::Json(Arc::new(Json::Object(headers)))),
        ("attributes".into(), Value::Json(Arc::new(Json::Object(vec![("statusCode".into(), status)])))),
    ]))
}

/// The response's body as a value: JSON, nodes, or text.
fn body_value(payload: &Payload) -> Value {
    match payload {
        Payload::Built(Content::Json(json)) => match json.tree() {
            Ok(tree) => Value::Json(tree.clone()),
            Err(_) => Value::String(json.text().clone()),
        },
        Payload::Built(Content::Xml(envelope)) => {
            let Some(node) = envelope.payload() else { return Value::from("") };
            let document = envelope.document();
            if document.is_named(node, crate::message::envelope::PAYLOAD_NS, "text") {
                return Value::from(document.own_text(node));
            }
            let own = Arc::new(artifacts::xml::Document::from_subtree(document, node));
            let root = own.root_element().unwrap_or(artifacts::xml::Document::ROOT);
            let element = artifacts::xml::XmlElement::new(own, root);
            Value::Nodes(Arc::from(vec![XmlItem::Element(element)]))
        }
        Payload::Built(Content::Binary(binary)) => {
            Value::from(String::from_utf8_lossy(&binary.bytes).into_owned())
        }
        // The response was built right before.
        Payload::Unread(_) => Value::from(""),
    }
}
