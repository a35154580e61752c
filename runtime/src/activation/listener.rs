//! Transports of proxy services other than HTTP: what comes in goes to the service, and its answer to a
//! file.

use super::fence::Held;
use super::inbound::{InboundSource, Taker, error_text, message_of, policy};
use crate::endpoints::vfs::{self, Defaults};
use crate::engine::Engine;
use crate::flow::{self, Answer, BoxFuture, Context, End};
use crate::message::Message;
use artifacts::kinds::Proxy;
use connectors::contract::{Deliver, Delivery, Outcome};
use coordination::lease::fingerprint;
use std::path::Path;
use std::sync::Arc;

/// Says where the files are; a service without a list of transports listens when it is there.
const FILE_URI: &str = "transport.vfs.FileURI";

/// How a proxy service listens on a transport.
#[derive(Debug, Clone)]
pub(super) struct Listener {
    /// Name of the transport, and kind of the lease.
    pub(super) transport: &'static str,
    /// `transport.vfs.ReplyFileURI`, and what else the service says about its answers.
    reply: Option<(Arc<str>, Defaults)>,
}

impl InboundSource {
    /// The sources of a proxy service, one for each transport that it lists. A transport that is not
    /// built in, or a parameter that cannot be used, is logged.
    pub fn of_proxy(proxy: &Proxy, home: &Path) -> Vec<Arc<Self>> {
        let implied = proxy.transports.is_empty() && proxy.parameter(FILE_URI).is_some();
        let listed = proxy.transports.iter().map(String::as_str).chain(implied.then_some("vfs"));
        let others = listed.filter(|transport| !matches!(*transport, "http" | "https" | "local"));
        others.filter_map(|transport| listen(proxy, transport, home)).collect()
    }
}

fn listen(proxy: &Proxy, transport: &str, home: &Path) -> Option<Arc<InboundSource>> {
    let name = &proxy.name;
    let parameter = |wanted: &str| proxy.parameter(wanted).map(str::to_owned);
    let (transport, source) = match (transport, connectors::listen(transport, &parameter, home)) {
        ("vfs", Some(Ok(source))) => ("vfs", source),
        (_, Some(Err(problem))) => {
            tracing::error!("proxy service '{name}' does not listen on '{transport}': {problem}");
            return None;
        }
        _ => {
            tracing::error!("proxy service '{name}' does not listen on '{transport}': it is not built in");
            return None;
        }
    };
    let defaults = Defaults {
        name: parameter("transport.vfs.ReplyFileName"),
        locking: parameter("transport.vfs.Locking").as_deref() != Some("disable"),
    };
    let reply = parameter("transport.vfs.ReplyFileURI").map(|address| (address.into(), defaults));
    // Placeholders are filled in in the parameters only.
    let values = proxy.parameters.iter().map(|(_, value)| value.as_str());
    let element = proxy.element.get().to_xml();
    let parts: Vec<&str> = std::iter::once(element.as_str()).chain(values).collect();
    Some(Arc::new(InboundSource {
        name: name.as_str().into(),
        definition: fingerprint(&parts),
        policy: policy(&format!("proxy service '{name}'"), parameter("coordination").as_deref()),
        taker: Taker::Proxy(Listener { transport, reply }),
        source,
    }))
}

/// Hands over to a proxy service.
pub(super) struct IntoProxy {
    name: Arc<str>,
    listener: Listener,
    engine: Arc<Engine>,
    held: Arc<Held>,
}

impl IntoProxy {
    pub(super) fn new(name: Arc<str>, listener: Listener, engine: Arc<Engine>, held: Arc<Held>) -> Self {
        Self { name, listener, engine, held }
    }

    /// Waits for the answer of branches, if an answer has anywhere to go, and puts it there.
    async fn answer(&self, cx: &Context) -> Result<(), String> {
        if self.listener.reply.is_some() {
            let limit = cx.services.timeouts.response;
            let finished = tokio::time::timeout(limit, cx.exchange.finished()).await;
            finished.map_err(|_elapsed| format!("no answer within {limit:?}"))?;
        }
        let Some(Answer::Reply(mut answer)) = cx.exchange.take() else { return Ok(()) };
        let failed = sender_failure(&answer);
        let Some((address, defaults)) = &self.listener.reply else {
            tracing::warn!(
                "proxy service '{}': its answer is dropped, there is no transport.vfs.ReplyFileURI",
                self.name
            );
            return failed;
        };
        vfs::write(&mut answer, cx, address, defaults).await.map_err(|fault| fault.detail)?;
        failed
    }
}

impl Deliver for IntoProxy {
    fn deliver(&self, delivery: Delivery) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            let parse_first = delivery.parse_first;
            let mut message = message_of(delivery, &self.held);
            let mut cx = self.engine.context();
            cx.fence = Some(self.held.clone());
            let Some(proxy) = cx.program.router.proxy(&self.name).cloned() else {
                // A redeployment has taken it away, and is about to end its transports.
                return Outcome::Rejected;
            };
            let built = match parse_first {
                true => flow::build_payload(&mut message, &cx).await,
                // What MI's builder refuses at once; its parser meets the rest in the flow.
                false => flow::begin_payload(&mut message, &cx).await,
            };
            if let Err(fault) = built {
                return Outcome::Failed(format!("{fault}: {}", fault.detail));
            }
            cx.enter_proxy(&mut message, &proxy, "", self.listener.transport);
            let answered = match flow::run_request(&mut cx, &mut message).await {
                End::Completed | End::Stopped => self.answer(&cx).await,
                End::Failed => Err(error_text(&message)),
                // This node may not act for it any more.
                End::Abandoned => return Outcome::Rejected,
            };
            // The delivery is settled then: nothing may be under way that could still be lost.
            cx.exchange.idle().await;
            match answered.and_then(|()| sender_failure(&message)) {
                Ok(()) => Outcome::Done,
                Err(problem) => Outcome::Failed(problem),
            }
        })
    }
}

/// As MI does it, a flow says with the transport header `ERROR_CODE` that its message has failed.
fn sender_failure(message: &Message) -> Result<(), String> {
    match message.headers.get("ERROR_CODE").filter(|code| !code.is_empty()) {
        Some(code) => Err(format!("the transport header ERROR_CODE is {code}: {}", error_text(message))),
        None => Ok(()),
    }
}
