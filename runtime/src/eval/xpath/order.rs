//! Document order for node lists whose steps could not keep it.

use super::node::{Node, Part};
use artifacts::xml::{Document, NodeId};
use std::cell::RefCell;

/// Ranks of the trees that were sorted so far. Trees are borrowed while an expression runs, so ranks
/// stay true as long as the evaluator lives.
#[derive(Debug, Default)]
pub(super) struct Order<'a> {
    trees: RefCell<Vec<Tree<'a>>>,
}

#[derive(Debug)]
struct Tree<'a> {
    document: &'a Document,
    top: NodeId,
    rank: Vec<u32>,
}

type Key = (usize, u32, Part);

impl<'a> Order<'a> {
    /// Sorts by document order and removes doubles. Trees follow each other in order of appearance.
    pub(super) fn sort(&self, nodes: &mut Vec<Node<'a>>) {
        if nodes.len() < 2 || is_sorted(nodes) {
            return;
        }
        let mut keyed: Vec<(Key, Node<'a>)> = nodes.iter().map(|node| (self.key(*node), *node)).collect();
        keyed.sort_by_key(|(key, _)| *key);
        nodes.clear();
        nodes.extend(keyed.into_iter().map(|(_, node)| node));
        nodes.dedup();
    }

    fn key(&self, node: Node<'a>) -> Key {
        let mut trees = self.trees.borrow_mut();
        let known = |tree: &Tree<'a>| {
            std::ptr::eq(tree.document, node.document)
                && (node.id == tree.top || tree.rank.get(node.id.index()).is_some_and(|rank| *rank > 0))
        };
        let number = trees.iter().position(known).unwrap_or_else(|| {
            let top = top_of(node.document, node.id);
            trees.push(Tree { document: node.document, top, rank: ranks(node.document, top) });
            trees.len() - 1
        });
        let rank = trees.get(number).and_then(|tree| tree.rank.get(node.id.index())).copied().unwrap_or(0);
        (number, rank, node.part)
    }
}

/// Recognises the common case without ranks: attributes of one element, then children of one element in
/// order, as `@* | node()` gives them. `false` means unknown.
fn is_sorted(nodes: &[Node<'_>]) -> bool {
    nodes.windows(2).all(|pair| {
        let (a, b) = (pair[0], pair[1]);
        if !std::ptr::eq(a.document, b.document) {
            return false;
        }
        match (a.part, b.part) {
            (Part::Whole, Part::Whole) => {
                let document = a.document;
                // Along the siblings: all pairs together look at each sibling once.
                std::iter::successors(document.next_sibling(a.id), |n| document.next_sibling(*n))
                    .any(|n| n == b.id)
            }
            (_, Part::Whole) => a.document.parent(b.id) == Some(a.id),
            (before, after) => a.id == b.id && before < after,
        }
    })
}

fn top_of(document: &Document, id: NodeId) -> NodeId {
    std::iter::successors(Some(id), |n| document.parent(*n)).last().unwrap_or(id)
}

/// Place of every node below `top` in document order, from 1; 0 for `top` and what is not below it.
fn ranks(document: &Document, top: NodeId) -> Vec<u32> {
    let mut ranks = vec![0; document.node_count()];
    for (place, node) in document.descendants(top).enumerate() {
        if let Some(rank) = ranks.get_mut(node.index()) {
            *rank = place as u32 + 1;
        }
    }
    ranks
}
