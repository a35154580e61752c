//! `xsl:sort`.

use super::{Frame, Run, XsltError};
use crate::eval::xpath::{Focus, Node};
use crate::xslt::model::Sort;
use std::cmp::Ordering;

/// A sort with its attributes evaluated.
struct Direction {
    descending: bool,
    numeric: bool,
    upper_first: bool,
}

enum SortKey {
    Number(f64),
    Text(String),
}

impl<'a> Run<'a> {
    pub(super) fn sorted(
        &self,
        nodes: Vec<Node<'a>>,
        sorts: &'a [Sort],
        frame: &Frame<'a>,
    ) -> Result<Vec<Node<'a>>, XsltError> {
        if sorts.is_empty() || nodes.len() < 2 {
            return Ok(nodes);
        }
        let frames = std::iter::repeat_n(frame, nodes.len());
        let order = self.order(&nodes, sorts, frames)?;
        Ok(order.into_iter().filter_map(|at| nodes.get(at).copied()).collect())
    }

    /// Places of the nodes in sorted order; each node has the frame to evaluate its keys in.
    pub(super) fn order<'f>(
        &self,
        nodes: &[Node<'a>],
        sorts: &'a [Sort],
        frames: impl Iterator<Item = &'f Frame<'a>>,
    ) -> Result<Vec<usize>, XsltError>
    where
        'a: 'f,
    {
        let Some(first) = nodes.first() else { return Ok(Vec::new()) };
        let start = Focus { node: *first, position: 1, size: nodes.len() };
        let blank = Frame::default();
        let mut directions = Vec::with_capacity(sorts.len());
        for sort in sorts {
            let is = |text: Option<String>, word: &str| text.is_some_and(|t| t.trim() == word);
            directions.push(Direction {
                descending: is(self.optional(sort.order.as_ref(), &start, &blank)?, "descending"),
                numeric: is(self.optional(sort.data_type.as_ref(), &start, &blank)?, "number"),
                upper_first: is(self.optional(sort.case_order.as_ref(), &start, &blank)?, "upper-first"),
            });
        }
        let mut keyed: Vec<(usize, Vec<SortKey>)> = Vec::with_capacity(nodes.len());
        for (at, (node, frame)) in nodes.iter().zip(frames).enumerate() {
            let focus = Focus { node: *node, position: at + 1, size: nodes.len() };
            let mut keys = Vec::with_capacity(sorts.len());
            for (sort, direction) in sorts.iter().zip(&directions) {
                let value = self.evaluate(&sort.select, &focus, frame)?;
                keys.push(if direction.numeric {
                    SortKey::Number(value.number())
                } else {
                    SortKey::Text(value.string().into_owned())
                });
            }
            keyed.push((at, keys));
        }
        keyed.sort_by(|a, b| {
            let pairs = a.1.iter().zip(&b.1).zip(&directions);
            pairs
                .map(|((a, b), direction)| compare(a, b, direction))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        Ok(keyed.into_iter().map(|(at, _)| at).collect())
    }
}

fn compare(a: &SortKey, b: &SortKey, direction: &Direction) -> Ordering {
    let order = match (a, b) {
        (SortKey::Number(a), SortKey::Number(b)) => numbers(*a, *b),
        (SortKey::Text(a), SortKey::Text(b)) => texts(a, b, direction.upper_first),
        _ => Ordering::Equal,
    };
    if direction.descending { order.reverse() } else { order }
}

/// NaN comes before all numbers.
fn numbers(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()))
}

/// Letters first by themselves, then by case.
fn texts(a: &str, b: &str, upper_first: bool) -> Ordering {
    let folded = a.chars().flat_map(char::to_lowercase).cmp(b.chars().flat_map(char::to_lowercase));
    // Upper case has the smaller code.
    let by_case = if upper_first { a.cmp(b) } else { b.cmp(a) };
    folded.then(by_case)
}
