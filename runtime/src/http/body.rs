//! A body on its way out, with its framing: by length when it is known, or chunked although it is.

use super::pulse::Busy;
use crate::message::WireBody;
use crate::message::wire::BodyError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

/// A body with its framing. An empty body is always framed by length.
#[derive(Debug, Default)]
pub struct OutBody {
    body: WireBody,
    chunked: bool,
    sent: Option<Arc<AtomicBool>>,
    _busy: Option<Busy>,
}

impl OutBody {
    /// Content-Length where the length is known, else chunked.
    pub fn by_length(body: WireBody) -> Self {
        Self { body, ..Self::default() }
    }

    /// Chunked, as MI frames by default. To an HTTP/1.0 client: until the connection closes.
    pub fn chunked(body: WireBody) -> Self {
        Self { body, chunked: true, ..Self::default() }
    }

    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// The body without its framing.
    pub(crate) fn into_inner(self) -> WireBody {
        self.body
    }

    /// Length when it is to be framed by it.
    pub fn length(&self) -> Option<u64> {
        self.size_hint().exact()
    }

    /// Keeps its connection from counting as idle until the body is gone.
    pub(crate) fn hold(&mut self, busy: Busy) {
        self._busy = Some(busy);
    }

    /// Makes the end of the body visible to the sender, who names the protocol state in errors.
    pub(crate) fn report(&mut self, sent: Arc<AtomicBool>) {
        sent.store(self.body.is_end_stream(), Ordering::Relaxed);
        self.sent = Some(sent);
    }
}

impl Body for OutBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        if let Some(sent) = &this.sent
            && (matches!(frame, Poll::Ready(None)) || this.body.is_end_stream())
        {
            sent.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked && !self.body.is_end_stream() { SizeHint::default() } else { self.body.size_hint() }
    }
}
