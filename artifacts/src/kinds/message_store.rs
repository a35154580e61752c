//! Message stores.

use super::expression::{self, Expression};
use super::flow::{Reference, reference};
use crate::diagnostics::Code;
use crate::read::Reader;
use crate::xml::XmlElement;

/// A message store.
#[derive(Debug, Clone)]
pub struct MessageStore {
    /// Name.
    pub name: String,
    /// Java class; absent: in memory.
    pub class: Option<String>,
    /// Parameters in order.
    pub parameters: Vec<StoreParameter>,
    /// Free text.
    pub description: Option<String>,
    /// The `<messageStore>` element.
    pub element: XmlElement,
}

/// A parameter of a store.
#[derive(Debug, Clone)]
pub struct StoreParameter {
    /// Name.
    pub name: String,
    /// Its value.
    pub value: StoreValue,
}

/// Where the value of a parameter comes from.
#[derive(Debug, Clone)]
pub enum StoreValue {
    /// The text of the element.
    Text(String),
    /// Computed from a message.
    Expression(Expression),
    /// Held by a registry resource or local entry.
    Key(Reference),
}

impl MessageStore {
    /// The text of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().rev().find(|p| p.name == name).and_then(|p| match &p.value {
            StoreValue::Text(text) => Some(&**text),
            StoreValue::Expression(_) | StoreValue::Key(_) => None,
        })
    }
}

const PACKAGE: &str = "org.apache.synapse.message.store.impl.";

/// Stores that MI brings along, and two old names that it still takes.
const CLASSES: &[&str] = &[
    "org.apache.synapse.message.store.impl.memory.InMemoryStore",
    "org.apache.synapse.message.store.impl.jms.JmsStore",
    "org.apache.synapse.message.store.impl.rabbitmq.RabbitMQStore",
    "org.apache.synapse.message.store.impl.jdbc.JDBCMessageStore",
    "org.apache.synapse.message.store.impl.resequencer.ResequenceMessageStore",
    "org.apache.synapse.message.store.impl.wso2mb.WSO2MBStore",
    "org.apache.synapse.message.store.InMemoryMessageStore",
    "org.wso2.carbon.message.store.persistence.jms.JMSMessageStore",
];

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<MessageStore> {
    let this = element.get();
    reader.known_attributes(this, &["name", "class", "sequence"]);
    reader.known_children(this, &["parameter", "description"]);
    let name = reader.required(this, "name");
    if let Some(class) = this.attr("class") {
        check_class(element, class, reader);
    }
    let list = element.children_named("parameter");
    let parameters: Vec<StoreParameter> = list.iter().filter_map(|child| parameter(child, reader)).collect();
    let store = MessageStore {
        name: name?,
        class: this.attr("class").map(str::to_owned),
        parameters,
        description: element.child("description").map(|child| child.get().text()),
        element: element.clone(),
    };
    needed_parameters(&store, reader);
    Some(store)
}

/// A class of the user's has a package; what has none, or is a misspelt known one, cannot be loaded.
fn check_class(element: &XmlElement, class: &str, reader: &mut Reader<'_>) {
    let place = element.get().place_of("class");
    if CLASSES.contains(&class) {
        return;
    }
    if class.contains('.') && !CLASSES.iter().any(|known| known.eq_ignore_ascii_case(class)) {
        let message = format!("'{class}' is no message store of MI; its class is not run yet");
        reader.warn(Code::UNSUPPORTED, place, message);
    } else {
        reader.unknown_word(class, place, "message store", CLASSES.iter().copied());
    }
}

fn parameter(child: &XmlElement, reader: &mut Reader<'_>) -> Option<StoreParameter> {
    let this = child.get();
    let name = reader.present(this, "name");
    let value = if this.attr("expression").is_some() {
        StoreValue::Expression(expression::attribute(reader, child, "expression")?)
    } else if let Some(key) = reference(child, "key") {
        StoreValue::Key(key)
    } else {
        StoreValue::Text(reader.resolve(&this.text(), this.place()))
    };
    Some(StoreParameter { name: name?, value })
}

/// What MI needs to bring the store up; without it the store is refused.
fn needed_parameters(store: &MessageStore, reader: &mut Reader<'_>) {
    let class = store.class.as_deref().unwrap_or("");
    let needed: &[&str] = match class.strip_prefix(PACKAGE) {
        Some("jms.JmsStore") if store.parameters.is_empty() => &["java.naming.factory.initial"],
        Some("rabbitmq.RabbitMQStore") => &["store.rabbitmq.username", "store.rabbitmq.password"],
        _ => &[],
    };
    for name in needed {
        if !store.parameters.iter().any(|parameter| parameter.name == *name) {
            let message = format!("a message store of class '{class}' needs the parameter '{name}'");
            reader.error(Code::MISSING_CHILD, store.element.get().place(), message);
        }
    }
}
