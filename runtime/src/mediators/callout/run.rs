//! The call: a copy of the message goes out, parts of the answer come back.

use super::{Callout, Part};
use crate::endpoints::{Mode, Sent};
use crate::errors::Fault;
use crate::eval::{Expr, Selection};
use crate::flow::{AsyncMediator, BoxFuture, Context, Next};
use crate::mediators::parts::{entry, payload};
use crate::message::{Message, Value, XmlItem, media_type};
use artifacts::xml::{Document, XmlElement};
use std::sync::Arc;

impl AsyncMediator for Callout {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let mut copy = message.fork();
            if message.payload.as_json().is_none()
                && let Some(element) = self.request(message, cx)?
            {
                payload::set_element(&mut copy, element.document(), element.id());
            }
            if let Some(action) = &self.action {
                copy.addressing.action = Some(action.clone());
            }
            let implicit = cx.program.implicit_endpoint.clone();
            let endpoint = self.endpoint.as_deref().unwrap_or(&implicit);
            match endpoint.send(&mut copy, cx, Mode::Blocking).await {
                Ok(Sent::Response) if is_one_way(message) => Ok(Next::Continue),
                Ok(Sent::Response) => self.take_over(copy, message, cx).map(|()| Next::Continue),
                Ok(Sent::OneWay) => Ok(Next::Continue),
                Ok(Sent::Nothing) => Ok(Next::Stop),
                Err(fault) => {
                    // The fault sequence sees what was sent and what came back.
                    *message = copy;
                    Err(fault)
                }
            }
        })
    }
}

fn is_one_way(message: &Message) -> bool {
    message.property("OUT_ONLY").is_some_and(|value| value.text() != "false")
}

impl Callout {
    /// The element to send; `None` when the envelope goes as it is.
    fn request(&self, message: &Message, cx: &Context) -> Result<Option<XmlElement>, Fault> {
        match &self.source {
            Part::Envelope => Ok(None),
            Part::Key(key) => match message.property(key).or_else(|| entry::get(cx, key)) {
                Some(Value::Xml(element)) => Ok(Some(element)),
                _ => Err(Fault::new(format!("The property : {key} is not an OMElement"))),
            },
            Part::Path(expr) => match expr.select(message, cx)?.items(message).into_iter().next() {
                Some(XmlItem::Element(element)) => Ok(Some(element)),
                _ => Err(Fault::new(format!(
                    "The evaluation of the XPath expression : {} did not result in an OMElement",
                    expr.source()
                ))),
            },
        }
    }

    fn take_over(&self, answer: Message, message: &mut Message, cx: &Context) -> Result<(), Fault> {
        match &self.target {
            _ if answer.payload.as_json().is_some() => message.payload = answer.payload.share(),
            Part::Envelope => message.payload = answer.payload.share(),
            Part::Key(key) => {
                if let Some(element) = payload_of(&answer) {
                    message.properties.set_shared(key, Value::Xml(element));
                }
            }
            Part::Path(expr) => replace(expr, &answer, message, cx)?,
        }
        match answer.axis2.get("HTTP_SC") {
            Some(status) => message.axis2.set("HTTP_SC", status.clone()),
            None => message.axis2.remove("HTTP_SC"),
        }
        let preserve = message.property("BLOCKING_SENDER_PRESERVE_REQ_HEADERS");
        if preserve.is_some_and(|value| value.text() == "false") {
            message.headers = answer.headers;
            if let Some(media) = message.headers.get("Content-Type").map(|text| media_type(&text)) {
                message.axis2.set("messageType", media.as_str());
                message.axis2.set("ContentType", media.as_str());
            }
        }
        Ok(())
    }
}

/// The first element of the body, as the root of a tree of its own.
fn payload_of(answer: &Message) -> Option<XmlElement> {
    let envelope = answer.payload.envelope();
    let own = Document::from_subtree(envelope.document(), envelope.payload()?);
    let root = own.root_element()?;
    Some(XmlElement::new(Arc::new(own), root))
}

/// Puts the answer in the place of the first selected element.
fn replace(expr: &Expr, answer: &Message, message: &mut Message, cx: &Context) -> Result<(), Fault> {
    let Selection::Nodes(nodes) = expr.select(message, cx)? else { return Err(no_target(expr)) };
    let old = nodes.first().and_then(|node| node.own_element(&message.payload.envelope()));
    let old = old.ok_or_else(|| no_target(expr))?;
    let element = payload_of(answer)
        .ok_or_else(|| Fault::new("the answer to a <callout> has no element in its body"))?;
    let document = message.payload.envelope_mut().document_mut();
    let new = document.import(element.document(), element.id());
    document.insert_after(old, new);
    document.detach(old);
    Ok(())
}

fn no_target(expr: &Expr) -> Fault {
    Fault::new(format!(
        "Evaluation of target XPath expression : {} did not yield an element of the message",
        expr.source()
    ))
}
