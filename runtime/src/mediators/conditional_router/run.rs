//! Routing. The routes work on the message itself, one after the other; MI makes no copies.

use super::{Route, Router};
use crate::errors::Fault;
use crate::flow::{AsyncMediator, BoxFuture, Context, Next};
use crate::message::Message;

impl AsyncMediator for Router {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let Some(address) = message.addressing.to.clone() else {
                return Err(Fault::new("<conditionalRouter> needs a message with an address (To)"));
            };
            for route in &self.routes {
                if !route.condition.holds(&address, message, cx)? {
                    continue;
                }
                route.run(message, cx).await?;
                if route.breaks {
                    break;
                }
            }
            Ok(if self.continue_after { Next::Continue } else { Next::Stop })
        })
    }
}

impl Route {
    async fn run(&self, message: &mut Message, cx: &mut Context) -> Result<(), Fault> {
        if self.asynchronous {
            return self.target.run_beside(message.fork(), cx).await;
        }
        let Some(block) = self.target.enter(message, cx)? else { return Ok(()) };
        // What the target returns does not matter: the router goes on as it was told.
        cx.run_block(&block, message).await?;
        Ok(())
    }
}
