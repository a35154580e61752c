//! `local://services/NAME`: the message goes to a proxy service of this process, without a socket.
//!
//! What the service sees is what it would see over HTTP: payload, headers and action; the caller's
//! properties stay behind. As in MI the service need not list `local` among its transports. Its flow is
//! one of its own: it goes on when the caller has stopped to wait.

use crate::errors::{Fault, codes};
use crate::flow::{self, Context, Exchange};
use crate::http::{Asked, InResponse, inside};
use crate::message::Message;
use http::Method;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Longest chain of services. One that calls itself without end must end somewhere; MI's does when its
/// stack is full.
const MAX_HOPS: u16 = 64;

/// A call under way.
pub(super) struct Call {
    asked: Asked,
    exchange: Arc<Exchange>,
    flow: JoinHandle<()>,
    body_limit: usize,
}

/// The path that a URL names inside this process: `/services/NAME` and what follows. `None` for URLs of
/// other schemes.
pub(super) fn path_of(url: &str) -> Option<String> {
    let scheme = url.get(..6).filter(|scheme| scheme.eq_ignore_ascii_case("local:"))?;
    Some(format!("/{}", url.get(scheme.len()..)?.trim_start_matches('/')))
}

impl Call {
    /// Starts the flow of the service at `path`; `url` is what the caller wrote. Payload and headers
    /// leave the message.
    ///
    /// Faults: no such service, one that is not active, or a chain of too many.
    pub(super) fn start(
        path: &str,
        url: &str,
        method: Method,
        message: &mut Message,
        cx: &Context,
    ) -> Result<Self, Fault> {
        let (asked, mut callee, mut called) = enter(path, url, method, message, cx)?;
        let exchange = callee.exchange.clone();
        let flow = tokio::spawn(async move {
            flow::run_request(&mut callee, &mut called).await;
        });
        Ok(Self { asked, exchange, flow, body_limit: cx.services.limits.body_bytes })
    }

    /// Waits for the answer. A flow that ends without one, and without anything under way that could
    /// give it, answers 202. Cancel safe: the service's flow goes on.
    pub(super) async fn answer(mut self) -> InResponse {
        let answer = tokio::select! {
            biased;
            answer = self.exchange.wait() => Some(answer),
            // A panic of it has been logged; it is over either way.
            _ended = &mut self.flow => self.exchange.take(),
        };
        let answer = match answer {
            Some(answer) => answer,
            None if !self.exchange.expects_reply() => return inside::accepted(),
            None => self.exchange.wait().await,
        };
        inside::response(answer, &self.asked, self.body_limit).await
    }
}

/// Runs the flow of the service as a branch of the caller's: beside it while there are slots, else here.
/// Nobody gets its answer.
///
/// Faults: as those of [`Call::start`].
pub(super) async fn run_one_way(
    path: &str,
    url: &str,
    method: Method,
    message: &mut Message,
    cx: &Context,
) -> Result<(), Fault> {
    let (_asked, callee, called) = enter(path, url, method, message, cx)?;
    let running = cx.exchange.branch();
    flow::parallel(callee, called, |_finished| async move { drop(running) }).await;
    Ok(())
}

/// The flow of a service, ready to run, and what its answer must know.
fn enter(
    path: &str,
    url: &str,
    method: Method,
    message: &mut Message,
    cx: &Context,
) -> Result<(Asked, Context, Message), Fault> {
    let program = cx.program.clone();
    let found = program.router.service_at(path).filter(|(proxy, _)| proxy.started);
    let (proxy, rest) = found.ok_or_else(|| {
        let text = format!("The service cannot be found for the endpoint reference (EPR) {url}");
        Fault::endpoint(codes::CONNECTION_FAILED, text)
    })?;
    if cx.hops >= MAX_HOPS {
        let text = format!("{url} is not called: {MAX_HOPS} services have called one another already");
        return Err(Fault::endpoint(codes::CONNECTION_FAILED, text));
    }
    let (mut called, asked) = inside::request(&cx.services.client, message, method, path, url)?;
    let mut callee = Context::new(program.clone(), cx.services.clone());
    callee.fence = cx.fence.clone();
    callee.hops = cx.hops + 1;
    callee.enter_proxy(&mut called, proxy, rest, "local");
    Ok((asked, callee, called))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_inside_the_process() {
        for (url, path) in [
            ("local://services/P", Some("/services/P")),
            ("local:///services/P/a?b=c", Some("/services/P/a?b=c")),
            ("LOCAL:services/P", Some("/services/P")),
            ("localhost/services/P", None),
            ("http://h/services/P", None),
            ("loc", None),
        ] {
            assert_eq!(path_of(url).as_deref(), path, "{url}");
        }
    }
}
