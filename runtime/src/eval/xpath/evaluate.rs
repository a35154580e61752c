//! Runs a program at a focus.

use super::axes::Set;
use super::compare;
use super::compile::Names;
use super::node::Node;
use super::order::Order;
use super::program::{Predicate, Program, Start, Step};
use super::{Evaluated, Focus, Scope, Value, failed};
use artifacts::expr::xpath::BinaryOp;
use std::borrow::Cow;
use std::cell::Cell;

/// Deepest chain of `evaluate()` calls, which a text can make endless.
const MAX_EVALUATE: u32 = 8;

pub(super) struct Evaluator<'s, 'a> {
    pub(super) scope: &'s dyn Scope<'a>,
    pub(super) names: &'s Names,
    pub(super) order: Order<'a>,
    evaluating: Cell<u32>,
}

impl<'s, 'a> Evaluator<'s, 'a> {
    pub(super) fn new(scope: &'s dyn Scope<'a>, names: &'s Names) -> Self {
        Self { scope, names, order: Order::default(), evaluating: Cell::new(0) }
    }

    pub(super) fn run(&self, program: &Program, focus: &Focus<'a>) -> Evaluated<Value<'a>> {
        match program {
            Program::Number(number) => Ok(Value::Number(*number)),
            Program::Text(text) => Ok(Value::Text(Cow::Owned(text.to_string()))),
            Program::Variable { prefix, local } => self.variable(prefix, local),
            Program::Core(function, arguments) => self.core(*function, arguments, focus),
            Program::Later(function, arguments) => self.later(*function, arguments, focus),
            Program::Extension(name, arguments) => {
                let arguments = self.arguments(arguments, focus)?;
                match self.scope.call(name, &arguments, focus)? {
                    Some(value) => Ok(value),
                    None => failed(format!("there is no function '{}'", name.local)),
                }
            }
            Program::Negate(operand) => Ok(Value::Number(-self.run(operand, focus)?.number())),
            Program::Chain(first, rest) => self.chain(first, rest, focus),
            Program::Union(parts) => self.union(parts, focus),
            Program::Filter(inner, predicates) => self.filtered(inner, predicates, focus),
            Program::Path(start, steps) => self.path(start, steps, focus),
        }
    }

    fn variable(&self, prefix: &str, local: &str) -> Evaluated<Value<'a>> {
        match self.scope.variable(prefix, local)? {
            Some(value) => Ok(value),
            None if prefix.is_empty() => failed(format!("there is no variable '${local}'")),
            None => failed(format!("there is no variable '${prefix}:{local}'")),
        }
    }

    pub(super) fn arguments(&self, programs: &[Program], focus: &Focus<'a>) -> Evaluated<Vec<Value<'a>>> {
        programs.iter().map(|program| self.run(program, focus)).collect()
    }

    fn chain(
        &self,
        first: &Program,
        rest: &[(BinaryOp, Program)],
        focus: &Focus<'a>,
    ) -> Evaluated<Value<'a>> {
        let mut left = self.run(first, focus)?;
        for (op, operand) in rest {
            left = match op {
                BinaryOp::Or | BinaryOp::And if left.boolean() == (*op == BinaryOp::Or) => {
                    Value::Boolean(*op == BinaryOp::Or)
                }
                BinaryOp::Or | BinaryOp::And => Value::Boolean(self.truth(operand, focus)?),
                op => binary(*op, &left, &self.run(operand, focus)?),
            };
        }
        Ok(left)
    }

    fn union(&self, parts: &[Program], focus: &Focus<'a>) -> Evaluated<Value<'a>> {
        let mut nodes: Vec<Node<'a>> = Vec::new();
        for part in parts {
            match self.run(part, focus)? {
                Value::Nodes(found) => nodes.extend(found),
                _ => return failed("both sides of '|' must be node-sets"),
            }
        }
        self.order.sort(&mut nodes);
        Ok(Value::Nodes(nodes))
    }

    fn filtered(&self, inner: &Program, predicates: &[Predicate], focus: &Focus<'a>) -> Evaluated<Value<'a>> {
        match self.run(inner, focus)? {
            value @ (Value::Nodes(_) | Value::Element(_)) => {
                let mut nodes = value.into_nodes();
                for predicate in predicates {
                    self.filter(predicate, &mut nodes, 0)?;
                }
                Ok(Value::Nodes(nodes))
            }
            Value::Items(mut items) => {
                for predicate in predicates {
                    let size = items.len();
                    let mut kept = Vec::with_capacity(size);
                    for (at, item) in items.into_iter().enumerate() {
                        if self.holds(predicate, &Focus { position: at + 1, size, ..*focus })? {
                            kept.push(item);
                        }
                    }
                    items = kept;
                }
                Ok(Value::Items(items))
            }
            // Jaxen treats any other value as a list of one.
            value => {
                let alone = Focus { position: 1, size: 1, ..*focus };
                for predicate in predicates {
                    if !self.holds(predicate, &alone)? {
                        return Ok(Value::Nodes(Vec::new()));
                    }
                }
                Ok(value)
            }
        }
    }

    /// The value as a boolean; paths stop at the first node.
    pub(super) fn truth(&self, program: &Program, focus: &Focus<'a>) -> Evaluated<bool> {
        match program {
            Program::Path(start, steps) => match steps.split_last() {
                Some((last, before)) => {
                    let set = self.steps(start, before, focus)?;
                    self.step_exists(last, set)
                }
                None => Ok(self.path(start, steps, focus)?.boolean()),
            },
            other => Ok(self.run(other, focus)?.boolean()),
        }
    }

    fn path(&self, start: &Start, steps: &[Step], focus: &Focus<'a>) -> Evaluated<Value<'a>> {
        match start {
            Start::Value(inner) if steps.is_empty() => self.run(inner, focus),
            _ => Ok(Value::Nodes(self.steps(start, steps, focus)?.nodes)),
        }
    }

    fn steps(&self, start: &Start, steps: &[Step], focus: &Focus<'a>) -> Evaluated<Set<'a>> {
        let mut set = match start {
            Start::Context => Set::one(focus.node),
            Start::Root => Set::one(self.root(focus.node)),
            Start::Value(inner) => Set::of(self.run(inner, focus)?.into_nodes()),
        };
        for step in steps {
            set = self.step(step, set)?;
        }
        Ok(set)
    }

    /// Keeps what passes of `nodes[from..]`.
    pub(super) fn filter(
        &self,
        predicate: &Predicate,
        nodes: &mut Vec<Node<'a>>,
        from: usize,
    ) -> Evaluated<()> {
        match predicate {
            Predicate::Position(place) => {
                let kept = place.checked_sub(1).and_then(|p| nodes.get(from + p)).copied();
                nodes.truncate(from);
                nodes.extend(kept);
            }
            Predicate::Last => {
                if nodes.len() > from {
                    nodes.drain(from..nodes.len() - 1);
                }
            }
            Predicate::Plain(_) | Predicate::General(_) => {
                let size = nodes.len() - from;
                let mut kept = from;
                for at in from..nodes.len() {
                    let focus = Focus { node: nodes[at], position: at - from + 1, size };
                    if self.holds(predicate, &focus)? {
                        nodes[kept] = nodes[at];
                        kept += 1;
                    }
                }
                nodes.truncate(kept);
            }
        }
        Ok(())
    }

    pub(super) fn holds(&self, predicate: &Predicate, focus: &Focus<'a>) -> Evaluated<bool> {
        match predicate {
            Predicate::Position(place) => Ok(*place == focus.position),
            Predicate::Last => Ok(focus.position == focus.size),
            Predicate::Plain(program) => self.truth(program, focus),
            Predicate::General(program) => Ok(predicate_holds(&self.run(program, focus)?, focus.position)),
        }
    }

    /// `evaluate(text)`: an expression made at run time.
    pub(super) fn evaluate_text(&self, text: &str, focus: &Focus<'a>) -> Evaluated<Value<'a>> {
        if self.evaluating.get() >= MAX_EVALUATE {
            return failed("evaluate() calls itself too deeply");
        }
        let parsed = match artifacts::expr::xpath::parse(text) {
            Ok(parsed) => parsed,
            Err(error) => return failed(format!("evaluate('{text}'): {error}")),
        };
        self.evaluating.set(self.evaluating.get() + 1);
        let result = self.run(&super::compile::program(&parsed.root, self.names), focus);
        self.evaluating.set(self.evaluating.get() - 1);
        result
    }
}

/// A number asks for a position (its fraction cut off, as in Jaxen), anything else for its truth.
pub(super) fn predicate_holds(value: &Value<'_>, position: usize) -> bool {
    match value {
        Value::Number(number) => *number >= 1.0 && *number as usize == position,
        Value::Integer(number) => usize::try_from(*number) == Ok(position),
        other => other.boolean(),
    }
}

fn binary<'a>(op: BinaryOp, left: &Value<'a>, right: &Value<'a>) -> Value<'a> {
    let arithmetic = |apply: fn(f64, f64) -> f64| Value::Number(apply(left.number(), right.number()));
    match op {
        BinaryOp::Add => arithmetic(|a, b| a + b),
        BinaryOp::Subtract => arithmetic(|a, b| a - b),
        BinaryOp::Multiply => arithmetic(|a, b| a * b),
        BinaryOp::Divide => arithmetic(|a, b| a / b),
        BinaryOp::Modulo => arithmetic(|a, b| a % b),
        BinaryOp::Or => Value::Boolean(left.boolean() || right.boolean()),
        BinaryOp::And => Value::Boolean(left.boolean() && right.boolean()),
        comparison => Value::Boolean(compare::compare(comparison, left, right)),
    }
}
