//! Which member should run which activation; pure.
//!
//! Every node computes the same answer from the same view, and a compare-and-set settles the rest.
//! Placement is sticky: what runs stays where it is, a free activation goes to the member with the
//! least work (a hash breaks ties), and only real imbalance makes work move: exactly as many
//! activations as the joining member's share.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::lease::{Key, hash};
use crate::member::{Declaration, MemberId, MemberRow};

/// How work is spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Spread {
    /// In proportion to the members' weights. Our default; also MI's `RoundRobinResolver`.
    #[default]
    Balanced,
    /// Everything on one member, the others stand by: MI's `ActivePassiveResolver`.
    OneNode,
}

/// Placement settings; equal on all nodes of a group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Placement {
    /// In which shares.
    pub spread: Spread,
    /// Nothing is newly placed while fewer members are live (MI's `task_server_count`).
    /// Default 0: no such condition.
    pub quorum: usize,
    /// Only these nodes get work (MI's `TaskNodeResolver`, `task_nodes`). Default: all.
    pub only: Option<BTreeSet<Arc<str>>>,
}

impl Placement {
    fn includes(&self, node: &Arc<str>) -> bool {
        self.only.as_ref().is_none_or(|names| names.contains(node))
    }

    /// From MI's `[task_handling] resolver_class` (with or without its package) and the
    /// properties of `[[task_resolver]]`.
    ///
    /// # Errors
    /// A sentence naming what was expected.
    pub fn of_resolver(class: &str, properties: &BTreeMap<String, String>) -> Result<Self, String> {
        let name = class.rsplit('.').next().unwrap_or(class).trim();
        match name {
            "" => Ok(Self::default()),
            "ActivePassiveResolver" => Ok(Self { spread: Spread::OneNode, ..Self::default() }),
            "RoundRobinResolver" => {
                let count = properties.get("task_server_count").map_or(Ok(1), |n| n.trim().parse());
                let quorum = count.map_err(|_| "task_server_count must be a whole number".to_owned())?;
                Ok(Self { quorum, ..Self::default() })
            }
            "TaskNodeResolver" => {
                let nodes = properties.get("task_nodes").map_or("", String::as_str);
                let only: BTreeSet<Arc<str>> =
                    nodes.split(',').map(str::trim).filter(|n| !n.is_empty()).map(Arc::from).collect();
                if only.is_empty() {
                    return Err("TaskNodeResolver needs the property task_nodes, a list of node ids".into());
                }
                Ok(Self { only: Some(only), ..Self::default() })
            }
            other => Err(format!(
                "resolver_class `{other}` is not known; expected ActivePassiveResolver, RoundRobinResolver or \
                 TaskNodeResolver"
            )),
        }
    }
}

/// A live member as placement sees it.
#[derive(Clone, Debug)]
pub struct Node {
    /// The member.
    pub id: MemberId,
    /// Name of its node: breaks ties, so that a restarted node gets the same work.
    pub name: Arc<str>,
    /// Share of the work relative to other members; 0 counts as 1.
    pub weight: u32,
    /// `false`: has been silent for a while; keeps what it has, gets nothing new.
    pub fit: bool,
    /// What it is able and willing to run.
    pub offers: Arc<Declaration>,
}

/// One activation that should change its owner.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Move {
    /// The activation, for slots the slot.
    pub key: Key,
    /// Its present owner, which hands it over.
    pub from: MemberId,
    /// Who is to claim it.
    pub to: MemberId,
}

/// Activations of which members have different definitions, each with the one of the newest
/// artifacts among those members that may be given work at all.
#[must_use]
pub fn differing(rule: &Placement, members: &[MemberRow]) -> BTreeMap<Key, Arc<str>> {
    struct Found<'a> {
        age: (i64, MemberId),
        def: &'a Arc<str>,
        differ: bool,
    }
    let mut found: BTreeMap<&Key, Found<'_>> = BTreeMap::new();
    let able = |m: &&MemberRow| !m.declared.draining && rule.includes(&m.node);
    for m in members.iter().filter(able) {
        let age = (m.declared.since, m.id);
        for (key, def) in &m.declared.keys {
            let known = found.entry(key).or_insert(Found { age, def, differ: false });
            known.differ |= known.def != def;
            if known.age < age {
                (known.age, known.def) = (age, def);
            }
        }
    }
    found.into_iter().filter(|(_, f)| f.differ).map(|(key, f)| (key.clone(), f.def.clone())).collect()
}

/// Members, and who runs what at present or is about to.
#[derive(Debug)]
pub struct Board<'a> {
    rule: &'a Placement,
    nodes: &'a [Node],
    load: BTreeMap<MemberId, u64>,
    slots: BTreeMap<(String, MemberId), u64>,
    differing: &'a BTreeMap<Key, Arc<str>>,
}

impl<'a> Board<'a> {
    /// An empty board. `differing` is what [`differing`] found: of these activations only the named
    /// definition is placed.
    #[must_use]
    pub fn new(rule: &'a Placement, nodes: &'a [Node], differing: &'a BTreeMap<Key, Arc<str>>) -> Self {
        let load = nodes.iter().map(|n| (n.id, 0)).collect();
        Self { rule, nodes, load, slots: BTreeMap::new(), differing }
    }

    /// Counts `key` as run by `owner`.
    pub fn put(&mut self, key: &Key, owner: MemberId) {
        *self.load.entry(owner).or_default() += 1;
        if let Some(base) = key.base() {
            *self.slots.entry((base.to_owned(), owner)).or_default() += 1;
        }
    }

    fn take(&mut self, key: &Key, owner: MemberId) {
        if let Some(n) = self.load.get_mut(&owner) {
            *n = n.saturating_sub(1);
        }
        if let Some(n) = key.base().and_then(|base| self.slots.get_mut(&(base.to_owned(), owner))) {
            *n = n.saturating_sub(1);
        }
    }

    fn load(&self, id: MemberId) -> u64 {
        self.load.get(&id).copied().unwrap_or(0)
    }

    fn siblings(&self, key: &Key, id: MemberId) -> u64 {
        let count = |base: &str| self.slots.get(&(base.to_owned(), id)).copied();
        key.base().and_then(count).unwrap_or(0)
    }

    fn has_quorum(&self) -> bool {
        self.nodes.iter().filter(|n| !n.offers.draining).count() >= self.rule.quorum
    }

    fn allows(&self, node: &Node, key: &Key) -> bool {
        node.fit
            && node.offers.offers(key)
            && self.differing.get(key).is_none_or(|def| node.offers.keys.get(key) == Some(def))
            && self.rule.includes(&node.name)
    }

    /// Members that may run `key`, best first. Empty while the quorum is missing.
    #[must_use]
    pub fn order(&self, key: &Key) -> Vec<MemberId> {
        if !self.has_quorum() {
            return Vec::new();
        }
        let mut able: Vec<&Node> = self.nodes.iter().filter(|n| self.allows(n, key)).collect();
        match self.rule.spread {
            Spread::Balanced => able.sort_by_cached_key(|n| {
                (self.siblings(key, n.id), relative(self.load(n.id), n.weight), Reverse(score(key, n)))
            }),
            // Whoever has the most keeps getting it; with nothing placed the identity decides.
            Spread::OneNode => able.sort_by_key(|n| (Reverse(self.load(n.id)), n.id)),
        }
        able.iter().map(|n| n.id).collect()
    }

    /// The first moves towards balance, at most `limit`. With the same members and activations,
    /// applying them again and again comes to an end: each one lowers the sum of squared loads.
    /// None while the quorum is missing: what is let go then would be taken by nobody.
    #[must_use]
    pub fn moves(mut self, owners: &BTreeMap<Key, MemberId>, limit: usize) -> Vec<Move> {
        let mut owners = owners.clone();
        let mut moves = Vec::new();
        let limit = if self.has_quorum() { limit } else { 0 };
        while moves.len() < limit {
            let next = match self.rule.spread {
                Spread::Balanced => self.next_levelling(&owners),
                Spread::OneNode => self.next_gathering(&owners),
            };
            let Some(next) = next else { break };
            self.take(&next.key, next.from);
            self.put(&next.key, next.to);
            owners.insert(next.key.clone(), next.to);
            moves.push(next);
        }
        moves
    }

    fn next_levelling(&self, owners: &BTreeMap<Key, MemberId>) -> Option<Move> {
        let by_load = |n: &&Node| (relative(self.load(n.id), n.weight), n.id);
        let mut light: Vec<&Node> = self.nodes.iter().collect();
        light.sort_by_key(by_load);
        for from in light.iter().rev() {
            for to in light.iter().filter(|to| self.improves(from, to)) {
                let movable = owners.iter().filter(|(k, o)| **o == from.id && self.allows(to, k));
                let best = movable.map(|(k, _)| k).max_by_key(|k| {
                    let spread = self.siblings(k, from.id).saturating_sub(self.siblings(k, to.id));
                    (spread, score(k, to), Reverse((*k).clone()))
                });
                if let Some(key) = best {
                    return Some(Move { key: key.clone(), from: from.id, to: to.id });
                }
            }
        }
        None
    }

    /// Whether one activation from `from` to `to` lowers the sum of load squared over weight.
    fn improves(&self, from: &Node, to: &Node) -> bool {
        let (a, b) = (self.load(from.id), self.load(to.id));
        let (wa, wb) = (u64::from(from.weight.max(1)), u64::from(to.weight.max(1)));
        from.id != to.id && a > 0 && (2 * b + 1) * wa < (2 * a - 1) * wb
    }

    fn next_gathering(&self, owners: &BTreeMap<Key, MemberId>) -> Option<Move> {
        owners.iter().find_map(|(key, from)| {
            let to = *self.order(key).first()?;
            (to != *from && self.load(to) >= self.load(*from)).then(|| Move {
                key: key.clone(),
                from: *from,
                to,
            })
        })
    }
}

/// Load per weight in a form that compares exactly enough.
fn relative(load: u64, weight: u32) -> u64 {
    load * 1_000_000 / u64::from(weight.max(1))
}

fn score(key: &Key, node: &Node) -> u64 {
    hash(&[key.as_str().as_bytes(), node.name.as_bytes()])
}

#[cfg(test)]
mod tests;
