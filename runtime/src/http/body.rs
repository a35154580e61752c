//! A body on its way out, with its framing: by length when it is known, or chunked although it is.
//!
//! The body of a backend's answer on its way to a client needs more: when the backend breaks off, MI ends
//! the answer where it is and drops what it has not sent yet.

use super::pulse::Busy;
use crate::message::WireBody;
use crate::message::wire::BodyError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

/// A body with its framing. An empty body is always framed by length.
#[derive(Debug, Default)]
pub struct OutBody {
    body: WireBody,
    chunked: bool,
    ahead: Option<Ahead>,
    sent: Option<Arc<AtomicBool>>,
    _busy: Option<Busy>,
}

/// What was read of a backend's answer and waits until it is known that more can be read.
#[derive(Debug, Default)]
struct Ahead {
    held: Option<Frame<Bytes>>,
    /// How long the first piece waits for what follows it.
    patience: Option<Pin<Box<tokio::time::Sleep>>>,
    /// A piece has gone out: those that come later do not wait.
    begun: bool,
}

/// A backend that breaks off does so right behind its last piece. One that goes on is not slowed down:
/// its next piece ends the wait.
const PATIENCE: Duration = Duration::from_millis(5);

impl OutBody {
    /// Content-Length where the length is known, else chunked.
    pub fn by_length(body: WireBody) -> Self {
        Self { body, ..Self::default() }
    }

    /// Chunked, as MI frames by default. To an HTTP/1.0 client: until the connection closes.
    pub fn chunked(body: WireBody) -> Self {
        Self { body, chunked: true, ..Self::default() }
    }

    /// The chunked body of a backend's answer for a client: ends where the backend breaks off.
    pub fn relayed(body: WireBody) -> Self {
        Self { body, chunked: true, ahead: Some(Ahead::default()), ..Self::default() }
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
        let frame = match &mut this.ahead {
            Some(ahead) => ahead.poll_frame(&mut this.body, cx).map(|frame| frame.map(Ok)),
            None => Pin::new(&mut this.body).poll_frame(cx),
        };
        if let Some(sent) = &this.sent
            && (matches!(frame, Poll::Ready(None)) || this.body.is_end_stream())
        {
            sent.store(true, Ordering::Relaxed);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && self.ahead.as_ref().is_none_or(|ahead| ahead.held.is_none())
    }

    fn size_hint(&self) -> SizeHint {
        if self.chunked && !self.is_end_stream() { SizeHint::default() } else { self.body.size_hint() }
    }
}

impl Ahead {
    /// The next piece, as soon as the one behind it has come or is seen not to come at once. The last piece
    /// of a body that says its end is not held back.
    fn poll_frame(&mut self, body: &mut WireBody, cx: &mut Context<'_>) -> Poll<Option<Frame<Bytes>>> {
        loop {
            match Pin::new(&mut *body).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    let before = self.held.replace(frame);
                    if before.is_some() {
                        self.begun = true;
                        return Poll::Ready(before);
                    }
                    if body.is_end_stream() {
                        return Poll::Ready(self.held.take());
                    }
                }
                Poll::Ready(None) => return Poll::Ready(self.held.take()),
                Poll::Ready(Some(Err(error))) => {
                    tracing::error!("the backend broke off in the middle of its answer: {error}");
                    *body = WireBody::Empty;
                    self.held = None;
                    return Poll::Ready(None);
                }
                Poll::Pending if self.held.is_none() => return Poll::Pending,
                Poll::Pending => {
                    if !self.begun {
                        let wait = || Box::pin(tokio::time::sleep(PATIENCE));
                        std::task::ready!(self.patience.get_or_insert_with(wait).as_mut().poll(cx));
                        (self.patience, self.begun) = (None, true);
                    }
                    return Poll::Ready(self.held.take());
                }
            }
        }
    }
}
