//! Faults on their way to a fault sequence, and the one table of Synapse error codes.

use crate::message::{Message, Value};
use std::fmt;

/// Synapse error codes that this runtime raises, in one place.
pub mod codes {
    /// A mediator failed without a code of its own.
    pub const MEDIATION: i32 = 0;
    /// Sender: I/O error while sending.
    pub const SEND_IO: i32 = 101_500;
    /// Sender: I/O error while receiving.
    pub const RECEIVE_IO: i32 = 101_501;
    /// Connection refused or host unknown.
    pub const CONNECTION_FAILED: i32 = 101_503;
    /// No input within the timeout.
    pub const CONNECTION_TIMEOUT: i32 = 101_504;
    /// Connection closed by the backend.
    pub const CONNECTION_CLOSED: i32 = 101_505;
    /// The backend violated HTTP.
    pub const PROTOCOL_VIOLATION: i32 = 101_506;
    /// Connecting was cancelled.
    pub const CONNECT_CANCEL: i32 = 101_507;
    /// Connecting took too long.
    pub const CONNECT_TIMEOUT: i32 = 101_508;
    /// The response could not be processed.
    pub const RESPONSE_PROCESSING: i32 = 101_510;
    /// Load balance, failover or recipient list: no child is ready.
    pub const GROUP_NONE_READY: i32 = 303_000;
    /// Address, HTTP or default endpoint is suspended or switched off.
    pub const ENDPOINT_NOT_READY: i32 = 303_001;
    /// WSDL endpoint is suspended or switched off.
    pub const WSDL_NOT_READY: i32 = 303_002;
    /// No OAuth token could be had.
    pub const ENDPOINT_AUTH: i32 = 303_003;
    /// A key names no endpoint.
    pub const INDIRECT_NOT_READY: i32 = 305_100;
    /// callout failed.
    pub const CALLOUT: i32 = 401_000;
    /// A blocking call failed.
    pub const BLOCKING_CALL: i32 = 401_001;
    /// The blocking sender failed.
    pub const BLOCKING_SENDER: i32 = 401_002;
    /// A non-blocking call failed before the message left.
    pub const CALL: i32 = 401_003;
    /// SOAP fault with `FORCE_ERROR_ON_SOAP_FAULT`.
    pub const SOAP_FAULT: i32 = 500_000;
    /// A mandatory template parameter is missing.
    pub const TEMPLATE_PARAMETER: i32 = 500_101;
    /// The message body cannot be understood.
    pub const BUILD: i32 = 601_000;
}

/// Where a fault arose; decides what happens to `HTTP_SC`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Origin {
    /// A mediator.
    #[default]
    Mediation,
    /// An endpoint or the transport below it.
    Endpoint,
    /// The backend: its answer is a SOAP fault, and `FORCE_ERROR_ON_SOAP_FAULT` makes that a failure.
    Answer,
}

/// An error that leaves the normal flow.
#[derive(Debug, Clone)]
pub struct Fault {
    /// `ERROR_CODE`, `None` means 0 unless one is already set on the message.
    pub code: Option<Value>,
    /// `ERROR_MESSAGE`: what was expected, what was found.
    pub message: String,
    /// `ERROR_DETAIL`; the message again when empty.
    pub detail: String,
    /// Base code and protocol state, for transport errors.
    pub protocol: Option<(i32, i32)>,
    /// Where it arose.
    pub origin: Origin,
}

impl Fault {
    /// A mediator's failure without a code of its own.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            code: None,
            message: message.into(),
            detail: String::new(),
            protocol: None,
            origin: Origin::Mediation,
        }
    }

    /// A failure with a Synapse code.
    pub fn with_code(code: i32, message: impl Into<String>) -> Self {
        Self { code: Some(Value::Integer(code)), ..Self::new(message) }
    }

    /// A transport failure: the published code is base plus protocol state.
    pub fn transport(base: i32, state: i32, message: impl Into<String>) -> Self {
        Self {
            protocol: Some((base, state)),
            origin: Origin::Endpoint,
            ..Self::with_code(base + state, message)
        }
    }

    /// A failure of an endpoint that is no transport failure.
    pub fn endpoint(code: i32, message: impl Into<String>) -> Self {
        Self { origin: Origin::Endpoint, ..Self::with_code(code, message) }
    }

    /// A SOAP fault in the answer of a backend, where that is a failure.
    pub fn answer() -> Self {
        Self {
            origin: Origin::Answer,
            ..Self::with_code(codes::SOAP_FAULT, "the backend answered with a SOAP fault")
        }
    }

    /// Adds detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Numeric code, 0 when there is none.
    pub fn number(&self) -> i32 {
        match &self.code {
            Some(Value::Integer(code)) => *code,
            Some(other) => other.text().parse().unwrap_or(0),
            None => 0,
        }
    }

    /// Publishes the fault on the message: `ERROR_CODE` and its companions. A mediation fault keeps an
    /// `ERROR_CODE` that is already there together with its texts, as MI does. A SOAP fault says what it
    /// has to say in the payload: it has a code and no texts.
    pub fn publish(&self, message: &mut Message) {
        if self.code.is_none() && message.properties.get("ERROR_CODE").is_some() {
            return;
        }
        message.properties.set("ERROR_CODE", self.code.clone().unwrap_or(Value::Integer(codes::MEDIATION)));
        if self.origin == Origin::Answer {
            message.properties.set("SENDING_FAULT", Value::Boolean(true));
            return;
        }
        let first_line = self.message.lines().next().unwrap_or_default();
        let detail = if self.detail.is_empty() { &self.message } else { &self.detail };
        message.properties.set("ERROR_MESSAGE", first_line);
        message.properties.set("ERROR_DETAIL", detail.as_str());
        message.properties.set("ERROR_EXCEPTION", self.message.as_str());
        if let Some((base, state)) = self.protocol {
            message.properties.set("BASE_ERROR_CODE", Value::Integer(base));
            message.properties.set("PROTOCOL_STATE_ON_FAILURE", Value::Integer(state));
            message.properties.set("SENDING_FAULT", Value::Boolean(true));
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.code {
            Some(code) => write!(f, "[{}] {}", code.text(), self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Fault {}
