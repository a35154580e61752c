//! `deployment.toml` as a flat map of dotted keys, with `$env{}`, `$sys{}` and `$ref{}` filled in.

use super::Environment;
use artifacts::diagnostics::{Code, Diagnostics};
use artifacts::source::{SourceRef, Span};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// Flattened keys and their values; arrays stay arrays.
#[derive(Debug, Clone, Default)]
pub struct Flat {
    values: BTreeMap<String, Value>,
}

impl Flat {
    /// Reads a TOML text. What cannot be read or filled in is an error in `diagnostics`.
    pub fn read(source: &SourceRef, environment: &Environment, diagnostics: &mut Diagnostics) -> Self {
        let table: Table = match source.text.parse() {
            Ok(table) => table,
            Err(error) => {
                let error: toml::de::Error = error;
                let range = error.span().unwrap_or_default();
                let message = format!("not readable as TOML: {}", error.message());
                diagnostics.error(Code::SETTINGS, (source, Span::new(range.start, range.end)), message);
                return Self::default();
            }
        };
        let mut values = BTreeMap::new();
        flatten("", &table, &mut values);
        let plain = values.clone();
        let resolver = Resolver { source, environment, plain: &plain };
        for value in values.values_mut() {
            resolver.value(value, diagnostics);
        }
        Self { values }
    }

    /// The value of a dotted key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// A value as text, also numbers and booleans.
    pub fn text(&self, key: &str) -> Option<String> {
        self.get(key).map(text_of)
    }

    /// Keys below a prefix (without it) and their values as text.
    pub fn below(&self, prefix: &str) -> BTreeMap<String, String> {
        let start = format!("{prefix}.");
        let inside = self
            .values
            .iter()
            .filter_map(|(key, value)| Some((key.strip_prefix(&start)?.to_owned(), text_of(value))));
        inside.collect()
    }

    /// Tables of an array `[[key]]`; a single table counts as one.
    pub fn tables(&self, key: &str) -> Vec<BTreeMap<String, Value>> {
        let Some(Value::Array(list)) = self.get(key) else {
            let start = format!("{key}.");
            let one: BTreeMap<String, Value> = self
                .values
                .iter()
                .filter_map(|(name, value)| Some((name.strip_prefix(&start)?.to_owned(), value.clone())))
                .collect();
            return if one.is_empty() { Vec::new() } else { vec![one] };
        };
        let tables = list.iter().filter_map(Value::as_table).map(|table| {
            let mut values = BTreeMap::new();
            flatten("", table, &mut values);
            values
        });
        tables.collect()
    }

    /// Every key.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

/// A TOML value as the text MI would put into a properties file.
pub fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(text_of).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn flatten(prefix: &str, table: &Table, out: &mut BTreeMap<String, Value>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, out),
            other => _ = out.insert(key, other.clone()),
        }
    }
}

struct Resolver<'r> {
    source: &'r SourceRef,
    environment: &'r Environment,
    plain: &'r BTreeMap<String, Value>,
}

impl Resolver<'_> {
    fn value(&self, value: &mut Value, diagnostics: &mut Diagnostics) {
        match value {
            Value::String(text) if text.contains('$') => *text = self.text(text, 0, diagnostics),
            Value::Array(list) => list.iter_mut().for_each(|value| self.value(value, diagnostics)),
            Value::Table(table) => {
                table.iter_mut().for_each(|(_, value)| self.value(value, diagnostics));
            }
            _ => {}
        }
    }

    /// Fills in every placeholder of a text, wherever it stands.
    fn text(&self, text: &str, depth: usize, diagnostics: &mut Diagnostics) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((at, name, key, after)) = next_placeholder(rest) {
            out.push_str(rest.get(..at).unwrap_or(""));
            match self.lookup(name, key, depth, diagnostics) {
                Some(found) => out.push_str(&found),
                None => {
                    let whole = format!("${name}{{{key}}}");
                    self.unresolved(&whole, diagnostics);
                    out.push_str(&whole);
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn lookup(&self, name: &str, key: &str, depth: usize, diagnostics: &mut Diagnostics) -> Option<String> {
        match name {
            "env" => self.environment.variable(key).map(str::to_owned),
            "sys" => self.environment.property(key).map(str::to_owned),
            "ref" if depth < 8 => {
                let text = text_of(self.plain.get(key)?);
                Some(self.text(&text, depth + 1, diagnostics))
            }
            _ => None,
        }
    }

    fn unresolved(&self, placeholder: &str, diagnostics: &mut Diagnostics) {
        let at = self.source.text.find(placeholder).unwrap_or(0);
        let span = Span::new(at, at + placeholder.len());
        let hint = match placeholder.get(..4) {
            Some("$env") => "set the environment variable",
            Some("$sys") => "give the system property with -D",
            Some("$sec") => "encrypted secrets are not supported; use $env{} instead",
            _ => "no such key in this file",
        };
        let message = format!("'{placeholder}' has no value");
        diagnostics.error(Code::SETTINGS, (self.source, span), message).with_hint(hint);
    }
}

/// Offset, kind, key and the text behind the next `$env{}`, `$sys{}`, `$ref{}` or `$secret{}`.
fn next_placeholder(text: &str) -> Option<(usize, &str, &str, &str)> {
    for (at, _) in text.match_indices('$') {
        let after = text.get(at + 1..)?;
        for name in ["env", "sys", "ref", "secret"] {
            let Some(inner) = after.strip_prefix(name).and_then(|rest| rest.strip_prefix('{')) else {
                continue;
            };
            if let Some((key, rest)) = inner.split_once('}') {
                return Some((at, name, key, rest));
            }
        }
    }
    None
}
