//! Values as a JSON Schema wants them: texts become numbers and booleans, single values arrays. What
//! cannot become what the schema asks for is an error. Only the keywords that MI knows count.

use crate::eval::JavaRegex;
use crate::message::Json;
use std::sync::Arc;

type Coerced = Result<Json, String>;

/// Changes `json` to the types of `schema`, whose root needs a `type`.
pub(super) fn coerce(json: Json, schema: &Json) -> Coerced {
    match schema {
        Json::Object(members) if members.is_empty() => return Ok(json),
        Json::Object(_) => {}
        Json::Bool(true) => return Ok(json),
        Json::Bool(false) => return Err("JSON schema is false, so all validations will fail".to_owned()),
        _ => return Err("JSON schema should be an object or boolean".to_owned()),
    }
    match schema.get("type") {
        Some(Json::String(kind)) => value(&json, schema, kind, false),
        _ => Err("JSON schema should contain a type declaration".to_owned()),
    }
}

/// `raw`: members that the schema does not name are read as JSON text, quotes included, as MI does.
fn value(json: &Json, schema: &Json, kind: &str, raw: bool) -> Coerced {
    let text = || if raw { Ok(json.to_string()) } else { text_of(json) };
    match kind {
        "boolean" => boolean(&text()?, schema),
        "string" | "String" => string(&text()?, schema),
        "number" | "integer" => number(&text()?, schema, kind == "integer"),
        "array" => array(json, schema),
        "object" => match json {
            Json::Object(_) => object(json, schema),
            other => Err(format!("Expected a JSON as input but found : {other}")),
        },
        "null" => match json {
            Json::Null => Ok(Json::Null),
            Json::String(text) if &**text == "null" => Ok(Json::Null),
            other => Err(format!("Expected a null but found a value. Received not null input{other}")),
        },
        _ => Ok(json.clone()),
    }
}

fn text_of(json: &Json) -> Result<String, String> {
    match json {
        Json::String(text) => Ok(text.to_string()),
        Json::Number(_) | Json::Bool(_) => Ok(json.to_string()),
        Json::Array(items) if items.len() == 1 => items.first().map_or_else(|| Ok(String::new()), text_of),
        other => Err(format!("expected a single value, found {other}")),
    }
}

fn unquoted(text: &str) -> &str {
    text.strip_prefix('"').and_then(|t| t.strip_suffix('"')).unwrap_or(text)
}

fn boolean(text: &str, schema: &Json) -> Coerced {
    let value = match unquoted(text) {
        "true" => Json::Bool(true),
        "false" => Json::Bool(false),
        other => return Err(format!("Cannot convert the sting : {other} to boolean")),
    };
    allowed(&value, text, schema)
}

fn string(text: &str, schema: &Json) -> Coerced {
    let length = text.encode_utf16().count() as f64;
    if limit(schema, "maxLength")?.is_some_and(|max| length > max) {
        return Err(format!("String \"{text}\" violated the max length constraint"));
    }
    if limit(schema, "minLength")?.is_some_and(|min| length < min) {
        return Err(format!("String \"{text}\" violated the min length constraint"));
    }
    if let Some(pattern) = schema.get("pattern").and_then(Json::as_str).filter(|p| !p.is_empty())
        && !JavaRegex::compile(pattern)?.matches(text)
    {
        return Err(format!("String \"{text}\" violated the regex constraint {pattern}"));
    }
    let value = Json::string(text);
    allowed(&value, text, schema)
}

fn number(text: &str, schema: &Json, integer: bool) -> Coerced {
    let text = unquoted(text);
    let Ok(value) = text.trim().parse::<f64>() else {
        return Err(format!("\"{text}\" is not a number. A number expected in the schema {schema}"));
    };
    if limit(schema, "multipleOf")?.is_some_and(|factor| value % factor != 0.0) {
        return Err(format!("Number {text} violates multipleOf in {schema}"));
    }
    let bounds: [(&str, fn(f64, f64) -> bool); 4] = [
        ("minimum", |value, bound| value < bound),
        ("maximum", |value, bound| value > bound),
        ("exclusiveMinimum", |value, bound| value <= bound),
        ("exclusiveMaximum", |value, bound| value >= bound),
    ];
    for (name, outside) in bounds {
        if limit(schema, name)?.is_some_and(|bound| outside(value, bound)) {
            return Err(format!("Number {text} violates {name} in {schema}"));
        }
    }
    let same = |other: &Json| matches!(other, Json::Number(n) if n.parse() == Ok(value));
    if let Some(Json::Array(list)) = schema.get("enum")
        && !list.is_empty()
        && !list.iter().any(same)
    {
        return Err(format!("Number \"{text}\" not contains any element from the enum"));
    }
    if schema.get("const").is_some_and(|constant| !same(constant)) {
        return Err(format!("Number \"{text}\" is not equal to the const value"));
    }
    if integer { whole(text.trim()) } else { Ok(Json::Number(decimal(text).into())) }
}

fn whole(text: &str) -> Coerced {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("NumberFormatException: For input string: \"{text}\""));
    }
    let kept = digits.trim_start_matches('0');
    let kept = if kept.is_empty() { "0" } else { kept };
    let sign = if text.starts_with('-') && kept != "0" { "-" } else { "" };
    Ok(Json::Number(format!("{sign}{kept}").into()))
}

/// MI gives a number without fraction as many zeros behind the point as it has characters.
fn decimal(text: &str) -> String {
    if text.contains(['.', 'e', 'E']) {
        text.to_owned()
    } else {
        format!("{text}.{}", "0".repeat(text.len()))
    }
}

/// `enum` and `const` for texts and booleans.
fn allowed(value: &Json, text: &str, schema: &Json) -> Coerced {
    if let Some(Json::Array(list)) = schema.get("enum")
        && !list.is_empty()
        && !list.contains(value)
    {
        return Err(format!("String \"{text}\" not contains any element from the enum"));
    }
    if let Some(constant) = schema.get("const")
        && text_of(constant)? != text_of(value)?
    {
        return Err(format!("String \"{text}\" is not equal to the const value"));
    }
    Ok(value.clone())
}

fn limit(schema: &Json, name: &str) -> Result<Option<f64>, String> {
    let Some(json) = schema.get(name) else { return Ok(None) };
    let text = text_of(json)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.trim().parse().map(Some).map_err(|_| format!("'{name}' of the schema is a number, found {json}"))
}

fn array(json: &Json, schema: &Json) -> Coerced {
    let mut items = match json {
        Json::Array(items) => items.clone(),
        single => vec![single.clone()],
    };
    let count = items.len() as f64;
    if limit(schema, "minItems")?.is_some_and(|min| count < min) {
        return Err(format!("Array {json} has less items than minItems"));
    }
    if limit(schema, "maxItems")?.is_some_and(|max| count > max) {
        return Err(format!("Array {json} has more items than maxItems"));
    }
    let unique = schema.get("uniqueItems").map(text_of).transpose()?.is_some_and(|text| text == "true");
    if unique && items.iter().enumerate().any(|(at, item)| items.iter().skip(at + 1).any(|o| o == item)) {
        return Err(format!("Array {json} violates uniqueItems"));
    }
    match schema.get("items") {
        None => {}
        Some(Json::Array(schemas)) => each(&mut items, schemas, schema)?,
        Some(one @ Json::Object(_)) => {
            let kind = declared(one, "Array items should contain a type declaration")?;
            for item in &mut items {
                *item = value(item, one, kind, false)?;
            }
        }
        Some(_) => return Err("Schema for Array is invalid".to_owned()),
    }
    Ok(Json::Array(items))
}

fn each(items: &mut [Json], schemas: &[Json], schema: &Json) -> Result<(), String> {
    if schema.get("additionalItems") == Some(&Json::Bool(false)) && items.len() > schemas.len() {
        return Err("Array has more items than allowed in the schema".to_owned());
    }
    let more = schema.get("additionalItems").filter(|more| matches!(more, Json::Object(m) if !m.is_empty()));
    for (index, item) in items.iter_mut().enumerate() {
        let Some(own) = schemas.get(index).or(more) else { continue };
        if matches!(own, Json::Object(members) if members.is_empty()) {
            continue;
        }
        let kind = declared(own, "Array items should contain a type declaration")?;
        *item = value(item, own, kind, false)?;
    }
    Ok(())
}

fn declared<'s>(schema: &'s Json, missing: &str) -> Result<&'s str, String> {
    schema.get("type").and_then(Json::as_str).ok_or_else(|| missing.to_owned())
}

fn object(json: &Json, schema: &Json) -> Coerced {
    let Json::Object(members) = json else { return Err(format!("expected an object, found {json}")) };
    if let Some(Json::Array(required)) = schema.get("required") {
        for name in required {
            if json.get(&text_of(name)?).is_none() {
                return Err(format!(
                    "Input object : {json} does not contains all the elements required in the schema : {schema}"
                ));
            }
        }
    }
    let count = members.len() as f64;
    if limit(schema, "minProperties")?.is_some_and(|min| count < min)
        || limit(schema, "maxProperties")?.is_some_and(|max| count > max)
    {
        return Err(format!("Object {json} violates the number of properties of the schema"));
    }
    let properties = schema.get("properties");
    let known = |key: &str| properties.is_some_and(|p| p.get(key).is_some());
    let mut result: Vec<(Arc<str>, Json)> = Vec::with_capacity(members.len());
    // Members that patterns or additionalProperties rule move to the end, as in MI.
    let mut moved: Vec<(Arc<str>, Json)> = Vec::new();
    for (key, member) in members {
        let mut member = member.clone();
        if let Some(own @ Json::Object(_)) = properties.and_then(|p| p.get(key)) {
            member = typed(&member, own)?;
        }
        match ruled(key, &member, schema, known(key), properties.is_some())? {
            Some(changed) => moved.push((key.clone(), changed)),
            None => result.push((key.clone(), member)),
        }
    }
    result.extend(moved);
    Ok(Json::Object(result))
}

/// The schema of a named property; several types are tried in the order that fits the value.
fn typed(member: &Json, schema: &Json) -> Coerced {
    match schema.get("type") {
        Some(Json::String(kind)) => value(member, schema, kind, false),
        Some(Json::Array(kinds)) => {
            let kinds: Vec<&str> = kinds.iter().filter_map(Json::as_str).collect();
            let order: &[&[&str]] = match member {
                Json::Object(_) => &[&["object"], &["array"]],
                Json::Array(_) => &[&["array"]],
                Json::Null => &[&["null"]],
                primitive => match text_of(primitive)?.as_str() {
                    "true" | "false" => &[&["boolean"], &["string", "String"]],
                    text if text.parse::<f64>().is_ok() => &[&["number", "integer"], &["string", "String"]],
                    _ => &[&["string", "String"], &["boolean"], &["number", "integer"]],
                },
            };
            let kind = order.iter().find_map(|group| kinds.iter().find(|kind| group.contains(kind)));
            match kind {
                Some(kind) => value(member, schema, kind, false),
                None => Err(format!("{member} found without matching schema {schema}")),
            }
        }
        _ => Ok(member.clone()),
    }
}

/// `patternProperties` and `additionalProperties`.
fn ruled(key: &str, member: &Json, schema: &Json, known: bool, named: bool) -> Result<Option<Json>, String> {
    let mut changed = None;
    if let Some(Json::Object(patterns)) = schema.get("patternProperties") {
        for (pattern, own) in patterns {
            let kind = declared(own, "Schema for object must have a type declaration")?;
            if JavaRegex::compile(pattern)?.finds(key) {
                changed = Some(value(changed.as_ref().unwrap_or(member), own, kind, true)?);
            }
        }
    }
    // Without "properties" MI looks at no member here.
    if changed.is_some() || known || !named {
        return Ok(changed);
    }
    match schema.get("additionalProperties") {
        Some(Json::Bool(false)) => Err(format!(
            "Input object has the additional property {key} and additional properties are not allowed"
        )),
        Some(own @ Json::Object(rules)) if !rules.is_empty() => {
            let kind = declared(own, "Schema for array must have a type declaration")?;
            value(member, own, kind, true).map(Some)
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coerced(json: &str, schema: &str) -> Result<String, String> {
        coerce(Json::parse(json).unwrap(), &Json::parse(schema).unwrap()).map(|json| json.to_string())
    }

    #[test]
    fn values_take_the_type_of_the_schema() {
        let schema = r#"{"type":"object","properties":{"i":{"type":"integer"},"n":{"type":"number"},
            "s":{"type":"string"},"b":{"type":"boolean"},"l":{"type":"array","items":{"type":"string"}}}}"#;
        assert_eq!(
            coerced(r#"{"i":"12","n":"1.50","s":5,"b":"true","l":"x","o":"7"}"#, schema).unwrap(),
            r#"{"i":12,"n":1.50,"s":"5","b":true,"l":["x"],"o":"7"}"#
        );
        assert_eq!(coerced(r#"{"n":12}"#, schema).unwrap(), r#"{"n":12.00}"#);
        for bad in
            [r#"{"i":"abc"}"#, r#"{"i":1.0}"#, r#"{"b":"maybe"}"#, r#"{"i":null}"#, r#"{"s":{}}"#, "[]"]
        {
            assert!(coerced(bad, schema).is_err(), "{bad}");
        }
    }

    #[test]
    fn constraints() {
        let one = |rule: &str| format!(r#"{{"type":"object","properties":{{"v":{rule}}}}}"#);
        for (rule, good, bad) in [
            (r#"{"type":"integer","minimum":2,"maximum":4}"#, "3", "5"),
            (r#"{"type":"string","minLength":2,"pattern":"a.*"}"#, r#""ab""#, r#""a""#),
            (r#"{"type":"string","enum":["a","b"]}"#, r#""a""#, r#""c""#),
            (r#"{"type":"array","maxItems":1}"#, "[1]", "[1,2]"),
            (r#"{"type":["integer","string"]}"#, "1", "null"),
        ] {
            assert!(coerced(&format!(r#"{{"v":{good}}}"#), &one(rule)).is_ok(), "{rule} {good}");
            assert!(coerced(&format!(r#"{{"v":{bad}}}"#), &one(rule)).is_err(), "{rule} {bad}");
        }
        let required =
            r#"{"type":"object","required":["a"],"properties":{"a":{}},"additionalProperties":false}"#;
        assert!(coerced(r#"{"a":1}"#, required).is_ok());
        assert!(coerced("{}", required).is_err() && coerced(r#"{"a":1,"b":2}"#, required).is_err());
    }

    #[test]
    fn schemas() {
        assert_eq!(coerced("[1]", "{}").unwrap(), "[1]");
        assert!(coerced("{}", "false").is_err() && coerced("{}", r#"{"properties":{}}"#).is_err());
    }
}
