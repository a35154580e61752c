//! Local entries and registry resources by key.

use crate::flow::Context;
use crate::message::Value;
use crate::program::Resource;

/// The entry: XML as an element, everything else as text. `None` when there is none.
pub(crate) fn get(cx: &Context, key: &str) -> Option<Value> {
    Some(match cx.program.resource(key)? {
        Resource::Xml(element) => Value::Xml(element),
        other => Value::String(other.text()),
    })
}
