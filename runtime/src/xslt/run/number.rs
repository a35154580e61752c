//! `xsl:number`.

use super::{Frame, Run, XsltError};
use crate::eval::xpath::{Focus, Node};
use crate::xslt::model::{Level, Number};
use crate::xslt::numbers::format_list;
use artifacts::xml::{Document, NodeKind};

impl<'a> Run<'a> {
    pub(super) fn number(
        &self,
        number: &'a Number,
        focus: &Focus<'a>,
        frame: &Frame<'a>,
    ) -> Result<String, XsltError> {
        let numbers = match &number.value {
            Some(query) => {
                let value = self.evaluate(query, focus, frame)?.number().round();
                if !(0.0..1e18).contains(&value) {
                    return Ok(crate::eval::xpath::number_text(value));
                }
                vec![value as u64]
            }
            None => self.counted(number, focus.node, frame)?,
        };
        let format = self.optional(number.format.format.as_ref(), focus, frame)?;
        let separator = self.optional(number.format.separator.as_ref(), focus, frame)?;
        let size = self.optional(number.format.size.as_ref(), focus, frame)?;
        let grouping = separator
            .and_then(|s| s.chars().next())
            .zip(size.and_then(|s| s.trim().parse::<usize>().ok()).filter(|s| *s > 0));
        Ok(format_list(&numbers, format.as_deref().unwrap_or("1"), grouping))
    }

    fn counted(&self, number: &'a Number, node: Node<'a>, frame: &Frame<'a>) -> Result<Vec<u64>, XsltError> {
        match number.level {
            Level::Single => {
                for at in std::iter::successors(Some(node), |n| n.parent()) {
                    if self.counts(number, at, node, frame)? {
                        return Ok(vec![self.place(number, at, node, frame)?]);
                    }
                    if self.matches_any(&number.from, at, frame)? {
                        break;
                    }
                }
                Ok(Vec::new())
            }
            Level::Multiple => {
                let mut found = Vec::new();
                for at in std::iter::successors(Some(node), |n| n.parent()) {
                    if self.matches_any(&number.from, at, frame)? {
                        break;
                    }
                    if self.counts(number, at, node, frame)? {
                        found.push(self.place(number, at, node, frame)?);
                    }
                }
                found.reverse();
                Ok(found)
            }
            Level::Any => self.before(number, node, frame),
        }
    }

    /// Nodes that count, from the last `from` up to and with the node.
    fn before(&self, number: &'a Number, node: Node<'a>, frame: &Frame<'a>) -> Result<Vec<u64>, XsltError> {
        let mut count = 0;
        for id in node.document.descendants(Document::ROOT) {
            let at = node.at(id);
            if self.matches_any(&number.from, at, frame)? {
                count = 0;
            }
            if self.counts(number, at, node, frame)? {
                count += 1;
            }
            if id == node.id {
                break;
            }
        }
        Ok(if count == 0 { Vec::new() } else { vec![count] })
    }

    /// One more than the siblings before it that count.
    fn place(
        &self,
        number: &'a Number,
        at: Node<'a>,
        node: Node<'a>,
        frame: &Frame<'a>,
    ) -> Result<u64, XsltError> {
        let mut count = 1;
        let document = at.document;
        for id in std::iter::successors(document.previous_sibling(at.id), |n| document.previous_sibling(*n)) {
            count += u64::from(self.counts(number, at.at(id), node, frame)?);
        }
        Ok(count)
    }

    /// Without a pattern nodes of the same kind and name as the current one count.
    fn counts(
        &self,
        number: &'a Number,
        at: Node<'a>,
        node: Node<'a>,
        frame: &Frame<'a>,
    ) -> Result<bool, XsltError> {
        if !number.count.is_empty() {
            return self.matches_any(&number.count, at, frame);
        }
        Ok(match (at.kind(), node.kind()) {
            (Some(NodeKind::Element(a)), Some(NodeKind::Element(b))) => {
                a.name.local == b.name.local && a.name.ns == b.name.ns
            }
            (Some(NodeKind::Text(..)), Some(NodeKind::Text(..))) => true,
            (Some(NodeKind::Comment(_)), Some(NodeKind::Comment(_))) => true,
            (Some(NodeKind::Instruction(a, _)), Some(NodeKind::Instruction(b, _))) => a == b,
            _ => at == node,
        })
    }
}
