//! Routing. MI runs the routes on the message itself, one after the other: what a route changes, the next
//! one sees. A route that sends the message away leaves it as it was.

use super::{Route, Router};
use crate::errors::Fault;
use crate::flow::{AsyncMediator, BoxFuture, Context, Finished, Next};
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
        // What the target returns does not matter, nor does its fault, which it has handled.
        let finished = self.target.run_in_turn(message.fork(), cx).await?;
        if let Some(finished) = finished.filter(Finished::completed) {
            *message = finished.message;
        }
        Ok(())
    }
}
