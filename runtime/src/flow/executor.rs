//! The loop that runs steps.

use super::context::{Context, Entry, Frame, Handler};
use super::exchange::Answer;
use super::step::{Block, BoxFuture, Leave, Next, StepKind};
use crate::errors::{Fault, codes};
use crate::message::{Message, builders, wire::ReadError};
use futures_util::FutureExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How a flow ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Every list was run to its end (MI: true).
    Completed,
    /// A step stopped it (MI: false); an answer may have been given.
    Stopped,
    /// A fault found no handler.
    Failed,
    /// The right to act was gone before a step: it and all that follow did not run.
    Abandoned,
}

/// Runs what was pushed on the context, faults included, to the end of the flow.
pub async fn run(cx: &mut Context, message: &mut Message) -> End {
    loop {
        match drive(cx, message, 0).await {
            Ok(end) => return end,
            Err(fault) => {
                tracing::debug!(%fault, "fault");
                if !cx.enter_fault(message, &fault) {
                    tracing::warn!("the message is dropped: no fault handler is left for: {fault}");
                    return End::Failed;
                }
            }
        }
    }
}

/// Runs a request's flow to its end, and waits until its branches have sent something.
pub async fn run_request(cx: &mut Context, message: &mut Message) -> End {
    let end = run(cx, message).await;
    if message.axis2_flag("FORCE_SC_ACCEPTED") {
        // Nobody will answer it, or not in time: MI answers when the request's flow has ended.
        cx.exchange.answer(Answer::Accepted);
    } else {
        cx.exchange.branches_settled().await;
    }
    end
}

/// Runs the fault path of a flow that failed outside a step, to its end.
pub async fn run_fault(cx: &mut Context, message: &mut Message, fault: &Fault) -> End {
    if cx.enter_fault(message, fault) {
        return run(cx, message).await;
    }
    tracing::warn!("the message is dropped: no fault handler is left for: {fault}");
    End::Failed
}

/// Runs a backend's response through the out route of its entry, to the end of the flow.
pub async fn run_response(cx: &mut Context, message: &mut Message) -> End {
    match respond_route(cx, message, None) {
        Ok(true) => run(cx, message).await,
        Ok(false) => End::Stopped,
        Err(fault) if cx.enter_fault(message, &fault) => run(cx, message).await,
        Err(_) => End::Failed,
    }
}

impl Context {
    /// Runs a list to its end inside a step. A fault goes to the caller, who lets it pass.
    pub fn run_block<'a>(
        &'a mut self,
        block: &Arc<Block>,
        message: &'a mut Message,
    ) -> BoxFuture<'a, Result<End, Fault>> {
        let base = self.frames.len();
        self.push_block(block.clone(), Leave::Continue);
        Box::pin(async move {
            let end = drive(self, message, base).await;
            self.frames.truncate(base);
            end
        })
    }
}

/// Runs frames above `base`.
async fn drive(cx: &mut Context, message: &mut Message, base: usize) -> Result<End, Fault> {
    while cx.frames.len() > base {
        if !cx.may_go_on() {
            cx.frames.truncate(base);
            return Ok(End::Abandoned);
        }
        let Some(mut frame) = cx.frames.pop() else { break };
        let Some(step) = frame.block.steps.get(frame.next) else {
            if leave(cx, &frame) {
                continue;
            }
            if let Leave::Collect(slot) = &frame.leave {
                slot.to.collect(slot.index, message, cx).await?;
                return Ok(End::Stopped);
            }
            return Ok(if frame.leave == Leave::Stop { End::Stopped } else { End::Completed });
        };
        frame.next += 1;
        if step.reads_body && message.payload.is_unread() {
            begin_payload(message, cx).await?;
        }
        if step.looks_inside {
            refuse_broken(message)?;
        }
        let next = match &step.kind {
            StepKind::Now(mediator) => {
                let next = catch_unwind(AssertUnwindSafe(|| mediator.mediate(message, cx)));
                let next = next.unwrap_or_else(|panic| Err(panic_fault(&step.name, panic.as_ref())));
                cx.frames.push(frame);
                next?
            }
            StepKind::Wait(_) => {
                let (block, index) = (frame.block.clone(), frame.next - 1);
                cx.frames.push(frame);
                wait(&block, index, message, cx).await?
            }
        };
        match next {
            Next::Continue => {}
            Next::Stop => return Ok(End::Stopped),
            Next::Enter(enter) => cx.push_block(enter.block, enter.leave),
            Next::Reply => {
                cx.reply(message);
                return Ok(End::Stopped);
            }
            Next::Response(sequence) => {
                if !respond_route(cx, message, sequence.as_deref())? {
                    return Ok(End::Stopped);
                }
            }
            Next::Loopback => loopback(cx, message)?,
        }
    }
    Ok(End::Completed)
}

async fn wait(block: &Block, index: usize, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
    let Some(step) = block.steps.get(index) else { return Ok(Next::Continue) };
    let StepKind::Wait(mediator) = &step.kind else { return Ok(Next::Continue) };
    let result = AssertUnwindSafe(mediator.mediate(message, cx)).catch_unwind().await;
    result.unwrap_or_else(|panic| Err(panic_fault(&step.name, panic.as_ref())))
}

/// A panic is our bug; the message gets a fault, the process goes on.
fn panic_fault(step: &str, panic: &(dyn std::any::Any + Send)) -> Fault {
    let text = panic.downcast_ref::<&str>().map(|t| (*t).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    tracing::error!("internal error in <{step}>: {text}");
    Fault::new(format!("internal error in <{step}>: {text}"))
}

/// End of a list. `false` ends the flow.
fn leave(cx: &mut Context, frame: &Frame) -> bool {
    if frame.block.on_error.is_some() && !matches!(frame.leave, Leave::Handlers(_) | Leave::Template(_)) {
        cx.handlers.pop();
    }
    match frame.leave {
        Leave::Continue => true,
        Leave::Handlers(depth) => {
            cx.handlers.truncate(depth);
            true
        }
        Leave::Template(depth) => {
            cx.handlers.truncate(depth);
            cx.templates.pop();
            true
        }
        Leave::Stop | Leave::Collect(_) => false,
        Leave::Branch => cx.resumed || cx.continues,
    }
}

/// Reads and builds an unread body. On failure the body is gone and the fault is 601000 (or 0, see
/// `builders`). A backend that breaks off in mid-body leaves an empty one, as in MI, and a log line.
pub async fn build_payload(message: &mut Message, cx: &Context) -> Result<(), Fault> {
    begin_payload(message, cx).await?;
    refuse_broken(message)
}

/// A body that is broken behind its first tag: whoever looks into it meets that.
fn refuse_broken(message: &mut Message) -> Result<(), Fault> {
    message.payload.take_broken().map_or(Ok(()), |why| Err(Fault::new(&*why)))
}

/// As [`build_payload`]; that the body is broken behind its first tag is not noticed yet.
pub async fn begin_payload(message: &mut Message, cx: &Context) -> Result<(), Fault> {
    let Some(body) = message.payload.take_unread() else { return Ok(()) };
    let limit = cx.services.limits.body_bytes;
    let bytes = match body.read(limit).await {
        Ok(bytes) => bytes,
        Err(ReadError::Broken(error)) if message.wire.response => {
            tracing::error!("the backend broke off in the middle of its answer: {error}");
            bytes::Bytes::new()
        }
        Err(error) => return Err(Fault::with_code(codes::BUILD, error.to_string())),
    };
    builders::begin_message(message, bytes, limit)?;
    crate::message::addressing::read(message);
    Ok(())
}

/// Where a backend's response goes: a named sequence, the out list of the entry, or to the caller.
/// `false` when it was handed to the caller.
fn respond_route(cx: &mut Context, message: &mut Message, sequence: Option<&str>) -> Result<bool, Fault> {
    cx.frames.clear();
    cx.resumed = true;
    if let Some(name) = sequence {
        let found = cx
            .sequence(name)
            .ok_or_else(|| Fault::new(format!("the receiving sequence '{name}' is not deployed")))?;
        cx.push_block(found.block.clone(), Leave::Continue);
        return Ok(true);
    }
    let Some(block) = out_block(cx) else {
        cx.reply(message);
        return Ok(false);
    };
    cx.push_block(block, Leave::Continue);
    Ok(true)
}

fn out_block(cx: &mut Context) -> Option<Arc<Block>> {
    match &cx.entry {
        Entry::Main => Some(cx.program.main.block.clone()),
        Entry::Api(api, resource) => {
            let resource = api.resources.get(*resource)?;
            let handler = resource.fault.clone();
            let out = resource.out_flow.as_ref().and_then(|f| f.block(&cx.program));
            cx.handlers.push(handler);
            out
        }
        Entry::Proxy(proxy) => {
            let handler = proxy.fault.clone();
            let out = proxy.out_flow.as_ref().and_then(|f| f.block(&cx.program));
            cx.handlers.push(handler);
            out
        }
    }
}

fn loopback(cx: &mut Context, message: &mut Message) -> Result<(), Fault> {
    message.response = true;
    message.addressing.to = None;
    cx.frames.clear();
    match out_block(cx) {
        Some(block) => cx.push_block(block, Leave::Continue),
        None => {
            cx.reply(message);
        }
    }
    Ok(())
}

impl Handler {
    /// The handler that an artifact's fault flow means: inline, by name, or the default.
    pub fn of(flow: Option<&crate::program::FlowTarget>) -> Self {
        match flow {
            Some(crate::program::FlowTarget::Inline(block)) => Handler::Block(block.clone()),
            Some(crate::program::FlowTarget::Named(name)) => Handler::Named(name.clone()),
            None => Handler::Default,
        }
    }
}
