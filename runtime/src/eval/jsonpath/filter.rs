//! Conditions of filters, with Jayway's comparison rules.

use super::program::{Condition, Operand, Operator};
use super::run::{Run, Stop};
use super::{JsonPath, number};
use crate::eval::decimal::Decimal;
use crate::message::Json;
use artifacts::java_regex::JavaRegex;
use std::borrow::Cow;
use std::cmp::Ordering;

/// Value of a side.
enum Side<'a> {
    Json(Cow<'a, Json>),
    Pattern(&'a JavaRegex),
    /// The path names nothing.
    Undefined,
}

/// Why a condition has no answer.
enum NoAnswer {
    /// The item is left out.
    Skip,
    Stop(Stop),
}

impl Condition {
    /// Is the item taken? Conditions that make no sense for it leave it out.
    pub(super) fn accepts(&self, item: &Json, root: &Json) -> Result<bool, Stop> {
        match self.holds(item, root) {
            Ok(answer) => Ok(answer),
            Err(NoAnswer::Skip) => Ok(false),
            Err(NoAnswer::Stop(stop)) => Err(stop),
        }
    }

    fn holds(&self, item: &Json, root: &Json) -> Result<bool, NoAnswer> {
        Ok(match self {
            Condition::Or(parts) => {
                for part in parts {
                    if part.holds(item, root)? {
                        return Ok(true);
                    }
                }
                false
            }
            Condition::And(parts) => {
                for part in parts {
                    if !part.holds(item, root)? {
                        return Ok(false);
                    }
                }
                true
            }
            Condition::Not(part) => !part.holds(item, root)?,
            Condition::Exists(path, wanted) => exists(path, item, root)? == *wanted,
            Condition::Relation(left, operator, right) => {
                let (left, right) = (side(left, item, root)?, side(right, item, root)?);
                relation(&left, *operator, &right)?
            }
        })
    }
}

fn exists(path: &JsonPath, item: &Json, root: &Json) -> Result<bool, NoAnswer> {
    if path.simple {
        let start = if path.at_document { root } else { item };
        return Ok(path.walk(start).is_ok());
    }
    match Run::new(path, root, item).requiring().hits() {
        Ok(hits) => Ok(!path.is_definite() || !hits.is_empty()),
        Err(Stop::NotFound(_)) => Ok(false),
        Err(stop) => Err(NoAnswer::Stop(stop)),
    }
}

fn side<'a>(operand: &'a Operand, item: &'a Json, root: &'a Json) -> Result<Side<'a>, NoAnswer> {
    let path = match operand {
        Operand::Value(json) => return Ok(Side::Json(Cow::Borrowed(json))),
        Operand::Pattern(pattern) => return Ok(Side::Pattern(pattern)),
        Operand::Path(path) => path,
    };
    if path.simple {
        let start = if path.at_document { root } else { item };
        return Ok(path.walk(start).map_or(Side::Undefined, |(json, _)| Side::Json(Cow::Borrowed(json))));
    }
    match Run::new(path, root, item).hits() {
        Ok(hits) if !path.is_definite() => {
            let items = hits.into_iter().map(super::run::Hit::into_result).collect();
            Ok(Side::Json(Cow::Owned(Json::Array(items))))
        }
        Ok(hits) => Ok(match hits.into_iter().next_back() {
            Some(hit) => Side::Json(Cow::Owned(hit.into_result())),
            None => Side::Undefined,
        }),
        Err(Stop::NotFound(_)) => Ok(Side::Undefined),
        Err(stop) => Err(NoAnswer::Stop(stop)),
    }
}

fn relation(left: &Side<'_>, operator: Operator, right: &Side<'_>) -> Result<bool, NoAnswer> {
    use Operator as O;
    let compared = |wanted: fn(Ordering) -> bool| order(left, right).is_some_and(wanted);
    Ok(match operator {
        O::Eq => equal(left, right),
        O::Ne => !equal(left, right),
        O::TypeSafeEq => same_type(left, right) && equal(left, right),
        O::TypeSafeNe => !(same_type(left, right) && equal(left, right)),
        O::Lt => compared(Ordering::is_lt),
        O::Le => compared(Ordering::is_le),
        O::Gt => compared(Ordering::is_gt),
        O::Ge => compared(Ordering::is_ge),
        O::Regex => matches_pattern(left, right),
        O::In => contains(items_or_skip(right)?, left),
        O::NotIn => !contains(items_or_skip(right)?, left),
        O::Contains => match (left, right) {
            (Side::Json(text), Side::Json(part)) if text.as_str().is_some() && part.as_str().is_some() => {
                text.as_str().unwrap_or_default().contains(part.as_str().unwrap_or_default())
            }
            _ => items(left).is_some_and(|items| contains(items, right)),
        },
        O::All => match (left, items(left)) {
            (_, Some(have)) => items_or_skip(right)?.iter().all(|item| contains(have, &borrowed(item))),
            (Side::Json(json), None) => json.is_container(),
            _ => false,
        },
        O::Size => size(left, right),
        O::Empty => empty(left, right)?,
        O::SubsetOf => {
            let (have, all) = (items_or_skip(left)?, items_or_skip(right)?);
            have.iter().all(|item| contains(all, &borrowed(item)))
        }
        O::AnyOf => {
            let (have, all) = (items_or_skip(left)?, items_or_skip(right)?);
            have.iter().any(|item| contains(all, &borrowed(item)))
        }
        O::NoneOf => {
            let (have, all) = (items_or_skip(left)?, items_or_skip(right)?);
            !have.iter().any(|item| contains(all, &borrowed(item)))
        }
        O::Exists | O::Type | O::Matches => return Err(NoAnswer::Skip),
    })
}

fn borrowed(json: &Json) -> Side<'_> {
    Side::Json(Cow::Borrowed(json))
}

fn items<'s>(side: &'s Side<'_>) -> Option<&'s [Json]> {
    match side {
        Side::Json(json) => match &**json {
            Json::Array(items) => Some(items),
            _ => None,
        },
        _ => None,
    }
}

fn items_or_skip<'s>(side: &'s Side<'_>) -> Result<&'s [Json], NoAnswer> {
    items(side).ok_or(NoAnswer::Skip)
}

fn contains(items: &[Json], wanted: &Side<'_>) -> bool {
    items.iter().any(|item| equal(&borrowed(item), wanted))
}

fn decimal(json: &Json) -> Option<Decimal> {
    match json {
        Json::Number(text) | Json::String(text) => Decimal::parse(text),
        _ => None,
    }
}

fn equal(left: &Side<'_>, right: &Side<'_>) -> bool {
    let (Side::Json(left), Side::Json(right)) = (left, right) else { return false };
    match (&**left, &**right) {
        (Json::Number(_), Json::Number(_) | Json::String(_)) => match (decimal(left), decimal(right)) {
            (Some(a), Some(b)) => a.cmp(&b).is_eq(),
            _ => false,
        },
        (Json::String(text), Json::Number(number)) => *text == number::Number::of_member(number).text(),
        (a, b) => a == b,
    }
}

fn same_type(left: &Side<'_>, right: &Side<'_>) -> bool {
    match (left, right) {
        (Side::Json(a), Side::Json(b)) => {
            (a.is_container() && b.is_container())
                || std::mem::discriminant(&**a) == std::mem::discriminant(&**b)
        }
        _ => false,
    }
}

fn order(left: &Side<'_>, right: &Side<'_>) -> Option<Ordering> {
    let (Side::Json(left), Side::Json(right)) = (left, right) else { return None };
    match (&**left, &**right) {
        (Json::Number(_), Json::Number(_)) => Some(decimal(left)?.cmp(&decimal(right)?)),
        (Json::String(a), Json::String(b)) => Some(a.encode_utf16().cmp(b.encode_utf16())),
        _ => None,
    }
}

fn matches_pattern(left: &Side<'_>, right: &Side<'_>) -> bool {
    let (pattern, input) = match (left, right) {
        (Side::Pattern(_), Side::Pattern(_)) => return false,
        (Side::Pattern(pattern), other) | (other, Side::Pattern(pattern)) => (pattern, other),
        _ => return false,
    };
    let text = |json: &Json| match json {
        Json::String(text) | Json::Number(text) => text.to_string(),
        Json::Bool(value) => value.to_string(),
        _ => String::new(),
    };
    match input {
        Side::Json(json) => match &**json {
            Json::Array(items) => items.iter().any(|item| pattern.matches(&text(item))),
            other => pattern.matches(&text(other)),
        },
        _ => pattern.matches(""),
    }
}

fn size(left: &Side<'_>, right: &Side<'_>) -> bool {
    let (Side::Json(left), Side::Json(right)) = (left, right) else { return false };
    let Json::Number(wanted) = &**right else { return false };
    let Ok(wanted) = wanted.parse::<f64>() else { return false };
    match &**left {
        Json::String(text) => text.encode_utf16().count() as f64 == wanted.trunc(),
        Json::Array(items) => items.len() as f64 == wanted.trunc(),
        Json::Object(_) => wanted.trunc() == -1.0,
        _ => false,
    }
}

fn empty(left: &Side<'_>, right: &Side<'_>) -> Result<bool, NoAnswer> {
    let wanted = match right {
        Side::Json(json) => match &**json {
            Json::Bool(value) => Some(*value),
            _ => None,
        },
        _ => None,
    };
    let Side::Json(left) = left else { return Ok(false) };
    let is_empty = match &**left {
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        Json::Object(_) => {
            return Err(NoAnswer::Stop(Stop::Invalid("'empty' cannot be asked of an object".to_owned())));
        }
        _ => return Ok(false),
    };
    Ok(is_empty == wanted.ok_or(NoAnswer::Skip)?)
}
