//! Filling in a format and making its text the payload.

use super::format::{PieceKind, Template};
use super::source::without_blanks;
use super::{Format, Media, PayloadFactory, arguments, replace};
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next};
use crate::mediators::parts::payload;
use crate::message::{Message, Payload, Soap, Value, envelope::Envelope};
use artifacts::xml::{Document, NodeId, XmlElement, parse};

impl Mediator for PayloadFactory {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let text = match &self.format {
            Format::Default(source) => {
                let text_of = |element: &XmlElement| without_blanks(element.get()).to_xml();
                let compile = |text: &str| compile(text, self.media);
                let template = source.get(message, cx, text_of, compile)?;
                self.fill(&template, message, cx)?
            }
            Format::FreeMarker(source) => self.render(source, message, cx)?,
        };
        self.put(text.trim(), message)?;
        message.axis2.remove("NO_ENTITY_BODY");
        Ok(Next::Continue)
    }
}

/// Compiles the text of an entry, which brings no prefixes.
fn compile(text: &str, media: Media) -> Result<Template, String> {
    let compiled = match media {
        Media::Json => Template::compile_json(text, &[]),
        Media::Xml | Media::Text | Media::Other => Template::compile(text, &[]),
    };
    compiled
        .map_err(|(expression, problem)| format!("Error evaluating expression ${{{expression}}}: {problem}"))
}

impl PayloadFactory {
    fn fill(&self, template: &Template, message: &Message, cx: &Context) -> Result<String, Fault> {
        let arguments = self
            .arguments
            .iter()
            .map(|argument| argument.evaluate(self.media, message, cx))
            .collect::<Result<Vec<arguments::Evaluated>, Fault>>()?;
        let mut values: Vec<Option<Value>> = vec![None; template.expressions.len()];
        let text = &template.text;
        let slice = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let mut out = String::with_capacity(text.len() * 2);
        let mut at = 0;
        for piece in &template.pieces {
            let whole = slice(piece.start, piece.end);
            let inner = |number: usize| template.expressions.get(number).map(|e| inside(e.source()));
            let (replacement, groups) = match piece.kind {
                PieceKind::Argument(number) => {
                    let Some(argument) = number.checked_sub(1).and_then(|n| arguments.get(n)) else {
                        tracing::error!(
                            "the format asks for argument {number}, there are {}",
                            arguments.len()
                        );
                        break;
                    };
                    let text = replace::argument(argument, self.media, self.escape_xml_chars, message)?;
                    (text, [Some(whole), None, None, whole.get(1..)])
                }
                PieceKind::Quoted(number) => {
                    let value = evaluate(template, number, &mut values, message, cx)?;
                    let text = format!("\"{}\"", replace::quoted(&value, self.media)?);
                    (text, [Some(whole), inner(number), None, None])
                }
                PieceKind::Bare(number) => {
                    let value = evaluate(template, number, &mut values, message, cx)?;
                    (replace::bare(&value, self.media)?, [Some(whole), None, inner(number), None])
                }
            };
            out.push_str(slice(at, piece.start));
            replace::append(&mut out, &replacement, groups)?;
            at = piece.end;
        }
        out.push_str(text.get(at..).unwrap_or_default());
        Ok(out)
    }

    fn put(&self, text: &str, message: &mut Message) -> Result<(), Fault> {
        match self.media {
            Media::Xml => {
                put_xml(text, message)?;
                let kept = ["application/xml", "text/xml", "application/soap+xml"];
                if !message.axis2_text("messageType").is_some_and(|t| kept.contains(&t.as_str())) {
                    message.set_message_type("application/xml");
                }
            }
            Media::Json => {
                message.payload = payload::json(text)
                    .map_err(|_| Fault::new(format!("Error creating JSON Payload from source {text}")))?;
                message.set_message_type("application/json");
            }
            Media::Text => {
                payload::set_text(message, text);
                message.set_message_type("text/plain");
            }
            Media::Other => {}
        }
        Ok(())
    }
}

/// The value of an expression, evaluated once per run. Null is as good as a failed evaluation.
fn evaluate(
    template: &Template,
    number: usize,
    values: &mut [Option<Value>],
    message: &Message,
    cx: &Context,
) -> Result<Value, Fault> {
    if let Some(Some(value)) = values.get(number) {
        return Ok(value.clone());
    }
    let Some(expr) = template.expressions.get(number) else { return Ok(Value::from("")) };
    let value = if expr.source().contains("xpath(") {
        expr.text(message, cx)?.map(Value::from)
    } else {
        expr.value(message, cx)?
    };
    let value = value.unwrap_or_else(|| Value::from(""));
    if let Some(slot) = values.get_mut(number) {
        *slot = Some(value.clone());
    }
    Ok(value)
}

fn inside(source: &str) -> &str {
    source.strip_prefix("${").and_then(|s| s.strip_suffix('}')).unwrap_or(source)
}

/// The first element of the text becomes the payload; a SOAP envelope replaces the whole envelope.
fn put_xml(text: &str, message: &mut Message) -> Result<(), Fault> {
    let padded = format!("<pfPadding>{text}</pfPadding>");
    let document = parse(&padded).map_err(|error| {
        Fault::new(format!("Error creating SOAP Envelope from source {text}")).detail(error.to_string())
    })?;
    let root = document.root_element().unwrap_or(Document::ROOT);
    let Some(first) = document.first_element(root) else {
        return Err(Fault::new("Generated content is not a valid XML payload"));
    };
    if let Some(envelope) = whole_envelope(&document, first) {
        message.payload = Payload::xml(envelope);
        message.fault = false;
        return Ok(());
    }
    payload::set_element(message, &document, first);
    Ok(())
}

fn whole_envelope(document: &Document, element: NodeId) -> Option<Envelope> {
    if document.local_name(element) != "Envelope"
        || Soap::from_namespace(document.namespace(element)).is_none()
    {
        return None;
    }
    Envelope::from_document(Document::from_subtree(document, element)).ok()
}
