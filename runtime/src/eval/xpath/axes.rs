//! Steps: walking an axis, testing nodes, keeping document order without sorting where the axis allows.

use super::evaluate::Evaluator;
use super::node::{Node, Part};
use super::program::{Predicate, Step, Test};
use super::{Evaluated, failed, prune};
use artifacts::expr::xpath::Axis;
use artifacts::xml::{Document, NodeId, NodeKind};

/// Nodes in document order.
#[derive(Debug)]
pub(super) struct Set<'a> {
    pub(super) nodes: Vec<Node<'a>>,
    /// No node is an ancestor of another, so their children follow in document order too.
    pub(super) flat: bool,
}

impl<'a> Set<'a> {
    pub(super) fn one(node: Node<'a>) -> Self {
        Self { nodes: vec![node], flat: true }
    }

    /// Nodes of unknown shape.
    pub(super) fn of(nodes: Vec<Node<'a>>) -> Self {
        let flat = nodes.len() < 2;
        Self { nodes, flat }
    }
}

impl<'a> Evaluator<'_, 'a> {
    /// Takes one step from every node of the set.
    pub(super) fn step(&self, step: &Step, input: Set<'a>) -> Evaluated<Set<'a>> {
        if input.nodes.is_empty() {
            return Ok(input);
        }
        if let Test::Unbound(prefix) = &step.test {
            return failed(format!("the prefix '{prefix}' is not bound to a namespace"));
        }
        let input = prune::prune(step, input);
        let alone = input.nodes.len() == 1;
        let mut found = Vec::new();
        let mut flat = true;
        for node in &input.nodes {
            let from = found.len();
            flat &= self.collect(step, *node, &mut found);
            let counted = usize::from(step.per_parent);
            for predicate in step.predicates.iter().skip(counted) {
                self.filter(predicate, &mut found, from)?;
            }
            if step.axis.is_reverse() {
                found[from..].reverse();
            }
        }
        let ordered = alone || keeps_order(step.axis, input.flat);
        if !ordered {
            self.order.sort(&mut found);
        }
        let flat = found.len() < 2 || (flat && ordered && flattens(step.axis, alone || input.flat));
        Ok(Set { nodes: found, flat })
    }

    /// Does the step find anything from these nodes? Stops at the first when there is no predicate.
    pub(super) fn step_exists(&self, step: &Step, input: Set<'a>) -> Evaluated<bool> {
        if !step.predicates.is_empty() || matches!(step.test, Test::Unbound(_)) {
            return Ok(!self.step(step, input)?.nodes.is_empty());
        }
        let mut found = Vec::new();
        Ok(input.nodes.iter().any(|node| {
            self.collect_some(step, *node, &mut found, 1);
            !found.is_empty()
        }))
    }

    /// Adds the matching nodes of one axis in axis order; tells whether they are certainly flat.
    fn collect(&self, step: &Step, node: Node<'a>, found: &mut Vec<Node<'a>>) -> bool {
        let most = match step.predicates.first() {
            Some(Predicate::Position(place)) if !step.per_parent => found.len() + place,
            _ => usize::MAX,
        };
        self.collect_some(step, node, found, most)
    }

    /// The same until `found` has `most` nodes.
    fn collect_some(&self, step: &Step, node: Node<'a>, found: &mut Vec<Node<'a>>, most: usize) -> bool {
        if found.len() >= most {
            return true;
        }
        let (test, document) = (&step.test, node.document);
        let mut add = |candidate: Node<'a>| {
            if test.matches(candidate) {
                found.push(candidate);
            }
            found.len() < most
        };
        let whole = node.part == Part::Whole;
        match step.axis {
            Axis::SelfNode => {
                add(node);
            }
            Axis::Child if whole => visit(document.children(node.id), node, add),
            Axis::Descendant | Axis::DescendantOrSelf => {
                let or_self = step.axis == Axis::DescendantOrSelf;
                if or_self && !add(node) || !whole {
                    return true;
                }
                return self.descend(step, node, most, found) && !or_self;
            }
            Axis::Parent => {
                if let Some(parent) = self.parent(node) {
                    add(parent);
                }
            }
            Axis::Ancestor | Axis::AncestorOrSelf => {
                let start = if step.axis == Axis::Ancestor { self.parent(node) } else { Some(node) };
                for ancestor in std::iter::successors(start, |n| self.parent(*n)) {
                    if !add(ancestor) {
                        break;
                    }
                }
                return false;
            }
            Axis::FollowingSibling if whole => visit(siblings(document, node.id, true), node, add),
            Axis::PrecedingSibling if whole => visit(siblings(document, node.id, false), node, add),
            Axis::Following => {
                for ancestor in std::iter::successors(Some(node.id), |n| document.parent(*n)) {
                    for sibling in siblings(document, ancestor, true) {
                        let below = std::iter::once(sibling).chain(document.descendants(sibling));
                        visit(below, node, &mut add);
                    }
                }
                return false;
            }
            Axis::Preceding => {
                for ancestor in std::iter::successors(Some(node.id), |n| document.parent(*n)) {
                    for sibling in siblings(document, ancestor, false) {
                        let mut below: Vec<NodeId> = std::iter::once(sibling).collect();
                        below.extend(document.descendants(sibling));
                        visit(below.into_iter().rev(), node, &mut add);
                    }
                }
                return false;
            }
            Axis::Attribute if whole => {
                let count = document.element(node.id).map_or(0, |e| e.attributes.len());
                let attributes = (0..count as u32).map(|i| Node { part: Part::Attribute(i), ..node });
                attributes.take_while(|a| add(*a)).for_each(drop);
            }
            Axis::Namespace if node.is_element() => {
                let count = document.namespaces_in_scope(node.id).len() as u32 + 1;
                let bindings = (0..count).map(|i| Node { part: Part::Namespace(i), ..node });
                bindings.take_while(|n| add(*n)).for_each(drop);
            }
            _ => {}
        }
        true
    }

    /// The descendants in document order, watching whether one match lies inside another.
    fn descend(&self, step: &Step, top: Node<'a>, most: usize, found: &mut Vec<Node<'a>>) -> bool {
        let document = top.document;
        let place = match step.predicates.first() {
            Some(Predicate::Position(place)) if step.per_parent => Some(*place),
            _ => None,
        };
        let mut flat = true;
        // Depth below `top`, and depth of the match that the walk is inside of.
        let (mut depth, mut inside) = (0usize, usize::MAX);
        let mut at = top.id;
        loop {
            if let Some(child) = document.first_child(at) {
                at = child;
                depth += 1;
            } else {
                loop {
                    if at == top.id {
                        return flat;
                    }
                    if let Some(next) = document.next_sibling(at) {
                        at = next;
                        break;
                    }
                    let Some(parent) = document.parent(at) else { return flat };
                    at = parent;
                    depth -= 1;
                }
            }
            if depth <= inside {
                inside = usize::MAX;
            }
            if step.test.matches_id(document, at) && place.is_none_or(|n| is_nth(&step.test, document, at, n))
            {
                flat &= inside == usize::MAX;
                inside = inside.min(depth);
                found.push(top.at(at));
                if found.len() >= most {
                    return flat;
                }
            }
        }
    }

    /// Parent as Axiom sees it: an envelope without document has none.
    fn parent(&self, node: Node<'a>) -> Option<Node<'a>> {
        let parent = node.parent()?;
        (!parent.is_document() || !self.scope.is_rootless(node.document)).then_some(parent)
    }

    /// Where absolute paths start.
    pub(super) fn root(&self, node: Node<'a>) -> Node<'a> {
        let start = Node { part: Part::Whole, ..node };
        std::iter::successors(Some(start), |n| self.parent(*n)).last().unwrap_or(start)
    }
}

fn visit<'a>(ids: impl Iterator<Item = NodeId>, at: Node<'a>, mut add: impl FnMut(Node<'a>) -> bool) {
    for id in ids {
        if !add(at.at(id)) {
            break;
        }
    }
}

fn siblings(document: &Document, id: NodeId, forward: bool) -> impl Iterator<Item = NodeId> + '_ {
    let next = move |n: &NodeId| {
        if forward { document.next_sibling(*n) } else { document.previous_sibling(*n) }
    };
    std::iter::successors(next(&id), next)
}

/// Is the node the `place`-th match among its siblings? Looks back no further than it must.
pub(super) fn is_nth(test: &Test, document: &Document, id: NodeId, place: usize) -> bool {
    let before = siblings(document, id, false).filter(|n| test.matches_id(document, *n)).take(place).count();
    before + 1 == place
}

/// Does the step keep document order from several nodes that are in order?
fn keeps_order(axis: Axis, flat: bool) -> bool {
    match axis {
        Axis::SelfNode | Axis::Attribute | Axis::Namespace => true,
        Axis::Child | Axis::Descendant | Axis::DescendantOrSelf => flat,
        _ => false,
    }
}

/// Is what the axis gives flat when what it starts from is, and each part is?
fn flattens(axis: Axis, input: bool) -> bool {
    matches!(axis, Axis::Attribute | Axis::Namespace) || input
}

impl Test {
    /// Does the node pass? Names match elements on every axis, attributes and namespaces only on theirs,
    /// which is the only place where they come up.
    pub fn matches(&self, node: Node<'_>) -> bool {
        match node.part {
            Part::Whole => self.matches_id(node.document, node.id),
            Part::Attribute(_) => match self {
                Test::Any | Test::AnyName => true,
                Test::AnyNameIn(ns) => node.name().is_some_and(|n| n.ns == *ns),
                Test::Name { ns, local } => node.name().is_some_and(|n| n.local == *local && n.ns == *ns),
                _ => false,
            },
            Part::Namespace(_) => match self {
                Test::Any | Test::AnyName => true,
                Test::Name { local, .. } => node.local_name() == **local,
                _ => false,
            },
        }
    }

    fn matches_id(&self, document: &Document, id: NodeId) -> bool {
        match (self, document.kind(id)) {
            (Test::Name { ns, local }, NodeKind::Element(element)) => {
                *element.name.local == **local && *element.name.ns == **ns
            }
            (Test::AnyName, NodeKind::Element(_)) | (Test::Any, _) => true,
            (Test::AnyNameIn(ns), NodeKind::Element(element)) => *element.name.ns == **ns,
            (Test::Text, NodeKind::Text(..)) | (Test::Comment, NodeKind::Comment(_)) => true,
            (Test::Instruction(wanted), NodeKind::Instruction(target, _)) => {
                wanted.as_ref().is_none_or(|w| w == target)
            }
            _ => false,
        }
    }
}
