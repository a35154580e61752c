//! How branches are told apart: which parent they come from, and which of how many they are.

use crate::message::{Message, Value};

/// Property with the id of the parent message.
pub(crate) const CORRELATION: &str = "aggregateCorelation";
/// Property with `index/total`, the index from 0.
pub(crate) const SEQUENCE: &str = "messageSequence";
/// Property that names one execution of the forking mediator.
const FORK: &str = "EIP_SHARED_DATA_HOLDER";

/// The name of a property for the forking mediator with this id.
pub(crate) fn name(base: &str, id: Option<&str>) -> String {
    match id {
        Some(id) => format!("{base}.{id}"),
        None => base.to_owned(),
    }
}

/// Marks the parent before it is forked.
pub(crate) fn mark_parent(message: &mut Message, id: Option<&str>, fork: i64) {
    message.properties.set(&name(FORK, id), Value::Long(fork));
}

/// The execution that a message was forked by.
pub(crate) fn fork_of(message: &Message, id: Option<&str>) -> Option<i64> {
    match message.properties.get(&name(FORK, id)) {
        Some(Value::Long(fork)) => Some(*fork),
        _ => None,
    }
}

/// A copy of the parent, number `index` of `total`. Without an id a copy of a copy keeps the
/// correlation of its grandparent, as in MI.
pub(crate) fn copy(parent: &Message, id: Option<&str>, index: usize, total: usize) -> Message {
    let mut copy = parent.fork();
    if parent.properties.get(CORRELATION).is_none() {
        copy.properties.set(CORRELATION, Value::String(parent.id().clone()));
    }
    if id.is_some() {
        copy.properties.set(&name(CORRELATION, id), Value::String(parent.id().clone()));
    }
    copy.properties.set(&name(SEQUENCE, id), format!("{index}/{total}"));
    copy
}

/// The total in a message's `index/total`.
pub(crate) fn total(message: &Message, id: Option<&str>) -> Option<usize> {
    let text = message.properties.get(&name(SEQUENCE, id))?;
    text.as_str()?.split('/').nth(1)?.parse().ok()
}
