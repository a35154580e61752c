//! `=`, `!=` and the order comparisons, with the exists-a-pair rule for node-sets.

use super::Value;
use artifacts::expr::xpath::BinaryOp;
use std::borrow::Cow;
use std::collections::HashSet;

/// Compares as Jaxen does: null is never equal nor unequal to anything.
pub(super) fn compare(op: BinaryOp, left: &Value<'_>, right: &Value<'_>) -> bool {
    if matches!(left, Value::Null) || matches!(right, Value::Null) {
        return false;
    }
    match op {
        BinaryOp::Equal => equality(left, right, true),
        BinaryOp::NotEqual => equality(left, right, false),
        other => ordered(other, &numbers(left), &numbers(right)),
    }
}

fn equality(left: &Value<'_>, right: &Value<'_>, equal: bool) -> bool {
    match (left, right) {
        (Value::Items(items), other) | (other, Value::Items(items)) => {
            items.iter().any(|item| equality(item, other, equal))
        }
        (Value::Boolean(_), _) | (_, Value::Boolean(_)) => (left.boolean() == right.boolean()) == equal,
        (Value::Nodes(nodes), other) | (other, Value::Nodes(nodes)) if !matches!(other, Value::Nodes(_)) => {
            if nodes.is_empty() {
                return false;
            }
            match is_number(other) {
                true => {
                    let number = other.number();
                    nodes.iter().any(|n| (super::java_number(&n.string_value()) == number) == equal)
                }
                false => {
                    let text = other.string();
                    nodes.iter().any(|n| (n.string_value() == text) == equal)
                }
            }
        }
        (Value::Nodes(one), Value::Nodes(two)) => {
            let texts = |nodes: &[super::Node<'_>]| -> HashSet<String> {
                nodes.iter().map(|n| n.string_value().into_owned()).collect()
            };
            let (one, two) = (texts(one), texts(two));
            if equal {
                !one.is_disjoint(&two)
            } else {
                // Some pair differs unless both sides are one and the same text.
                !one.is_empty() && !two.is_empty() && (one.len() > 1 || two.len() > 1 || one != two)
            }
        }
        _ if is_number(left) || is_number(right) => (left.number() == right.number()) == equal,
        _ => (left.string() == right.string()) == equal,
    }
}

fn is_number(value: &Value<'_>) -> bool {
    matches!(value, Value::Number(_) | Value::Integer(_))
}

fn numbers<'v>(value: &'v Value<'_>) -> Cow<'v, [f64]> {
    match value {
        Value::Nodes(nodes) => nodes.iter().map(|n| super::java_number(&n.string_value())).collect(),
        Value::Items(items) => items.iter().map(Value::number).collect(),
        other => Cow::Owned(vec![other.number()]),
    }
}

/// Is there a pair in this order? Smallest against largest decides; NaN takes no part.
fn ordered(op: BinaryOp, left: &[f64], right: &[f64]) -> bool {
    let least = |numbers: &[f64]| numbers.iter().copied().filter(|n| !n.is_nan()).reduce(f64::min);
    let most = |numbers: &[f64]| numbers.iter().copied().filter(|n| !n.is_nan()).reduce(f64::max);
    let pair = match op {
        BinaryOp::Less | BinaryOp::LessOrEqual => least(left).zip(most(right)),
        _ => most(left).zip(least(right)),
    };
    pair.is_some_and(|(a, b)| match op {
        BinaryOp::Less => a < b,
        BinaryOp::LessOrEqual => a <= b,
        BinaryOp::Greater => a > b,
        _ => a >= b,
    })
}
