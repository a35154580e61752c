//! Why a backend did not answer, in MI's terms: base code, protocol state and text.

use crate::errors::{Fault, codes};
use crate::message::WireBody;
use std::error::Error as _;
use std::io;

/// How far an exchange with a backend had come; the ordinal is added to the error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing was sent.
    RequestReady = 0,
    /// The head is under way.
    RequestHead = 1,
    /// The body is under way.
    RequestBody = 2,
    /// The request is out, no answer yet.
    RequestDone = 3,
    /// The head of the answer is under way.
    ResponseHead = 4,
    /// The body of the answer is under way.
    ResponseBody = 5,
}

/// A failed exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}: {detail}")]
pub struct SendError {
    /// `BASE_ERROR_CODE`.
    pub base: i32,
    /// `PROTOCOL_STATE_ON_FAILURE`.
    pub state: State,
    /// `ERROR_MESSAGE`, one of MI's fixed texts.
    pub text: &'static str,
    /// `ERROR_DETAIL`: what happened and where.
    pub detail: String,
}

/// A request that got no answer.
#[derive(Debug)]
pub struct Unanswered {
    /// Why.
    pub error: SendError,
    /// Its body, when not a byte of the request was sent.
    pub body: Option<WireBody>,
}

/// `ERROR_MESSAGE` of everything that goes wrong before a connection stands.
pub const CONNECTING: &str = "Error connecting to the back end";
/// `ERROR_MESSAGE` of everything that goes wrong on a connection.
pub const SENDING: &str = "Error in Sender";

impl SendError {
    /// Published `ERROR_CODE`: base plus state.
    pub fn code(&self) -> i32 {
        self.base + self.state as i32
    }

    pub(super) fn connect(target: impl std::fmt::Display, error: &io::Error) -> Self {
        Self {
            base: codes::CONNECTION_FAILED,
            state: State::RequestReady,
            text: CONNECTING,
            detail: format!("Connection refused or failed for: {target}: {error}"),
        }
    }

    pub(super) fn connect_timeout(target: impl std::fmt::Display) -> Self {
        Self {
            base: codes::CONNECT_TIMEOUT,
            state: State::RequestReady,
            text: CONNECTING,
            detail: format!("Connecting took too long for: {target}"),
        }
    }

    /// TLS could not be agreed on, or the certificate is not believed: an I/O error before anything was
    /// sent, as in MI.
    pub(super) fn handshake(target: impl std::fmt::Display, error: impl std::fmt::Display) -> Self {
        Self {
            base: codes::SEND_IO,
            state: State::RequestReady,
            text: SENDING,
            detail: format!("TLS handshake failed with: {target}: {error}"),
        }
    }

    pub(super) fn timeout(state: State, target: impl std::fmt::Display) -> Self {
        Self {
            base: codes::CONNECTION_TIMEOUT,
            state,
            text: SENDING,
            detail: format!("No answer within the socket timeout from: {target}"),
        }
    }

    pub(super) fn closed(state: State, target: impl std::fmt::Display) -> Self {
        Self {
            base: codes::CONNECTION_CLOSED,
            state,
            text: SENDING,
            detail: format!("The connection was closed by: {target}"),
        }
    }

    pub(super) fn from_hyper(error: &hyper::Error, state: State, target: impl std::fmt::Display) -> Self {
        let base = if error.is_parse() {
            codes::PROTOCOL_VIOLATION
        } else if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
            codes::CONNECTION_CLOSED
        } else {
            codes::SEND_IO
        };
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        Self { base, state, text: SENDING, detail: format!("{error}{cause} ({target})") }
    }
}

impl From<SendError> for Fault {
    fn from(error: SendError) -> Self {
        Fault::transport(error.base, error.state as i32, error.text).detail(error.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_base_plus_state() {
        let refused = SendError::connect("http://h", &io::Error::other("x"));
        assert_eq!((refused.code(), refused.text), (101_503, CONNECTING));
        let timeout = SendError::timeout(State::RequestDone, "http://h");
        assert_eq!((timeout.code(), timeout.text), (101_507, SENDING));
        assert_eq!(SendError::closed(State::RequestDone, "h").code(), 101_508);
        let handshake = SendError::handshake("https://h", "x");
        assert_eq!((handshake.code(), handshake.text), (101_500, SENDING));
        let fault = Fault::from(timeout);
        assert_eq!((fault.number(), fault.protocol), (101_507, Some((101_504, 3))));
    }
}
