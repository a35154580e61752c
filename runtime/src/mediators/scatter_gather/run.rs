//! Scattering.

use super::ScatterGather;
use super::collect::{Collector, Gatherer};
use crate::errors::Fault;
use crate::flow::{self, AsyncMediator, BoxFuture, Context, Next, Slot};
use crate::message::Message;
use std::sync::Arc;

impl AsyncMediator for ScatterGather {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let collector = Collector::new(self.branches.len(), self.aggregation.clone(), message, cx);
            let gatherer = Arc::new(Gatherer(Arc::new(collector)));
            for (index, block) in self.branches.iter().enumerate() {
                let branch = cx.collected(block, Slot { to: gatherer.clone(), index });
                if self.parallel {
                    flow::parallel(branch, message.fork(), async |_| {}).await;
                } else {
                    flow::sequential(branch, message.fork(), async |_| ()).await;
                }
            }
            cx.exchange.expect_reply();
            Ok(Next::Stop)
        })
    }
}
