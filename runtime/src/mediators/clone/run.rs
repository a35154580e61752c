//! Copying.

use super::Clone;
use crate::errors::Fault;
use crate::flow::{AsyncMediator, BoxFuture, Context, Finished, Next};
use crate::mediators::parts::correlation;
use crate::mediators::parts::target::Target;
use crate::message::{Message, Value};

impl AsyncMediator for Clone {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            correlation::mark_parent(message, self.id.as_deref(), cx.services.branches.new_fork());
            match &self.iterations {
                Some(iterations) => {
                    let text = iterations.text(message, cx)?.unwrap_or_default();
                    self.repeat(count(&text)?, message, cx).await?;
                }
                None => {
                    let total = self.targets.len();
                    for (index, target) in self.targets.iter().enumerate() {
                        let copy = correlation::copy(message, self.id.as_deref(), index, total);
                        if self.branch(target, copy, stops(message), cx).await? {
                            break;
                        }
                    }
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

fn count(text: &str) -> Result<usize, Fault> {
    let number: i32 = text.trim().parse().map_err(|_| {
        Fault::new(format!("Error while parsing iterations number in clone mediator: '{text}' is no integer"))
    })?;
    Ok(usize::try_from(number).unwrap_or(0))
}

impl Clone {
    async fn repeat(&self, total: usize, message: &mut Message, cx: &Context) -> Result<(), Fault> {
        let Some(target) = self.targets.first() else {
            return Err(Fault::new("<clone> with 'iterations' has no target"));
        };
        for index in 0..total {
            let number = i32::try_from(index + 1).unwrap_or(i32::MAX);
            message.properties.set("CLONED_ITERATION_INDEX", Value::Integer(number));
            let copy = correlation::copy(message, self.id.as_deref(), index, total);
            if self.branch(target, copy, stops(message), cx).await? {
                break;
            }
        }
        Ok(())
    }

    /// Runs one target. `true` stops the others.
    async fn branch(&self, target: &Target, copy: Message, stops: bool, cx: &Context) -> Result<bool, Fault> {
        if !self.sequential {
            target.run_beside(copy, cx).await?;
            return Ok(false);
        }
        let finished = target.run_in_turn(copy, cx).await?;
        failed(finished.as_ref(), stops)
    }
}

/// Was the parent told to stop at the first target that fails?
fn stops(parent: &Message) -> bool {
    let property = parent.property("STOP_TARGET_EXECUTION_ON_FAILURE");
    property.is_some_and(|value| value.text().eq_ignore_ascii_case("true"))
}

/// MI reads the mark of a failed target as a string, which the Boolean it sets is not: the parent
/// fails as well. A mark that a flow has set to the text `true` only stops, when that was asked for.
fn failed(finished: Option<&Finished>, stops: bool) -> Result<bool, Fault> {
    let Some(finished) = finished else { return Ok(false) };
    if finished.faulted {
        return Err(Fault::new(
            "a target of <clone> failed: class java.lang.Boolean cannot be cast to class java.lang.String",
        ));
    }
    let mark = finished.message.property("ERROR_ON_TARGET_EXECUTION");
    Ok(stops && mark.is_some_and(|mark| mark.text().eq_ignore_ascii_case("true")))
}
