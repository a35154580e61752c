//! What the sink saw: the only evidence that the checker judges by.

use std::collections::BTreeMap;
use std::time::Duration;

/// Where in its run an event was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Start,
    Effect,
    End,
}

impl Phase {
    /// From the word in the event's address.
    pub fn of(word: &str) -> Option<Phase> {
        Some(match word {
            "start" => Phase::Start,
            "effect" => Phase::Effect,
            "end" => Phase::End,
            _ => return None,
        })
    }

    fn word(self) -> &'static str {
        match self {
            Phase::Start => "start",
            Phase::Effect => "effect",
            Phase::End => "end",
        }
    }
}

/// One request that reached the sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// When, on the sink's clock.
    pub at: Duration,
    /// Where in its run it was sent.
    pub phase: Phase,
    /// The activity: a task, or the file source.
    pub task: String,
    /// The epoch the run acts under.
    pub epoch: i64,
    /// The process that sent it, such as `n2.1`: the first restart of the node `n2`.
    pub process: String,
    /// The fire's key; of a file source the name of the file.
    pub fire: String,
    /// The number of the run, as the task counts.
    pub run: i64,
    /// `false`: an effect that the fence refused.
    pub accepted: bool,
}

impl Event {
    /// One line for people.
    pub fn line(&self) -> String {
        format!(
            "{:9.3} s  {:<6} {:<12} epoch {} from {:<6} fire {} run {}{}",
            self.at.as_secs_f64(),
            self.phase.word(),
            self.task,
            self.epoch,
            self.process,
            self.fire,
            self.run,
            if self.accepted { "" } else { "  REFUSED" }
        )
    }
}

/// Everything from the first `start` of one fire on one process to its last event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The activity: a task, or the file source.
    pub task: String,
    /// The process it ran on.
    pub process: String,
    /// The epoch it acted under.
    pub epoch: i64,
    /// The fire's key; of a file source the name of the file.
    pub fire: String,
    /// When it started, on the sink's clock like all times here.
    pub start: Duration,
    /// Its last event, whatever it was.
    pub last: Duration,
    /// Its `end`, if that came.
    pub end: Option<Duration>,
    /// Its last accepted effect.
    pub effect: Option<Duration>,
}

/// Events in order of arrival.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// In order of arrival.
    pub events: Vec<Event>,
}

impl Record {
    /// The `start` events of tasks and file sources.
    pub fn starts(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.events.iter().filter(|e| e.phase == Phase::Start)
    }

    /// Events grouped by run, in order of their starts.
    pub fn runs(&self) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut index: BTreeMap<(&str, &str, i64, &str), usize> = BTreeMap::new();
        for event in &self.events {
            let key = (event.task.as_str(), event.process.as_str(), event.epoch, event.fire.as_str());
            let at = *index.entry(key).or_insert_with(|| {
                runs.push(Run {
                    task: event.task.clone(),
                    process: event.process.clone(),
                    epoch: event.epoch,
                    fire: event.fire.clone(),
                    start: event.at,
                    last: event.at,
                    end: None,
                    effect: None,
                });
                runs.len() - 1
            });
            let Some(run) = runs.get_mut(at) else { continue };
            run.last = event.at;
            match event.phase {
                Phase::Effect if event.accepted => run.effect = Some(event.at),
                Phase::End => run.end = Some(event.at),
                _ => {}
            }
        }
        runs
    }

    /// Who started each task last before an instant.
    pub fn owners(&self, before: Duration) -> BTreeMap<String, String> {
        self.starts().filter(|e| e.at < before).map(|e| (e.task.clone(), e.process.clone())).collect()
    }

    /// Changes of the owner between successive starts of a task, counted from an instant on.
    pub fn moves(&self, since: Duration) -> usize {
        let mut owners = self.owners(since);
        let mut count = 0;
        for event in self.starts().filter(|e| e.at >= since) {
            let before = owners.insert(event.task.clone(), event.process.clone());
            count += usize::from(before.is_some_and(|before| before != event.process));
        }
        count
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An event in words: `start a 3 n1 17 @1500` (phase, task, epoch, process, fire, milliseconds),
    /// `refused` in the place of `effect`.
    pub(in crate::faults) fn event(text: &str) -> Event {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [phase, task, epoch, process, fire, at] = words[..] else { panic!("{text}") };
        let run = fire.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap();
        Event {
            at: Duration::from_millis(at.trim_start_matches('@').parse().unwrap()),
            phase: if phase == "refused" { Phase::Effect } else { Phase::of(phase).unwrap() },
            task: task.into(),
            epoch: epoch.parse().unwrap(),
            process: process.into(),
            fire: fire.into(),
            run,
            accepted: phase != "refused",
        }
    }

    pub(in crate::faults) fn record(lines: &[&str]) -> Record {
        Record { events: lines.iter().map(|l| event(l)).collect() }
    }

    #[test]
    fn events_become_runs() {
        let r = record(&["start a 1 n1 5 @0", "start b 1 n1 5 @1", "effect a 1 n1 5 @2", "end a 1 n1 5 @3"]);
        let runs = r.runs();
        assert_eq!(runs.len(), 2);
        assert_eq!((runs[0].last, runs[0].effect.is_some()), (Duration::from_millis(3), true));
        assert_eq!((runs[1].end, runs[1].effect), (None, None));
    }

    #[test]
    fn moves_are_changes_of_the_process() {
        let r =
            record(&["start a 1 n1 1 @0", "start a 2 n2 2 @10", "start a 2 n2 3 @20", "start b 1 n2 1 @30"]);
        assert_eq!(r.moves(Duration::from_millis(5)), 1);
        assert_eq!(r.moves(Duration::from_millis(15)), 0);
        assert_eq!(r.owners(Duration::from_millis(15))["a"], "n2");
    }
}
