//! Functions at the end of a path.

use super::program::Parameter;
use super::run::{Run, Stop, distinct, position};
use crate::message::Json;
use crate::message::value::java_double;

/// Applies a function to where the path stands.
pub(super) fn call(name: &str, parameters: &[Parameter], model: &Json, root: &Json) -> Result<Json, Stop> {
    match name {
        "length" | "size" => length(parameters, model, root),
        "keys" => Ok(keys(model)),
        "min" | "max" | "avg" | "sum" | "stddev" => {
            let mut numbers = numbers(model);
            for value in values(parameters, root)? {
                numbers.extend(if value.is_container() { self::numbers(&value) } else { one(&value) });
            }
            aggregate(name, &numbers)
        }
        "first" => element(model, 0),
        "last" => element(model, -1),
        "index" => {
            let values = values(parameters, root)?;
            let numbers: Vec<f64> = values
                .iter()
                .flat_map(|v| if v.is_container() { self::numbers(v) } else { one(v) })
                .collect();
            match numbers.first() {
                Some(index) => element(model, *index as i32),
                None => Err(Stop::OutOfBounds("index() needs a number".to_owned())),
            }
        }
        "concat" => concat(parameters, model, root),
        "append" => append(parameters, model, root),
        _ => Err(Stop::Invalid(format!("there is no path function '{name}'"))),
    }
}

fn values(parameters: &[Parameter], root: &Json) -> Result<Vec<Json>, Stop> {
    parameters
        .iter()
        .map(|parameter| match parameter {
            Parameter::Json(json) => Ok(json.clone()),
            Parameter::Path(path) => {
                let hits = Run::new(path, root, root).hits()?;
                if !path.is_definite() {
                    return Ok(Json::Array(hits.into_iter().map(super::run::Hit::into_result).collect()));
                }
                match hits.into_iter().next_back() {
                    Some(hit) => Ok(hit.into_result()),
                    None => Err(Stop::NotFound(format!("no results for path {}", path.text()))),
                }
            }
        })
        .collect()
}

fn length(parameters: &[Parameter], model: &Json, root: &Json) -> Result<Json, Stop> {
    if let Some(Json::Array(items)) = values(parameters, root)?.first() {
        return Ok(Json::number(items.len()));
    }
    Ok(match model {
        Json::Array(items) => Json::number(items.len()),
        Json::Object(_) => match keys(model) {
            Json::Array(keys) => Json::number(keys.len()),
            other => other,
        },
        _ => Json::Null,
    })
}

fn keys(model: &Json) -> Json {
    let Json::Object(members) = model else { return Json::Null };
    Json::Array(distinct(members).into_iter().map(|(name, _)| Json::String(name.clone())).collect())
}

fn one(json: &Json) -> Vec<f64> {
    match json {
        Json::Number(text) => text.parse().into_iter().collect(),
        _ => Vec::new(),
    }
}

fn numbers(json: &Json) -> Vec<f64> {
    match json {
        Json::Array(items) => items.iter().flat_map(one).collect(),
        _ => Vec::new(),
    }
}

fn aggregate(name: &str, numbers: &[f64]) -> Result<Json, Stop> {
    if numbers.is_empty() {
        return Err(Stop::Invalid(format!("{name}() of no numbers")));
    }
    let (count, sum) = (numbers.len() as f64, numbers.iter().fold(0.0, |a, b| a + b));
    let value = match name {
        "min" => numbers.iter().copied().fold(f64::MAX, f64::min),
        // Java's Double.MIN_VALUE, the smallest positive number, is where the original starts.
        "max" => numbers.iter().copied().fold(f64::from_bits(1), f64::max),
        "avg" => sum / count,
        "sum" => sum,
        _ => {
            let squares: f64 = numbers.iter().map(|n| n * n).fold(0.0, |a, b| a + b);
            (squares / count - sum * sum / count / count).sqrt()
        }
    };
    Ok(Json::Number(java_double(value).into()))
}

fn element(model: &Json, index: i32) -> Result<Json, Stop> {
    let Json::Array(items) = model else {
        return Err(Stop::Invalid("expected an array".to_owned()));
    };
    // From the end the original never reaches the first element.
    let reachable = index >= 0 || items.len() as i64 + i64::from(index) > 0;
    match position(index, items.len()).filter(|_| reachable) {
        Some(at) => Ok(super::number::member_form(&items[at])),
        None if index >= 0 => Err(Stop::OutOfBounds(format!("no element {index}"))),
        None => Err(Stop::Invalid(format!("no element {index}"))),
    }
}

fn concat(parameters: &[Parameter], model: &Json, root: &Json) -> Result<Json, Stop> {
    let mut out = String::new();
    let text = |json: &Json| match json {
        Json::String(text) => text.to_string(),
        other => other.to_string(),
    };
    if let Json::Array(items) = model {
        items.iter().filter_map(Json::as_str).for_each(|item| out.push_str(item));
    }
    for value in values(parameters, root)? {
        match &value {
            Json::Null => {}
            Json::Array(items) => items.iter().for_each(|item| out.push_str(&text(item))),
            other => out.push_str(&text(other)),
        }
    }
    Ok(Json::string(out))
}

fn append(parameters: &[Parameter], model: &Json, root: &Json) -> Result<Json, Stop> {
    let mut result = model.clone();
    if let Json::Array(items) = &mut result {
        items.extend(values(parameters, root)?);
    }
    Ok(result)
}
