//! `<store messageStore="..">`: puts a copy of the message into a message store; the flow goes on.
//!
//! ```xml
//! <store messageStore="Orders" sequence="beforeStoring"/>
//! <store messageStore="{get-property('queue')}"/>
//! ```

#[cfg(test)]
mod tests;

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::eval::Dynamic;
use crate::flow::{AsyncMediator, BoxFuture, Context, Next, Step};
use crate::message::Message;
use crate::services::Services;
use crate::stores::{StoreError, StoreSpec};
use artifacts::xml::ElementRef;
use std::sync::Arc;

#[derive(Debug)]
struct Store {
    name: Dynamic,
    before: Option<Arc<str>>,
}

/// `messageStore` (a name or an expression in braces) and `sequence`.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    compiler.required(element, "messageStore")?;
    let name = compiler.dynamic(element, "messageStore")?;
    Some(Step::wait(Store { name, before: element.attr("sequence").map(Into::into) }))
}

impl AsyncMediator for Store {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let name = self.name.text(message, cx)?.unwrap_or_default();
            let Some(spec) = cx.program.stores.get(&name).cloned() else {
                return Err(Fault::new("Message Store does not exist.")
                    .detail(format!("no message store '{name}' is deployed")));
            };
            // How the sequence ends does not matter.
            if let Some(sequence) = self.before.as_deref().and_then(|name| cx.sequence(name)) {
                cx.run_block(&sequence.block, message).await?;
            }
            cx.exchange.expect_reply();
            let spare = spec.failover().and_then(|name| cx.program.stores.get(name)).cloned();
            let second = spare.map(|spare| (spare, copy(message)));
            match put(&spec, copy(message), second, cx.services.clone()).await {
                Ok(()) => Ok(Next::Continue),
                Err(error) => Err(failed(&error, message)),
            }
        })
    }
}

fn copy(message: &Message) -> Message {
    let mut copy = message.fork();
    copy.set_id(message.id().clone());
    copy
}

/// Stores a message; when that fails, its double in the failover store.
async fn put(
    spec: &StoreSpec,
    message: Message,
    spare: Option<(Arc<StoreSpec>, Message)>,
    services: Arc<Services>,
) -> Result<(), StoreError> {
    let result = match services.stores.open(spec) {
        Ok(store) => store.put(message).await,
        Err(error) => Err(error),
    };
    match (result, spare) {
        (Err(error), Some((spare, double))) => {
            tracing::warn!("{error}; the message goes to '{}'", spare.name);
            services.stores.open(&spare)?.put(double).await
        }
        (result, _) => result,
    }
}

/// MI also leaves a default-scope `HTTP_SC`.
fn failed(error: &StoreError, message: &mut Message) -> Fault {
    message.properties.set("HTTP_SC", "500");
    message.properties.set("ERROR_DETAIL", error.to_string());
    message.properties.set("ERROR_MESSAGE", "Failed to store message.");
    Fault::new(format!("Failed to store message: {error}"))
}
