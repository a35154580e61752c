//! Counting requests against the policy.

use super::Source;
use super::policy::{Access, Kind, Policy};
use crate::errors::Fault;
use crate::flow::{Context, Enter, Leave, Mediator, Next};
use crate::mediators::parts::entry;
use crate::message::{Message, Value};
use crate::program::FlowTarget;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Throttle {
    pub(super) id: Arc<str>,
    pub(super) source: Source,
    pub(super) on_accept: Option<FlowTarget>,
    pub(super) on_reject: Option<FlowTarget>,
    pub(super) counters: Arc<Counters>,
}

/// Requests so far; one entry for each rule and artifact, so the number of entries is small.
#[derive(Debug, Default)]
pub(super) struct Counters {
    windows: Mutex<HashMap<String, Window>>,
    running: Mutex<usize>,
}

/// One unit of time, beginning with its first request.
#[derive(Debug, Clone, Copy)]
struct Window {
    end: Instant,
    count: u64,
    prohibited_until: Option<Instant>,
}

impl Mediator for Throttle {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        if message.response {
            return Ok(Next::Continue);
        }
        let allowed = match self.policy(cx)? {
            Some(policy) => self.admit(&policy, message, cx),
            None => true,
        };
        let (branch, word) =
            if allowed { (&self.on_accept, "onAccept") } else { (&self.on_reject, "onReject") };
        match branch {
            None => Ok(if allowed { Next::Continue } else { Next::Stop }),
            Some(target) => match target.block(&cx.program) {
                Some(block) => Ok(Next::Enter(Enter { block, leave: Leave::Continue })),
                None => Err(missing(target, word)),
            },
        }
    }

    fn reads_body(&self) -> bool {
        false
    }
}

fn missing(target: &FlowTarget, word: &str) -> Fault {
    let name = if let FlowTarget::Named(name) = target { &**name } else { "" };
    Fault::new(format!("Unable to find {word} sequence with key : {name}"))
}

impl Throttle {
    fn policy(&self, cx: &Context) -> Result<Option<Arc<Policy>>, Fault> {
        let (key, read) = match &self.source {
            Source::Inline(policy) => return Ok(policy.clone()),
            Source::Key(key, read) => (key, read),
        };
        if let Some(policy) = read.get() {
            return Ok(Some(policy.clone()));
        }
        match entry::get(cx, key) {
            Some(Value::Xml(element)) => {
                Ok(Some(read.get_or_init(|| Arc::new(Policy::read(element.get()))).clone()))
            }
            Some(_) => Err(Fault::new(format!("Policy returned from key : {key} is not an OMElement"))),
            None => Err(Fault::new(format!("Cannot find throttling policy using key : {key}"))),
        }
    }

    /// A place among the concurrent requests first, then the rate of the caller.
    fn admit(&self, policy: &Policy, message: &Message, cx: &Context) -> bool {
        let place = match policy.concurrent {
            Some(limit) => match Counters::enter(&self.counters, limit) {
                Some(place) => Some(place),
                None => return false,
            },
            None => None,
        };
        let allowed = self.rate(policy, message);
        if let Some(place) = place.filter(|_| allowed) {
            // Given back when the caller has its answer.
            cx.exchange.hold(place);
        }
        allowed
    }

    fn rate(&self, policy: &Policy, message: &Message) -> bool {
        let rule = domain(message)
            .and_then(|domain| policy.rule(Kind::Domain, &domain))
            .or_else(|| address(message).and_then(|address| policy.rule(Kind::Ip, &address)));
        match rule.map(|(rule, group)| (rule.access, group)) {
            None | Some((Access::Allow, _)) => true,
            Some((Access::Deny, _)) => false,
            Some((Access::Limit { count, unit, prohibit }, group)) => {
                let key = format!("{}{:?}_{group}", self.id, message.dispatch.entry);
                self.counters.count(key, count, unit, prohibit)
            }
        }
    }
}

fn domain(message: &Message) -> Option<String> {
    let forwarded = message.headers.get("X-Forwarded-Host").map(|host| host.into_owned());
    forwarded.or_else(|| message.axis2_text("REMOTE_HOST"))
}

fn address(message: &Message) -> Option<String> {
    let forwarded = message.headers.get("X-Forwarded-For");
    let first =
        forwarded.as_deref().and_then(|list| list.split(',').next()).map(|first| first.trim().to_owned());
    first.filter(|text| !text.is_empty()).or_else(|| message.axis2_text("REMOTE_ADDR"))
}

/// A place among the concurrent requests; dropping it gives it back.
#[derive(Debug)]
struct Place(Arc<Counters>);

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.0.running.lock().unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_sub(1);
    }
}

impl Counters {
    fn enter(counters: &Arc<Self>, limit: usize) -> Option<Place> {
        let mut running = counters.running.lock().unwrap_or_else(PoisonError::into_inner);
        if *running >= limit {
            return None;
        }
        *running += 1;
        Some(Place(counters.clone()))
    }

    /// Counts a request: `false` when it is one too many.
    fn count(&self, key: String, limit: u64, unit: Duration, prohibit: Duration) -> bool {
        let now = Instant::now();
        let fresh = Window { end: now + unit, count: 0, prohibited_until: None };
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(key).or_insert(fresh);
        match window.prohibited_until {
            Some(until) if now < until => return false,
            Some(_) => *window = fresh,
            None if now >= window.end => *window = fresh,
            None => {}
        }
        if window.count < limit {
            window.count += 1;
            return true;
        }
        if !prohibit.is_zero() {
            window.prohibited_until = Some(now + prohibit);
        }
        false
    }
}
