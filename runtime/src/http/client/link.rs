//! One connection to a backend, driven by whoever uses it.
//!
//! No task runs for a connection: the future that waits for an answer, and later the body that is read,
//! poll it. An exchange so costs no task switch, and dropping either closes the connection.

use super::error::{SendError, State};
use super::pool::Origin;
use crate::http::OutBody;
use crate::http::stream::Stream;
use crate::http::waker::Inner;
use crate::message::wire::BodyError;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::future::Future as _;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

type Driver = http1::Connection<TokioIo<Stream>, OutBody>;

/// A connection and what is needed to send on it.
pub(super) struct Link {
    sender: http1::SendRequest<OutBody>,
    driver: Driver,
    sent: Arc<AtomicBool>,
    origin: Arc<Origin>,
    waker: Inner,
    /// Since when it is idle.
    pub(super) idle_since: Instant,
    /// Has it served an exchange before?
    pub(super) reused: bool,
}

/// An exchange that brought no answer.
pub(super) struct Failed {
    pub(super) error: SendError,
    /// The request, when not a byte of it was sent.
    pub(super) unsent: Option<Box<http::Request<OutBody>>>,
}

impl Link {
    pub(super) async fn open(stream: Stream, origin: Arc<Origin>) -> Result<Box<Self>, SendError> {
        let handshake = http1::Builder::new().handshake(TokioIo::new(stream)).await;
        let (sender, driver) =
            handshake.map_err(|error| SendError::from_hyper(&error, State::RequestReady, &origin.target))?;
        Ok(Box::new(Self {
            sender,
            driver,
            sent: Arc::default(),
            origin,
            waker: Inner::new(),
            idle_since: Instant::now(),
            reused: false,
        }))
    }

    /// Drives the connection. `true` when it has ended.
    fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        Pin::new(&mut self.driver).poll(cx).is_ready()
    }

    /// Can it take a request? Notices a backend that closed it while it was idle.
    pub(super) fn is_usable(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        !self.drive(&mut cx) && self.sender.is_ready()
    }

    /// Sends a request and waits for the head of the answer.
    pub(super) async fn exchange(
        mut self: Box<Self>,
        mut request: http::Request<OutBody>,
    ) -> Result<http::Response<Relay>, Failed> {
        request.body_mut().report(self.sent.clone());
        let mut answer = pin!(self.sender.try_send_request(request));
        let (driver, waker) = (&mut self.driver, &self.waker);
        let result = std::future::poll_fn(|cx| {
            waker.poll(cx, |cx| {
                // The driver writes the request and reads the answer; its end resolves the answer as well.
                let ended = Pin::new(&mut *driver).poll(cx).is_ready();
                match answer.as_mut().poll(cx) {
                    Poll::Ready(result) => Poll::Ready(Some(result)),
                    Poll::Pending if ended => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            })
        })
        .await;
        match result {
            Some(Ok(response)) => {
                let (parts, incoming) = response.into_parts();
                Ok(http::Response::from_parts(parts, Relay::new(incoming, self)))
            }
            Some(Err(mut failure)) => {
                let unsent = failure.take_message().map(Box::new);
                let state = if unsent.is_some() { State::RequestReady } else { self.state() };
                Err(Failed {
                    error: SendError::from_hyper(failure.error(), state, &self.origin.target),
                    unsent,
                })
            }
            None => Err(Failed { error: SendError::closed(self.state(), &self.origin.target), unsent: None }),
        }
    }

    fn state(&self) -> State {
        if self.sent.load(Ordering::Relaxed) { State::RequestDone } else { State::RequestBody }
    }

    /// Back to the pool, if the exchange is over and the backend keeps the connection.
    fn release(mut self: Box<Self>, cx: &mut Context<'_>) {
        if !self.drive(cx) && self.sender.is_ready() {
            self.reused = true;
            self.idle_since = Instant::now();
            let origin = self.origin.clone();
            origin.put(self);
        }
    }
}

/// The body of an answer; reading it drives the connection, its end gives the connection back.
pub(super) struct Relay {
    incoming: Incoming,
    link: Option<Box<Link>>,
}

impl Relay {
    fn new(incoming: Incoming, link: Box<Link>) -> Self {
        let mut relay = Self { incoming, link: Some(link) };
        if relay.incoming.is_end_stream() {
            relay.finish(&mut Context::from_waker(Waker::noop()));
        }
        relay
    }

    fn finish(&mut self, cx: &mut Context<'_>) {
        if let Some(link) = self.link.take() {
            link.release(cx);
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let incoming = &mut this.incoming;
        let frame = match &mut this.link {
            None => Pin::new(incoming).poll_frame(cx),
            Some(link) => {
                let (driver, waker) = (&mut link.driver, &link.waker);
                waker.poll(cx, |cx| {
                    let frame = Pin::new(&mut *incoming).poll_frame(cx);
                    if frame.is_ready() {
                        return frame;
                    }
                    // Its end shows in the body, too: as the end of it, or as an error.
                    let _ended = Pin::new(&mut *driver).poll(cx);
                    Pin::new(&mut *incoming).poll_frame(cx)
                })
            }
        };
        if matches!(frame, Poll::Ready(None)) || (frame.is_ready() && this.incoming.is_end_stream()) {
            this.finish(cx);
        }
        frame.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
