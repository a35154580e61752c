//! Task artifacts to scheduled tasks.

use super::injector::Injector;
use super::schedule::Schedule;
use super::task::ScheduledTask;
use artifacts::cron::Cron;
use artifacts::kinds::Task;
use artifacts::kinds::task::{MESSAGE_INJECTOR, Trigger};
use coordination::lease::fingerprint;
use std::sync::Arc;

impl ScheduledTask {
    /// What a task artifact means on the server `server`; `None` (and a log line) when it never runs
    /// here: pinned to other servers, a class that is not native, an expression that Quartz refuses.
    pub fn of(task: &Task, server: &str) -> Option<Arc<Self>> {
        let pinned = task.pinned_servers.as_ref().filter(|servers| !servers.is_empty());
        if pinned.is_some_and(|servers| !servers.iter().any(|name| name == server)) {
            tracing::info!(
                "task '{}' is pinned to {} and does not run here, on '{server}'",
                task.name,
                pinned.map_or_else(String::new, |servers| servers.join(", "))
            );
            return None;
        }
        if task.class != MESSAGE_INJECTOR {
            tracing::error!("task '{}' does not run: the class {} is not native", task.name, task.class);
            return None;
        }
        Some(Arc::new(Self {
            name: task.name.as_str().into(),
            definition: fingerprint(&[&task.element.get().to_xml()]),
            schedule: schedule(task)?,
            injector: Arc::new(Injector::of(task)),
            pinned: pinned.is_some(),
        }))
    }
}

fn schedule(task: &Task) -> Option<Schedule> {
    Some(match &task.trigger {
        Trigger::Interval { seconds, count } => Schedule::Interval {
            every_ms: seconds.saturating_mul(1_000).max(1),
            count: (*count >= 0).then(|| i64::from(*count)),
        },
        Trigger::Once { explicit } => {
            if !explicit {
                tracing::warn!("task '{}' has no usable trigger (MI never runs it); it runs once", task.name);
            }
            Schedule::Interval { every_ms: 1_000, count: Some(1) }
        }
        Trigger::Cron(text) => match Cron::parse(text) {
            Ok(cron) => Schedule::Cron(Box::new(cron), jiff::tz::TimeZone::system()),
            Err(error) => {
                tracing::error!(
                    "task '{}' never runs: the cron expression '{text}' is refused: {error}",
                    task.name
                );
                return None;
            }
        },
    })
}
