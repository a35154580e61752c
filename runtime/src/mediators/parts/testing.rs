//! What the tests of the mediators share: compile a fragment, run it on a small message.

use crate::compile::Compiler;
use crate::flow::{self, Block, Context, Leave, Step};
use crate::message::{JsonBody, Message, Payload, Soap, envelope::Envelope};
use crate::program::Program;
use artifacts::diagnostics::Diagnostics;
use artifacts::source::Source;
use artifacts::xml::{ElementRef, parse, parse_source};
use std::sync::Arc;

/// Compiles mediators written without namespace declaration.
pub(crate) fn compile(mediators: &str) -> (Vec<Step>, Diagnostics) {
    let text = format!(
        "<sequence xmlns='http://ws.apache.org/ns/synapse' xmlns:soap11='http://schemas.xmlsoap.org/soap/envelope/' xmlns:soap12='http://www.w3.org/2003/05/soap-envelope'>{mediators}</sequence>"
    );
    let document = parse_source(&Source::new("test.xml", text)).unwrap();
    let root = ElementRef { document: &document, id: document.root_element().unwrap() };
    let mut compiler = Compiler::default();
    let steps = root.children().filter_map(|child| compiler.mediator(child)).collect();
    (steps, compiler.diagnostics)
}

/// Would MI deploy these mediators?
pub(crate) fn accepts(mediators: &str) -> bool {
    !compile(mediators).1.has_errors()
}

/// Fails unless exactly the first list is accepted and the second refused.
pub(crate) fn verdicts(accepted: &[&str], refused: &[&str]) {
    for xml in accepted {
        let (_, diagnostics) = compile(xml);
        let messages: Vec<_> = diagnostics.iter().map(|d| d.message.clone()).collect();
        assert!(!diagnostics.has_errors(), "refused: {xml}\n{messages:?}");
    }
    for xml in refused {
        assert!(!accepts(xml), "accepted: {xml}");
    }
}

/// A message with a JSON body.
pub(crate) fn json(text: &str) -> Message {
    let mut message = Message::new();
    message.payload = Payload::json(JsonBody::from_text(text));
    message.axis2.set("messageType", "application/json");
    message.axis2.set("ContentType", "application/json");
    message
}

/// A message with an XML body.
pub(crate) fn xml(text: &str) -> Message {
    let mut message = Message::new();
    let document = parse(text).unwrap();
    let root = document.root_element().unwrap();
    message.payload = Payload::xml(Envelope::with_payload(Soap::V11, &document, root));
    message.axis2.set("messageType", "application/xml");
    message.axis2.set("ContentType", "application/xml");
    message
}

/// Runs mediators on a message to the end of the flow.
pub(crate) async fn run(mediators: &str, message: &mut Message) -> (flow::End, Context) {
    let (steps, diagnostics) = compile(mediators);
    assert!(!diagnostics.has_errors(), "{:?}", diagnostics.iter().collect::<Vec<_>>());
    let mut cx = Context::new(Arc::new(Program::default()), Arc::default());
    cx.push_block(Arc::new(Block { steps, on_error: None }), Leave::Continue);
    let end = flow::run(&mut cx, message).await;
    (end, cx)
}

/// Body as text: JSON as it stands, XML serialised, nothing for an empty body.
pub(crate) fn body(message: &Message) -> String {
    match message.payload.as_json() {
        Some(json) => json.text().to_string(),
        None => {
            let envelope = message.payload.envelope();
            envelope.payload().map(|node| envelope.document().node_to_xml(node)).unwrap_or_default()
        }
    }
}
