//! JSON Schema, draft 4, with the messages of the library that MI uses.

use crate::eval::JavaRegex;
use crate::message::Json;

/// Deepest chain of references and subschemas.
const MAX_DEPTH: usize = 200;

/// JSON as the grammar has it, without the liberties of [`Json::parse`].
pub(super) fn parse_strict(text: &str) -> Result<Json, String> {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => Json::parse(text).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    }
}

/// Everything that is wrong with `json`. The error is about the schema itself.
pub(super) fn validate(json: &Json, schema: &Json) -> Result<Vec<String>, String> {
    let mut check = Check { root: schema, problems: Vec::new() };
    check.value(json, schema, 0)?;
    Ok(check.problems)
}

struct Check<'s> {
    root: &'s Json,
    problems: Vec<String>,
}

type Checked = Result<(), String>;

fn type_name(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(text) if is_whole(text) => "integer",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

/// A number without a fraction, `1.0` included.
fn is_whole(text: &str) -> bool {
    text.parse::<f64>().is_ok_and(|number| number.fract() == 0.0)
}

fn number(json: &Json) -> Option<f64> {
    match json {
        Json::Number(text) => text.parse().ok(),
        _ => None,
    }
}

fn names(list: impl IntoIterator<Item = Json>) -> Json {
    Json::Array(list.into_iter().collect())
}

/// Equal as JSON: numbers by value, members in any order.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Number(_), Json::Number(_)) => number(a) == number(b),
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Object(members), Json::Object(others)) => {
            members.len() == others.len()
                && members.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        _ => a == b,
    }
}

impl Check<'_> {
    fn problem(&mut self, text: String) {
        self.problems.push(text);
    }

    fn value(&mut self, json: &Json, schema: &Json, depth: usize) -> Checked {
        if depth > MAX_DEPTH {
            return Err("the schema refers to itself without an end".to_owned());
        }
        if let Some(Json::String(reference)) = schema.get("$ref") {
            let target = self.resolve(reference)?.clone();
            return self.value(json, &target, depth + 1);
        }
        self.kind(json, schema);
        self.allowed(json, schema);
        match json {
            Json::Number(text) => self.number(text, schema),
            Json::String(text) => self.string(text, schema)?,
            Json::Array(items) => self.array(items, schema, depth)?,
            Json::Object(_) => self.object(json, schema, depth)?,
            Json::Null | Json::Bool(_) => {}
        }
        self.combined(json, schema, depth)
    }

    fn resolve(&self, reference: &str) -> Result<&Json, String> {
        let unknown = || format!("the schema refers to '{reference}', which cannot be found");
        let pointer = reference.strip_prefix('#').ok_or_else(unknown)?;
        let mut at = self.root;
        for part in pointer.split('/').skip(1) {
            let part = part.replace("~1", "/").replace("~0", "~");
            at = match at {
                Json::Array(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
                other => other.get(&part),
            }
            .ok_or_else(unknown)?;
        }
        Ok(at)
    }

    fn kind(&mut self, json: &Json, schema: &Json) {
        let allowed: Vec<Json> = match schema.get("type") {
            Some(one @ Json::String(_)) => vec![one.clone()],
            Some(Json::Array(several)) => several.clone(),
            _ => return,
        };
        let own = type_name(json);
        let fits = |kind: &Json| kind.as_str().is_some_and(|k| k == own || own == "integer" && k == "number");
        if !allowed.iter().any(fits) {
            let allowed = names(allowed);
            self.problem(format!(
                "instance type ({own}) does not match any allowed primitive type (allowed: {allowed})"
            ));
        }
    }

    fn allowed(&mut self, json: &Json, schema: &Json) {
        if let Some(Json::Array(values)) = schema.get("enum")
            && !values.iter().any(|value| same(value, json))
        {
            let values = Json::Array(values.clone());
            self.problem(format!("instance value ({json}) not found in enum (possible values: {values})"));
        }
    }

    fn number(&mut self, text: &str, schema: &Json) {
        let Ok(value) = text.parse::<f64>() else { return };
        let exclusive = |name: &str| schema.get(name) == Some(&Json::Bool(true));
        if let Some(limit @ Json::Number(_)) = schema.get("minimum")
            && let Some(bound) = number(limit)
        {
            if value < bound {
                self.problem(format!(
                    "numeric instance is lower than the required minimum (minimum: {limit}, found: {text})"
                ));
            } else if value == bound && exclusive("exclusiveMinimum") {
                self.problem(format!(
                    "numeric instance is not strictly greater than the required minimum {limit}"
                ));
            }
        }
        if let Some(limit @ Json::Number(_)) = schema.get("maximum")
            && let Some(bound) = number(limit)
        {
            if value > bound {
                self.problem(format!(
                    "numeric instance is greater than the required maximum (maximum: {limit}, found: {text})"
                ));
            } else if value == bound && exclusive("exclusiveMaximum") {
                self.problem(format!(
                    "numeric instance is not strictly lower than the required maximum {limit}"
                ));
            }
        }
        if let Some(factor) = schema.get("multipleOf")
            && let Some(divisor) = number(factor)
            && divisor != 0.0
        {
            let quotient = value / divisor;
            if (quotient - quotient.round()).abs() > 1e-9 {
                self.problem(format!("remainder of division is not zero ({text} / {factor})"));
            }
        }
    }

    fn string(&mut self, text: &str, schema: &Json) -> Checked {
        let length = text.chars().count();
        if let Some(min) = schema.get("minLength").and_then(number)
            && (length as f64) < min
        {
            self.problem(format!(
                "string \"{text}\" is too short (length: {length}, required minimum: {min})"
            ));
        }
        if let Some(max) = schema.get("maxLength").and_then(number)
            && length as f64 > max
        {
            self.problem(format!("string \"{text}\" is too long (length: {length}, maximum allowed: {max})"));
        }
        if let Some(pattern) = schema.get("pattern").and_then(Json::as_str)
            && !JavaRegex::compile(pattern)?.finds(text)
        {
            self.problem(format!("ECMA 262 regex \"{pattern}\" does not match input string \"{text}\""));
        }
        if let Some(format) = schema.get("format").and_then(Json::as_str)
            && !fits_format(text, format)
        {
            self.problem(format!("string \"{text}\" is invalid against requested format {format}"));
        }
        Ok(())
    }

    fn array(&mut self, items: &[Json], schema: &Json, depth: usize) -> Checked {
        let count = items.len();
        if let Some(min) = schema.get("minItems").and_then(number)
            && (count as f64) < min
        {
            self.problem(format!(
                "array is too short: must have at least {min} elements but instance has {count} elements"
            ));
        }
        if let Some(max) = schema.get("maxItems").and_then(number)
            && count as f64 > max
        {
            self.problem(format!(
                "array is too long: must have at most {max} elements but instance has {count} elements"
            ));
        }
        let twice = |at: usize, item: &Json| items.iter().skip(at + 1).any(|other| same(item, other));
        if schema.get("uniqueItems") == Some(&Json::Bool(true))
            && items.iter().enumerate().any(|(at, item)| twice(at, item))
        {
            self.problem("array must not contain duplicate elements".to_owned());
        }
        match schema.get("items") {
            Some(Json::Array(schemas)) => {
                let more = schema.get("additionalItems");
                if more == Some(&Json::Bool(false)) && count > schemas.len() {
                    let most = schemas.len();
                    self.problem(format!("array is too long: must have at most {most} elements but instance has {count} elements"));
                }
                for (item, own) in items.iter().zip(schemas) {
                    self.value(item, own, depth + 1)?;
                }
                if let Some(more @ Json::Object(_)) = more {
                    for item in items.iter().skip(schemas.len()) {
                        self.value(item, more, depth + 1)?;
                    }
                }
            }
            Some(own @ Json::Object(_)) => {
                for item in items {
                    self.value(item, own, depth + 1)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn object(&mut self, json: &Json, schema: &Json, depth: usize) -> Checked {
        let Json::Object(members) = json else { return Ok(()) };
        let count = members.len();
        if let Some(Json::Array(required)) = schema.get("required") {
            let missing: Vec<Json> = required
                .iter()
                .filter(|name| name.as_str().is_some_and(|n| json.get(n).is_none()))
                .cloned()
                .collect();
            if !missing.is_empty() {
                self.problem(format!("object has missing required properties ({})", names(missing)));
            }
        }
        if let Some(min) = schema.get("minProperties").and_then(number)
            && (count as f64) < min
        {
            self.problem(format!(
                "object has too few properties (found {count} but schema requires at least {min})"
            ));
        }
        if let Some(max) = schema.get("maxProperties").and_then(number)
            && count as f64 > max
        {
            self.problem(format!(
                "object has too many properties (found {count} but schema requires at most {max})"
            ));
        }
        self.dependencies(json, schema, depth)?;
        self.members(members, schema, depth)
    }

    fn members(&mut self, members: &[(std::sync::Arc<str>, Json)], schema: &Json, depth: usize) -> Checked {
        let mut unknown = Vec::new();
        for (key, member) in members {
            let mut known = false;
            if let Some(own) = schema.get("properties").and_then(|properties| properties.get(key)) {
                known = true;
                self.value(member, own, depth + 1)?;
            }
            if let Some(Json::Object(patterns)) = schema.get("patternProperties") {
                for (pattern, own) in patterns {
                    if JavaRegex::compile(pattern)?.finds(key) {
                        known = true;
                        self.value(member, own, depth + 1)?;
                    }
                }
            }
            match schema.get("additionalProperties") {
                Some(Json::Bool(false)) if !known => unknown.push(Json::string(&**key)),
                Some(own @ Json::Object(_)) if !known => self.value(member, own, depth + 1)?,
                _ => {}
            }
        }
        if !unknown.is_empty() {
            let unknown = names(unknown);
            self.problem(format!(
                "object instance has properties which are not allowed by the schema: {unknown}"
            ));
        }
        Ok(())
    }

    fn dependencies(&mut self, json: &Json, schema: &Json, depth: usize) -> Checked {
        let Some(Json::Object(dependencies)) = schema.get("dependencies") else { return Ok(()) };
        for (key, needed) in dependencies {
            if json.get(key).is_none() {
                continue;
            }
            match needed {
                Json::Array(list) => {
                    let missing: Vec<Json> = list
                        .iter()
                        .filter(|name| name.as_str().is_some_and(|n| json.get(n).is_none()))
                        .cloned()
                        .collect();
                    if !missing.is_empty() {
                        let missing = names(missing);
                        self.problem(format!(
                            "property \"{key}\" of object has missing property dependencies (schema requires {needed}; missing: {missing})"
                        ));
                    }
                }
                other => self.value(json, other, depth + 1)?,
            }
        }
        Ok(())
    }

    fn combined(&mut self, json: &Json, schema: &Json, depth: usize) -> Checked {
        let list = |name: &str| match schema.get(name) {
            Some(Json::Array(schemas)) => schemas.as_slice(),
            _ => &[],
        };
        let total = list("allOf").len();
        let matched = self.matching(json, list("allOf"), depth)?;
        if matched < total {
            self.problem(format!(
                "instance failed to match all required schemas (matched only {matched} out of {total})"
            ));
        }
        let total = list("anyOf").len();
        if total > 0 && self.matching(json, list("anyOf"), depth)? == 0 {
            self.problem(format!("instance failed to match at least one required schema among {total}"));
        }
        let total = list("oneOf").len();
        let matched = self.matching(json, list("oneOf"), depth)?;
        if total > 0 && matched != 1 {
            self.problem(format!(
                "instance failed to match exactly one schema (matched {matched} out of {total})"
            ));
        }
        if let Some(not) = schema.get("not")
            && self.matching(json, std::slice::from_ref(not), depth)? == 1
        {
            self.problem("instance matched a schema which it should not have".to_owned());
        }
        Ok(())
    }

    /// How many of the schemas fit.
    fn matching(&self, json: &Json, schemas: &[Json], depth: usize) -> Result<usize, String> {
        let mut count = 0;
        for schema in schemas {
            let mut check = Check { root: self.root, problems: Vec::new() };
            check.value(json, schema, depth + 1)?;
            count += usize::from(check.problems.is_empty());
        }
        Ok(count)
    }
}

/// Formats that draft 4 names; others fit always.
fn fits_format(text: &str, format: &str) -> bool {
    match format {
        "email" => text.split_once('@').is_some_and(|(user, host)| !user.is_empty() && !host.is_empty()),
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "regex" => JavaRegex::compile(text).is_ok(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(json: &str, schema: &str) -> Vec<String> {
        validate(&Json::parse(json).unwrap(), &Json::parse(schema).unwrap()).unwrap()
    }

    #[test]
    fn messages() {
        let schema = r##"{"type":"object","required":["id"],"additionalProperties":false,
            "properties":{"id":{"type":"integer","minimum":1},"q":{"type":"string","maxLength":3},
            "l":{"type":"array","items":{"$ref":"#/definitions/n"}}},"definitions":{"n":{"type":"number"}}}"##;
        assert!(problems(r#"{"id":1.0,"q":"abc","l":[1,2.5]}"#, schema).is_empty());
        for (json, problem) in [
            (
                "[]",
                r#"instance type (array) does not match any allowed primitive type (allowed: ["object"])"#,
            ),
            ("{}", r#"object has missing required properties (["id"])"#),
            (r#"{"id":0}"#, "numeric instance is lower than the required minimum (minimum: 1, found: 0)"),
            (r#"{"id":1,"q":"abcd"}"#, r#"string "abcd" is too long (length: 4, maximum allowed: 3)"#),
            (
                r#"{"id":1,"l":["x"]}"#,
                r#"instance type (string) does not match any allowed primitive type (allowed: ["number"])"#,
            ),
            (
                r#"{"id":1,"z":1}"#,
                r#"object instance has properties which are not allowed by the schema: ["z"]"#,
            ),
        ] {
            assert_eq!(problems(json, schema), [problem], "{json}");
        }
    }

    #[test]
    fn combinations() {
        let any = r#"{"anyOf":[{"type":"string"},{"type":"integer"}]}"#;
        assert!(problems("1", any).is_empty() && problems("true", any).len() == 1);
        let one = r#"{"oneOf":[{"type":"number"},{"type":"integer"}]}"#;
        assert!(problems("1.5", one).is_empty() && problems("1", one).len() == 1);
        assert_eq!(problems("1", r#"{"not":{"type":"integer"}}"#).len(), 1);
        assert_eq!(problems("1", r#"{"allOf":[{"minimum":2},{"maximum":3}]}"#).len(), 1);
        assert_eq!(problems(r#"{"a":1}"#, r#"{"dependencies":{"a":["b"]}}"#).len(), 1);
        assert_eq!(problems("[1,1.0]", r#"{"uniqueItems":true}"#).len(), 1);
    }

    #[test]
    fn endless_and_unknown_references_are_errors() {
        let json = Json::Null;
        for schema in [r##"{"$ref":"#"}"##, r##"{"$ref":"#/none"}"##, r#"{"$ref":"http://x/y"}"#] {
            assert!(validate(&json, &Json::parse(schema).unwrap()).is_err());
        }
    }

    #[test]
    fn strictness() {
        assert!(parse_strict("{\"a\":1}").is_ok() && parse_strict("\"x\"").is_ok());
        assert!(parse_strict("{a:1}").is_err() && parse_strict("{\"id\":").is_err());
    }
}
