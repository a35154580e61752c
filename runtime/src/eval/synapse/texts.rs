//! Text functions. Positions count UTF-16 units, as in Java.

use super::value::Res;
use super::{Outcome, Stop, warn};
use crate::message::Json;
use artifacts::java_regex::JavaRegex;
use std::borrow::Cow;
use std::sync::Arc;

fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().collect()
}

/// The text of a text argument.
pub(super) fn text<'r>(value: &'r Res, function: &str) -> Outcome<Cow<'r, str>> {
    if value.is_text() { value.as_text() } else { warn(format!("{function}() needs a text")) }
}

fn position(value: &Res, function: &str) -> Outcome<i32> {
    if value.is_int() { value.as_i32() } else { warn(format!("{function}() needs a whole number")) }
}

pub(super) fn length(value: &Res) -> Outcome<Res> {
    let length = match value {
        Res::Json(json) => match &**json {
            Json::Array(items) => items.len(),
            _ => return warn("length() needs a text or an array"),
        },
        other => text(other, "length")?.encode_utf16().count(),
    };
    Ok(Res::Int(i32::try_from(length).unwrap_or(i32::MAX)))
}

/// `toUpper`, `toLower`: JSON numbers and booleans become JSON texts.
pub(super) fn change_case(value: &Res, change: fn(&str) -> String, function: &str) -> Outcome<Res> {
    match value {
        Res::Text(_) | Res::JsonText(_) => Ok(Res::text(change(&value.as_text()?))),
        other if other.is_json_primitive() => Ok(Res::JsonText(change(&other.as_text()?).into())),
        _ => warn(format!("{function}() needs a text")),
    }
}

pub(super) fn trim(value: &Res) -> Outcome<Res> {
    Ok(Res::text(text(value, "trim")?.trim_matches(|c| c <= ' ')))
}

pub(super) fn sub_string(source: &Res, start: &Res, end: Option<&Res>) -> Outcome<Res> {
    let units = units(&text(source, "subString")?);
    let length = i32::try_from(units.len()).unwrap_or(i32::MAX);
    let start = position(start, "subString")?;
    let end = end.map_or(Ok(length), |end| position(end, "subString"))?;
    if start < 0 || start > end || end > length {
        return warn(format!("subString(): {start} to {end} is outside of a text of {length}"));
    }
    Ok(Res::text(String::from_utf16_lossy(&units[start as usize..end as usize])))
}

pub(super) fn char_at(source: &Res, index: &Res) -> Outcome<Res> {
    let units = units(&text(source, "charAt")?);
    let index = position(index, "charAt")?;
    match usize::try_from(index).ok().and_then(|index| units.get(index)) {
        Some(unit) => Ok(Res::text(String::from_utf16_lossy(&[*unit]))),
        None => warn(format!("charAt(): there is no character {index}")),
    }
}

pub(super) fn test(left: &Res, right: &Res, holds: fn(&str, &str) -> bool, name: &str) -> Outcome<Res> {
    Ok(Res::Bool(holds(&text(left, name)?, &text(right, name)?)))
}

pub(super) fn replace(source: &Res, find: &Res, with: &Res) -> Outcome<Res> {
    let (source, find, with) = (text(source, "replace")?, text(find, "replace")?, text(with, "replace")?);
    Ok(Res::text(source.replace(&*find, &with)))
}

pub(super) fn split(source: &Res, pattern: &Res) -> Outcome<Res> {
    let (source, pattern) = (text(source, "split")?, text(pattern, "split")?);
    let regex = JavaRegex::compile(&pattern)
        .map_err(|error| Stop::escape(format!("'{pattern}' is no regular expression: {error}")))?;
    let pieces = regex.split(&source).into_iter().map(Json::string).collect();
    Ok(Res::Json(Arc::new(Json::Array(pieces))))
}

pub(super) fn index_of(source: &Res, part: &Res, from: Option<&Res>) -> Outcome<Res> {
    let (source, part) = (units(&text(source, "indexOf")?), units(&text(part, "indexOf")?));
    let from = from.map_or(Ok(0), |from| position(from, "indexOf"))?;
    let from = usize::try_from(from).unwrap_or(0).min(source.len());
    let found = if part.is_empty() {
        Some(from)
    } else {
        source[from..].windows(part.len()).position(|window| window == part).map(|at| at + from)
    };
    Ok(Res::Int(found.and_then(|at| i32::try_from(at).ok()).unwrap_or(-1)))
}
