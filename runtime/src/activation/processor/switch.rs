//! Whether a processor works: its switch on this node, and the term of a slot.

use crate::activation::fence::Held;
use coordination::Guard;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// On or off, for all slots of one processor on this node.
#[derive(Debug)]
pub(in crate::activation) struct Switch {
    processor: Arc<str>,
    on: watch::Sender<bool>,
}

impl Switch {
    pub(super) fn new(processor: &Arc<str>, on: bool) -> Self {
        Self { processor: processor.clone(), on: watch::Sender::new(on) }
    }
}

/// The switches of all processors. A processor that has switched itself off stays so over
/// redeployments, as in MI, until it is undeployed or the process ends.
#[derive(Debug, Default)]
pub(in crate::activation) struct Switches {
    switches: Mutex<HashMap<Arc<str>, Arc<Switch>>>,
}

impl Switches {
    /// The switch of a processor; `on` counts when it is new.
    pub(in crate::activation) fn of(&self, processor: &Arc<str>, on: bool) -> Arc<Switch> {
        let mut switches = self.switches.lock().unwrap_or_else(PoisonError::into_inner);
        let switch =
            switches.entry(processor.clone()).or_insert_with(|| Arc::new(Switch::new(processor, on)));
        if !*switch.on.borrow() {
            tracing::warn!("message processor '{processor}' is not active");
        }
        switch.clone()
    }

    /// Forgets the processors that are not deployed any more.
    pub(in crate::activation) fn keep_only(&self, processors: &HashSet<Arc<str>>) {
        let mut switches = self.switches.lock().unwrap_or_else(PoisonError::into_inner);
        switches.retain(|name, _| processors.contains(name));
    }
}

/// The time a slot may work: while its guard stands and its processor is switched on.
#[derive(Debug)]
pub(super) struct Term {
    held: Arc<Held>,
    pub(super) switch: Arc<Switch>,
}

impl Term {
    pub(super) fn new(guard: Guard, switch: Arc<Switch>) -> Self {
        Self { held: Held::of(guard), switch }
    }

    /// The right to act, for the flows of this slot.
    pub(super) fn held(&self) -> &Arc<Held> {
        &self.held
    }

    /// The node is asked to give the slot up?
    pub(super) fn is_ending(&self) -> bool {
        self.guard().stop().is_some()
    }

    fn guard(&self) -> &Guard {
        self.held.guard()
    }

    /// Nothing more is to be started?
    pub(super) fn is_over(&self) -> bool {
        !*self.switch.on.borrow() || self.is_ending() || !self.guard().holds()
    }

    /// Waits until nothing more is to be started.
    pub(super) async fn over(&self) {
        let mut on = self.switch.on.subscribe();
        tokio::select! {
            // The sender lives as long as this term.
            _ = on.wait_for(|on| !on) => {}
            _why = self.guard().ended() => {}
        }
    }

    /// `false` when the guard has ended before.
    pub(super) async fn wait_until_on(&self) -> bool {
        let mut on = self.switch.on.subscribe();
        tokio::select! {
            biased;
            _why = self.guard().ended() => false,
            on = on.wait_for(|on| *on) => on.is_ok(),
        }
    }

    /// Waits; `false` when the term was over before.
    pub(super) async fn pause(&self, length: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.over() => false,
            () = tokio::time::sleep(length) => true,
        }
    }

    /// The processor deactivates itself on this node.
    pub(super) fn switch_off(&self, why: &str) {
        if self.switch.on.send_replace(false) {
            tracing::error!("message processor '{}' is deactivated: {why}", self.switch.processor);
        }
    }
}
