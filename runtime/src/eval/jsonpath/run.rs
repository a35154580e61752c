//! One evaluation of a path over a tree.

use super::program::Token;
use super::{JsonPath, PathError, functions, number};
use crate::eval::selection::Key;
use crate::message::Json;
use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

/// Why an evaluation stops.
#[derive(Debug)]
pub(super) enum Stop {
    NotFound(String),
    Invalid(String),
    /// A Java index error; array steps swallow it.
    OutOfBounds(String),
}

impl From<Stop> for PathError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::NotFound(message) => PathError::NotFound(message),
            Stop::Invalid(message) | Stop::OutOfBounds(message) => PathError::Invalid(message),
        }
    }
}

/// A result.
#[derive(Debug)]
pub(super) struct Hit<'j> {
    pub(super) value: Cow<'j, Json>,
    /// Read from an object: numbers are converted.
    pub(super) member: bool,
    pub(super) place: Vec<Key>,
}

impl Hit<'_> {
    /// As an element of the result list.
    pub(super) fn into_result(self) -> Json {
        if self.member { number::member_form(&self.value) } else { self.value.into_owned() }
    }
}

/// Where an evaluation stands.
#[derive(Debug, Clone)]
pub(super) struct Model<'j> {
    pub(super) json: Cow<'j, Json>,
    pub(super) member: bool,
}

impl<'j> Model<'j> {
    fn of(json: &'j Json, member: bool) -> Self {
        Self { json: Cow::Borrowed(json), member }
    }

    /// Children with their keys.
    fn children(&self) -> Vec<(Key, Model<'j>)> {
        match &self.json {
            Cow::Borrowed(json) => children(json),
            Cow::Owned(json) => children(json)
                .into_iter()
                .map(|(key, model)| {
                    (key, Model { json: Cow::Owned(model.json.into_owned()), member: model.member })
                })
                .collect(),
        }
    }

    fn child(&self, key: &Key) -> Option<Model<'j>> {
        let pick = |json: &Json| match (json, key) {
            (Json::Object(members), Key::Member(name)) => {
                members.iter().rposition(|(member, _)| member == name)
            }
            (Json::Array(items), Key::Index(index)) => (*index < items.len()).then_some(*index),
            _ => None,
        };
        let at = pick(&self.json)?;
        let member = matches!(key, Key::Member(_));
        match &self.json {
            Cow::Borrowed(json) => nth(json, at).map(|json| Model::of(json, member)),
            Cow::Owned(json) => nth(json, at).map(|json| Model { json: Cow::Owned(json.clone()), member }),
        }
    }
}

fn nth(json: &Json, at: usize) -> Option<&Json> {
    match json {
        Json::Object(members) => members.get(at).map(|(_, value)| value),
        Json::Array(items) => items.get(at),
        _ => None,
    }
}

fn children(json: &Json) -> Vec<(Key, Model<'_>)> {
    match json {
        Json::Array(items) => {
            items.iter().enumerate().map(|(i, item)| (Key::Index(i), Model::of(item, false))).collect()
        }
        Json::Object(members) => distinct(members)
            .into_iter()
            .map(|(name, value)| (Key::Member(name.clone()), Model::of(value, true)))
            .collect(),
        _ => Vec::new(),
    }
}

/// Members as a Java reader keeps them: of equal keys the first place and the last value.
pub(super) fn distinct(members: &[(Arc<str>, Json)]) -> Vec<(&Arc<str>, &Json)> {
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(members.len());
    let mut kept: Vec<(&Arc<str>, &Json)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        match places.entry(name) {
            Entry::Occupied(place) => kept[*place.get()].1 = value,
            Entry::Vacant(place) => {
                place.insert(kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}

/// The member that a Java reader keeps of equal keys: the last.
pub(super) fn last_member<'j>(members: &'j [(Arc<str>, Json)], name: &str) -> Option<&'j Json> {
    members.iter().rev().find(|(member, _)| &**member == name).map(|(_, value)| value)
}

/// Position of a possibly negative index.
pub(super) fn position(index: i32, length: usize) -> Option<usize> {
    let at = if index < 0 { length as i64 + i64::from(index) } else { i64::from(index) };
    usize::try_from(at).ok().filter(|at| *at < length)
}

/// State of an evaluation.
pub(super) struct Run<'p, 'j> {
    path: &'p JsonPath,
    root: &'j Json,
    item: &'j Json,
    hits: Vec<Hit<'j>>,
    place: Vec<Key>,
    track: bool,
    update: bool,
    /// Missing members are errors even in indefinite paths (existence tests of filters).
    require: bool,
    /// Array position that a scan left at each token; see `scan_array`.
    marks: Vec<Option<usize>>,
}

impl<'p, 'j> Run<'p, 'j> {
    pub(super) fn new(path: &'p JsonPath, root: &'j Json, item: &'j Json) -> Self {
        let marks = vec![None; path.tokens.len()];
        let (hits, place) = (Vec::new(), Vec::new());
        Self { path, root, item, hits, place, track: false, update: false, require: false, marks }
    }

    pub(super) fn tracked(mut self) -> Self {
        self.track = true;
        self
    }

    pub(super) fn for_update(mut self) -> Self {
        self.track = true;
        self.update = true;
        self
    }

    pub(super) fn requiring(mut self) -> Self {
        self.require = true;
        self
    }

    /// Runs it.
    pub(super) fn hits(mut self) -> Result<Vec<Hit<'j>>, Stop> {
        let start = if self.path.at_document { self.root } else { self.item };
        let model = Model::of(start, false);
        if self.path.tokens.is_empty() {
            self.add(model);
        } else {
            self.step(0, &model)?;
        }
        Ok(self.hits)
    }

    fn add(&mut self, model: Model<'j>) {
        let place = if self.track { self.place.clone() } else { Vec::new() };
        self.hits.push(Hit { value: model.json, member: model.member, place });
    }

    fn is_leaf(&self, token: usize) -> bool {
        token + 1 == self.path.tokens.len()
    }

    fn is_definite_token(&self, token: usize) -> bool {
        match &self.path.tokens[token] {
            Token::Properties(names) => names.len() == 1 || self.is_leaf(token),
            Token::Indexes(indexes) => indexes.len() == 1,
            Token::Function(..) => true,
            Token::Slice(..) | Token::Wildcard | Token::Scan | Token::Filter(_) => false,
        }
    }

    fn is_upstream_definite(&self, token: usize) -> bool {
        (0..token).all(|before| self.is_definite_token(before))
    }

    fn missing<T>(&self, what: &str) -> Result<T, Stop> {
        Err(Stop::NotFound(format!("{what} in path {}", self.path.text)))
    }

    fn go(&mut self, token: usize, key: Key, model: Model<'j>) -> Result<(), Stop> {
        if self.track {
            self.place.push(key);
        }
        let result = if self.is_leaf(token) {
            self.add(model);
            Ok(())
        } else {
            self.step(token + 1, &model)
        };
        if self.track {
            self.place.pop();
        }
        result
    }

    fn step(&mut self, token: usize, model: &Model<'j>) -> Result<(), Stop> {
        // The borrow of the token must not hold `self`.
        let path: &'p JsonPath = self.path;
        match &path.tokens[token] {
            Token::Properties(names) => self.properties(token, names, model),
            Token::Indexes(indexes) => {
                let Some(length) = self.array_length(token, model)? else { return Ok(()) };
                for index in indexes {
                    self.element(token, position(*index, length), model)?;
                }
                Ok(())
            }
            Token::Slice(from, to) => self.slice(token, *from, *to, model),
            Token::Wildcard => self.wildcard(token, model),
            Token::Scan => self.scan(token + 1, model),
            Token::Filter(condition) => self.filter(token, condition, model),
            Token::Function(name, parameters) => {
                let value = functions::call(name, parameters, &model.json, self.root)?;
                let result = Model { json: Cow::Owned(value), member: false };
                self.add(result.clone());
                if self.is_leaf(token) { Ok(()) } else { self.step(token + 1, &result) }
            }
        }
    }

    fn properties(&mut self, token: usize, names: &[Arc<str>], model: &Model<'j>) -> Result<(), Stop> {
        let Json::Object(members) = &*model.json else {
            if !self.is_upstream_definite(token) {
                return Ok(());
            }
            return self.missing("expected an object");
        };
        if names.len() == 1 || !self.is_leaf(token) {
            return names.iter().try_for_each(|name| self.property(token, name, model));
        }
        if self.update {
            return names.iter().try_for_each(|name| match last_member(members, name) {
                Some(_) => self.property(token, name, model),
                None => Ok(()),
            });
        }
        let mut merged = Vec::with_capacity(names.len());
        for name in names {
            match last_member(members, name) {
                Some(value) => merged.push((name.clone(), number::member_form(value))),
                None if self.require => return self.missing("missing property"),
                None => {}
            }
        }
        self.add(Model { json: Cow::Owned(Json::Object(merged)), member: false });
        Ok(())
    }

    fn property(&mut self, token: usize, name: &Arc<str>, model: &Model<'j>) -> Result<(), Stop> {
        let key = Key::Member(name.clone());
        let Some(value) = model.child(&key) else {
            let definite = self.is_upstream_definite(token) && self.is_definite_token(token);
            let lenient = !self.require && (self.is_leaf(token) || !definite);
            return if lenient { Ok(()) } else { self.missing("missing property") };
        };
        if self.is_leaf(token) && !self.is_marked_position(token) {
            return Ok(());
        }
        self.go(token, key, value)
    }

    /// After a scan over an array only the element that the step before the last names counts.
    fn is_marked_position(&self, token: usize) -> bool {
        let Some(mark) = self.marks[token] else { return true };
        match token.checked_sub(1).map(|before| &self.path.tokens[before]) {
            Some(Token::Indexes(indexes)) => {
                indexes.len() == 1 && usize::try_from(indexes[0]).is_ok_and(|index| index == mark)
            }
            _ => false,
        }
    }

    fn array_length(&self, token: usize, model: &Model<'j>) -> Result<Option<usize>, Stop> {
        match &*model.json {
            Json::Array(items) => Ok(Some(items.len())),
            _ if !self.is_upstream_definite(token) => Ok(None),
            _ => self.missing("expected an array"),
        }
    }

    fn element(&mut self, token: usize, index: Option<usize>, model: &Model<'j>) -> Result<(), Stop> {
        let Some(index) = index else { return Ok(()) };
        let key = Key::Index(index);
        let Some(item) = model.child(&key) else { return Ok(()) };
        match self.go(token, key, item) {
            Err(Stop::OutOfBounds(_)) => Ok(()),
            other => other,
        }
    }

    fn slice(
        &mut self,
        token: usize,
        from: Option<i32>,
        to: Option<i32>,
        model: &Model<'j>,
    ) -> Result<(), Stop> {
        let Some(length) = self.array_length(token, model)? else { return Ok(()) };
        let size = length as i64;
        let (first, end) = match (from.map(i64::from), to.map(i64::from)) {
            (Some(from), None) => ((if from < 0 { size + from } else { from }).max(0), size),
            // Both sides given: negative ones are not counted from the end.
            (Some(from), Some(to)) => (from, to.min(size)),
            (None, Some(to)) => (0, (if to < 0 { size + to } else { to }).min(size)),
            (None, None) => (0, size),
        };
        for index in first..end {
            self.element(token, position(i32::try_from(index).unwrap_or(i32::MAX), length), model)?;
        }
        Ok(())
    }

    fn wildcard(&mut self, token: usize, model: &Model<'j>) -> Result<(), Stop> {
        for (key, child) in model.children() {
            if let Key::Member(_) = &key {
                self.go(token, key, child)?;
                continue;
            }
            match self.go(token, key, child) {
                Err(Stop::NotFound(_)) if !self.require => {}
                Err(Stop::OutOfBounds(_)) => {}
                other => other?,
            }
        }
        Ok(())
    }

    fn filter(
        &mut self,
        token: usize,
        condition: &super::program::Condition,
        model: &Model<'j>,
    ) -> Result<(), Stop> {
        match &*model.json {
            Json::Object(_) => {
                if !condition.accepts(&model.json, self.root)? {
                    return Ok(());
                }
                if self.is_leaf(token) {
                    self.add(model.clone());
                    return Ok(());
                }
                self.step(token + 1, model)
            }
            Json::Array(_) => {
                for (key, item) in model.children() {
                    if condition.accepts(&item.json, self.root)? {
                        match self.go(token, key, item) {
                            Err(Stop::OutOfBounds(_)) => {}
                            other => other?,
                        }
                    }
                }
                Ok(())
            }
            _ if self.is_upstream_definite(token) => {
                Err(Stop::Invalid(format!("the filter in {} cannot be applied to a scalar", self.path.text)))
            }
            _ => Ok(()),
        }
    }

    /// Does a scan stop at this container for the step `token`?
    fn scan_matches(&self, token: usize, model: &Model<'j>) -> Result<bool, Stop> {
        Ok(match (&self.path.tokens[token], &*model.json) {
            (Token::Properties(names), Json::Object(members)) => {
                !self.is_definite_token(token) || names.iter().all(|n| last_member(members, n).is_some())
            }
            (Token::Indexes(_) | Token::Slice(..), Json::Array(_)) => true,
            (Token::Wildcard, _) => true,
            (Token::Filter(condition), json) => condition.accepts(json, self.root)?,
            _ => false,
        })
    }

    fn scan(&mut self, token: usize, model: &Model<'j>) -> Result<(), Stop> {
        if token >= self.path.tokens.len() || !model.json.is_container() {
            return Ok(());
        }
        if self.scan_matches(token, model)? {
            if matches!(&*model.json, Json::Object(_)) || self.is_leaf(token) {
                self.step(token, model)?;
            } else {
                self.scan_array(token, model)?;
            }
        }
        for (key, child) in model.children() {
            if !child.json.is_container() {
                continue;
            }
            if self.track {
                self.place.push(key);
            }
            let result = self.scan(token, &child);
            if self.track {
                self.place.pop();
            }
            result?;
        }
        Ok(())
    }

    /// Below an array the step after the scanned one is applied to every element; its position is
    /// remembered and compared with what the scanned step names.
    fn scan_array(&mut self, token: usize, model: &Model<'j>) -> Result<(), Stop> {
        for (index, (key, item)) in model.children().into_iter().enumerate() {
            self.marks[token + 1] = Some(index);
            if self.track {
                self.place.push(key);
            }
            let result = self.step(token + 1, &item);
            if self.track {
                self.place.pop();
            }
            result?;
        }
        Ok(())
    }
}
