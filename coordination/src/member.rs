//! One process start as others see it.
//!
//! A member joins with a fresh identity, shows that it lives by moving a counter, and ends once: by
//! leaving, or by being expired by somebody who saw the counter stand still. An ended member never
//! comes back; the process joins again as a new one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::lease::Key;

/// Longest name of a group in characters, as the tables have it.
pub const MAX_GROUP: usize = 64;

/// Longest name of a node in characters, as the tables have it.
pub const MAX_NODE: usize = 128;

/// Why this cannot be the name of a group or node, as a sentence for the operator. Nothing is cut to
/// fit: two names that differ only in what was cut would be one. A database may take names that
/// differ only in blanks at the end for the same.
#[must_use]
pub fn problem_of_name(what: &str, name: &str, longest: usize) -> Option<String> {
    let length = name.chars().count();
    if length == 0 {
        return Some(format!("the {what} is empty"));
    }
    if length > longest {
        return Some(format!("the {what} has {length} characters but may have {longest} at most: '{name}'"));
    }
    if name.trim() != name || name.chars().any(char::is_control) {
        return Some(format!("the {what} has a blank at its edge or a control character: {name:?}"));
    }
    None
}

/// Identity of one process start. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(pub u128);

impl MemberId {
    /// Reads the form that [`fmt::Display`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::parse_str(text.trim()).ok().map(|u| Self(u.as_u128()))
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_u128(self.0).fmt(f)
    }
}

impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.to_string();
        f.write_str(text.get(text.len().saturating_sub(6)..).unwrap_or(&text))
    }
}

/// What a joining process says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberInfo {
    /// The fresh identity of this process start.
    pub id: MemberId,
    /// Name of the node; at most one live member of a group bears it.
    pub node: Arc<str>,
    /// How long others must see silence before they may end this member. It belongs to the row, so
    /// nodes with different settings do not evict each other.
    pub lease: Duration,
    /// Share of the work relative to other members; 1 is normal.
    pub weight: u32,
    /// Version of the program, for people.
    pub version: Arc<str>,
}

/// What a member is able and willing to run. Replaces "deployed on the leader": each node speaks
/// only for itself, so a rolling update never deletes what the other version has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Declaration {
    /// Grows with each change within one member.
    pub version: i64,
    /// `true`: finishing what it has, taking nothing more.
    pub draining: bool,
    /// When the process got its present artifacts: database milliseconds since 1970 UTC, above every
    /// other it knew of then. Among differing definitions of an activation the newest counts. It
    /// stays when the process joins again, and moves when a definition changes while it runs. Zero
    /// until the process has read the database once.
    pub since: i64,
    /// Activation keys with a fingerprint of their definition.
    pub keys: BTreeMap<Key, Arc<str>>,
}

impl Declaration {
    /// Whether the member may be given this activation.
    #[must_use]
    pub fn offers(&self, key: &Key) -> bool {
        !self.draining && self.keys.contains_key(key)
    }

    /// `@` and the age, then one line per key, fingerprint first: the form in which it is stored.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = String::with_capacity(24 + self.keys.len() * 48);
        text.push_str(&format!("@{}\n", self.since));
        for (key, def) in &self.keys {
            text.push_str(&def.replace([' ', '\n'], "_"));
            text.push(' ');
            text.push_str(key.as_str());
            text.push('\n');
        }
        text
    }

    /// Reads what [`Declaration::to_text`] wrote; lines it does not understand are left out.
    #[must_use]
    pub fn from_text(version: i64, draining: bool, text: &str) -> Self {
        let keys = text
            .lines()
            .filter_map(|line| line.split_once(' '))
            .map(|(def, key)| (Key::new(key), Arc::from(def)))
            .collect();
        let since = text.lines().find_map(|line| line.strip_prefix('@')?.parse().ok());
        Self { version, draining, since: since.unwrap_or(0), keys }
    }
}

/// A live member as read from the database.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MemberRow {
    /// Identity of the process start.
    pub id: MemberId,
    /// Name of its node.
    pub node: Arc<str>,
    /// The counter that shows life. Compared for equality only.
    pub seq: i64,
    /// See [`MemberInfo::lease`].
    pub lease: Duration,
    /// See [`MemberInfo::weight`].
    pub weight: u32,
    /// What it is able and willing to run.
    pub declared: Arc<Declaration>,
    /// The store can prove that the process is gone (a lock that the operating system released).
    /// Then nobody needs to wait for silence.
    pub proven_dead: bool,
}

/// How a member ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// It says so itself, with nothing running any more.
    Leave,
    /// Somebody saw its counter stand still at this value for its whole lease.
    Expire { seq: i64, by: MemberId },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_survives_its_text_form() {
        let mut d = Declaration { version: 3, since: 17, ..Declaration::default() };
        d.keys.insert(Key::new("orders task"), Arc::from("ab12"));
        d.keys.insert(Key::new("x#1"), Arc::from(""));
        assert_eq!(Declaration::from_text(3, false, &d.to_text()), d);
    }

    #[test]
    fn a_draining_member_offers_nothing() {
        let key = Key::new("a");
        let mut d = Declaration::default();
        d.keys.insert(key.clone(), Arc::from(""));
        assert!(d.offers(&key));
        d.draining = true;
        assert!(!d.offers(&key));
    }

    #[test]
    fn names_that_do_not_fit_are_told() {
        let problem = |name: &str| problem_of_name("node", name, 4);
        assert_eq!((problem("pod1"), problem("äöüß")), (None, None));
        for (name, word) in [("", "empty"), ("pod-1", "5 characters"), ("a ", "blank"), ("a\nb", "control")] {
            assert!(problem(name).is_some_and(|p| p.contains(word)), "{name:?}");
        }
    }

    #[test]
    fn identities_are_read_back() {
        let id = MemberId(0x1234_5678_9abc_def0_1234_5678_9abc_def0);
        assert_eq!(MemberId::parse(&id.to_string()), Some(id));
        assert_eq!(MemberId::parse("nonsense"), None);
    }
}
