//! The functions that XSLT adds to XPath, and the common ones of XPath 2.0.

use super::model::Expanded;
use super::run::{Frame, Run};
use crate::eval::decimal_format::DecimalFormat;
use crate::eval::xpath::{
    Evaluated, EvaluationError, Focus, FunctionName, Node, Part, Scope, Value, number_text,
};
use artifacts::java_regex::JavaRegex;
use artifacts::xml::Document;

/// What an expression of a stylesheet sees.
pub(super) struct View<'r, 'a> {
    pub(super) run: &'r Run<'a>,
    pub(super) frame: &'r Frame<'a>,
    /// `current()`: the context node of the whole expression.
    pub(super) current: Node<'a>,
}

fn failed<T>(message: impl Into<String>) -> Evaluated<T> {
    Err(EvaluationError(message.into()))
}

impl<'a> Scope<'a> for View<'_, 'a> {
    fn variable(&self, prefix: &str, name: &str) -> Evaluated<Option<Value<'a>>> {
        match self.frame.variable(prefix, name) {
            Some(value) => Ok(Some(value.clone())),
            None => self.run.global(prefix, name).map_err(|e| EvaluationError(e.message)),
        }
    }

    fn call(
        &self,
        name: &FunctionName,
        arguments: &[Value<'a>],
        focus: &Focus<'a>,
    ) -> Evaluated<Option<Value<'a>>> {
        if let Some(ns) = &name.namespace {
            let expanded = Expanded { ns: ns.clone(), local: name.local.clone() };
            if let Some(value) =
                self.run.function(&expanded, arguments).map_err(|e| EvaluationError(e.message))?
            {
                return Ok(Some(value));
            }
        }
        match self.of_xslt(&name.local, arguments, focus)? {
            Some(value) => Ok(Some(value)),
            None => later(self.run, &name.local, arguments),
        }
    }
}

impl<'a> View<'_, 'a> {
    fn of_xslt(
        &self,
        name: &str,
        arguments: &[Value<'a>],
        focus: &Focus<'a>,
    ) -> Evaluated<Option<Value<'a>>> {
        Ok(Some(match (name, arguments) {
            ("current", []) => Value::Nodes(vec![self.current]),
            ("key", [key, value]) => self.key(&key.string(), value, focus.node)?,
            ("key", [key, value, top]) => {
                let node = top.nodes().first().copied().unwrap_or(focus.node);
                self.key(&key.string(), value, node)?
            }
            ("document" | "doc", [uri, ..]) if uri.string().is_empty() => {
                Value::Nodes(vec![self.run.stylesheet_document()])
            }
            ("document" | "doc", [uri, ..]) => {
                return failed(format!(
                    "document('{}') cannot be read: stylesheets read no files",
                    uri.string()
                ));
            }
            ("format-number", [number, picture]) => self.format_number(number, picture, None)?,
            ("format-number", [number, picture, name]) => {
                self.format_number(number, picture, Some(&name.string()))?
            }
            ("generate-id", []) => Value::text(identity(focus.node)),
            ("generate-id", [Value::Nodes(nodes)]) => {
                Value::text(nodes.first().map(|n| identity(*n)).unwrap_or_default())
            }
            ("node-set", [value]) => match value {
                Value::Nodes(_) | Value::Element(_) => value.clone(),
                other => self.run.texts([other.string().into_owned()]),
            },
            ("current-group", []) => Value::Nodes(self.frame.group().to_vec()),
            ("current-grouping-key", []) => Value::text(self.frame.grouping_key()),
            ("regex-group", [number]) => Value::text(self.frame.regex_group(number.number())),
            ("system-property", [name]) => Value::text(system_property(&name.string())),
            ("element-available" | "function-available", [name]) => {
                Value::Boolean(available(name_of(&name.string())))
            }
            ("unparsed-entity-uri", [_]) => Value::text(""),
            _ => return Ok(None),
        }))
    }

    fn key(&self, name: &str, value: &Value<'a>, node: Node<'a>) -> Evaluated<Value<'a>> {
        let wanted: Vec<String> = match value {
            Value::Nodes(nodes) => nodes.iter().map(|n| n.string_value().into_owned()).collect(),
            other => vec![other.string().into_owned()],
        };
        let found = self.run.key(name_of(name), &wanted, node).map_err(|e| EvaluationError(e.message))?;
        Ok(Value::Nodes(found))
    }

    fn format_number(
        &self,
        number: &Value<'a>,
        picture: &Value<'a>,
        name: Option<&str>,
    ) -> Evaluated<Value<'a>> {
        let default = DecimalFormat::default();
        let formats = &self.run.sheet.decimal_formats;
        let format = match name {
            None => formats.get(&None).unwrap_or(&default),
            Some(name) => {
                let local = name_of(name);
                let known = formats.iter().find(|(key, _)| key.as_ref().is_some_and(|k| &*k.local == local));
                match known {
                    Some((_, format)) => format,
                    None => return failed(format!("there is no decimal format '{name}'")),
                }
            }
        };
        Ok(Value::text(format.format(number.number(), &picture.string())))
    }
}

fn name_of(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn identity(node: Node<'_>) -> String {
    let part = match node.part {
        Part::Whole => String::new(),
        Part::Attribute(index) => format!("a{index}"),
        Part::Namespace(index) => format!("n{index}"),
    };
    format!("d{:x}e{}{part}", std::ptr::from_ref(node.document) as usize, node.id.index())
}

fn system_property(name: &str) -> &'static str {
    match name_of(name) {
        "version" => "1.0",
        "vendor" | "product-name" => "Ganglion",
        _ => "",
    }
}

fn available(name: &str) -> bool {
    const KNOWN: [&str; 30] = [
        "template",
        "value-of",
        "for-each",
        "if",
        "choose",
        "copy",
        "copy-of",
        "element",
        "attribute",
        "text",
        "variable",
        "param",
        "call-template",
        "apply-templates",
        "apply-imports",
        "sort",
        "number",
        "message",
        "for-each-group",
        "sequence",
        "function",
        "key",
        "document",
        "current",
        "format-number",
        "generate-id",
        "node-set",
        "concat",
        "tokenize",
        "replace",
    ];
    KNOWN.contains(&name)
}

fn regex(pattern: &str, flags: &str) -> Evaluated<JavaRegex> {
    JavaRegex::with_flags(pattern, flags)
        .map_err(|e| EvaluationError(format!("the regular expression '{pattern}': {e}")))
}

/// Functions of XPath 2.0 that stylesheets of version 2.0 use most.
fn later<'a>(run: &Run<'a>, name: &str, arguments: &[Value<'a>]) -> Evaluated<Option<Value<'a>>> {
    let text =
        |index: usize| arguments.get(index).map(|v: &Value<'a>| v.string().into_owned()).unwrap_or_default();
    let numbers = |value: &Value<'a>| -> Vec<f64> {
        match value {
            Value::Nodes(nodes) => {
                nodes.iter().map(|n| crate::eval::xpath::java_number(&n.string_value())).collect()
            }
            other => vec![other.number()],
        }
    };
    let reduced =
        |value: &Value<'a>, reduce: fn(f64, f64) -> f64| match numbers(value).into_iter().reduce(reduce) {
            Some(number) => Value::Number(number),
            None => Value::Nodes(Vec::new()),
        };
    Ok(Some(match (name, arguments) {
        ("abs", [value]) => Value::Number(value.number().abs()),
        ("round-half-to-even", [value]) => Value::Number(value.number().round_ties_even()),
        ("min", [value]) => reduced(value, f64::min),
        ("max", [value]) => reduced(value, f64::max),
        ("avg", [value]) => match numbers(value) {
            none if none.is_empty() => Value::Nodes(Vec::new()),
            all => Value::Number(all.iter().sum::<f64>() / all.len() as f64),
        },
        ("exists", [value]) => Value::Boolean(!is_empty(value)),
        ("empty", [value]) => Value::Boolean(is_empty(value)),
        ("matches", [_, _] | [_, _, _]) => Value::Boolean(regex(&text(1), &text(2))?.finds(&text(0))),
        ("replace", [_, _, _] | [_, _, _, _]) => {
            Value::text(regex(&text(1), &text(3))?.replace_all(&text(0), &text(2)))
        }
        ("tokenize", [_, _] | [_, _, _]) => {
            let (whole, regex) = (text(0), regex(&text(1), &text(2))?);
            run.texts(regex.split(&whole).into_iter().map(str::to_owned))
        }
        ("string-join", [value]) => Value::text(joined(value, "")),
        ("string-join", [value, separator]) => Value::text(joined(value, &separator.string())),
        ("distinct-values", [value]) => {
            let mut seen = std::collections::HashSet::new();
            let all = value.nodes().iter().map(|n| n.string_value().into_owned());
            run.texts(all.filter(|t| seen.insert(t.clone())).collect::<Vec<_>>())
        }
        ("reverse", [Value::Nodes(nodes)]) => Value::Nodes(nodes.iter().rev().copied().collect()),
        ("subsequence", [Value::Nodes(nodes), start, rest @ ..]) => {
            let from = start.number().round();
            let until = rest.first().map_or(f64::INFINITY, |l| from + l.number().round());
            let inside = |at: usize| (at as f64 + 1.0) >= from && (at as f64 + 1.0) < until;
            Value::Nodes(nodes.iter().enumerate().filter(|(at, _)| inside(*at)).map(|(_, n)| *n).collect())
        }
        ("index-of", [Value::Nodes(nodes), wanted]) => {
            let wanted = wanted.string();
            let places = nodes.iter().enumerate().filter(|(_, n)| n.string_value() == wanted);
            run.texts(places.map(|(at, _)| number_text(at as f64 + 1.0)).collect::<Vec<_>>())
        }
        ("data" | "exactly-one" | "zero-or-one" | "one-or-more", [value]) => value.clone(),
        ("compare", [_, _]) => Value::Number(match text(0).cmp(&text(1)) {
            std::cmp::Ordering::Less => -1.0,
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => 1.0,
        }),
        ("codepoints-to-string", [value]) => Value::text(
            numbers(value).into_iter().filter_map(|n| char::from_u32(n as u32)).collect::<String>(),
        ),
        ("encode-for-uri", [_]) => Value::text(encoded(&text(0))),
        ("node-name", [Value::Nodes(nodes)]) => Value::text(
            nodes.first().and_then(|n| n.name()).map(artifacts::xml::Name::qualified).unwrap_or_default(),
        ),
        ("deep-equal", [one, two]) => Value::Boolean(one.string() == two.string()),
        ("current-dateTime", []) => Value::text(now("%Y-%m-%dT%H:%M:%S%.3f%:z")),
        ("current-date", []) => Value::text(now("%Y-%m-%d%:z")),
        ("current-time", []) => Value::text(now("%H:%M:%S%.3f%:z")),
        (
            "string" | "integer" | "decimal" | "double" | "float" | "int" | "long" | "date" | "dateTime",
            [value],
        ) => match name {
            "string" | "date" | "dateTime" => Value::Text(value.string()),
            "integer" | "int" | "long" => Value::Number(value.number().trunc()),
            _ => Value::Number(value.number()),
        },
        _ => return Ok(None),
    }))
}

fn is_empty(value: &Value<'_>) -> bool {
    matches!(value, Value::Null) || matches!(value, Value::Nodes(nodes) if nodes.is_empty())
}

fn joined(value: &Value<'_>, separator: &str) -> String {
    match value {
        Value::Nodes(nodes) => {
            let texts: Vec<_> = nodes.iter().map(|n| n.string_value()).collect();
            texts.join(separator)
        }
        other => other.string().into_owned(),
    }
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn now(format: &str) -> String {
    jiff::Zoned::now().strftime(format).to_string()
}

impl<'a> Run<'a> {
    /// A node-set of text nodes: what functions that give several strings return.
    pub(super) fn texts(&self, texts: impl IntoIterator<Item = String>) -> Value<'a> {
        let mut document = Document::new();
        for text in texts {
            document.add_text(Document::ROOT, &text);
        }
        let document = self.keep(document);
        Value::Nodes(document.children(Document::ROOT).map(|id| Node::new(document, id)).collect())
    }
}
