//! `<enqueue sequence=".." executor=".." priority=".."/>`: hands the message to a priority executor.
//!
//! There are no executors here; as in MI when the executor is missing, the sequence runs in place with
//! a warning, and the flow goes on behind it.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::flow::{AsyncMediator, BoxFuture, Context, Next, Step};
use crate::message::Message;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

struct Enqueue {
    sequence: Arc<str>,
    executor: Arc<str>,
}

/// `sequence` and `executor` are needed; `priority` is a number or empty.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let sequence = compiler.filled(element, "sequence", true);
    let executor = compiler.filled(element, "executor", true);
    if element.attr("priority").is_some_and(|text| !text.is_empty()) {
        compiler.number::<i32>(element, "priority");
    }
    let step = Enqueue { sequence: sequence?.into(), executor: executor?.into() };
    let message = format!("there is no executor '{}'; the sequence runs in place", step.executor);
    compiler.warning(Code::UNSUPPORTED, element.place(), message);
    Some(Step::wait(step))
}

impl AsyncMediator for Enqueue {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            tracing::warn!("no executor '{}' is available; the sequence runs in place", self.executor);
            let Some(sequence) = cx.sequence(&self.sequence) else {
                return Err(Fault::new(format!("Sequence cannot be found : {}", self.sequence)));
            };
            cx.exchange.expect_reply();
            cx.run_block(&sequence.block, message).await?;
            Ok(Next::Continue)
        })
    }

    fn reads_body(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use crate::mediators::parts::testing::verdicts;
    use crate::mediators::testing::Flow;
    use crate::message::Message;

    #[test]
    fn grammar() {
        verdicts(
            &["<enqueue sequence='s' executor='e' priority=''/>"],
            &[
                "<enqueue executor='e'/>",
                "<enqueue sequence='' executor='e'/>",
                "<enqueue sequence='s'/>",
                "<enqueue sequence='s' executor='e' priority='x'/>",
            ],
        );
    }

    #[tokio::test]
    async fn the_sequence_runs_in_place() {
        let flow = Flow::new("<enqueue sequence='s' executor='e'/><property name='b' value='2'/>").sequence(
            "s",
            None,
            "<property name='a' value='1'/><drop/>",
        );
        let outcome = flow.run(Message::new()).await;
        assert_eq!(
            (outcome.property("a").as_deref(), outcome.property("b").as_deref()),
            (Some("1"), Some("2"))
        );
    }
}
