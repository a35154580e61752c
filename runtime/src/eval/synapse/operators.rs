//! Binary operators.

use super::value::Res;
use super::{Outcome, Stop, warn};
use crate::eval::decimal::Decimal;
use artifacts::expr::synapse::Operator;

/// Applies an operator; `None` is null.
pub(super) fn apply(operator: Operator, left: Option<Res>, right: Option<Res>) -> Outcome<Res> {
    let equal = |left: &Option<Res>, right: &Option<Res>| {
        Ok::<bool, Stop>(match (left, right) {
            (Some(left), Some(right)) => left.as_text()? == right.as_text()?,
            (None, None) => true,
            _ => false,
        })
    };
    match operator {
        Operator::Equal => return Ok(Res::Bool(equal(&left, &right)?)),
        Operator::NotEqual => return Ok(Res::Bool(!equal(&left, &right)?)),
        _ => {}
    }
    let (Some(left), Some(right)) = (left, right) else { return warn("a null operand") };
    match operator {
        Operator::Add => add(&left, &right),
        Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo => {
            arithmetic(operator, &left, &right)
        }
        Operator::Less => compare(&left, &right, |a, b| a < b),
        Operator::LessOrEqual => compare(&left, &right, |a, b| a <= b),
        Operator::Greater => compare(&left, &right, |a, b| a > b),
        Operator::GreaterOrEqual => compare(&left, &right, |a, b| a >= b),
        Operator::And | Operator::Or => match (left.as_bool(), right.as_bool()) {
            (Some(a), Some(b)) => Ok(Res::Bool(if operator == Operator::And { a && b } else { a || b })),
            _ => warn("'and' and 'or' need booleans"),
        },
        Operator::Equal | Operator::NotEqual => warn("not reached"),
    }
}

fn compare(left: &Res, right: &Res, holds: fn(f64, f64) -> bool) -> Outcome<Res> {
    let comparable = |value: &Res| value.is_double() || value.is_int();
    if !comparable(left) || !comparable(right) {
        return warn("only integers and doubles can be compared");
    }
    Ok(Res::Bool(holds(left.as_f64()?, right.as_f64()?)))
}

fn decimal(text: &str) -> Outcome<Decimal> {
    Decimal::parse(text).ok_or_else(|| Stop::escape(format!("'{text}' is no decimal number")))
}

fn too_large() -> Stop {
    Stop::escape("the numbers are too far apart")
}

fn add(left: &Res, right: &Res) -> Outcome<Res> {
    if left.is_number() && right.is_number() {
        if left.is_double() || right.is_double() {
            let sum = decimal(&left.as_text()?)?.add(&decimal(&right.as_text()?)?).ok_or_else(too_large)?;
            return Ok(Res::Double(sum.to_f64()));
        }
        if left.is_long() || right.is_long() {
            return Ok(Res::Long(left.as_i64()?.wrapping_add(right.as_i64()?)));
        }
        let (a, b) = (left.as_i32()?, right.as_i32()?);
        return Ok(match a.checked_add(b) {
            Some(sum) => Res::Int(sum),
            None => Res::Long(left.as_i64()?.wrapping_add(right.as_i64()?)),
        });
    }
    if left.is_text() && right.is_text() {
        return Ok(Res::text(format!("{}{}", left.as_text()?, right.as_text()?)));
    }
    warn("'+' needs two numbers or two texts")
}

fn arithmetic(operator: Operator, left: &Res, right: &Res) -> Outcome<Res> {
    if !left.is_number() || !right.is_number() {
        return warn("arithmetic needs numbers");
    }
    if left.is_double() || right.is_double() {
        return doubles(operator, left.as_f64()?, right.as_f64()?);
    }
    if left.is_long() || right.is_long() {
        return longs(operator, left.as_i64()?, right.as_i64()?);
    }
    ints(operator, left.as_i32()?, right.as_i32()?)
}

/// In decimal, so that `0.1 + 0.2` is `0.3`; a quotient keeps the scale of the dividend.
fn doubles(operator: Operator, left: f64, right: f64) -> Outcome<Res> {
    let finite = |value: f64| Decimal::from_f64(value).ok_or_else(|| Stop::escape("no decimal number"));
    let (a, b) = (finite(left)?, finite(right)?);
    let result = match operator {
        Operator::Subtract => a.subtract(&b),
        Operator::Multiply => Some(a.multiply(&b)),
        Operator::Divide | Operator::Modulo if right == 0.0 => return warn("division by zero"),
        Operator::Divide => a.divide_half_up(&b),
        _ => a.remainder(&b),
    };
    result.map(|decimal| Res::Double(decimal.to_f64())).ok_or_else(too_large)
}

fn longs(operator: Operator, left: i64, right: i64) -> Outcome<Res> {
    Ok(match operator {
        Operator::Subtract => Res::Long(left.wrapping_sub(right)),
        Operator::Multiply => Res::Long(left.wrapping_mul(right)),
        _ if right == 0 => return warn("division by zero"),
        Operator::Divide => Res::Double(left as f64 / right as f64),
        _ => Res::Long(left.wrapping_rem(right)),
    })
}

fn ints(operator: Operator, left: i32, right: i32) -> Outcome<Res> {
    Ok(match operator {
        Operator::Subtract => Res::Int(left.wrapping_sub(right)),
        Operator::Multiply => match left.checked_mul(right) {
            Some(product) => Res::Int(product),
            None => Res::Long(i64::from(left) * i64::from(right)),
        },
        _ if right == 0 => return warn("division by zero"),
        Operator::Divide if left.wrapping_rem(right) == 0 => Res::Int(left.wrapping_div(right)),
        Operator::Divide => Res::Double(f64::from(left) / f64::from(right)),
        _ => Res::Int(left.wrapping_rem(right)),
    })
}
