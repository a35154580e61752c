//! Filling in.

use super::expression::{Expr, Op, Part};
use super::parser::{Body, Element, Parsed, Place};
use super::value::{Value, number_text};
use super::xml::ChildOf;
use super::{Model, TemplateError};
use std::collections::HashMap;
use std::sync::Arc;

/// Most bytes of a result.
const MAX_OUTPUT: usize = 64 << 20;
/// Deepest nesting of macro calls.
const MAX_CALLS: usize = 60;
/// Most items that a range of numbers may have.
const MAX_RANGE: f64 = 1_000_000.0;

/// Why filling in goes no further.
#[derive(Debug)]
pub(super) enum Stop {
    /// A value is needed and there is none.
    Missing(String),
    Failed(String),
    Break,
    Continue,
    Return(Value),
}

pub(super) type Flow<T> = Result<T, Stop>;

pub(super) fn failed<T>(message: impl Into<String>) -> Flow<T> {
    Err(Stop::Failed(message.into()))
}

pub(super) fn render(parsed: &Parsed, model: Model<'_>) -> Result<String, TemplateError> {
    let mut run = Run {
        parsed,
        model,
        globals: HashMap::new(),
        locals: Vec::new(),
        loops: Vec::new(),
        nested: Vec::new(),
        out: String::new(),
    };
    let message = match run.body(&parsed.body) {
        Ok(()) | Err(Stop::Return(_) | Stop::Break | Stop::Continue) => return Ok(run.out),
        Err(Stop::Missing(what)) => format!("there is no value for {what}"),
        Err(Stop::Failed(message)) => message,
    };
    Err(TemplateError { message, offset: 0 })
}

/// A running list.
pub(super) struct Loop {
    names: Vec<String>,
    values: Vec<Value>,
    pub(super) index: usize,
    pub(super) size: usize,
    /// What is left to `items`, when the list has no variable.
    items: Vec<Vec<Value>>,
}

pub(super) struct Run<'r> {
    pub(super) parsed: &'r Parsed,
    model: Model<'r>,
    globals: HashMap<String, Value>,
    locals: Vec<HashMap<String, Value>>,
    pub(super) loops: Vec<Loop>,
    /// Bodies of the macro calls that are open.
    nested: Vec<Option<&'r Body>>,
    out: String,
}

impl<'r> Run<'r> {
    fn body(&mut self, body: &'r Body) -> Flow<()> {
        for element in body {
            self.element(element)?;
            if self.out.len() > MAX_OUTPUT {
                return failed(format!("the result is longer than {MAX_OUTPUT} bytes"));
            }
        }
        Ok(())
    }

    fn element(&mut self, element: &'r Element) -> Flow<()> {
        match element {
            Element::Text(text) => self.out.push_str(text),
            Element::Output(expr) => {
                let value = self.evaluate(expr)?;
                let text = self.text(&value, expr)?;
                self.out.push_str(&text);
            }
            Element::If(branches, otherwise) => {
                for (test, body) in branches {
                    if self.truth(test)? {
                        return self.body(body);
                    }
                }
                return self.body(otherwise);
            }
            Element::List { sequence, variables, body, otherwise } => {
                return self.list(sequence, variables, body, otherwise);
            }
            Element::Items(names, body) => return self.items(names, body),
            Element::Sep(body) => {
                if self.loops.last().is_some_and(|l| l.index + 1 < l.size) {
                    return self.body(body);
                }
            }
            Element::Assign(place, name, expr) => {
                let value = self.needed(expr)?;
                self.assign(*place, name, value);
            }
            Element::Capture(place, name, body) => {
                let text = self.captured(body)?;
                self.assign(*place, name, Value::text(text));
            }
            Element::Call { name, named, positional, body } => {
                return self.call_macro(name, named, positional, body);
            }
            Element::Nested => {
                let Some(body) = self.nested.last().copied().flatten() else { return Ok(()) };
                let outer = (self.nested.pop(), self.locals.pop());
                let result = self.body(body);
                self.nested.extend(outer.0);
                self.locals.extend(outer.1);
                return result;
            }
            Element::Return(value) => {
                let value = value.as_ref().map(|v| self.needed(v)).transpose()?.unwrap_or(Value::Null);
                return Err(Stop::Return(value));
            }
            Element::Switch(value, cases) => return self.switch(value, cases),
            Element::Break => return Err(Stop::Break),
            Element::Continue => return Err(Stop::Continue),
            Element::Compress(body) => {
                let text = self.captured(body)?;
                let words: Vec<&str> = text.split_whitespace().collect();
                self.out.push_str(&words.join(" "));
            }
            Element::Attempt(body, other) => {
                let (length, loops) = (self.out.len(), self.loops.len());
                match self.body(body) {
                    Err(Stop::Missing(_) | Stop::Failed(_)) => {
                        self.out.truncate(length);
                        self.loops.truncate(loops);
                        return self.body(other);
                    }
                    other => return other,
                }
            }
            Element::Stop(message) => {
                let text = match message {
                    Some(expr) => self.string(expr)?,
                    None => "the template stopped".to_owned(),
                };
                return failed(text);
            }
        }
        Ok(())
    }

    fn captured(&mut self, body: &'r Body) -> Flow<String> {
        let outer = std::mem::take(&mut self.out);
        let result = self.body(body);
        let text = std::mem::replace(&mut self.out, outer);
        result.map(|()| text)
    }

    fn assign(&mut self, place: Place, name: &str, value: Value) {
        match self.locals.last_mut().filter(|_| place == Place::Local) {
            Some(locals) => locals.insert(name.to_owned(), value),
            None => self.globals.insert(name.to_owned(), value),
        };
    }

    fn list(
        &mut self,
        sequence: &'r Expr,
        names: &[String],
        body: &'r Body,
        otherwise: &'r Body,
    ) -> Flow<()> {
        let value = self.needed(sequence)?;
        let items: Vec<Vec<Value>> = match &value {
            Value::Map(members) if names.len() != 1 => {
                members.iter().map(|(k, v)| vec![Value::Text(k.clone()), v.clone()]).collect()
            }
            Value::Map(members) => members.iter().map(|(k, _)| vec![Value::Text(k.clone())]).collect(),
            other => super::built_ins::items(other)?.into_iter().map(|item| vec![item]).collect(),
        };
        if items.is_empty() {
            return self.body(otherwise);
        }
        if names.is_empty() {
            let size = items.len();
            self.loops.push(Loop { names: Vec::new(), values: Vec::new(), index: 0, size, items });
            let result = self.body(body);
            self.loops.pop();
            return ended(result);
        }
        self.each(names, items, body)
    }

    fn items(&mut self, names: &[String], body: &'r Body) -> Flow<()> {
        match self.loops.last_mut() {
            Some(outer) => {
                let items = std::mem::take(&mut outer.items);
                self.each(names, items, body)
            }
            None => failed("<#items> stands in no list"),
        }
    }

    fn each(&mut self, names: &[String], items: Vec<Vec<Value>>, body: &'r Body) -> Flow<()> {
        let size = items.len();
        for (index, values) in items.into_iter().enumerate() {
            self.loops.push(Loop { names: names.to_vec(), values, index, size, items: Vec::new() });
            let result = self.body(body);
            self.loops.pop();
            match result {
                Err(Stop::Break) => break,
                Ok(()) | Err(Stop::Continue) => {}
                other => return other,
            }
        }
        Ok(())
    }

    fn switch(&mut self, value: &'r Expr, cases: &'r [(Option<Expr>, Body)]) -> Flow<()> {
        let value = self.needed(value)?;
        let mut start = None;
        for (at, (case, _)) in cases.iter().enumerate() {
            if let Some(case) = case {
                let other = self.needed(case)?;
                if self.equal(&value, &other)? {
                    start = Some(at);
                    break;
                }
            }
        }
        let start = start.or_else(|| cases.iter().position(|(case, _)| case.is_none()));
        for (_, body) in cases.iter().skip(start.unwrap_or(cases.len())) {
            match self.body(body) {
                Err(Stop::Break) => break,
                other => other?,
            }
        }
        Ok(())
    }

    fn call_macro(
        &mut self,
        name: &'r Expr,
        named: &'r [(String, Expr)],
        positional: &'r [Expr],
        body: &'r Body,
    ) -> Flow<()> {
        let Value::Macro(index) = self.needed(name)? else { return failed("this is no macro") };
        let mut given = Vec::new();
        for (key, value) in named {
            given.push((Some(key.as_str()), self.evaluate(value)?));
        }
        for value in positional {
            given.push((None, self.evaluate(value)?));
        }
        match self.invoke(index, given, Some(body)) {
            Err(Stop::Return(_)) => Ok(()),
            other => other,
        }
    }

    fn invoke(
        &mut self,
        index: usize,
        given: Vec<(Option<&str>, Value)>,
        body: Option<&'r Body>,
    ) -> Flow<()> {
        let parsed = self.parsed;
        let Some(definition) = parsed.macros.get(index) else { return failed("there is no such macro") };
        if self.locals.len() >= MAX_CALLS {
            return failed(format!("macros call each other deeper than {MAX_CALLS} levels"));
        }
        self.locals.push(HashMap::new());
        self.nested.push(body);
        let loops = std::mem::take(&mut self.loops);
        let mut given: Vec<Option<(Option<&str>, Value)>> = given.into_iter().map(Some).collect();
        let mut result = Ok(());
        for (parameter, default) in &definition.parameters {
            let place = given
                .iter()
                .position(|g| matches!(g, Some((Some(key), _)) if key == parameter))
                .or_else(|| given.iter().position(|g| matches!(g, Some((None, _)))));
            let value = place.and_then(|at| given.get_mut(at)?.take()).map(|(_, value)| value);
            let value = match (value, default) {
                (Some(value), _) if !value.is_null() => Ok(value),
                (_, Some(default)) => self.needed(default),
                _ => Err(Stop::Missing(format!("the parameter '{parameter}' of '{}'", definition.name))),
            };
            match value {
                Ok(value) => self.assign(Place::Local, parameter, value),
                Err(stop) => {
                    result = Err(stop);
                    break;
                }
            }
        }
        if result.is_ok() {
            result = self.body(&definition.body);
        }
        self.loops = loops;
        self.nested.pop();
        self.locals.pop();
        result
    }

    /// Calls a function of the template.
    fn call(&mut self, index: usize, arguments: Vec<Value>) -> Flow<Value> {
        let outer = std::mem::take(&mut self.out);
        let result = self.invoke(index, arguments.into_iter().map(|v| (None, v)).collect(), None);
        self.out = outer;
        match result {
            Err(Stop::Return(value)) => Ok(value),
            Ok(()) => Ok(Value::Null),
            Err(other) => Err(other),
        }
    }

    /// The value of a name.
    fn lookup(&self, name: &str) -> Value {
        for outer in self.loops.iter().rev() {
            for (at, own) in outer.names.iter().enumerate() {
                if own == name {
                    return outer.values.get(at).cloned().unwrap_or(Value::Null);
                }
                match name.strip_prefix(own.as_str()) {
                    Some("_index") => return Value::Number(outer.index as f64),
                    Some("_has_next") => return Value::Boolean(outer.index + 1 < outer.size),
                    _ => {}
                }
            }
        }
        let known = self.locals.last().and_then(|l| l.get(name)).or_else(|| self.globals.get(name));
        if let Some(value) = known {
            return value.clone();
        }
        match self.parsed.macros.iter().position(|m| m.name == name) {
            Some(index) => Value::Macro(index),
            None => (self.model)(name),
        }
    }

    /// The list whose variable this is.
    pub(super) fn loop_of(&self, expr: &Expr) -> Option<&Loop> {
        let Expr::Name(name) = expr else { return None };
        self.loops.iter().rev().find(|l| l.names.contains(name))
    }

    /// The value with a lambda's parameter set.
    pub(super) fn with_variable(&mut self, name: &str, value: Value, body: &Expr) -> Flow<Value> {
        let variable =
            Loop { names: vec![name.to_owned()], values: vec![value], index: 0, size: 1, items: Vec::new() };
        self.loops.push(variable);
        let result = self.evaluate(body);
        self.loops.pop();
        result
    }

    /// The value; null when there is none.
    pub(super) fn evaluate(&mut self, expr: &Expr) -> Flow<Value> {
        Ok(match expr {
            Expr::Text(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Text(literal) => text.push_str(literal),
                        Part::Expr(inner) => text.push_str(&self.string(inner)?),
                    }
                }
                Value::text(text)
            }
            Expr::Number(number) => Value::Number(*number),
            Expr::Boolean(value) => Value::Boolean(*value),
            Expr::Name(name) => self.lookup(name),
            Expr::Special(name) => match name.as_str() {
                "now" => Value::Moment(super::value::Moment),
                "version" => Value::text("2.3.30"),
                "locale" => Value::text("en_US"),
                "lang" => Value::text("en"),
                _ => return failed(format!("'.{name}' is not supported")),
            },
            Expr::List(items) => {
                let items: Flow<Vec<Value>> = items.iter().map(|i| self.evaluate(i)).collect();
                Value::list(items?)
            }
            Expr::Map(members) => {
                let mut found: Vec<(Arc<str>, Value)> = Vec::new();
                for (key, value) in members {
                    let key: Arc<str> = self.string(key)?.into();
                    let value = self.evaluate(value)?;
                    found.retain(|(k, _)| *k != key);
                    found.push((key, value));
                }
                Value::Map(Arc::new(found))
            }
            Expr::Dot(target, name) => {
                let value = self.needed(target)?;
                self.member(&value, name)?
            }
            Expr::Index(target, index) => self.index(target, index)?,
            Expr::Call(target, arguments) => match self.needed(target)? {
                Value::Macro(index) => {
                    let arguments: Flow<Vec<Value>> = arguments.iter().map(|a| self.evaluate(a)).collect();
                    self.call(index, arguments?)?
                }
                other => return failed(format!("{} cannot be called", other.kind())),
            },
            Expr::BuiltIn(target, name, arguments) => self.built_in(target, name, arguments.as_deref())?,
            Expr::Default(target, default) => match (self.maybe(target)?, default) {
                (Value::Null, Some(default)) => self.evaluate(default)?,
                (Value::Null, None) => Value::text(""),
                (value, _) => value,
            },
            Expr::Exists(target) => Value::Boolean(!self.maybe(target)?.is_null()),
            Expr::Not(inner) => Value::Boolean(!self.truth(inner)?),
            Expr::Negate(inner) => Value::Number(-self.number(inner)?),
            Expr::Binary(op, left, right) => self.binary(*op, left, right)?,
            Expr::Range(from, to, exclusive) => self.range(from, to.as_deref(), *exclusive)?,
            Expr::Paren(inner) => self.evaluate(inner)?,
            Expr::Lambda(..) => return failed("a lambda is not expected here"),
        })
    }

    /// The value before `!` and `??`: in parentheses nothing on the way needs to be there.
    pub(super) fn maybe(&mut self, expr: &Expr) -> Flow<Value> {
        let value = match (expr, self.evaluate(expr)) {
            (Expr::Paren(_), Err(Stop::Missing(_))) => Value::Null,
            (_, result) => result?,
        };
        // Nodes that are not there are no value either.
        Ok(if matches!(&value, Value::Nodes(nodes) if nodes.is_empty()) { Value::Null } else { value })
    }

    /// The value, which must be there.
    pub(super) fn needed(&mut self, expr: &Expr) -> Flow<Value> {
        match self.evaluate(expr)? {
            Value::Null => Err(Stop::Missing(written(expr))),
            value => Ok(value),
        }
    }

    fn member(&self, value: &Value, name: &str) -> Flow<Value> {
        Ok(match value {
            Value::Map(members) => {
                members.iter().find(|(key, _)| **key == *name).map_or(Value::Null, |(_, value)| value.clone())
            }
            Value::Nodes(nodes) => match nodes.child(name, &self.parsed.prefixes) {
                Ok(ChildOf::Nodes(found)) => Value::Nodes(found),
                Ok(ChildOf::Text(text)) => Value::text(text),
                Err(message) => return failed(message),
            },
            other => return failed(format!("{} has no members, so no '{name}'", other.kind())),
        })
    }

    fn index(&mut self, target: &Expr, index: &Expr) -> Flow<Value> {
        let value = self.needed(target)?;
        let key = self.needed(index)?;
        let open = matches!(index, Expr::Range(_, None, _));
        Ok(match (&value, &key) {
            (_, Value::Text(name)) => self.member(&value, name)?,
            (Value::List(items), Value::Number(at)) => {
                place(*at).and_then(|at| items.get(at)).cloned().unwrap_or(Value::Null)
            }
            (Value::Nodes(nodes), Value::Number(at)) => {
                place(*at).and_then(|at| nodes.get(at)).map_or(Value::Null, Value::Nodes)
            }
            (Value::Text(text), Value::Number(at)) => {
                let found = place(*at).and_then(|at| text.chars().nth(at));
                found.map_or(Value::Null, |c| Value::text(c.to_string()))
            }
            (Value::Text(text), Value::List(places)) => {
                let chars: Vec<char> = text.chars().collect();
                let picked = picked(&chars, places, open);
                Value::text(picked.into_iter().collect::<String>())
            }
            (Value::List(items), Value::List(places)) => Value::list(picked(items, places, open)),
            _ => return failed(format!("{} cannot be the index of {}", key.kind(), value.kind())),
        })
    }

    fn range(&mut self, from: &Expr, to: Option<&Expr>, exclusive: bool) -> Flow<Value> {
        let from = self.number(from)?;
        let to = match to {
            Some(to) => self.number(to)?,
            // Open ranges are cut where they are used.
            None => from + 9_999.0,
        };
        if (to - from).abs() > MAX_RANGE {
            return failed(format!("a range of more than {MAX_RANGE} numbers"));
        }
        let step = if to < from { -1.0 } else { 1.0 };
        let count = (to - from).abs() as usize + usize::from(!exclusive);
        Ok(Value::list((0..count).map(|i| Value::Number(from + step * i as f64)).collect()))
    }

    pub(super) fn truth(&mut self, expr: &Expr) -> Flow<bool> {
        match self.needed(expr)? {
            Value::Boolean(value) => Ok(value),
            other => failed(format!("expected a boolean for {}, found {}", written(expr), other.kind())),
        }
    }

    pub(super) fn number(&mut self, expr: &Expr) -> Flow<f64> {
        match self.needed(expr)? {
            Value::Number(number) => Ok(number),
            other => failed(format!("expected a number for {}, found {}", written(expr), other.kind())),
        }
    }

    pub(super) fn string(&mut self, expr: &Expr) -> Flow<String> {
        let value = self.evaluate(expr)?;
        self.text(&value, expr)
    }

    /// A value as text; booleans, lists and hashes have none.
    pub(super) fn text(&self, value: &Value, expr: &Expr) -> Flow<String> {
        match value {
            Value::Text(text) => Ok(text.to_string()),
            Value::Number(number) => Ok(number_text(*number)),
            Value::Nodes(nodes) => {
                nodes.text().or_else(|message| failed(format!("{}: {message}", written(expr))))
            }
            Value::Moment(_) => now("MMM d, yyyy, h:mm:ss a"),
            Value::Null => Err(Stop::Missing(written(expr))),
            other => failed(format!("{} is {} and no text", written(expr), other.kind())),
        }
    }

    fn binary(&mut self, op: Op, left: &Expr, right: &Expr) -> Flow<Value> {
        match op {
            Op::Or => return Ok(Value::Boolean(self.truth(left)? || self.truth(right)?)),
            Op::And => return Ok(Value::Boolean(self.truth(left)? && self.truth(right)?)),
            _ => {}
        }
        let (one, two) = (self.needed(left)?, self.needed(right)?);
        Ok(match op {
            Op::Equal => Value::Boolean(self.equal(&one, &two)?),
            Op::NotEqual => Value::Boolean(!self.equal(&one, &two)?),
            Op::Add => match (&one, &two) {
                (Value::Number(a), Value::Number(b)) => Value::Number(a + b),
                (Value::List(a), Value::List(b)) => Value::list(a.iter().chain(b.iter()).cloned().collect()),
                (Value::Map(a), Value::Map(b)) => {
                    let kept = a.iter().filter(|(key, _)| !b.iter().any(|(other, _)| other == key));
                    Value::Map(Arc::new(kept.chain(b.iter()).cloned().collect()))
                }
                _ => Value::text(self.text(&one, left)? + &self.text(&two, right)?),
            },
            _ => {
                let (Value::Number(a), Value::Number(b)) = (&one, &two) else {
                    return failed(format!("expected numbers, found {} and {}", one.kind(), two.kind()));
                };
                match op {
                    Op::Less => Value::Boolean(a < b),
                    Op::LessOrEqual => Value::Boolean(a <= b),
                    Op::Greater => Value::Boolean(a > b),
                    Op::GreaterOrEqual => Value::Boolean(a >= b),
                    Op::Subtract => Value::Number(a - b),
                    Op::Multiply => Value::Number(a * b),
                    _ if *b == 0.0 => return failed("division by zero"),
                    Op::Divide => Value::Number(a / b),
                    _ => Value::Number(a % b),
                }
            }
        })
    }

    fn equal(&self, one: &Value, two: &Value) -> Flow<bool> {
        let text = |value: &Value| match value {
            Value::Text(text) => Some(text.to_string()),
            Value::Nodes(nodes) => nodes.text().ok(),
            _ => None,
        };
        match (one, two) {
            (Value::Number(a), Value::Number(b)) => Ok(a == b),
            (Value::Boolean(a), Value::Boolean(b)) => Ok(a == b),
            _ => match (text(one), text(two)) {
                (Some(a), Some(b)) => Ok(a == b),
                _ => failed(format!("{} and {} cannot be compared", one.kind(), two.kind())),
            },
        }
    }
}

fn ended(result: Flow<()>) -> Flow<()> {
    match result {
        Err(Stop::Break | Stop::Continue) => Ok(()),
        other => other,
    }
}

fn place(number: f64) -> Option<usize> {
    (number >= 0.0).then_some(number as usize)
}

/// The items at these places; an open range ends where the items end.
fn picked<T: Clone>(items: &[T], places: &[Value], open: bool) -> Vec<T> {
    let index = |value: &Value| match value {
        Value::Number(number) => place(*number),
        _ => None,
    };
    let found = places.iter().map(|p| index(p).and_then(|at| items.get(at)).cloned());
    if open { found.map_while(|item| item).collect() } else { found.flatten().collect() }
}

pub(super) fn now(pattern: &str) -> Flow<String> {
    crate::eval::dates::simple_date(pattern).or_else(failed)
}

/// An expression for people, as far as it is a path.
fn written(expr: &Expr) -> String {
    match expr {
        Expr::Name(name) => format!("'{name}'"),
        Expr::Dot(target, name) => format!("{}.{name}'", written(target).trim_end_matches('\'')),
        Expr::Paren(inner) | Expr::BuiltIn(inner, ..) | Expr::Index(inner, _) => written(inner),
        _ => "the expression".to_owned(),
    }
}
