//! What address, http, wsdl and default endpoints share: format, timeout, suspension, addressing.

use crate::diagnostics::Code;
use crate::kinds::expression::{self, Expression};
use crate::read::Reader;
use crate::values;
use crate::xml::XmlElement;

/// Quality of service of a leaf endpoint.
#[derive(Debug, Clone, Default)]
pub struct Definition {
    /// Shape of the outgoing message.
    pub format: Format,
    /// Attachment optimisation.
    pub optimize: Option<Optimize>,
    /// Charset of the outgoing message.
    pub encoding: Option<String>,
    /// WS-Addressing headers are added.
    pub addressing: Option<Addressing>,
    /// WS-Security is applied.
    pub security: Option<Security>,
    /// Time to wait for an answer.
    pub timeout: Timeout,
    /// When errors count as timeouts.
    pub mark_for_suspension: MarkForSuspension,
    /// When and how long the endpoint is suspended.
    pub suspend_on_failure: SuspendOnFailure,
    /// Which errors a failover or load-balance parent retries.
    pub retry: Option<RetryConfig>,
    /// `statistics="enable"`.
    pub statistics: bool,
    /// `trace="enable"`.
    pub trace: bool,
}

/// Shape of the outgoing message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// As it is.
    #[default]
    LeaveAsIs,
    /// Plain XML.
    Pox,
    /// GET with query parameters.
    Get,
    /// SOAP 1.1.
    Soap11,
    /// SOAP 1.2.
    Soap12,
    /// REST.
    Rest,
}

/// Attachment optimisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Optimize {
    /// XOP packages.
    Mtom,
    /// SOAP with attachments.
    Swa,
}

/// WS-Addressing.
#[derive(Debug, Clone)]
pub struct Addressing {
    /// The 2004/08 submission instead of the final version.
    pub submission: bool,
    /// Answers come on a connection of their own.
    pub separate_listener: bool,
}

/// WS-Security policies by key.
#[derive(Debug, Clone, Default)]
pub struct Security {
    /// Policy for both directions.
    pub policy: Option<String>,
    /// Policy for answers.
    pub inbound: Option<String>,
    /// Policy for requests.
    pub outbound: Option<String>,
}

/// Milliseconds, fixed or computed.
#[derive(Debug, Clone)]
pub enum Duration {
    /// Fixed.
    Millis(i64),
    /// `{expression}`.
    Expression(Expression),
}

/// Time to wait for an answer; absent parts mean the server's defaults.
#[derive(Debug, Clone, Default)]
pub struct Timeout {
    /// How long.
    pub duration: Option<Duration>,
    /// What then; `None`: the message is given up silently.
    pub action: Option<TimeoutAction>,
}

/// What happens when the time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutAction {
    /// A late answer is dropped, no fault sequence.
    Discard,
    /// The fault sequence runs.
    Fault,
}

/// Errors that bring the endpoint into the state TIMEOUT before SUSPENDED.
#[derive(Debug, Clone, Default)]
pub struct MarkForSuspension {
    /// Codes; empty: the two timeout codes.
    pub error_codes: Vec<i32>,
    /// Attempts before suspension.
    pub retries_before_suspension: i32,
    /// Pause between attempts.
    pub retry_delay_ms: i32,
}

/// Errors that suspend the endpoint, and for how long.
#[derive(Debug, Clone)]
pub struct SuspendOnFailure {
    /// Codes; empty: every error.
    pub error_codes: Vec<i32>,
    /// First suspension; -1: the server's default.
    pub initial_ms: i64,
    /// Each further one is longer by this factor.
    pub progression_factor: f64,
    /// At most.
    pub maximum_ms: i64,
}

/// Codes that a parent group retries on, or does not.
#[derive(Debug, Clone, Default)]
pub struct RetryConfig {
    /// No other child is tried after these.
    pub disabled: Vec<i32>,
    /// Another child is tried only after these.
    pub enabled: Vec<i32>,
}

impl Default for SuspendOnFailure {
    fn default() -> Self {
        Self { error_codes: Vec::new(), initial_ms: -1, progression_factor: 1.0, maximum_ms: i64::MAX }
    }
}

/// Reads the element of a leaf endpoint (`<address>`, `<http>`, ...).
pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Definition {
    let this = element.get();
    reader.known_attributes(this, ATTRIBUTES);
    reader.known_children(this, CHILDREN);
    Definition {
        format: format(this.attr("format").unwrap_or("")),
        optimize: optimize(this.attr("optimize").unwrap_or("")),
        encoding: this.attr("encoding").map(str::to_owned),
        addressing: element.child("enableAddressing").and_then(|child| addressing(&child, reader)),
        security: element.child("enableSec").map(|child| security(&child)),
        timeout: element.child("timeout").map(|child| timeout(&child, reader)).unwrap_or_default(),
        mark_for_suspension: mark_for_suspension(element, reader),
        suspend_on_failure: suspend_on_failure(element, reader),
        retry: element.child("retryConfig").map(|child| RetryConfig {
            disabled: codes(&child, "disabledErrorCodes", reader),
            enabled: codes(&child, "enabledErrorCodes", reader),
        }),
        statistics: reader.enabled(this, "statistics"),
        trace: reader.enabled(this, "trace"),
    }
}

const ATTRIBUTES: &[&str] = &[
    "uri",
    "uri-template",
    "method",
    "version",
    "service",
    "port",
    "format",
    "optimize",
    "encoding",
    "statistics",
    "trace",
];
const CHILDREN: &[&str] = &[
    "enableAddressing",
    "enableSec",
    "enableRM",
    "timeout",
    "markForSuspension",
    "suspendOnFailure",
    "suspendDurationOnFailure",
    "retryConfig",
    "authentication",
    "serverPushSequence",
    "definitions",
    "description",
];

fn format(text: &str) -> Format {
    match text.trim().to_lowercase().as_str() {
        "pox" => Format::Pox,
        "get" => Format::Get,
        "soap11" => Format::Soap11,
        "soap12" => Format::Soap12,
        "rest" => Format::Rest,
        _ => Format::LeaveAsIs,
    }
}

fn optimize(text: &str) -> Option<Optimize> {
    match text.trim().to_lowercase().as_str() {
        "mtom" => Some(Optimize::Mtom),
        "swa" => Some(Optimize::Swa),
        _ => None,
    }
}

fn addressing(child: &XmlElement, reader: &mut Reader<'_>) -> Option<Addressing> {
    let this = child.get();
    let version = this.attr("version").unwrap_or("final").trim().to_lowercase();
    let words = [("final", false), ("submission", true)];
    let submission = reader.word(&version, this.place_of("version"), "addressing version", &words)?;
    let separate = this.attr("separateListener").unwrap_or("").trim().to_lowercase();
    Some(Addressing { submission, separate_listener: separate == "true" })
}

fn security(child: &XmlElement) -> Security {
    let text = |name: &str| child.get().attr(name).map(|value| value.trim().to_owned());
    Security { policy: text("policy"), inbound: text("inboundPolicy"), outbound: text("outboundPolicy") }
}

fn timeout(child: &XmlElement, reader: &mut Reader<'_>) -> Timeout {
    let duration = child.child("duration").and_then(|d| duration_text(&d, reader));
    let action = child.child("responseAction").and_then(|action| {
        let text = action.get().text();
        let found = text.trim().to_lowercase();
        let words = [("discard", TimeoutAction::Discard), ("fault", TimeoutAction::Fault)];
        if let Some((_, action)) = words.iter().find(|(word, _)| *word == found) {
            return Some(*action);
        }
        let message = format!("expected 'fault' or 'discard' as timeout action; found '{}'", text.trim());
        reader
            .error(Code::BAD_VALUE, action.get().place(), message)
            .with_hint("leave <responseAction> out for no action");
        None
    });
    Timeout { duration, action }
}

fn mark_for_suspension(element: &XmlElement, reader: &mut Reader<'_>) -> MarkForSuspension {
    let Some(child) = element.child("markForSuspension") else { return MarkForSuspension::default() };
    MarkForSuspension {
        error_codes: codes(&child, "errorCodes", reader),
        retries_before_suspension: number(&child, "retriesBeforeSuspension", reader, int_text).unwrap_or(0),
        retry_delay_ms: number(&child, "retryDelay", reader, int_text).unwrap_or(0),
    }
}

fn suspend_on_failure(element: &XmlElement, reader: &mut Reader<'_>) -> SuspendOnFailure {
    let mut found = SuspendOnFailure::default();
    if let Some(seconds) = number(element, "suspendDurationOnFailure", reader, long_text) {
        found.initial_ms = seconds.saturating_mul(1000);
    }
    let Some(child) = element.child("suspendOnFailure") else { return found };
    found.error_codes = codes(&child, "errorCodes", reader);
    if let Some(initial) = number(&child, "initialDuration", reader, int_text) {
        found.initial_ms = i64::from(initial);
    }
    if let Some(factor) = number(&child, "progressionFactor", reader, float_text) {
        found.progression_factor = factor;
    }
    if let Some(maximum) = number(&child, "maximumDuration", reader, long_text) {
        found.maximum_ms = maximum;
    }
    found
}

fn codes(parent: &XmlElement, name: &str, reader: &mut Reader<'_>) -> Vec<i32> {
    parent.child(name).map(|child| codes_text(&child, reader)).unwrap_or_default()
}

fn number<T>(
    parent: &XmlElement,
    name: &str,
    reader: &mut Reader<'_>,
    read: fn(&XmlElement, &mut Reader<'_>) -> Option<T>,
) -> Option<T> {
    parent.child(name).and_then(|child| read(&child, reader))
}

/// The text of an element as list of error codes.
pub(crate) fn codes_text(element: &XmlElement, reader: &mut Reader<'_>) -> Vec<i32> {
    let this = element.get();
    values::codes(&this.text()).unwrap_or_else(|word| {
        let message = format!("<{}> must be numbers separated by commas; found '{word}'", this.local());
        reader.error(Code::BAD_VALUE, this.place(), message);
        Vec::new()
    })
}

/// The text of an element as milliseconds or `{expression}`.
pub(crate) fn duration_text(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Duration> {
    let text = element.get().text();
    if let Some(inner) = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        let span = element.get().span();
        return expression::read(reader, inner, element, span).map(Duration::Expression);
    }
    long_text(element, reader).map(Duration::Millis)
}

/// The text of an element as 32-bit number.
pub(crate) fn int_text(element: &XmlElement, reader: &mut Reader<'_>) -> Option<i32> {
    let this = element.get();
    reader.int(this.text().trim(), this.place(), &format!("<{}>", this.local()))
}

/// The text of an element as 64-bit number.
pub(crate) fn long_text(element: &XmlElement, reader: &mut Reader<'_>) -> Option<i64> {
    let this = element.get();
    reader.long(this.text().trim(), this.place(), &format!("<{}>", this.local()))
}

/// The text of an element as decimal number.
pub(crate) fn float_text(element: &XmlElement, reader: &mut Reader<'_>) -> Option<f64> {
    let this = element.get();
    reader.float(this.text().trim(), this.place(), &format!("<{}>", this.local()))
}
