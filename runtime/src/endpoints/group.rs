//! Failover, load balance and recipient lists.

use super::verdict::fails_on_soap_fault;
use super::{Endpoint, Mode, Sent};
use crate::errors::{Fault, Origin, codes};
use crate::eval::Dynamic;
use crate::flow::{self, Context};
use crate::message::{Message, Payload, WireBody};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// `<failover>`.
#[derive(Debug)]
pub struct Failover {
    pub(super) children: Vec<Arc<Endpoint>>,
    /// Start at the first ready child each time; otherwise stay with the one that worked last.
    pub(super) dynamic: bool,
    pub(super) current: AtomicUsize,
}

/// `<loadbalance>`.
#[derive(Debug)]
pub struct LoadBalance {
    pub(super) children: Vec<Arc<Endpoint>>,
    /// Try the next child when one fails.
    pub(super) failover: bool,
    pub(super) next: AtomicUsize,
    pub(super) sessions: Option<Sessions>,
}

/// `<recipientlist>`.
#[derive(Debug)]
pub struct RecipientList {
    pub(super) recipients: Recipients,
}

#[derive(Debug)]
pub(super) enum Recipients {
    Fixed(Vec<Arc<Endpoint>>),
    /// Addresses separated by commas.
    Computed(Dynamic),
}

fn none_ready(kind: &str, name: &str) -> Fault {
    Fault::endpoint(codes::GROUP_NONE_READY, format!("{kind} endpoint : {name} - no ready child endpoints"))
}

/// Codes that a child's `retryConfig` allows the group to go on after.
fn may_retry(child: &Endpoint, fault: &Fault) -> bool {
    match &child.kind {
        super::Kind::Leaf(leaf) => leaf.retry_allowed(fault.number()),
        _ => true,
    }
}

/// A group may send the same message again, so its body must be in memory.
async fn make_replayable(message: &mut Message, cx: &Context) -> Result<(), Fault> {
    if let Payload::Unread(body) = &mut message.payload {
        let bytes = std::mem::take(body).read(cx.services.limits.body_bytes).await;
        *body = WireBody::Full(bytes.map_err(|error| Fault::with_code(codes::BUILD, error.to_string()))?);
    }
    Ok(())
}

fn clear_error(message: &mut Message) {
    for name in ["ERROR_CODE", "ERROR_MESSAGE", "ERROR_DETAIL", "ERROR_EXCEPTION"] {
        message.properties.remove(name);
    }
}

/// Which group, for its messages.
struct Group<'g> {
    kind: &'static str,
    name: &'g str,
    children: &'g [Arc<Endpoint>],
    failover: bool,
}

impl Group<'_> {
    /// Tries children from `start` on, each at most once. The last failure is the group's; 303000 only
    /// when no child was ready.
    async fn send(
        &self,
        start: usize,
        message: &mut Message,
        cx: &mut Context,
        mode: Mode,
    ) -> Result<(Sent, usize), Fault> {
        make_replayable(message, cx).await?;
        let mut failure = None;
        for step in 0..self.children.len() {
            let index = (start + step) % self.children.len();
            let Some(child) = self.children.get(index).filter(|child| child.is_ready(cx)) else { continue };
            let depth = cx.handler_depth();
            let kept = message.payload.share();
            // An answer that counts as a failure has replaced the request.
            let request = fails_on_soap_fault(message).then(|| message.twin());
            let fault = match child.send(message, cx, mode).await {
                Ok(sent) => return Ok((sent, index)),
                Err(fault) => fault,
            };
            if !self.failover || !may_retry(child, &fault) {
                return Err(fault);
            }
            let (kind, failed) = (self.kind, child.display_name());
            tracing::info!("{kind} endpoint {}: '{failed}' failed ({fault}), trying the next", self.name);
            cx.truncate_handlers(depth);
            if let (Origin::Answer, Some(request)) = (fault.origin, request) {
                *message = request;
            }
            message.payload = kept;
            clear_error(message);
            failure = Some(fault);
        }
        Err(failure.unwrap_or_else(|| none_ready(self.kind, self.name)))
    }
}

impl Failover {
    pub(super) async fn send(
        &self,
        name: &str,
        message: &mut Message,
        cx: &mut Context,
        mode: Mode,
    ) -> Result<Sent, Fault> {
        let start = if self.dynamic { 0 } else { self.current.load(Ordering::Relaxed) };
        let group = Group { kind: "Failover", name, children: &self.children, failover: true };
        let (sent, index) = group.send(start, message, cx, mode).await?;
        self.current.store(index, Ordering::Relaxed);
        Ok(sent)
    }

    pub(super) fn is_ready(&self, cx: &Context) -> bool {
        self.children.iter().any(|child| child.is_ready(cx))
    }
}

impl LoadBalance {
    pub(super) async fn send(
        &self,
        name: &str,
        message: &mut Message,
        cx: &mut Context,
        mode: Mode,
    ) -> Result<Sent, Fault> {
        let bound = self.sessions.as_ref().and_then(|sessions| sessions.child_of(message));
        let start = bound.unwrap_or_else(|| self.next.fetch_add(1, Ordering::Relaxed));
        let group = Group { kind: "Loadbalance", name, children: &self.children, failover: self.failover };
        let (sent, index) = group.send(start % self.children.len().max(1), message, cx, mode).await?;
        if let Some(sessions) = &self.sessions {
            sessions.remember(message, index);
        }
        Ok(sent)
    }

    pub(super) fn is_ready(&self, cx: &Context) -> bool {
        self.children.iter().any(|child| child.is_ready(cx))
    }
}

/// Longest list of remembered sessions; the oldest go first.
const MAX_SESSIONS: usize = 10_000;

/// Which child a client's cookie belongs to (`<session type="http">`).
#[derive(Debug)]
pub(super) struct Sessions {
    lifetime: Duration,
    known: Mutex<Vec<(String, usize, Instant)>>,
}

impl Sessions {
    pub(super) fn new(lifetime: Duration) -> Self {
        Self { lifetime, known: Mutex::new(Vec::new()) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(String, usize, Instant)>> {
        // A list of plain values: usable after a panic elsewhere.
        self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn child_of(&self, message: &Message) -> Option<usize> {
        let cookie = message.headers.get("Cookie")?;
        let now = Instant::now();
        let mut known = self.lock();
        known.retain(|(_, _, until)| *until > now);
        let cookies = || cookie.split(';').map(str::trim);
        let found = known.iter_mut().find(|(id, _, _)| cookies().any(|c| c == id))?;
        found.2 = now + self.lifetime;
        Some(found.1)
    }

    fn remember(&self, response: &Message, child: usize) {
        let Some(cookie) = response.headers.get("Set-Cookie") else { return };
        let id = cookie.split(';').next().unwrap_or_default().trim().to_owned();
        let until = Instant::now() + self.lifetime;
        let mut known = self.lock();
        known.retain(|(other, _, _)| *other != id);
        if known.len() >= MAX_SESSIONS {
            known.remove(0);
        }
        known.push((id, child, until));
    }
}

impl RecipientList {
    /// Sends a copy to each recipient. Each response to a `send` takes the out route by itself; a `call`
    /// goes on with the response of the last recipient.
    pub(super) async fn send(
        &self,
        name: &str,
        message: &mut Message,
        cx: &mut Context,
        mode: Mode,
    ) -> Result<Sent, Fault> {
        let children = self.children(message, cx)?;
        let Some((last, others)) = children.split_last() else {
            return Err(none_ready("RecipientList", name));
        };
        flow::build_payload(message, cx).await?;
        for child in others {
            let (child, mut copy) = (child.clone(), message.fork());
            let mut branch = cx.detached();
            tokio::spawn(async move {
                match child.send(&mut copy, &mut branch, mode).await {
                    Ok(Sent::Response) if mode == Mode::Send => {
                        flow::run_response(&mut branch, &mut copy).await;
                    }
                    Ok(_) => {}
                    Err(fault) => tracing::warn!("recipient '{}' failed: {fault}", child.display_name()),
                }
            });
        }
        last.send(message, cx, mode).await
    }

    fn children(&self, message: &Message, cx: &Context) -> Result<Vec<Arc<Endpoint>>, Fault> {
        match &self.recipients {
            Recipients::Fixed(children) => Ok(children.clone()),
            Recipients::Computed(value) => {
                let text = value.text(message, cx)?.unwrap_or_else(|| "".into());
                let urls = text.split(',').map(str::trim).filter(|url| !url.is_empty());
                Ok(urls.map(|url| Arc::new(super::compile::address_endpoint(url))).collect())
            }
        }
    }
}
