//! Message processor artifacts to processors.

use super::deliver::Delivery;
use super::forward::{Route, TARGET};
use super::pace::{Quota, SHORTEST, Trigger};
use super::{Connection, Processor, Work};
use crate::activation::schedule::Schedule;
use crate::stores::StoreSpec;
use artifacts::cron::Cron;
use artifacts::kinds::MessageProcessor;
use artifacts::kinds::message_processor::ProcessorKind;
use artifacts::values::{java_bool, java_int, java_long};
use coordination::lease::fingerprint;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Most jobs of one processor; each costs a lease and a task.
const MOST_SLOTS: i32 = 256;

impl Processor {
    /// What an artifact means with these stores.
    ///
    /// # Errors
    /// Why it does not run: its store is not deployed or of a class that is not available, its class
    /// is not native, or Quartz refuses its expression.
    pub fn of(
        artifact: &MessageProcessor,
        stores: &HashMap<Arc<str>, Arc<StoreSpec>>,
    ) -> Result<Arc<Self>, String> {
        let name = &artifact.message_store.key;
        let store =
            stores.get(name.as_str()).ok_or_else(|| format!("the message store '{name}' is not deployed"))?;
        if !store.is_available() {
            let class = store.class.as_deref().unwrap_or_default();
            return Err(format!(
                "the message store '{name}' is of class {class}, which is not available yet"
            ));
        }
        let interval = millis(artifact, "interval").unwrap_or(SHORTEST);
        let trigger = trigger(artifact, interval)?;
        let work = work(artifact)?;
        let (quota, pause) = match (&work, &trigger) {
            (Work::Sample(_), _) => {
                let concurrency = number(artifact, "concurrency").unwrap_or(1).max(1);
                (Quota::Count(concurrency.unsigned_abs()), Duration::ZERO)
            }
            (_, Trigger::Cron(_)) => (Quota::All, interval),
            (_, Trigger::Every(_)) if interval < SHORTEST => (Quota::For(SHORTEST), interval),
            (_, Trigger::Every(_)) => (Quota::Count(1), interval),
        };
        Ok(Arc::new(Self {
            name: artifact.name.as_str().into(),
            definition: definition(artifact, store),
            slots: number(artifact, "member.count").unwrap_or(1).clamp(1, MOST_SLOTS).unsigned_abs(),
            active: artifact.parameter("is.active").is_none_or(java_bool),
            store: store.clone(),
            trigger,
            quota,
            pause,
            connection: Connection {
                attempts: limit(artifact, "max.store.connection.attempts", -1),
                retry: millis(artifact, "store.connection.retry.interval").unwrap_or(SHORTEST),
            },
            work,
        }))
    }
}

/// A processor is another one when its artifact or its store has changed.
fn definition(artifact: &MessageProcessor, store: &StoreSpec) -> Arc<str> {
    let xml = artifact.element.get().to_xml();
    let mut parts: Vec<&str> = vec![&xml, store.class.as_deref().unwrap_or_default()];
    parts.extend(store.parameters.iter().flat_map(|(name, text)| [&**name, &**text]));
    fingerprint(&parts)
}

fn trigger(artifact: &MessageProcessor, interval: Duration) -> Result<Trigger, String> {
    let Some(text) = text(artifact, "cronExpression") else { return Ok(Trigger::Every(interval)) };
    match Cron::parse(text) {
        Ok(cron) => Ok(Trigger::Cron(Schedule::Cron(Box::new(cron), jiff::tz::TimeZone::system()))),
        Err(error) => Err(format!("the cron expression '{text}' is refused: {error}")),
    }
}

fn work(artifact: &MessageProcessor) -> Result<Work, String> {
    let name = |parameter: &str| text(artifact, parameter).map(Into::into);
    Ok(match artifact.kind {
        ProcessorKind::Forwarding => {
            let endpoint = artifact.target_endpoint.as_ref().map(|reference| reference.key.as_str().into());
            let route = Route {
                endpoint: endpoint.or_else(|| name(TARGET)),
                reply: name("message.processor.reply.sequence"),
                fault: name("message.processor.fault.sequence"),
                delivered: text(artifact, "non.retry.status.codes").unwrap_or_default().to_owned(),
            };
            Work::Forward(delivery(artifact, 4), route)
        }
        ProcessorKind::FailoverForwarding => {
            let target = name("message.target.store.name");
            let target = target.ok_or("it has no parameter 'message.target.store.name'")?;
            Work::Relocate(delivery(artifact, -1), target)
        }
        ProcessorKind::Sampling => Work::Sample(
            name("sequence").ok_or("it has no parameter 'sequence', and would lose every message")?,
        ),
        ProcessorKind::Custom => return Err(format!("the class {} is not native", artifact.class)),
    })
}

fn delivery(artifact: &MessageProcessor, attempts: i32) -> Delivery {
    let name = |parameter: &str| text(artifact, parameter).map(Into::into);
    Delivery {
        attempts: limit(artifact, "max.delivery.attempts", attempts),
        retry: millis(artifact, "client.retry.interval").unwrap_or(SHORTEST),
        drop: artifact.parameter("max.delivery.drop") == Some("Enabled"),
        fail_store: name("message.processor.failMessagesStore"),
        fault: name("message.processor.fault.sequence"),
        deactivate: name("message.processor.deactivate.sequence"),
    }
}

fn text<'p>(artifact: &'p MessageProcessor, parameter: &str) -> Option<&'p str> {
    artifact.parameter(parameter).map(str::trim).filter(|text| !text.is_empty())
}

fn number(artifact: &MessageProcessor, parameter: &str) -> Option<i32> {
    text(artifact, parameter).and_then(java_int)
}

fn millis(artifact: &MessageProcessor, parameter: &str) -> Option<Duration> {
    let value = text(artifact, parameter).and_then(java_long)?;
    Some(Duration::from_millis(u64::try_from(value).unwrap_or(0)))
}

/// A number of attempts; zero and less mean for ever.
fn limit(artifact: &MessageProcessor, parameter: &str, default: i32) -> Option<u32> {
    let value = number(artifact, parameter).unwrap_or(default);
    u32::try_from(value).ok().filter(|most| *most > 0)
}
