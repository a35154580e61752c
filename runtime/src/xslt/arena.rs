//! Temporary trees of one transformation: kept until it ends, so that nodes of them can be handed around
//! as plain references.

use artifacts::xml::Document;
use std::sync::OnceLock;

const CHUNK: usize = 32;

/// An append-only list whose elements never move.
#[derive(Debug, Default)]
pub(super) struct Arena {
    slots: [OnceLock<Document>; CHUNK],
    more: OnceLock<Box<Arena>>,
}

impl Arena {
    /// Keeps a tree.
    pub(super) fn keep(&self, document: Document) -> &Document {
        let mut arena = self;
        let mut document = document;
        loop {
            for slot in &arena.slots {
                match slot.set(document) {
                    Ok(()) => return slot.get().unwrap_or_else(|| empty()),
                    Err(back) => document = back,
                }
            }
            arena = arena.more.get_or_init(Box::default);
        }
    }
}

fn empty() -> &'static Document {
    static EMPTY: OnceLock<Document> = OnceLock::new();
    EMPTY.get_or_init(Document::new)
}
