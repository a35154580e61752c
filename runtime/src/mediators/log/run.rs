//! The text of a log line, as MI puts it together.

use super::{Category, Level, Log};
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next};
use crate::message::{Content, Message, Payload, facts::EntryName};
use std::fmt::Write as _;

/// Tracing target of the lines.
const TARGET: &str = "LogMediator";

impl Mediator for Log {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        if self.is_enabled() {
            let text = self.text(message, cx)?;
            let prefix = origin(message, self.level == Level::Message);
            self.write(&prefix, &text);
        }
        Ok(Next::Continue)
    }

    fn reads_body(&self) -> bool {
        match self.level {
            Level::Message | Level::Custom => {
                self.message.as_ref().is_some_and(|m| m.reads_body())
                    || self.properties.iter().any(|p| p.reads_body())
            }
            _ => true,
        }
    }
}

impl Log {
    /// Lines of the two lowest categories are not even put together when nobody reads them.
    fn is_enabled(&self) -> bool {
        match self.category {
            Category::Trace => tracing::enabled!(target: TARGET, tracing::Level::TRACE),
            Category::Debug => tracing::enabled!(target: TARGET, tracing::Level::DEBUG),
            _ => true,
        }
    }

    fn write(&self, prefix: &str, text: &str) {
        match self.category {
            Category::Trace => tracing::trace!(target: TARGET, "{prefix}{text}"),
            Category::Debug => tracing::debug!(target: TARGET, "{prefix}{text}"),
            Category::Info => tracing::info!(target: TARGET, "{prefix}{text}"),
            Category::Warn => tracing::warn!(target: TARGET, "{prefix}{text}"),
            Category::Error => tracing::error!(target: TARGET, "{prefix}{text}"),
        }
    }

    fn template(&self, message: &Message, cx: &Context) -> Result<String, Fault> {
        self.message.as_ref().map_or(Ok(String::new()), |template| template.text(message, cx))
    }

    /// The line without its prefix.
    pub(super) fn text(&self, message: &Message, cx: &Context) -> Result<String, Fault> {
        let mut line = Line { out: String::new(), separator: &self.separator };
        match self.level {
            Level::Message | Level::Custom => {
                if self.with_message_id {
                    line.out.push_str("MessageID: ");
                    line.out.push_str(message.id());
                    line.field("correlation_id: ", correlation(message).as_deref());
                    line.out.push_str(&self.separator);
                }
                line.out.push_str(&self.template(message, cx)?);
            }
            Level::Headers => {
                line.out.push_str(&self.template(message, cx)?);
                line.soap_headers(message);
            }
            Level::Simple | Level::Full => {
                line.out.push_str(&self.template(message, cx)?);
                if !line.out.is_empty() {
                    line.out.push_str(&self.separator);
                }
                line.addresses(message);
            }
        }
        for property in &self.properties {
            let value = property.text(message, cx)?;
            line.field(&format!("{} = ", property.name), Some(value.as_deref().unwrap_or("null")));
        }
        if self.level == Level::Full {
            line.payload(message);
        }
        Ok(line.finish())
    }
}

struct Line<'s> {
    out: String,
    separator: &'s str,
}

impl Line<'_> {
    fn field(&mut self, label: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.out.push_str(self.separator);
            self.out.push_str(label);
            self.out.push_str(value);
        }
    }

    fn addresses(&mut self, message: &Message) {
        let addresses = &message.addressing;
        self.out.push_str("To: ");
        self.out.push_str(addresses.to.as_deref().unwrap_or(""));
        self.field("From: ", addresses.from.as_deref());
        self.field("WSAction: ", addresses.action.as_deref());
        self.field("SOAPAction: ", addresses.action.as_deref());
        self.field("ReplyTo: ", addresses.reply_to.as_deref());
        self.field("MessageID: ", Some(message.id()));
        self.field("correlation_id: ", correlation(message).as_deref());
        self.field("Direction: ", Some(if message.response { "response" } else { "request" }));
    }

    fn soap_headers(&mut self, message: &Message) {
        let envelope = message.payload.envelope();
        if let Some(correlation) = correlation(message) {
            // Writing to a String cannot fail.
            write!(self.out, " correlation_id : {correlation}").unwrap_or_default();
        }
        let document = envelope.document();
        for block in envelope.header().into_iter().flat_map(|header| document.child_elements(header)) {
            let text = document.own_text(block);
            self.field(&format!("{} : ", document.local_name(block)), Some(&text));
        }
    }

    fn payload(&mut self, message: &Message) {
        match &message.payload {
            Payload::Built(Content::Json(json)) => self.field("Payload: ", Some(json.text())),
            payload => {
                let xml = payload.envelope().document().to_xml();
                let declared = format!("<?xml version='1.0' encoding='utf-8'?>{xml}");
                self.field("Envelope: ", Some(&declared));
            }
        }
    }

    /// The text without one leading separator.
    fn finish(self) -> String {
        if self.separator.is_empty() {
            return self.out;
        }
        match self.out.strip_prefix(self.separator) {
            Some(rest) => rest.to_owned(),
            None => self.out,
        }
    }
}

fn correlation(message: &Message) -> Option<String> {
    message.axis2_text("correlation_id")
}

/// The part in front of a line that tells which artifact took the message: `{api:Name} `, with method
/// and path for `request`. Empty for messages that no API, proxy or inbound endpoint took.
pub(in crate::mediators) fn origin(message: &Message, request: bool) -> String {
    match &message.dispatch.entry {
        EntryName::Api(name) if request => {
            let part = |name: &str| message.property(name).map(|v| v.text().into_owned()).unwrap_or_default();
            let (method, path) = (part("REST_METHOD"), part("REST_FULL_REQUEST_PATH"));
            let text = format!("api:{name} {method} {path}");
            format!("{{{}}} ", text.trim())
        }
        EntryName::Api(name) => format!("{{api:{name}}} "),
        EntryName::Proxy(name) => format!("{{proxy:{name}}} "),
        EntryName::Inbound(name) => format!("{{inboundendpoint:{name}}} "),
        EntryName::Main | EntryName::Task(_) => String::new(),
    }
}
