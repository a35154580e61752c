//! Setting and removing.

use super::{Address, Header, Place, Source};
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next};
use crate::message::Message;
use artifacts::xml::{Document, Name, NodeId, parse};
use std::sync::Arc;

impl Mediator for Header {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let value = match &self.source {
            Source::Text(text) => Some(text.to_string()),
            Source::Expr(expr) => expr.text(message, cx)?,
            Source::None => None,
        };
        if self.remove {
            self.remove(message);
        } else {
            self.set(message, value.unwrap_or_default())?;
        }
        Ok(Next::Continue)
    }

    fn reads_body(&self) -> bool {
        match (&self.place, &self.source) {
            (Place::Transport(_), Source::Expr(expr)) => expr.reads_body(),
            (Place::Transport(_), _) => false,
            _ => true,
        }
    }
}

impl Header {
    fn set(&self, message: &mut Message, value: String) -> Result<(), Fault> {
        match &self.place {
            Place::Address(address) => {
                *field(message, *address) = Some(value.into());
            }
            Place::Transport(name) => message.headers.set(name, &value),
            Place::Block(name) => {
                let content = if self.xml { Some(block_content(&value)?) } else { None };
                edit_headers(message, |document, header| {
                    let block = document.add_element(header, name.clone());
                    match &content {
                        Some(content) => {
                            let root = content.root_element().unwrap_or(Document::ROOT);
                            let copy = document.import(content, root);
                            document.append(block, copy);
                        }
                        None => document.set_text(block, &value),
                    }
                });
            }
            Place::Implicit(blocks) => edit_headers(message, |document, header| {
                for block in blocks {
                    let root = block.root_element().unwrap_or(Document::ROOT);
                    let copy = document.import(block, root);
                    document.append(header, copy);
                }
            }),
        }
        Ok(())
    }

    fn remove(&self, message: &mut Message) {
        match &self.place {
            Place::Address(address) => *field(message, *address) = None,
            Place::Transport(name) => message.headers.remove(name),
            Place::Block(name) => edit_headers(message, |document, header| remove(document, header, name)),
            Place::Implicit(_) => {}
        }
    }
}

fn remove(document: &mut Document, header: NodeId, name: &Name) {
    let blocks: Vec<NodeId> =
        document.child_elements(header).filter(|id| document.is_named(*id, &name.ns, &name.local)).collect();
    for block in blocks {
        document.detach(block);
    }
}

/// JSON and binary bodies have an envelope too, but a block in it would be lost when the body is
/// written as what it is; they are left alone.
fn edit_headers(message: &mut Message, edit: impl FnOnce(&mut Document, NodeId)) {
    let envelope = message.payload.envelope_mut();
    let header = envelope.header_mut();
    edit(envelope.document_mut(), header);
}

fn block_content(text: &str) -> Result<Document, Fault> {
    parse(text).map_err(|error| {
        Fault::new(format!("the value of a header of type OM is XML, found {text:?}: {error}"))
    })
}

fn field(message: &mut Message, address: Address) -> &mut Option<Arc<str>> {
    let addressing = &mut message.addressing;
    match address {
        Address::To => &mut addressing.to,
        Address::From => &mut addressing.from,
        Address::Action => &mut addressing.action,
        Address::FaultTo => &mut addressing.fault_to,
        Address::ReplyTo => &mut addressing.reply_to,
        Address::RelatesTo => &mut addressing.relates_to,
    }
}
