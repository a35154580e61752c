//! Collecting and completing.

use super::groups::{Group, Groups, Limits};
use super::{Aggregate, OnComplete, Settings, merge};
use crate::errors::Fault;
use crate::eval::{Dynamic, Selection};
use crate::flow::{self, AsyncMediator, Block, BoxFuture, Context, End, Mediator, Next};
use crate::mediators::parts::correlation;
use crate::message::Message;
use std::sync::Arc;

impl AsyncMediator for Aggregate {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let Some(key) = self.settings.key(message, cx)? else { return Ok(Next::Continue) };
            let limits = if self.groups.contains(&key) {
                Limits { min: 0, max: 0 }
            } else {
                let fork = correlation::fork_of(message, self.settings.id.as_deref());
                if fork.is_some_and(|fork| cx.services.branches.is_complete(fork)) {
                    return Ok(Next::Stop);
                }
                self.settings.limits(message, cx)?
            };
            let (complete, made) = self.groups.add(&key, twin(message), cx, limits, &self.settings);
            let Some(group) = complete else {
                if made {
                    self.start_timer(&key);
                }
                return Ok(Next::Stop);
            };
            self.settings.complete(group, message, cx).await
        })
    }
}

impl Aggregate {
    fn start_timer(&self, key: &Arc<str>) {
        let Some(timeout) = self.settings.timeout else { return };
        let Some(number) = self.groups.number(key) else { return };
        let (settings, groups, own) = (self.settings.clone(), self.groups.clone(), key.clone());
        let timer = tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            time_out(&settings, &groups, &own, number).await;
        });
        self.groups.set_timer(key, timer.abort_handle());
    }
}

/// The message itself, for keeping: its copy with its id.
fn twin(message: &Message) -> Message {
    let mut twin = message.fork();
    twin.set_id(message.id().clone());
    twin
}

/// Goes on with what has come so far. The task is not aborted from here on: the group is out.
async fn time_out(settings: &Arc<Settings>, groups: &Groups, key: &str, number: u64) {
    let Some(group) = groups.take(key, number) else { return };
    tracing::warn!("Aggregate mediator timeout occurred.");
    let settings = settings.clone();
    // A task of its own, so that whoever aborts the timer cannot cut the flow.
    tokio::spawn(async move {
        let mut cx = group.first.continuation();
        let Some(mut last) = group.messages.last().map(twin) else { return };
        if let Err(fault) = settings.complete(group, &mut last, &mut cx).await {
            flow::run_fault(&mut cx, &mut last, &fault).await;
        }
    });
}

impl Settings {
    /// What the message is collected under; `None` lets it pass.
    fn key(&self, message: &Message, cx: &Context) -> Result<Option<Arc<str>>, Fault> {
        if let Some(expr) = &self.correlate {
            let selection = expr.select(message, cx)?;
            if let Selection::Nodes(nodes) = &selection
                && nodes.is_empty()
            {
                let source = expr.source();
                return Err(Fault::new(format!("Failed to evaluate correlate expression: {source}")));
            }
            // A condition that does not hold; there is one group for each mediator otherwise.
            let text = expr.text(message, cx)?;
            return Ok((text.as_deref() != Some("false")).then(|| expr.source().into()));
        }
        let name = correlation::name(correlation::CORRELATION, self.id.as_deref());
        Ok(message.properties.get(&name).and_then(|value| value.as_str()).map(Into::into))
    }

    fn limits(&self, message: &Message, cx: &Context) -> Result<Limits, Fault> {
        let limit = |value: &Option<Dynamic>| -> Result<usize, Fault> {
            let Some(value) = value else {
                return match self.correlate {
                    Some(_) => {
                        Err(Fault::new("<aggregate> with <correlateOn> needs min and max of messageCount"))
                    }
                    None => Ok(0),
                };
            };
            let text = value.text(message, cx)?.unwrap_or_default();
            let number: f64 = text.trim().parse().map_err(|_| {
                Fault::new(format!("a message count of <aggregate> is a number, found '{text}'"))
            })?;
            // Negative and NaN become 0: not set.
            Ok(number as usize)
        };
        Ok(Limits { min: limit(&self.min)?, max: limit(&self.max)? })
    }

    /// Runs `onComplete` with the aggregated message; when that ends normally the flow goes on with
    /// the last message and the aggregated payload.
    async fn complete(&self, group: Group, last: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        if let Some(fork) = correlation::fork_of(last, self.id.as_deref()) {
            cx.services.branches.complete(fork);
        }
        let mut aggregated = merge::merge(self, &group.messages, &group.first)?;
        last.payload = aggregated.payload.share();
        let block = self.on_complete(cx)?;
        let mut branch = group.first.branch(&block);
        branch.waiter = cx.waiter.take();
        drop(group);
        let end = flow::run(&mut branch, &mut aggregated).await;
        cx.waiter = branch.waiter.take();
        let normal = end == End::Completed && !branch.faulted && !branch.resumed;
        Ok(if normal { Next::Continue } else { Next::Stop })
    }

    fn on_complete(&self, cx: &Context) -> Result<Arc<Block>, Fault> {
        let found = match &self.on_complete {
            OnComplete::Block(block) => Some(block.clone()),
            OnComplete::Sequence(name) => cx.sequence(name).map(|sequence| sequence.block.clone()),
            OnComplete::Missing => None,
        };
        found.ok_or_else(|| {
            Fault::new("Unable to find the sequence for the mediation of the aggregated message")
        })
    }
}

/// What an `onComplete` without children does.
pub(super) struct Drop;

impl Mediator for Drop {
    fn mediate(&self, message: &mut Message, _cx: &mut Context) -> Result<Next, Fault> {
        message.addressing.to = None;
        Ok(Next::Stop)
    }

    fn reads_body(&self) -> bool {
        false
    }
}
