//! One exchange on a client connection: request in, flow and answer polled together, response out.

use super::OutBody;
use super::answer::{self, Asked};
use super::listener::Shared;
use super::receive::{self, Socket};
use crate::flow::{Answer, BoxFuture, Exchange};
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use std::future::Future;
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
    request: http::Request<Incoming>,
) -> Result<Response<OutBody>, NoAnswer> {
    if !is_known(request.method()) {
        return Ok(answer::status_only(StatusCode::NOT_IMPLEMENTED));
    }
    let asked = Asked { method: request.method().clone(), version: request.version() };
    let exchange = Arc::<Exchange>::default();
    let message = receive::message(request, &socket);
    let flow = shared.serve.serve(message, exchange.clone());
    let flow = RunningFlow { flow: Some(flow), shared: shared.clone() };
    let answer = match (Race { flow, exchange: &exchange }).await {
        Some(answer) => answer,
        None if !exchange.expects_reply() => return Ok(answer::accepted()),
        None => tokio::time::timeout(shared.options.socket_timeout, exchange.wait())
            .await
            .map_err(|_elapsed| NoAnswer)?,
    };
    Ok(answer::response(answer, &asked))
}

fn is_known(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET
            | Method::POST
            | Method::PUT
            | Method::DELETE
            | Method::HEAD
            | Method::OPTIONS
            | Method::PATCH
    )
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
        let ended = this.flow.poll(cx);
        match this.exchange.poll_answer(cx) {
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
            Poll::Pending if ended => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}
