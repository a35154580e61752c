//! Sending each part on its way.

use super::{Iterate, split};
use crate::errors::Fault;
use crate::eval::Dialect;
use crate::flow::{AsyncMediator, BoxFuture, Context, Next};
use crate::mediators::parts::correlation;
use crate::message::Message;

impl AsyncMediator for Iterate {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            correlation::mark_parent(message, self.id.as_deref(), cx.services.branches.new_fork());
            let parts = match self.expression.dialect() {
                Dialect::JsonPath => split::json(self, message, cx)?,
                Dialect::XPath => split::xml(self, message, cx)?,
                Dialect::Synapse => {
                    return Err(Fault::new("the expression of <iterate> is XPath or JSONPath, found ${...}"));
                }
            };
            for (index, part) in parts.list.iter().enumerate() {
                let mut copy = correlation::copy(message, self.id.as_deref(), index, parts.list.len());
                copy.payload = parts.payload(part, &copy, cx)?;
                if self.sequential {
                    self.target.run_in_turn(copy, cx).await?;
                } else {
                    self.target.run_beside(copy, cx).await?;
                }
            }
            if self.continue_parent {
                return Ok(Next::Continue);
            }
            cx.exchange.expect_reply();
            Ok(Next::Stop)
        })
    }
}
