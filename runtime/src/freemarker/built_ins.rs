//! Built-ins: `value?name(arguments)`.

use super::expression::Expr;
use super::render::{Flow, Run, Stop, failed, now};
use super::value::{Value, plain_number};
use crate::eval::decimal_format::format_number;
use crate::message::json::escape_string;
use artifacts::java_regex::JavaRegex;
use std::sync::Arc;

impl Run<'_> {
    pub(super) fn built_in(&mut self, target: &Expr, name: &str, arguments: Option<&[Expr]>) -> Flow<Value> {
        if let Some(value) = self.of_loop(target, name, arguments)? {
            return Ok(value);
        }
        let given = arguments.unwrap_or_default();
        match name {
            "exists" => return Ok(Value::Boolean(!self.maybe(target)?.is_null())),
            "has_content" => return Ok(Value::Boolean(has_content(&self.maybe(target)?))),
            "default" => {
                return match self.maybe(target)? {
                    Value::Null => given.first().map_or(Ok(Value::Null), |d| self.evaluate(d)),
                    value => Ok(value),
                };
            }
            "if_exists" => {
                let value = self.maybe(target)?;
                return Ok(if value.is_null() { Value::text("") } else { value });
            }
            "map" | "filter" | "take_while" | "drop_while" => {
                let value = self.needed(target)?;
                return self.with_lambda(name, &value, given.first());
            }
            "then" => {
                let chosen = usize::from(!self.truth(target)?);
                return given
                    .get(chosen)
                    .map_or_else(|| failed("?then takes two values"), |e| self.evaluate(e));
            }
            "switch" => return self.choose(target, given),
            _ => {}
        }
        let value = self.needed(target)?;
        let values: Flow<Vec<Value>> = given.iter().map(|a| self.evaluate(a)).collect();
        let call = Call { name, values: values? };
        match known(&value, &call)? {
            Some(found) => Ok(found),
            None => {
                let text = self.text(&value, target)?;
                match of_text(&text, &call)? {
                    Some(found) => Ok(found),
                    None => failed(format!("?{name} is not supported for {}", value.kind())),
                }
            }
        }
    }

    fn of_loop(&mut self, target: &Expr, name: &str, arguments: Option<&[Expr]>) -> Flow<Option<Value>> {
        let Some((index, size)) = self.loop_of(target).map(|l| (l.index, l.size)) else { return Ok(None) };
        Ok(Some(match name {
            "index" => Value::Number(index as f64),
            "counter" => Value::Number(index as f64 + 1.0),
            "has_next" => Value::Boolean(index + 1 < size),
            "is_first" => Value::Boolean(index == 0),
            "is_last" => Value::Boolean(index + 1 == size),
            "is_even_item" => Value::Boolean(index % 2 == 1),
            "is_odd_item" => Value::Boolean(index % 2 == 0),
            "item_parity" => Value::text(if index % 2 == 0 { "odd" } else { "even" }),
            "item_parity_cap" => Value::text(if index % 2 == 0 { "Odd" } else { "Even" }),
            "item_cycle" => {
                let choices = arguments.unwrap_or_default();
                match choices.get(index % choices.len().max(1)) {
                    Some(choice) => self.evaluate(choice)?,
                    None => return failed("?item_cycle takes at least one value"),
                }
            }
            _ => return Ok(None),
        }))
    }

    fn with_lambda(&mut self, name: &str, value: &Value, lambda: Option<&Expr>) -> Flow<Value> {
        let Some(Expr::Lambda(variable, body)) = lambda else {
            return failed(format!("?{name} takes a lambda such as 'x -> x.id'"));
        };
        let mut found = Vec::new();
        let mut dropping = true;
        for item in items(value)? {
            let result = self.with_variable(variable, item.clone(), body)?;
            let yes = matches!(result, Value::Boolean(true));
            match name {
                "map" => found.push(result),
                "filter" if yes => found.push(item),
                "take_while" if !yes => break,
                "take_while" => found.push(item),
                "drop_while" => {
                    dropping &= yes;
                    if !dropping {
                        found.push(item);
                    }
                }
                _ => {}
            }
        }
        Ok(Value::list(found))
    }

    /// `?switch(case1, result1, ..., default)`
    fn choose(&mut self, target: &Expr, given: &[Expr]) -> Flow<Value> {
        let value = self.string(target)?;
        let mut pairs = given.chunks_exact(2);
        for pair in &mut pairs {
            if self.string(&pair[0])? == value {
                return self.evaluate(&pair[1]);
            }
        }
        match pairs.remainder() {
            [default] => self.evaluate(default),
            _ => failed("?switch found no case"),
        }
    }
}

struct Call<'c> {
    name: &'c str,
    values: Vec<Value>,
}

impl Call<'_> {
    fn text(&self, index: usize) -> Flow<String> {
        match self.values.get(index) {
            Some(Value::Text(text)) => Ok(text.to_string()),
            Some(Value::Number(number)) => Ok(plain_number(*number)),
            Some(Value::Nodes(nodes)) => nodes.text().or_else(failed),
            _ => failed(format!("?{} takes a string as argument {}", self.name, index + 1)),
        }
    }

    fn number(&self, index: usize) -> Flow<f64> {
        match self.values.get(index) {
            Some(Value::Number(number)) => Ok(*number),
            _ => failed(format!("?{} takes a number as argument {}", self.name, index + 1)),
        }
    }

    fn optional(&self, index: usize) -> Flow<String> {
        if self.values.len() > index { self.text(index) } else { Ok(String::new()) }
    }
}

fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Text(text) => !text.is_empty(),
        Value::List(items) => !items.is_empty(),
        Value::Map(members) => !members.is_empty(),
        Value::Nodes(nodes) => !nodes.is_empty(),
        _ => true,
    }
}

/// What a list runs over.
pub(super) fn items(value: &Value) -> Flow<Vec<Value>> {
    match value {
        Value::List(items) => Ok(items.to_vec()),
        Value::Nodes(nodes) => Ok(nodes.each().into_iter().map(Value::Nodes).collect()),
        other => failed(format!("expected a sequence, found {}", other.kind())),
    }
}

/// Built-ins that look at more than the text of a value; `None` when the text decides.
fn known(value: &Value, call: &Call<'_>) -> Flow<Option<Value>> {
    let is = |yes: bool| Ok(Some(Value::Boolean(yes)));
    match (call.name, value) {
        ("is_string", v) => is(matches!(v, Value::Text(_) | Value::Nodes(_))),
        ("is_number", v) => is(matches!(v, Value::Number(_))),
        ("is_boolean", v) => is(matches!(v, Value::Boolean(_))),
        ("is_sequence" | "is_indexable" | "is_collection" | "is_enumerable", v) => {
            is(matches!(v, Value::List(_) | Value::Nodes(_)))
        }
        ("is_hash" | "is_hash_ex", v) => is(matches!(v, Value::Map(_) | Value::Nodes(_))),
        ("is_node", v) => is(matches!(v, Value::Nodes(_))),
        ("is_date" | "is_date_like", v) => is(matches!(v, Value::Moment(_))),
        ("is_macro" | "is_directive", v) => is(matches!(v, Value::Macro(_))),
        ("size", Value::Map(members)) => Ok(Some(Value::Number(members.len() as f64))),
        ("size", Value::List(items)) => Ok(Some(Value::Number(items.len() as f64))),
        ("size", Value::Nodes(nodes)) => Ok(Some(Value::Number(nodes.len() as f64))),
        ("keys", Value::Map(members)) => {
            Ok(Some(Value::list(members.iter().map(|(key, _)| Value::Text(key.clone())).collect())))
        }
        ("values", Value::Map(members)) => {
            Ok(Some(Value::list(members.iter().map(|(_, value)| value.clone()).collect())))
        }
        ("node_name", Value::Nodes(nodes)) => Ok(nodes.name().map(Value::text)),
        ("children", Value::Nodes(nodes)) => Ok(Some(Value::Nodes(nodes.children()))),
        ("parent", Value::Nodes(nodes)) => Ok(Some(Value::Nodes(nodes.parents()))),
        (_, Value::Number(number)) => of_number(*number, call),
        (_, Value::Boolean(value)) => of_boolean(*value, call),
        (_, Value::Moment(_)) => of_moment(call),
        (_, Value::List(_) | Value::Nodes(_)) => of_sequence(value, call),
        _ => Ok(None),
    }
}

fn of_number(number: f64, call: &Call<'_>) -> Flow<Option<Value>> {
    Ok(Some(match call.name {
        "c" | "cn" => Value::text(plain_number(number)),
        "string" if !call.values.is_empty() => {
            let picture = call.text(0)?;
            match picture.as_str() {
                "number" => return Ok(None),
                "computer" => Value::text(plain_number(number)),
                "percent" => Value::text(format_number(number, "#,##0%")),
                "currency" => Value::text(format_number(number, "$#,##0.00")),
                other => Value::text(format_number(number, other)),
            }
        }
        "number" => Value::Number(number),
        "int" | "long" => Value::Number(number.trunc()),
        "byte" | "short" | "float" | "double" => Value::Number(number),
        "floor" => Value::Number(number.floor()),
        "ceiling" => Value::Number(number.ceil()),
        "round" => Value::Number((number + 0.5).floor()),
        "abs" => Value::Number(number.abs()),
        "is_nan" => Value::Boolean(number.is_nan()),
        "is_infinite" => Value::Boolean(number.is_infinite()),
        _ => return Ok(None),
    }))
}

fn of_boolean(value: bool, call: &Call<'_>) -> Flow<Option<Value>> {
    Ok(Some(match call.name {
        "c" | "cn" => Value::text(value.to_string()),
        "string" if call.values.len() == 2 => Value::text(call.text(usize::from(!value))?),
        "string" => Value::text(value.to_string()),
        _ => return Ok(None),
    }))
}

fn of_moment(call: &Call<'_>) -> Flow<Option<Value>> {
    Ok(Some(match call.name {
        "string" => match call.optional(0)?.as_str() {
            "" | "medium" => Value::text(now("MMM d, yyyy, h:mm:ss a")?),
            "short" => Value::text(now("M/d/yy, h:mm a")?),
            "long" => Value::text(now("MMMM d, yyyy 'at' h:mm:ss a z")?),
            "iso" | "xs" => Value::text(now("yyyy-MM-dd'T'HH:mm:ssXXX")?),
            pattern => Value::text(now(pattern)?),
        },
        "iso_utc" | "iso_local" => Value::text(now("yyyy-MM-dd'T'HH:mm:ssXXX")?),
        "long" => Value::Number(crate::eval::dates::now_millis() as f64),
        "date" | "time" | "datetime" | "number_to_datetime" => Value::Moment(super::value::Moment),
        _ => return Ok(None),
    }))
}

fn of_sequence(value: &Value, call: &Call<'_>) -> Flow<Option<Value>> {
    // One node is text too, and most of these names mean that.
    let list = match value {
        Value::List(_) => true,
        Value::Nodes(nodes) => nodes.len() != 1 || matches!(call.name, "first" | "last" | "join"),
        _ => false,
    };
    if !list {
        return Ok(None);
    }
    let all = items(value)?;
    let numbers = || all.iter().filter_map(|v| if let Value::Number(n) = v { Some(*n) } else { None });
    Ok(Some(match call.name {
        "first" => all.first().cloned().unwrap_or(Value::Null),
        "last" => all.last().cloned().unwrap_or(Value::Null),
        "reverse" => Value::list(all.into_iter().rev().collect()),
        "join" => {
            if all.is_empty() && call.values.len() > 1 {
                return call.text(1).map(|t| Some(Value::text(t)));
            }
            let texts: Flow<Vec<String>> = all.iter().filter(|v| !v.is_null()).map(item_text).collect();
            let end = call.optional(2)?;
            Value::text(texts?.join(&call.text(0)?) + &end)
        }
        "sort" => sorted(all, |v| Ok(v.clone()))?,
        "sort_by" => {
            let path: Vec<String> = match call.values.first() {
                Some(Value::List(names)) => names.iter().map(item_text).collect::<Flow<_>>()?,
                _ => vec![call.text(0)?],
            };
            sorted(all, |v| path.iter().try_fold(v.clone(), |v, name| member(&v, name)))?
        }
        "seq_contains" => Value::Boolean(all.iter().any(|v| same(v, call.values.first()))),
        "seq_index_of" | "seq_last_index_of" => {
            let hit = |v: &Value| same(v, call.values.first());
            let place = if call.name == "seq_index_of" {
                all.iter().position(hit)
            } else {
                all.iter().rposition(hit)
            };
            Value::Number(place.map_or(-1.0, |p| p as f64))
        }
        "chunk" => {
            let size = (call.number(0)? as usize).max(1);
            let mut rows: Vec<Value> = all.chunks(size).map(|c| Value::list(c.to_vec())).collect();
            if let (Some(filler), Some(Value::List(last))) = (call.values.get(1), rows.last()) {
                let mut row = last.to_vec();
                row.resize(size, filler.clone());
                rows.pop();
                rows.push(Value::list(row));
            }
            Value::list(rows)
        }
        "min" => numbers().reduce(f64::min).map_or(Value::Null, Value::Number),
        "max" => numbers().reduce(f64::max).map_or(Value::Null, Value::Number),
        "sequence" => value.clone(),
        _ => return Ok(None),
    }))
}

fn member(value: &Value, name: &str) -> Flow<Value> {
    match value {
        Value::Map(members) => {
            let found = members.iter().find(|(key, _)| **key == *name).map(|(_, v)| v.clone());
            found.map_or_else(|| Err(Stop::Missing(format!("'{name}'"))), Ok)
        }
        Value::Nodes(nodes) => match nodes.child(name, &[]) {
            Ok(super::xml::ChildOf::Nodes(found)) => Ok(Value::Nodes(found)),
            Ok(super::xml::ChildOf::Text(text)) => Ok(Value::text(text)),
            Err(message) => failed(message),
        },
        other => failed(format!("{} has no member '{name}'", other.kind())),
    }
}

fn item_text(value: &Value) -> Flow<String> {
    match value {
        Value::Text(text) => Ok(text.to_string()),
        Value::Number(number) => Ok(super::value::number_text(*number)),
        Value::Nodes(nodes) => nodes.text().or_else(failed),
        other => failed(format!("{} is no text", other.kind())),
    }
}

fn sorted(all: Vec<Value>, key: impl Fn(&Value) -> Flow<Value>) -> Flow<Value> {
    let mut keyed = Vec::with_capacity(all.len());
    for item in all {
        keyed.push((key(&item)?, item));
    }
    let text = |v: &Value| item_text(v).unwrap_or_default();
    keyed.sort_by(|(a, _), (b, _)| match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.total_cmp(b),
        (Value::Boolean(a), Value::Boolean(b)) => a.cmp(b),
        (a, b) => {
            let (a, b) = (text(a), text(b));
            // As Java's collator: letters first, lower case before upper.
            a.to_lowercase().cmp(&b.to_lowercase()).then_with(|| b.cmp(&a))
        }
    });
    Ok(Value::list(keyed.into_iter().map(|(_, item)| item).collect()))
}

fn same(one: &Value, two: Option<&Value>) -> bool {
    match (one, two) {
        (Value::Number(a), Some(Value::Number(b))) => a == b,
        (Value::Boolean(a), Some(Value::Boolean(b))) => a == b,
        (a, Some(b)) => matches!((item_text(a), item_text(b)), (Ok(a), Ok(b)) if a == b),
        _ => false,
    }
}

/// Built-ins of strings.
fn of_text(text: &str, call: &Call<'_>) -> Flow<Option<Value>> {
    let place =
        |found: Option<usize>| Value::Number(found.map_or(-1.0, |at| text[..at].chars().count() as f64));
    let slice = |from: usize, to: usize| -> String {
        text.chars().skip(from).take(to.saturating_sub(from)).collect()
    };
    Ok(Some(match call.name {
        "string" => Value::text(text),
        "upper_case" => Value::text(text.to_uppercase()),
        "lower_case" => Value::text(text.to_lowercase()),
        "cap_first" => Value::text(first_letter(text, char::to_uppercase)),
        "uncap_first" => Value::text(first_letter(text, char::to_lowercase)),
        "capitalize" => Value::text(capitalized(text)),
        "trim" => Value::text(text.trim()),
        "length" => Value::Number(text.encode_utf16().count() as f64),
        "number" => match crate::eval::xpath::java_number(text) {
            number if number.is_nan() && text.trim() != "NaN" => {
                return failed(format!("'{text}' is no number"));
            }
            number => Value::Number(number),
        },
        "boolean" => match text {
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            _ => return failed(format!("'{text}' is no boolean")),
        },
        "c" | "cn" => {
            let mut out = String::from("\"");
            escape_string(text, &mut out);
            Value::text(out + "\"")
        }
        "json_string" | "js_string" | "j_string" => {
            let mut out = String::new();
            escape_string(text, &mut out);
            let out = if call.name == "j_string" { out } else { out.replace("</", "<\\/") };
            Value::text(if call.name == "js_string" { out.replace('\'', "\\'") } else { out })
        }
        "html" | "xhtml" | "xml" | "rtf" | "esc" => Value::text(escaped(text, call.name)),
        "no_esc" => Value::text(text),
        "url" | "url_path" => Value::text(encoded(text, call.name == "url_path")),
        "contains" => Value::Boolean(text.contains(&call.text(0)?)),
        "starts_with" => Value::Boolean(text.starts_with(&call.text(0)?)),
        "ends_with" => Value::Boolean(text.ends_with(&call.text(0)?)),
        "index_of" => place(text.find(&call.text(0)?)),
        "last_index_of" => place(text.rfind(&call.text(0)?)),
        "substring" => {
            let (from, to) = (call.number(0)?, call.values.get(1).map(|_| call.number(1)).transpose()?);
            let count = text.chars().count();
            let to = to.map_or(count, |t| t.max(0.0) as usize);
            if from < 0.0 || from as usize > count || to > count || to < from as usize {
                return failed(format!("?substring({from}, {to}) of {count} characters"));
            }
            Value::text(slice(from as usize, to))
        }
        "replace" => {
            let (from, to, flags) = (call.text(0)?, call.text(1)?, call.optional(2)?);
            Value::text(replaced(text, &from, &to, &flags)?)
        }
        "split" => {
            let (by, flags) = (call.text(0)?, call.optional(1)?);
            let parts: Vec<String> = if flags.contains('r') {
                regex(&by, &flags)?.split(text).into_iter().map(str::to_owned).collect()
            } else {
                text.split(by.as_str()).map(str::to_owned).collect()
            };
            Value::list(parts.into_iter().map(Value::text).collect())
        }
        "matches" => Value::Boolean(regex(&call.text(0)?, &call.optional(1)?)?.matches(text)),
        "word_list" => Value::list(text.split_whitespace().map(Value::text).collect()),
        "left_pad" | "right_pad" => {
            let width = call.number(0)?.clamp(0.0, 10_000.0) as usize;
            let fill = if call.values.len() > 1 { call.text(1)? } else { " ".to_owned() };
            let missing = width.saturating_sub(text.chars().count());
            let pad: String = fill.chars().cycle().take(if fill.is_empty() { 0 } else { missing }).collect();
            Value::text(if call.name == "left_pad" { pad + text } else { text.to_owned() + &pad })
        }
        "keep_before" => Value::text(text.split_once(&call.text(0)?).map_or(text, |(before, _)| before)),
        "keep_after" => Value::text(text.split_once(&call.text(0)?).map_or("", |(_, after)| after)),
        "keep_before_last" => {
            Value::text(text.rsplit_once(&call.text(0)?).map_or(text, |(before, _)| before))
        }
        "keep_after_last" => Value::text(text.rsplit_once(&call.text(0)?).map_or("", |(_, after)| after)),
        "remove_beginning" => Value::text(text.strip_prefix(&call.text(0)?).unwrap_or(text)),
        "remove_ending" => Value::text(text.strip_suffix(&call.text(0)?).unwrap_or(text)),
        "ensure_starts_with" => {
            let start = call.text(0)?;
            Value::text(if text.starts_with(&start) { text.to_owned() } else { start + text })
        }
        "ensure_ends_with" => {
            let end = call.text(0)?;
            Value::text(if text.ends_with(&end) { text.to_owned() } else { text.to_owned() + &end })
        }
        "chop_linebreak" => {
            let cut = text.strip_suffix('\n').map_or(text, |t| t.strip_suffix('\r').unwrap_or(t));
            Value::text(cut)
        }
        "eval_json" | "eval" => match crate::message::Json::parse(text) {
            Ok(json) => Value::from(&json),
            Err(error) => return failed(format!("?{}: {error}", call.name)),
        },
        _ => return Ok(None),
    }))
}

impl From<&crate::message::Json> for Value {
    fn from(json: &crate::message::Json) -> Self {
        use crate::message::Json;
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Boolean(*value),
            Json::Number(text) => Value::Number(text.parse().unwrap_or(f64::NAN)),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::list(items.iter().map(Value::from).collect()),
            Json::Object(members) => {
                let mut found: Vec<(Arc<str>, Value)> = Vec::with_capacity(members.len());
                for (key, value) in members {
                    // As in a Java map the last one counts, at the place of the first.
                    match found.iter_mut().find(|(k, _)| k == key) {
                        Some(member) => member.1 = Value::from(value),
                        None => found.push((key.clone(), Value::from(value))),
                    }
                }
                Value::Map(Arc::new(found))
            }
        }
    }
}

fn first_letter<I: Iterator<Item = char>>(text: &str, change: impl Fn(char) -> I) -> String {
    let blanks = text.len() - text.trim_start().len();
    let mut chars = text[blanks..].chars();
    let first: String = chars.next().map(|c| change(c).collect()).unwrap_or_default();
    format!("{}{first}{}", &text[..blanks], chars.as_str())
}

fn capitalized(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut start = true;
    for c in text.chars() {
        if start {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        start = c.is_whitespace();
    }
    out
}

fn escaped(text: &str, kind: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' if kind == "xml" => out.push_str("&apos;"),
            '\'' if kind == "xhtml" => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn encoded(text: &str, path: bool) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric()
            || matches!(byte, b'_' | b'-' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
        if plain || path && byte == b'/' {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn regex(pattern: &str, flags: &str) -> Flow<JavaRegex> {
    let flags: String = flags.chars().filter(|c| matches!(c, 'i' | 's' | 'm')).collect();
    JavaRegex::with_flags(pattern, &flags)
        .or_else(|e| failed(format!("the regular expression '{pattern}': {e}")))
}

fn replaced(text: &str, from: &str, to: &str, flags: &str) -> Flow<String> {
    if flags.contains('r') {
        return Ok(regex(from, flags)?.replace_all(text, to));
    }
    Ok(if flags.contains('f') { text.replacen(from, to, 1) } else { text.replace(from, to) })
}
