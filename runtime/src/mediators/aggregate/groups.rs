//! The messages that wait for their fellows.

use super::Settings;
use crate::flow::Context;
use crate::mediators::parts::correlation;
use crate::message::Message;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::task::AbortHandle;

/// Most groups that wait at once in one mediator. MI has no limit; the oldest gives way here.
const MAX_GROUPS: usize = 10_000;

/// Messages of one correlation.
pub(super) struct Group {
    /// In order of arrival.
    pub(super) messages: Vec<Message>,
    /// What comes after the mediator, for the first message: the aggregated message is its copy.
    pub(super) first: Context,
    min: usize,
    max: usize,
    timer: Option<AbortHandle>,
    number: u64,
}

#[derive(Default)]
pub(super) struct Groups {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    groups: HashMap<Arc<str>, Group>,
    next: u64,
}

/// Smallest and largest number of messages; anything below one means "not set".
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) min: usize,
    pub(super) max: usize,
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Groups({})", self.lock().groups.len())
    }
}

impl Groups {
    /// Does a group wait under this key?
    pub(super) fn contains(&self, key: &str) -> bool {
        self.lock().groups.contains_key(key)
    }

    /// Adds a message, to a new group when there is none. Gives the group away when it is complete;
    /// `true` when a new group was made. A message that is one too many is lost, as in MI.
    pub(super) fn add(
        &self,
        key: &Arc<str>,
        message: Message,
        cx: &Context,
        limits: Limits,
        settings: &Settings,
    ) -> (Option<Group>, bool) {
        let mut inner = self.lock();
        let made = !inner.groups.contains_key(key);
        if made {
            evict(&mut inner);
            let number = inner.next;
            inner.next += 1;
            let Limits { min, max } = limits;
            let group =
                Group { messages: Vec::new(), first: cx.kept_continuation(), min, max, timer: None, number };
            inner.groups.insert(key.clone(), group);
        }
        let Some(group) = inner.groups.get_mut(key) else { return (None, made) };
        if group.max == 0 || group.messages.len() < group.max {
            group.messages.push(message);
        }
        if !group.is_complete(settings) {
            return (None, made);
        }
        let group = inner.groups.remove(key);
        if let Some(timer) = group.as_ref().and_then(|group| group.timer.as_ref()) {
            timer.abort();
        }
        (group, made)
    }

    /// Remembers the timer of a group that still waits; stops it otherwise.
    pub(super) fn set_timer(&self, key: &str, timer: AbortHandle) {
        match self.lock().groups.get_mut(key) {
            Some(group) => group.timer = Some(timer),
            None => timer.abort(),
        }
    }

    /// Number of the group under a key: a timer takes only the group that it was started for.
    pub(super) fn number(&self, key: &str) -> Option<u64> {
        self.lock().groups.get(key).map(|group| group.number)
    }

    /// Takes a group out.
    pub(super) fn take(&self, key: &str, number: u64) -> Option<Group> {
        let mut inner = self.lock();
        match inner.groups.get(key) {
            Some(group) if group.number == number => inner.groups.remove(key),
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is one insertion or removal; a panic leaves nothing half done.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn evict(inner: &mut Inner) {
    if inner.groups.len() < MAX_GROUPS {
        return;
    }
    let oldest = inner.groups.iter().min_by_key(|(_, group)| group.number).map(|(key, _)| key.clone());
    if let Some(group) = oldest.and_then(|key| inner.groups.remove(&key)) {
        tracing::warn!(
            messages = group.messages.len(),
            "more than {MAX_GROUPS} incomplete groups in one <aggregate>: the oldest is dropped"
        );
        if let Some(timer) = group.timer {
            timer.abort();
        }
    }
}

impl Group {
    /// As many as the fork made, or the smallest, or the largest number.
    fn is_complete(&self, settings: &Settings) -> bool {
        let count = self.messages.len();
        let total = self.messages.first().and_then(|m| correlation::total(m, settings.id.as_deref()));
        total.is_some_and(|total| count >= total)
            || self.min > 0 && count >= self.min
            || self.max > 0 && count >= self.max
    }
}
