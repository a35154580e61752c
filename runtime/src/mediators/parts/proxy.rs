//! The two steps of a proxy service that are written as no mediator: entering its in-sequence, and
//! sending to its target endpoint.

use crate::endpoints::{Endpoint, Mode, Sent};
use crate::errors::Fault;
use crate::flow::{AsyncMediator, BoxFuture, Context, Enter, Leave, Mediator, Next};
use crate::message::Message;
use crate::program::FlowTarget;
use std::sync::Arc;

/// Runs the in-sequence of a proxy; the target comes behind it.
#[derive(Debug)]
pub(crate) struct EnterFlow(pub(crate) FlowTarget);

impl Mediator for EnterFlow {
    fn mediate(&self, _message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        let block = self.0.block(&cx.program);
        let block = block.ok_or_else(|| Fault::new("the inSequence of the proxy is not deployed"))?;
        Ok(Next::Enter(Enter { block, leave: Leave::Continue }))
    }

    fn reads_body(&self) -> bool {
        false
    }
}

/// The target endpoint of a proxy: a `send` behind the in-sequence.
#[derive(Debug)]
pub(crate) enum Target {
    /// By name, looked up for each message.
    Named(Arc<str>),
    /// Written in place.
    Inline(Arc<Endpoint>),
}

impl AsyncMediator for Target {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let endpoint = match self {
                Target::Inline(endpoint) => endpoint.clone(),
                Target::Named(name) => cx
                    .program
                    .endpoint(name)
                    .ok_or_else(|| Fault::new(format!("Unable to find the endpoint specified : {name}")))?,
            };
            Ok(match endpoint.send(message, cx, Mode::Send).await? {
                Sent::Response => Next::Response(None),
                Sent::OneWay | Sent::Nothing => Next::Stop,
            })
        })
    }

    fn reads_body(&self) -> bool {
        false
    }
}
