//! Functions that XPath 2.0 adds, for expressions that are tried again by its rules.
//!
//! Sequences hold texts, numbers and booleans; what 2.0 adds to the grammar (`for`, `if`, `some`) is not
//! read. Regular expressions are Java's, which serve for all but character class subtraction.

use super::evaluate::Evaluator;
use super::program::Program;
use super::{Evaluated, Focus, Value, failed};
use crate::eval::JavaRegex;
use crate::eval::dates;
use std::borrow::Cow;
use std::collections::HashSet;

/// Namespace of the constructors such as `xs:integer()`.
pub(super) const SCHEMA: &str = "http://www.w3.org/2001/XMLSchema";

/// A function of XPath 2.0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Named as in the recommendation.
pub enum Later {
    Tokenize,
    Matches,
    Replace,
    StringJoin,
    DistinctValues,
    Exists,
    Empty,
    Data,
    Abs,
    Avg,
    Max,
    Min,
    Compare,
    IndexOf,
    Reverse,
    Subsequence,
    CurrentDateTime,
    CurrentDate,
    AsText,
    AsInteger,
    AsNumber,
    AsBoolean,
}

impl Later {
    /// By its name, and whether it stands in the namespace of XML Schema.
    pub(super) fn from_name(name: &str, schema: bool) -> Option<Self> {
        Some(match (schema, name) {
            (false, "tokenize") => Self::Tokenize,
            (false, "matches") => Self::Matches,
            (false, "replace") => Self::Replace,
            (false, "string-join") => Self::StringJoin,
            (false, "distinct-values") => Self::DistinctValues,
            (false, "exists") => Self::Exists,
            (false, "empty") => Self::Empty,
            (false, "data") => Self::Data,
            (false, "abs") => Self::Abs,
            (false, "avg") => Self::Avg,
            (false, "max") => Self::Max,
            (false, "min") => Self::Min,
            (false, "compare") => Self::Compare,
            (false, "index-of") => Self::IndexOf,
            (false, "reverse") => Self::Reverse,
            (false, "subsequence") => Self::Subsequence,
            (false, "current-dateTime") => Self::CurrentDateTime,
            (false, "current-date") => Self::CurrentDate,
            (true, "string") => Self::AsText,
            (true, "integer" | "int" | "long" | "short" | "byte") => Self::AsInteger,
            (true, "double" | "float" | "decimal") => Self::AsNumber,
            (true, "boolean") => Self::AsBoolean,
            _ => return None,
        })
    }

    fn takes(self, count: usize) -> bool {
        match self {
            Self::CurrentDateTime | Self::CurrentDate => count == 0,
            Self::StringJoin => count == 1 || count == 2,
            Self::Compare | Self::IndexOf => count == 2,
            Self::Tokenize | Self::Matches | Self::Subsequence => count == 2 || count == 3,
            Self::Replace => count == 3 || count == 4,
            _ => count == 1,
        }
    }
}

impl<'a> Evaluator<'_, 'a> {
    pub(super) fn later(
        &self,
        function: Later,
        arguments: &[Program],
        focus: &Focus<'a>,
    ) -> Evaluated<Value<'a>> {
        if !function.takes(arguments.len()) {
            return failed(format!("{function:?} cannot take {} arguments", arguments.len()));
        }
        let values = self.arguments(arguments, focus)?;
        let text = |index: usize| values.get(index).map_or(Cow::Borrowed(""), Value::string);
        let items = |index: usize| values.get(index).map(items).unwrap_or_default();
        let number = |index: usize| values.get(index).map_or(f64::NAN, Value::number);
        let regex = |flags: usize| match JavaRegex::with_flags(&text(1), &text(flags)) {
            Ok(regex) => Ok(regex),
            Err(error) => failed(format!("'{}' is no regular expression: {error}", text(1))),
        };
        Ok(match function {
            Later::Tokenize => tokens(&text(0), &regex(2)?),
            Later::Matches => Value::Boolean(regex(2)?.finds(&text(0))),
            Later::Replace => Value::text(regex(3)?.replace_all(&text(0), &text(2))),
            Later::StringJoin => {
                let parts: Vec<Cow<'_, str>> = items(0).iter().map(Value::string).collect();
                Value::text(parts.join(&*text(1)))
            }
            Later::DistinctValues => {
                let mut seen = HashSet::new();
                sequence(
                    items(0).into_iter().filter(|item| seen.insert(item.string().into_owned())).collect(),
                )
            }
            Later::Exists => Value::Boolean(!items(0).is_empty()),
            Later::Empty => Value::Boolean(items(0).is_empty()),
            Later::Data => sequence(items(0)),
            Later::Abs => Value::Number(number(0).abs()),
            Later::Avg | Later::Max | Later::Min => {
                let numbers: Vec<f64> = items(0).iter().map(Value::number).collect();
                let count = numbers.len() as f64;
                let found = match function {
                    Later::Avg => numbers.iter().copied().reduce(|a, b| a + b).map(|sum| sum / count),
                    Later::Max => numbers.iter().copied().reduce(f64::max),
                    _ => numbers.iter().copied().reduce(f64::min),
                };
                found.map_or(Value::Nodes(Vec::new()), Value::Number)
            }
            Later::Compare => Value::Number(f64::from(text(0).cmp(&text(1)) as i8)),
            Later::IndexOf => {
                let wanted = text(1);
                let places = items(0).into_iter().enumerate().filter(|(_, item)| item.string() == wanted);
                sequence(places.map(|(at, _)| Value::Number(at as f64 + 1.0)).collect())
            }
            Later::Reverse => sequence(items(0).into_iter().rev().collect()),
            Later::Subsequence => {
                let start = number(1).round();
                let end = if values.len() == 3 { start + number(2).round() } else { f64::INFINITY };
                let inside = |at: usize| (at as f64 + 1.0) >= start && (at as f64 + 1.0) < end;
                let kept = items(0).into_iter().enumerate().filter(|(at, _)| inside(*at));
                sequence(kept.map(|(_, item)| item).collect())
            }
            Later::CurrentDateTime => date("yyyy-MM-dd'T'HH:mm:ss.SSSXXX")?,
            Later::CurrentDate => date("yyyy-MM-ddXXX")?,
            Later::AsText => Value::text(text(0)),
            Later::AsInteger => Value::Number(number(0).trunc()),
            Later::AsNumber => Value::Number(number(0)),
            Later::AsBoolean => match &*text(0) {
                "true" | "1" => Value::Boolean(true),
                "false" | "0" => Value::Boolean(false),
                other => return failed(format!("'{other}' is no boolean")),
            },
        })
    }
}

fn date<'a>(pattern: &str) -> Evaluated<Value<'a>> {
    dates::simple_date(pattern).map(Value::text).map_err(super::EvaluationError)
}

/// The items of a value; those of a node-set are the texts of its nodes.
fn items<'a>(value: &Value<'a>) -> Vec<Value<'a>> {
    match value {
        Value::Nodes(nodes) => nodes.iter().map(|node| Value::Text(node.string_value())).collect(),
        Value::Items(items) => items.clone(),
        Value::Null => Vec::new(),
        single => vec![single.clone()],
    }
}

/// Items as a value: none are an empty node-set, one stands for itself.
fn sequence(mut items: Vec<Value<'_>>) -> Value<'_> {
    match items.len() {
        0 => Value::Nodes(Vec::new()),
        1 => items.remove(0),
        _ => Value::Items(items),
    }
}

fn tokens<'a>(text: &str, separator: &JavaRegex) -> Value<'a> {
    let mut found = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        match separator.find(rest).filter(|range| !range.is_empty()) {
            Some(range) => {
                found.push(Value::text(&rest[..range.start]));
                rest = &rest[range.end..];
                if rest.is_empty() {
                    found.push(Value::text(""));
                }
            }
            None => {
                found.push(Value::text(rest));
                break;
            }
        }
    }
    sequence(found)
}
