//! Match patterns of XSLT: a path read from its end.

use super::axes::is_nth;
use super::evaluate::Evaluator;
use super::node::{Node, Part};
use super::program::{Predicate, Program, Start, Step, Test};
use super::{Evaluated, Focus, Names, Query, Scope};
use artifacts::expr::SyntaxError;
use artifacts::expr::xpath::{Axis, Expr};

/// One alternative of a pattern (`a | b` has two), with the priority that its form gives it.
#[derive(Debug)]
pub struct Pattern {
    query: Query,
    priority: f64,
}

impl Pattern {
    /// Compiles a pattern into its alternatives.
    pub fn compile(text: &str, names: &Names) -> Result<Vec<Self>, SyntaxError> {
        let parsed = artifacts::expr::xpath::parse_standard(text)?;
        let parts = match parsed.root {
            Expr::Union(parts) => parts,
            other => vec![other],
        };
        let mut patterns = Vec::with_capacity(parts.len());
        for root in parts {
            let part = artifacts::expr::xpath::XPath { text: text.into(), root };
            let query = Query::from_tree(&part, names.clone());
            if !is_pattern(query.program()) {
                return Err(SyntaxError::new(
                    0,
                    format!("expected a pattern (steps along child and attribute), found '{text}'"),
                ));
            }
            patterns.push(Self { priority: priority(query.program()), query });
        }
        Ok(patterns)
    }

    /// Default priority.
    pub fn priority(&self) -> f64 {
        self.priority
    }

    /// Does the node match?
    pub fn matches<'a>(&self, scope: &dyn Scope<'a>, node: Node<'a>) -> Evaluated<bool> {
        let evaluator = Evaluator::new(scope, &self.query.names);
        match &self.query.program {
            Program::Path(start, steps) => evaluator.matches_path(start, steps, node),
            other => Ok(evaluator.run(other, &Focus::on(node))?.nodes().contains(&node)),
        }
    }
}

fn is_pattern(program: &Program) -> bool {
    match program {
        Program::Path(start, steps) => {
            let start = match start {
                Start::Value(inner) => matches!(**inner, Program::Extension(..) | Program::Core(..)),
                Start::Context | Start::Root => true,
            };
            start && steps.iter().all(|s| s.axis != Axis::SelfNode && !s.axis.is_reverse())
        }
        // key(...) and id(...)
        Program::Extension(..) | Program::Core(..) => true,
        _ => false,
    }
}

fn priority(program: &Program) -> f64 {
    match program {
        Program::Path(Start::Context, steps) => match steps.as_slice() {
            [step] if step.predicates.is_empty() && step.axis != Axis::Descendant => match &step.test {
                Test::Name { .. } | Test::Instruction(Some(_)) | Test::Unbound(_) => 0.0,
                Test::AnyNameIn(_) => -0.25,
                _ => -0.5,
            },
            _ => 0.5,
        },
        Program::Path(Start::Root, steps) if steps.is_empty() => -0.5,
        _ => 0.5,
    }
}

impl<'a> Evaluator<'_, 'a> {
    fn matches_path(&self, start: &Start, steps: &[Step], node: Node<'a>) -> Evaluated<bool> {
        let Some((last, before)) = steps.split_last() else { return self.matches_start(start, node) };
        if last.axis == Axis::DescendantOrSelf {
            // `//` in front of a step that was not fused with it.
            return self.matches_above(start, before, Some(node));
        }
        if !self.matches_step(last, node)? {
            return Ok(false);
        }
        match last.axis {
            Axis::Descendant => self.matches_above(start, before, node.parent()),
            _ if before.is_empty() && matches!(start, Start::Context) => Ok(true),
            _ => match node.parent() {
                Some(parent) => self.matches_path(start, before, parent),
                None => Ok(false),
            },
        }
    }

    /// Does the node or one above it match the rest?
    fn matches_above(&self, start: &Start, steps: &[Step], node: Option<Node<'a>>) -> Evaluated<bool> {
        for ancestor in std::iter::successors(node, |n| n.parent()) {
            if self.matches_path(start, steps, ancestor)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn matches_start(&self, start: &Start, node: Node<'a>) -> Evaluated<bool> {
        match start {
            Start::Context => Ok(true),
            Start::Root => Ok(node.parent().is_none()),
            Start::Value(inner) => Ok(self.run(inner, &Focus::on(node))?.nodes().contains(&node)),
        }
    }

    fn matches_step(&self, step: &Step, node: Node<'a>) -> Evaluated<bool> {
        let wanted = match step.axis {
            Axis::Attribute => matches!(node.part, Part::Attribute(_)),
            _ => node.part == Part::Whole && !node.is_document(),
        };
        if !wanted || !step.test.matches(node) {
            return Ok(false);
        }
        let mut predicates = step.predicates.as_slice();
        if let (true, Some((Predicate::Position(place), rest))) = (step.per_parent, predicates.split_first())
        {
            if !is_nth(&step.test, node.document, node.id, *place) {
                return Ok(false);
            }
            predicates = rest;
        }
        if predicates.iter().all(|p| matches!(p, Predicate::Plain(_))) {
            let focus = Focus { node, position: 1, size: 1 };
            for predicate in predicates {
                if !self.holds(predicate, &focus)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        // Positions count among the siblings: take the step from the parent.
        match node.parent() {
            Some(parent) => Ok(self.step(step, super::axes::Set::one(parent))?.nodes.contains(&node)),
            None => Ok(false),
        }
    }
}
