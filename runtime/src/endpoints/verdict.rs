//! What the answer of a backend is taken for.

use crate::message::Message;
use http::StatusCode;

/// `FORCE_ERROR_ON_SOAP_FAULT`: is a SOAP fault that comes as the answer to this message a failure?
pub(super) fn fails_on_soap_fault(message: &Message) -> bool {
    message.property("FORCE_ERROR_ON_SOAP_FAULT").is_some_and(|value| value.as_str() == Some("true"))
}

/// What the blocking sender makes of the status of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockingAnswer {
    /// An answer like any other.
    Plain,
    /// An answer, and a failure where `FORCE_ERROR_ON_SOAP_FAULT` asks for one.
    Marked,
    /// Its body is not even read; the status is the code of a fault.
    Refused,
}

impl BlockingAnswer {
    /// 2xx is plain, 400, 409 and 500 are marked. Axis2 `error.http.status.codes` refuses these three,
    /// `non.error.http.status.codes` accepts others.
    pub(super) fn of(message: &Message, status: StatusCode) -> Self {
        let listed = |name: &str| {
            let list = message.axis2_text(name).unwrap_or_default();
            list.split(',').any(|code| code.trim() == status.as_str())
        };
        match status.as_u16() {
            200..300 => Self::Plain,
            400 | 409 | 500 if !listed("error.http.status.codes") => Self::Marked,
            _ if listed("non.error.http.status.codes") => Self::Plain,
            _ => Self::Refused,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_for_the_blocking_sender() {
        let mut message = Message::new();
        let of =
            |message: &Message, status| BlockingAnswer::of(message, StatusCode::from_u16(status).unwrap());
        for (status, kind) in [
            (204, BlockingAnswer::Plain),
            (302, BlockingAnswer::Refused),
            (400, BlockingAnswer::Marked),
            (404, BlockingAnswer::Refused),
            (500, BlockingAnswer::Marked),
            (503, BlockingAnswer::Refused),
        ] {
            assert_eq!(of(&message, status), kind, "{status}");
        }
        message.axis2.set("non.error.http.status.codes", "404, 503");
        message.axis2.set("error.http.status.codes", "500");
        assert_eq!(of(&message, 503), BlockingAnswer::Plain);
        assert_eq!(of(&message, 500), BlockingAnswer::Refused);
    }
}
