//! Fewer starting points for a step: drops nodes whose part of the axis others cover already, so that
//! `//a//b` or `//a/following-sibling::*` cost what they find, not its square.

use super::axes::Set;
use super::node::{Node, Part};
use super::program::{Predicate, Step};
use artifacts::expr::xpath::Axis;
use artifacts::xml::{Document, NodeId};
use std::collections::HashSet;

/// Only sound when no predicate counts along the axis.
pub(super) fn prune<'a>(step: &Step, input: Set<'a>) -> Set<'a> {
    let counted = usize::from(step.per_parent);
    let plain = step.predicates.iter().skip(counted).all(|p| matches!(p, Predicate::Plain(_)));
    if input.nodes.len() < 2 || !plain || !one_document(&input.nodes) {
        return input;
    }
    match step.axis {
        Axis::Descendant | Axis::DescendantOrSelf if !input.flat => {
            Set { nodes: outermost(&input.nodes), flat: true }
        }
        Axis::Following => Set::of(first_to_end(&input.nodes).into_iter().collect()),
        Axis::Preceding => Set::of(input.nodes.last().copied().into_iter().collect()),
        Axis::FollowingSibling => Set::of(one_per_parent(input.nodes.iter().copied())),
        Axis::PrecedingSibling => {
            let mut nodes = one_per_parent(input.nodes.iter().rev().copied());
            nodes.reverse();
            Set::of(nodes)
        }
        _ => input,
    }
}

fn one_document(nodes: &[Node<'_>]) -> bool {
    let same = |pair: &[Node<'_>]| std::ptr::eq(pair[0].document, pair[1].document);
    nodes.windows(2).all(same) && nodes.iter().all(|n| n.part == Part::Whole)
}

fn is_below(document: &Document, node: NodeId, top: NodeId) -> bool {
    std::iter::successors(document.parent(node), |n| document.parent(*n)).any(|n| n == top)
}

fn outermost<'a>(nodes: &[Node<'a>]) -> Vec<Node<'a>> {
    let mut kept: Vec<Node<'a>> = Vec::new();
    for node in nodes {
        if !kept.last().is_some_and(|top| is_below(node.document, node.id, top.id)) {
            kept.push(*node);
        }
    }
    kept
}

/// The node whose end tag comes first: whatever follows another follows it too.
fn first_to_end<'a>(nodes: &[Node<'a>]) -> Option<Node<'a>> {
    let (mut first, rest) = nodes.split_first().map(|(first, rest)| (*first, rest))?;
    for node in rest {
        if !is_below(node.document, node.id, first.id) {
            break;
        }
        first = *node;
    }
    Some(first)
}

fn one_per_parent<'a>(nodes: impl Iterator<Item = Node<'a>>) -> Vec<Node<'a>> {
    let mut parents: HashSet<Option<NodeId>> = HashSet::new();
    nodes.filter(|node| parents.insert(node.document.parent(node.id))).collect()
}
