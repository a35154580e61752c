//! Scheduled tasks.

use crate::diagnostics::Code;
use crate::read::Reader;
use crate::values;
use crate::xml::{ElementRef, XmlElement};

/// A scheduled task.
#[derive(Debug, Clone)]
pub struct Task {
    /// Name.
    pub name: String,
    /// Java class; MI's default is the message injector.
    pub class: String,
    /// Group; the key of a task is `name::group`.
    pub group: Option<String>,
    /// Server names it runs on; absent: all, coordinated.
    pub pinned_servers: Option<Vec<String>>,
    /// When it runs.
    pub trigger: Trigger,
    /// Properties in order.
    pub properties: Vec<TaskProperty>,
    /// Free text.
    pub description: Option<String>,
    /// `statistics="enable"`.
    pub statistics: bool,
    /// `trace="enable"`.
    pub trace: bool,
    /// The `<task>` element.
    pub element: XmlElement,
}

/// The class of tasks that inject messages.
pub const MESSAGE_INJECTOR: &str = "org.apache.synapse.startup.tasks.MessageInjector";

/// When a task runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// At a fixed rate.
    Interval {
        /// Seconds between starts, at least 1.
        seconds: i64,
        /// How often; -1: for ever.
        count: i32,
    },
    /// A Quartz cron expression, not checked here.
    Cron(String),
    /// `once="true"`, or nothing usable (MI accepts that and never runs the task).
    Once {
        /// `once="true"` was written.
        explicit: bool,
    },
}

/// A property of a task.
#[derive(Debug, Clone)]
pub struct TaskProperty {
    /// Name.
    pub name: String,
    /// Text, when `value` is given.
    pub value: Option<String>,
    /// XML, when a child element is given.
    pub xml: Option<XmlElement>,
}

impl Task {
    /// The text of a property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().rev().find(|p| p.name == name).and_then(|p| p.value.as_deref())
    }
}

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Task> {
    let this = element.get();
    reader.known_attributes(this, &["name", "class", "group", "pinnedServers", "statistics", "trace"]);
    let name = reader.required(this, "name");
    reader.registry_key(this, "name");
    if this.attr("class").is_none() {
        let message = "<task> has no 'class'; the message injector is used";
        reader.warn(Code::MISSING_ATTRIBUTE, this.place(), message);
    }
    let trigger = trigger(element, reader);
    let properties = properties(element, reader);
    let pinned_servers = reader.resolved(this, "pinnedServers").map(|text| values::words(&text));
    Some(Task {
        name: name?,
        class: this.attr("class").unwrap_or(MESSAGE_INJECTOR).to_owned(),
        group: this.attr("group").map(str::to_owned),
        pinned_servers,
        trigger: trigger?,
        properties,
        description: element.child("description").map(|child| child.get().text()),
        statistics: reader.enabled(this, "statistics"),
        trace: reader.enabled(this, "trace"),
        element: element.clone(),
    })
}

fn trigger(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Trigger> {
    let Some(child) = element.child("trigger") else {
        let message = "<task> has no <trigger>; MI would never run it";
        reader.warn(Code::MISSING_CHILD, element.get().place(), message);
        return Some(Trigger::Once { explicit: false });
    };
    let this = child.get();
    reader.known_attributes(this, &["count", "interval", "once", "cron"]);
    let number = |reader: &mut Reader<'_>, name: &str| match reader.resolved(this, name) {
        None => Some(None),
        Some(text) => reader.long(&text, this.place_of(name), &format!("'{name}' of <trigger>")).map(Some),
    };
    let count = match reader.resolved(this, "count") {
        None => None,
        Some(text) => Some(reader.int(&text, this.place_of("count"), "'count' of <trigger>")?),
    };
    let interval = number(reader, "interval")?;
    let once = reader.resolved(this, "once").as_deref() == Some("true");
    let count = if once { Some(1) } else { count };
    if interval.is_none() && count.is_some_and(|count| count > 1) {
        let message = "'count' of <trigger> needs 'interval'";
        reader.error(Code::MISSING_ATTRIBUTE, this.place_of("count"), message);
        return None;
    }
    let cron = reader.resolved(this, "cron");
    pick_trigger(this, reader, cron, once, interval.unwrap_or(0), count)
}

fn pick_trigger(
    this: ElementRef<'_>,
    reader: &mut Reader<'_>,
    cron: Option<String>,
    once: bool,
    interval: i64,
    count: Option<i32>,
) -> Option<Trigger> {
    match cron {
        Some(_) if once || interval > 0 => {
            let message = "<trigger> has 'cron' beside 'interval' or 'once'";
            reader.error(Code::CONFLICT, this.place_of("cron"), message);
            None
        }
        Some(cron) => Some(Trigger::Cron(cron)),
        None if once => Some(Trigger::Once { explicit: true }),
        None if interval > 0 => Some(Trigger::Interval { seconds: interval, count: count.unwrap_or(-1) }),
        None => {
            let message = "<trigger> gives no time; MI would never run the task";
            reader.warn(Code::BAD_VALUE, this.place(), message);
            Some(Trigger::Once { explicit: false })
        }
    }
}

fn properties(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<TaskProperty> {
    let mut found = Vec::new();
    // Properties in the namespace of tasks are common and read all the same by the injector.
    let children = element.get().children().filter(|child| child.local() == "property");
    for child in children {
        if child.is_synapse() && child.attr("expression").is_some() {
            let message = "a property of a task cannot have 'expression'";
            reader.error(Code::BAD_VALUE, child.place_of("expression"), message);
        }
        let Some(name) = child.attr("name").map(str::to_owned) else {
            reader.warn(Code::MISSING_ATTRIBUTE, child.place(), "<property> without 'name' is ignored");
            continue;
        };
        let value = reader.resolved(child, "value");
        let xml = child.first().map(|xml| element.at(xml.id));
        found.push(TaskProperty { name, value, xml });
    }
    found
}
