//! `<send>`: the message leaves through an endpoint and the flow ends; the response takes the out route
//! of the entry, or the sequence named by `receive`. Without an endpoint a response goes back to the
//! caller and a request goes to its `To`.
//!
//! ```xml
//! <send><endpoint key="Orders"/></send>
//! <send receive="onResponse" buildmessage="true"/>
//! ```

use crate::compile::Compiler;
use crate::endpoints::{Endpoint, Mode, Sent};
use crate::errors::Fault;
use crate::eval::Dynamic;
use crate::flow::{AsyncMediator, BoxFuture, Context, Next, Step};
use crate::message::{ANONYMOUS, Message};
use artifacts::xml::ElementRef;
use std::sync::Arc;

struct Send {
    endpoint: Option<Arc<Endpoint>>,
    receive: Option<Dynamic>,
    build: bool,
}

pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let receive = element.attr("receive").filter(|text| !text.is_empty());
    let receive = match receive {
        Some(_) => Some(compiler.dynamic(element, "receive")?),
        None => None,
    };
    let endpoint = match element.child("endpoint") {
        Some(child) => Some(compiler.endpoint_element(child)?),
        None => None,
    };
    let build = element.attr("buildmessage") == Some("true");
    Some(Step::wait(Send { endpoint, receive, build }))
}

impl AsyncMediator for Send {
    fn mediate<'a>(
        &'a self,
        message: &'a mut Message,
        cx: &'a mut Context,
    ) -> BoxFuture<'a, Result<Next, Fault>> {
        Box::pin(async move {
            let Some(endpoint) = self.endpoint.as_ref() else { return self.implicit(message, cx).await };
            self.through(endpoint, message, cx).await
        })
    }

    fn reads_body(&self) -> bool {
        self.build || self.receive.as_ref().is_some_and(Dynamic::reads_body)
    }
}

impl Send {
    async fn implicit(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        if message.response {
            return Ok(Next::Reply);
        }
        // The address may stand in the header of the message.
        crate::flow::build_payload(message, cx).await?;
        if message.addressing.to.as_deref().is_none_or(|to| to == ANONYMOUS) {
            return Ok(Next::Reply);
        }
        let endpoint = cx.program.implicit_endpoint.clone();
        self.through(&endpoint, message, cx).await
    }

    async fn through(
        &self,
        endpoint: &Endpoint,
        message: &mut Message,
        cx: &mut Context,
    ) -> Result<Next, Fault> {
        let receive = match &self.receive {
            Some(receive) => receive.text(message, cx)?,
            None => None,
        };
        Ok(match endpoint.send(message, cx, Mode::Send).await? {
            Sent::Response => Next::Response(receive),
            Sent::OneWay | Sent::Nothing => Next::Stop,
        })
    }
}
