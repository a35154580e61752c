//! One exchange on a client connection: request in, flow and answer polled together, response out.

use super::OutBody;
use super::answer::{self, Asked, Settings};
use super::listener::Shared;
use super::pulse::Pulse;
use super::receive::{self, Socket};
use crate::flow::{Answer, BoxFuture, Exchange};
use crate::message::wire::{BodyError, ReadError, WireBody};
use crate::message::{Message, Payload};
use futures_util::{StreamExt as _, stream};
use http::{Method, Response, StatusCode, header};
use http_body::Body as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyStream, StreamBody};
use hyper::body::Incoming;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("no answer within the socket timeout; the connection is closed")]
pub(super) struct NoAnswer;

/// Serves one request.
pub(super) async fn serve(
    shared: Arc<Shared>,
    socket: Socket,
    pulse: Arc<Pulse>,
    request: http::Request<Incoming>,
) -> Result<Response<OutBody>, NoAnswer> {
    let busy = pulse.begin();
    let mut response = exchange(&shared, socket, request).await?;
    response.body_mut().hold(busy);
    Ok(response)
}

async fn exchange(
    shared: &Arc<Shared>,
    socket: Socket,
    mut request: http::Request<Incoming>,
) -> Result<Response<OutBody>, NoAnswer> {
    let Some(method) = known_method(request.method()) else {
        return Ok(answer::status_only(StatusCode::NOT_IMPLEMENTED));
    };
    *request.method_mut() = method;
    let exchange = Arc::<Exchange>::default();
    let mut message = receive::message(request, &socket, shared.options.correlation.as_ref());
    let asked = Asked::of(&message);
    if message.headers.map().contains_key(header::EXPECT) {
        invite(&mut message).await;
    }
    if let Some(limit) = shared.options.max_message_bytes
        && !fits(&mut message, limit).await
    {
        return Ok(answer::too_large());
    }
    let flow = shared.serve.serve(message, exchange.clone());
    let flow = RunningFlow { flow: Some(flow), shared: shared.clone() };
    let answer = match (Race { flow, exchange: &exchange }).await {
        Some(answer) => answer,
        None if !exchange.expects_reply() => return Ok(answer::accepted()),
        None => tokio::time::timeout(shared.options.socket_timeout, exchange.wait())
            .await
            .map_err(|_elapsed| NoAnswer)?,
    };
    let settings = Settings { rules: &shared.options.rules, body_limit: shared.options.body_limit };
    Ok(answer::response(answer, &asked, &settings).await)
}

/// Sends `100 Continue` at once: hyper does so when the body is first asked for, but not any more when
/// the response has begun, and an answer that echoes the request would begin first.
async fn invite(message: &mut Message) {
    let mut body = match std::mem::take(&mut message.payload) {
        Payload::Unread(WireBody::Incoming(body)) => body,
        other => {
            message.payload = other;
            return;
        }
    };
    let first = poll_fn(|cx| match Pin::new(&mut body).poll_frame(cx) {
        Poll::Ready(frame) => Poll::Ready(frame),
        Poll::Pending => Poll::Ready(None),
    })
    .await;
    message.payload = Payload::Unread(match first {
        None => {
            tokio::task::yield_now().await;
            WireBody::Incoming(body)
        }
        Some(frame) => {
            let frames = stream::iter([frame.map_err(BodyError::from)]);
            let rest = BodyStream::new(body).map(|frame| frame.map_err(BodyError::from));
            WireBody::Stream(UnsyncBoxBody::new(StreamBody::new(frames.chain(rest))))
        }
    });
}

/// Is the body within the limit? One without a length is read to find out. A body that breaks off fits:
/// who reads it will see.
async fn fits(message: &mut Message, limit: usize) -> bool {
    let Payload::Unread(body) = &mut message.payload else { return true };
    if let Some(length) = http_body::Body::size_hint(body).exact() {
        return length <= limit as u64;
    }
    match std::mem::take(body).read(limit).await {
        Ok(bytes) => {
            message.payload = Payload::Unread(WireBody::Full(bytes));
            true
        }
        Err(ReadError::TooLarge(_)) => false,
        Err(ReadError::Broken(_)) => true,
    }
}

/// The methods that are served, in any case, as MI reads them.
fn known_method(method: &Method) -> Option<Method> {
    const KNOWN: [Method; 8] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
        Method::TRACE,
    ];
    if KNOWN.contains(method) {
        return Some(method.clone());
    }
    KNOWN.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(method.as_str()))
}

/// A flow that outlives its client: dropped before its end, it goes on in the background.
struct RunningFlow {
    flow: Option<BoxFuture<'static, ()>>,
    shared: Arc<Shared>,
}

impl RunningFlow {
    /// `true` at the end of the flow. A panic ends it, too; the executor has caught those of mediators.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(flow) = &mut self.flow else { return true };
        let result = catch_unwind(AssertUnwindSafe(|| flow.as_mut().poll(cx).is_ready()));
        let ended = result.unwrap_or_else(|_panic| {
            tracing::error!("internal error: a flow panicked outside of its mediators");
            true
        });
        if ended {
            self.flow = None;
        }
        ended
    }
}

impl Drop for RunningFlow {
    fn drop(&mut self) {
        if let Some(flow) = self.flow.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            self.shared.tasks.spawn_on(flow, &runtime);
        }
    }
}

/// The flow and the wait for its answer: the answer, or `None` when the flow ended without one.
struct Race<'a> {
    flow: RunningFlow,
    exchange: &'a Exchange,
}

impl Future for Race<'_> {
    type Output = Option<Answer>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Answer>> {
        let this = self.get_mut();
        this.exchange.forget_waker();
        let ended = this.flow.poll(cx);
        match this.exchange.poll_answer(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if ended => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
