//! `xsl:for-each-group`.

use super::{Done, Frame, Run, XsltError, error};
use crate::eval::xpath::{Focus, Node, Pattern, Value};
use crate::xslt::builder::Builder;
use crate::xslt::functions::View;
use crate::xslt::model::{Body, Grouping, Sort};

struct Group<'a> {
    key: String,
    nodes: Vec<Node<'a>>,
}

impl<'a> Run<'a> {
    pub(super) fn groups(
        &self,
        nodes: &[Node<'a>],
        by: &'a Grouping,
        sorts: &'a [Sort],
        body: &'a Body,
        frame: &mut Frame<'a>,
        out: &mut Builder,
    ) -> Done {
        let groups = self.grouped(nodes, by, frame)?;
        let firsts: Vec<Node<'a>> = groups.iter().filter_map(|g| g.nodes.first().copied()).collect();
        let order: Vec<usize> = if sorts.is_empty() {
            (0..groups.len()).collect()
        } else {
            let inside = |g: &Group<'a>| Frame {
                group: g.nodes.clone(),
                grouping_key: g.key.clone(),
                ..frame.clone()
            };
            let frames: Vec<Frame<'a>> = groups.iter().map(inside).collect();
            self.order(&firsts, sorts, frames.iter())?
        };
        let outer = (std::mem::take(&mut frame.group), std::mem::take(&mut frame.grouping_key));
        let size = order.len();
        for (at, index) in order.into_iter().enumerate() {
            let (Some(group), Some(node)) = (groups.get(index), firsts.get(index)) else { continue };
            frame.group.clone_from(&group.nodes);
            frame.grouping_key.clone_from(&group.key);
            self.body(body, &Focus { node: *node, position: at + 1, size }, frame, out)?;
        }
        (frame.group, frame.grouping_key) = outer;
        Ok(())
    }

    fn grouped(
        &self,
        nodes: &[Node<'a>],
        by: &'a Grouping,
        frame: &Frame<'a>,
    ) -> Result<Vec<Group<'a>>, XsltError> {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut places: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        let mut ended = true;
        for (at, node) in nodes.iter().enumerate() {
            let focus = Focus { node: *node, position: at + 1, size: nodes.len() };
            match by {
                Grouping::By(query) => {
                    let keys: Vec<String> = match self.evaluate(query, &focus, frame)? {
                        Value::Nodes(found) => found.iter().map(|n| n.string_value().into_owned()).collect(),
                        other => vec![other.string().into_owned()],
                    };
                    for key in keys {
                        let place = *places.entry(key.clone()).or_insert(groups.len());
                        if place == groups.len() {
                            groups.push(Group { key, nodes: Vec::new() });
                        }
                        // A node with the same key twice is in the group once.
                        if groups[place].nodes.last() != Some(node) {
                            groups[place].nodes.push(*node);
                        }
                    }
                }
                Grouping::Adjacent(query) => {
                    let key = self.evaluate(query, &focus, frame)?.string().into_owned();
                    let starts = groups.last().is_none_or(|group| group.key != key);
                    add(&mut groups, *node, starts, key);
                }
                Grouping::StartingWith(patterns) => {
                    let starts = self.matches_any(patterns, *node, frame)?;
                    add(&mut groups, *node, starts, String::new());
                }
                Grouping::EndingWith(patterns) => {
                    add(&mut groups, *node, ended, String::new());
                    ended = self.matches_any(patterns, *node, frame)?;
                }
            }
        }
        Ok(groups)
    }

    pub(super) fn matches_any(
        &self,
        patterns: &[Pattern],
        node: Node<'a>,
        frame: &Frame<'a>,
    ) -> Result<bool, XsltError> {
        let view = View { run: self, frame, current: node };
        for pattern in patterns {
            if pattern.matches(&view, node).map_err(|e| error(0, e.0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn add<'a>(groups: &mut Vec<Group<'a>>, node: Node<'a>, starts: bool, key: String) {
    match groups.last_mut() {
        Some(group) if !starts => group.nodes.push(node),
        _ => groups.push(Group { key, nodes: vec![node] }),
    }
}
