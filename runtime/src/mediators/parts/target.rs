//! The `target` element of clone, iterate and conditionalRouter: where a copy of the message goes.

//! The `target` element of clone, iterate and conditionalRouter: where a copy of the message goes.

use crate::compile::Compiler;
use crate::endpoints::{Endpoint, Mode, Sent};
use crate::errors::Fault;
use crate::flow::{self, AsyncMediator, Block, BoxFuture, Context, Finished, Next, Step};
use crate::message::Message;
use artifacts::xml::ElementRef;
use std::sync::Arc;

/// A target. Of several destinations the first in this order counts: inline sequence, sequence by
/// name, inline endpoint, endpoint by name.
///
/// ```xml
/// <target to="http://host/x" soapAction="urn:x" sequence="name" endpoint="name">
///   <sequence>...</sequence>
///   <endpoint>...</endpoint>
/// </target>
/// ```
#[derive(Debug, Default)]
pub(crate) struct Target {
    to: Option<Arc<str>>,
    soap_action: Option<Arc<str>>,
    destination: Destination,
}

#[derive(Debug, Default)]
enum Destination {
    /// The copy ends at once.
    #[default]
    Nowhere,
    /// Steps in place; sending to an endpoint is one step.
    Block(Arc<Block>),
    /// A sequence by name or registry key, looked up when it is needed.
    Sequence(Arc<str>),
}

/// Reads a `target` element. Everything inside is read, so that every problem is reported.
pub(crate) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Target {
    let text = |name: &str| element.attr(name).map(Arc::<str>::from);
    let inline = element.child("sequence").map(|sequence| compiler.block(sequence));
    let endpoint = element.child("endpoint").and_then(|endpoint| compiler.endpoint_element(endpoint));
    let send = |to| Destination::Block(Arc::new(Block { steps: vec![send_step(to)], on_error: None }));
    let destination = if let Some(block) = inline {
        Destination::Block(block)
    } else if let Some(name) = text("sequence") {
        Destination::Sequence(name)
    } else if let Some(endpoint) = endpoint {
        send(Receiver::Inline(endpoint))
    } else if let Some(name) = text("endpoint") {
        send(Receiver::Named(name))
    } else {
        Destination::Nowhere
    };
    Target { to: text("to"), soap_action: text("soapAction"), destination }
}

impl Target {
    /// Runs the target on a copy, beside the parent. A missing sequence is the parent's fault.
    pub(crate) async fn run_beside(&self, mut message: Message, cx: &Context) -> Result<(), Fault> {
        self.address(&mut message);
        if let Some(block) = self.block(cx)? {
            flow::parallel(cx.branch(&block), message, async |_| {}).await;
        }
        Ok(())
    }

    /// Runs the target on a copy and waits, unless the copy starts to wait for a backend: `None` then.
    pub(crate) async fn run_in_turn(
        &self,
        mut message: Message,
        cx: &Context,
    ) -> Result<Option<Finished>, Fault> {
        self.address(&mut message);
        let Some(block) = self.block(cx)? else { return Ok(None) };
        let branch = cx.target_branch(&block);
        Ok(flow::sequential(branch, message, async |finished| finished).await)
    }

    fn address(&self, message: &mut Message) {
        if let Some(action) = &self.soap_action {
            message.addressing.action = Some(action.clone());
        }
        if let Some(to) = &self.to {
            message.addressing.to = Some(to.clone());
        }
    }

    fn block(&self, cx: &Context) -> Result<Option<Arc<Block>>, Fault> {
        match &self.destination {
            Destination::Nowhere => Ok(None),
            Destination::Block(block) => Ok(Some(block.clone())),
            Destination::Sequence(name) => match cx.sequence(name) {
                Some(sequence) => Ok(Some(sequence.block.clone())),
                None => Err(Fault::new(format!("Couldn't find the sequence named : {name}"))),
            },
        }
    }
}

enum Receiver {
    Inline(Arc<Endpoint>),
    Named(Arc<str>),
}

/// Sends the copy; the response takes the out route.
struct SendTo(Receiver);

fn send_step(receiver: Receiver) -> Step {
    let mut step = Step::wait(SendTo(receiver));
    step.name = "target".into();
    step
}

impl AsyncMediator for SendTo {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let endpoint = match &self.0 {
                Receiver::Inline(endpoint) => endpoint.clone(),
                Receiver::Named(name) => cx
                    .program
                    .endpoint(name)
                    .ok_or_else(|| Fault::new(format!("Couldn't find the endpoint named : {name}")))?,
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
