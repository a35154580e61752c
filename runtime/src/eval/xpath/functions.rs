//! The core functions of XPath 1.0 and the four that Jaxen adds.

use super::evaluate::Evaluator;
use super::node::{Node, Part};
use super::program::Program;
use super::{Evaluated, Focus, Value, failed};
use artifacts::xml::XML_NS;
use std::borrow::Cow;

macro_rules! functions {
    ($($name:literal => $variant:ident, $least:literal..=$most:expr;)*) => {
        /// A core function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)]
        pub enum Function { $($variant),* }

        impl Function {
            /// By its name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            fn arity(self) -> (usize, usize) {
                match self { $(Self::$variant => ($least, $most)),* }
            }
        }
    };
}

functions! {
    "last" => Last, 0..=0;
    "position" => Position, 0..=0;
    "count" => Count, 1..=1;
    "id" => Id, 1..=1;
    "local-name" => LocalName, 0..=1;
    "namespace-uri" => NamespaceUri, 0..=1;
    "name" => Name, 0..=1;
    "string" => String, 0..=1;
    "concat" => Concat, 2..=usize::MAX;
    "starts-with" => StartsWith, 2..=2;
    "contains" => Contains, 2..=2;
    "substring-before" => SubstringBefore, 2..=2;
    "substring-after" => SubstringAfter, 2..=2;
    "substring" => Substring, 2..=3;
    "string-length" => StringLength, 0..=1;
    "normalize-space" => NormalizeSpace, 0..=1;
    "translate" => Translate, 3..=3;
    "boolean" => Boolean, 1..=1;
    "not" => Not, 1..=1;
    "true" => True, 0..=0;
    "false" => False, 0..=0;
    "lang" => Lang, 1..=1;
    "number" => Number, 0..=1;
    "sum" => Sum, 1..=1;
    "floor" => Floor, 1..=1;
    "ceiling" => Ceiling, 1..=1;
    "round" => Round, 1..=1;
    "ends-with" => EndsWith, 2..=2;
    "lower-case" => LowerCase, 1..=1;
    "upper-case" => UpperCase, 1..=1;
    "evaluate" => Evaluate, 1..=1;
}

impl Function {
    /// Can the result be a number?
    pub(super) fn may_be_number(self) -> bool {
        use Function as F;
        matches!(self, F::Last | F::Position | F::Count | F::StringLength | F::Number | F::Sum)
            || matches!(self, F::Floor | F::Ceiling | F::Round | F::Evaluate)
    }

    fn check(self, given: usize) -> Evaluated<()> {
        let (least, most) = self.arity();
        if (least..=most).contains(&given) {
            return Ok(());
        }
        let wanted = match (least, most) {
            (least, usize::MAX) => format!("at least {least}"),
            (least, most) if least == most => least.to_string(),
            (least, most) => format!("{least} or {most}"),
        };
        failed(format!("{}() takes {wanted} arguments, found {given}", self.name()))
    }
}

impl<'a> Evaluator<'_, 'a> {
    pub(super) fn core(
        &self,
        function: Function,
        arguments: &[Program],
        focus: &Focus<'a>,
    ) -> Evaluated<Value<'a>> {
        use Function as F;
        function.check(arguments.len())?;
        let value = |index: usize| match arguments.get(index) {
            Some(program) => self.run(program, focus),
            None => Ok(Value::Nodes(vec![focus.node])),
        };
        let text = |index: usize| value(index).map(|v| v.string());
        let boolean = |value| Ok(Value::Boolean(value));
        let number = |value| Ok(Value::Number(value));
        match function {
            F::Last => number(focus.size as f64),
            F::Position => number(focus.position as f64),
            F::Count => self.count(&value(0)?),
            F::Id => value(0).map(|_| Value::Nodes(Vec::new())),
            F::LocalName => node_argument(function, &value(0)?, |n| n.local_name()),
            F::NamespaceUri => node_argument(function, &value(0)?, |n| {
                n.name().map_or(Cow::Borrowed(""), |n| Cow::Borrowed(&n.ns))
            }),
            F::Name => node_argument(function, &value(0)?, |n| qualified(n, self.names.jaxen)),
            F::String => text(0).map(Value::Text),
            F::Concat => {
                let mut joined = String::new();
                for index in 0..arguments.len() {
                    joined.push_str(&text(index)?);
                }
                Ok(Value::text(joined))
            }
            F::StartsWith => boolean(text(0)?.starts_with(&*text(1)?)),
            F::EndsWith => boolean(text(0)?.ends_with(&*text(1)?)),
            F::Contains => boolean(text(0)?.contains(&*text(1)?)),
            F::SubstringBefore => {
                let (whole, mark) = (text(0)?, text(1)?);
                Ok(Value::text(whole.find(&*mark).map_or("", |at| &whole[..at])))
            }
            F::SubstringAfter => {
                let (whole, mark) = (text(0)?, text(1)?);
                Ok(Value::text(whole.find(&*mark).map_or("", |at| &whole[at + mark.len()..])))
            }
            F::Substring => {
                let length = if arguments.len() == 3 { Some(value(2)?.number()) } else { None };
                Ok(Value::text(substring(&text(0)?, value(1)?.number(), length)))
            }
            F::StringLength => number(text(0)?.chars().count() as f64),
            F::NormalizeSpace => Ok(Value::text(normalize_space(&text(0)?))),
            F::Translate => Ok(Value::text(translate(&text(0)?, &text(1)?, &text(2)?))),
            F::Boolean => boolean(self.truth(&arguments[0], focus)?),
            F::Not => boolean(!self.truth(&arguments[0], focus)?),
            F::True => boolean(true),
            F::False => boolean(false),
            F::Lang => boolean(lang(focus.node, &text(0)?)),
            F::Number => number(value(0)?.number()),
            F::Sum => self.sum(&value(0)?),
            F::Floor => number(value(0)?.number().floor()),
            F::Ceiling => number(value(0)?.number().ceil()),
            F::Round => number(round(value(0)?.number())),
            F::LowerCase => Ok(Value::text(text(0)?.to_lowercase())),
            F::UpperCase => Ok(Value::text(text(0)?.to_uppercase())),
            F::Evaluate => self.evaluate_text(&text(0)?, focus),
        }
    }

    fn count(&self, value: &Value<'a>) -> Evaluated<Value<'a>> {
        match value {
            Value::Nodes(nodes) => Ok(Value::Number(nodes.len() as f64)),
            Value::Items(items) => Ok(Value::Number(items.len() as f64)),
            // By the rules of XPath 2.0 a single value is a sequence of one.
            _ if self.names.later => Ok(Value::Number(1.0)),
            _ => failed("count() needs a node-set"),
        }
    }

    fn sum(&self, value: &Value<'a>) -> Evaluated<Value<'a>> {
        match value {
            Value::Nodes(nodes) => {
                let numbers = nodes.iter().map(|n| super::java_number(&n.string_value()));
                // From +0: the sum of nothing would be -0.
                Ok(Value::Number(numbers.fold(0.0, |sum, n| sum + n)))
            }
            _ => failed("sum() needs a node-set"),
        }
    }
}

fn node_argument<'a>(
    function: Function,
    value: &Value<'a>,
    ask: impl Fn(Node<'a>) -> Cow<'a, str>,
) -> Evaluated<Value<'a>> {
    match value {
        Value::Nodes(nodes) => Ok(Value::Text(nodes.first().map_or(Cow::Borrowed(""), |n| ask(*n)))),
        Value::Element(node) => Ok(Value::Text(ask(*node))),
        _ => failed(format!("{}() needs a node-set", function.name())),
    }
}

/// `name()`. Axiom's navigator answers with the namespace behind the prefix.
fn qualified<'a>(node: Node<'a>, jaxen: bool) -> Cow<'a, str> {
    match node.name() {
        Some(name) if name.prefix.is_empty() => Cow::Borrowed(&name.local),
        Some(name) if jaxen => Cow::Owned(format!("{}:{}", name.prefix, name.ns)),
        Some(name) => Cow::Owned(name.qualified()),
        None => node.local_name(),
    }
}

/// Rounds half up as Java's `Math.round`: through a 64-bit integer, so there is no negative zero.
fn round(number: f64) -> f64 {
    if number.is_finite() { (number + 0.5).floor() as i64 as f64 } else { number }
}

/// Jaxen's substring: rounds start and length separately and calculates in 32 bit.
fn substring(text: &str, start: f64, length: Option<f64>) -> String {
    let count = text.chars().count() as i32;
    if start.is_nan() || length.is_some_and(f64::is_nan) {
        return String::new();
    }
    let first = (round(start) as i32).wrapping_sub(1);
    let end = match length.map(|l| round(l) as i32) {
        Some(length) if length < 0 => return String::new(),
        Some(length) => first.wrapping_add(length).min(count),
        None => count,
    };
    if first > count || end < first.max(0) {
        return String::new();
    }
    let first = first.max(0);
    text.chars().skip(first as usize).take((end - first) as usize).collect()
}

fn normalize_space(text: &str) -> String {
    let words = text.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

fn translate(text: &str, from: &str, to: &str) -> String {
    let to: Vec<char> = to.chars().collect();
    text.chars()
        .filter_map(|c| match from.chars().position(|f| f == c) {
            Some(place) => to.get(place).copied(),
            None => Some(c),
        })
        .collect()
}

fn lang(node: Node<'_>, wanted: &str) -> bool {
    let mut at = Some(Node { part: Part::Whole, ..node });
    while let Some(node) = at {
        if let Some(found) = node.document.attribute_ns(node.id, XML_NS, "lang") {
            let (found, wanted) = (found.to_lowercase(), wanted.to_lowercase());
            return found.strip_prefix(&wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
        }
        at = node.parent();
    }
    false
}
