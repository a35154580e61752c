//! What the driver tells people of the cluster: a line for each change, reminders of trouble, and
//! counters. Log lines show the name of the module they come from.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Driver;
use crate::clock::millis;
use crate::lease::{Epoch, Key, Lease};
use crate::member::MemberId;
use crate::protocol::{Note, Output, Trouble};
use crate::shared::lock;

/// How often an outage is reported while it lasts.
const REMIND: Duration = Duration::from_secs(30);

/// More activations than this in one step get one line together.
const FEW: usize = 10;

impl Driver {
    /// An outage stays loud, and so does a node id that is used twice: one line every half minute.
    pub(super) fn remind(&mut self) {
        let now = self.shared.clock.uptime();
        let trouble = self.protocol.trouble();
        let twin = self.protocol.blocked_by().filter(|(_, moving)| *moving);
        if trouble.is_none() && twin.is_none() {
            self.reminded = now;
        }
        if now.saturating_sub(self.reminded) < REMIND {
            return;
        }
        self.reminded = now;
        if let Some(Trouble { since, reason, hopeless }) = trouble {
            let seconds = now.saturating_sub(*since).as_secs();
            if *hopeless {
                tracing::error!(seconds, "coordinated work does not run until this is mended: {reason}");
            } else {
                tracing::error!(
                    seconds,
                    %reason,
                    "the coordination database still does not answer; coordinated work is stopped"
                );
            }
        }
        if let Some((holder, _)) = twin {
            self.say_duplicate(holder);
        }
    }

    fn say_duplicate(&self, holder: MemberId) {
        let node = self.protocol.node();
        tracing::error!(
            member = %holder,
            "[{node}] is a duplicate node: another live process uses our node id; waiting until it ends"
        );
    }

    /// One line per change; the wording keeps MI's lines where it has one, so that existing alert
    /// rules still match.
    pub(super) fn note(&mut self, note: &Note) {
        let counters = &self.shared.counters;
        let add = |n: &AtomicU64| n.fetch_add(1, Ordering::Relaxed);
        match note {
            Note::Joined(id) => {
                lock(&self.shared.seen).duplicate_node = None;
                tracing::info!(member = %id, "Successfully joined the cluster with id [{id}]");
            }
            Note::NodeTaken { holder, moving } => {
                lock(&self.shared.seen).duplicate_node = Some(*moving);
                if *moving {
                    self.say_duplicate(*holder);
                } else {
                    tracing::warn!(member = %holder, "our node id is still held by an earlier process; waiting until it ends");
                }
            }
            Note::MemberSeen { id, node } => {
                tracing::info!(member = %id, %node, "Member added [{node}]");
            }
            Note::MemberGone { id, node } => {
                tracing::info!(member = %id, %node, "Member removed [{node}]");
            }
            Note::Expired { id, node } => {
                add(&counters.expired);
                tracing::warn!(member = %id, "ended a silent member [{node}]");
            }
            Note::Expelled(id) => {
                add(&counters.expelled);
                tracing::error!(member = %id, "this node was silent for too long and was ended by others; joining anew");
            }
            Note::DatabaseSilent { reason, hopeless: true } => {
                tracing::error!("coordinated work does not run until this is mended: {reason}");
            }
            Note::DatabaseSilent { reason, hopeless: false } => {
                tracing::warn!(%reason, "the coordination database does not answer");
            }
            Note::DatabaseBack { after, rejoined: false } => {
                tracing::info!(after_ms = millis(*after), "the coordination database answers again");
            }
            Note::DatabaseBack { after, rejoined: true } => {
                tracing::info!(after_ms = millis(*after), "Re-joined the cluster successfully.");
            }
            Note::Fenced { activations } => {
                add(&counters.fenced);
                tracing::error!(
                    activations,
                    "Lost connection to the cluster. Coordinated work is stopped until the database answers; HTTP traffic goes on"
                );
            }
            Note::EpochsWentBack { keys, from, to } => {
                let first = keys.first().map_or("", Key::as_str);
                tracing::error!(
                    activations = keys.len(), first, %from, %to,
                    "epochs went back: the coordination database was restored or lost commits; they are raised again"
                );
            }
            Note::DefinitionsDiffer { keys } => {
                let names: Vec<&str> = keys.iter().take(5).map(Key::as_str).collect();
                tracing::warn!(
                    activations = keys.len(),
                    "nodes have different definitions of {}{}; only nodes with the newest take them",
                    names.join(", "),
                    if keys.len() > names.len() { " and others" } else { "" }
                );
            }
            Note::DefinitionsAgree => tracing::info!("all nodes have the same definitions again"),
            Note::Claimed { from: Some(_), .. } => {
                add(&counters.takeovers);
            }
            Note::Claimed { from: None, .. } => {
                add(&counters.claims);
            }
        }
    }
}

/// One line per activation that starts or stops, or one for all of them when they are many.
pub(super) fn announce(outputs: &[Output]) {
    let starts: Vec<&Lease> = outputs
        .iter()
        .filter_map(|o| if let Output::Start(lease) = o { Some(lease) } else { None })
        .collect();
    if starts.len() > FEW {
        tracing::info!("{} activations start on this node", starts.len());
    }
    for lease in &starts {
        let (activation, epoch) = (&lease.key, lease.epoch);
        if starts.len() > FEW {
            tracing::debug!(%activation, %epoch, "activation starts on this node");
        } else {
            tracing::info!(%activation, %epoch, "activation starts on this node");
        }
    }
    let mut stops: BTreeMap<&str, Vec<(&Key, Epoch)>> = BTreeMap::new();
    for output in outputs {
        if let Output::Stop { key, epoch, why } = output {
            stops.entry(why.word()).or_default().push((key, *epoch));
        }
    }
    for (reason, stopped) in stops {
        if stopped.len() > FEW {
            tracing::info!(reason, "{} activations stop on this node", stopped.len());
        }
        for (activation, epoch) in &stopped {
            if stopped.len() > FEW {
                tracing::debug!(%activation, %epoch, reason, "activation stops on this node");
            } else {
                tracing::info!(%activation, %epoch, reason, "activation stops on this node");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Stop;
    use std::sync::Arc;
    use std::sync::atomic::AtomicI64;

    /// Counts the lines at each level.
    #[derive(Debug, Default)]
    struct Lines([AtomicI64; 2]);

    impl tracing::Subscriber for Lines {
        fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
            tracing::span::Id::from_u64(1)
        }
        fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
        fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
        fn event(&self, event: &tracing::Event<'_>) {
            let info = *event.metadata().level() == tracing::Level::INFO;
            self.0[usize::from(info)].fetch_add(1, Ordering::Relaxed);
        }
        fn enter(&self, _: &tracing::span::Id) {}
        fn exit(&self, _: &tracing::span::Id) {}
    }

    #[test]
    fn many_activations_get_one_line() {
        let stop =
            |n: i64| Output::Stop { key: Key::new(&n.to_string()), epoch: Epoch(n), why: Stop::Draining };
        let lines = |n: i64| {
            let lines = Arc::new(Lines::default());
            let outputs: Vec<Output> = (0..n).map(stop).collect();
            tracing::subscriber::with_default(lines.clone(), || announce(&outputs));
            lines.0.each_ref().map(|count| count.load(Ordering::Relaxed))
        };
        assert_eq!(lines(10), [0, 10]);
        assert_eq!(lines(11), [11, 1]);
    }
}
