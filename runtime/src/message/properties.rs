//! A small ordered map from names to values. Messages hold few properties, so it is a vector.

use super::value::Value;
use std::sync::Arc;

/// Named values of one scope. An entry without value is a removed one: it hides what the message
/// would otherwise know by itself (see `facts`).
#[derive(Debug, Clone, Default)]
pub struct Properties {
    entries: Vec<(Arc<str>, Option<Value>)>,
}

impl Properties {
    /// The value, `None` when absent or removed.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entry(name).flatten()
    }

    /// `Some(None)` for a removed entry.
    pub fn entry(&self, name: &str) -> Option<Option<&Value>> {
        self.entries.iter().find(|(n, _)| &**n == name).map(|(_, v)| v.as_ref())
    }

    /// Sets a value.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.put(name.into(), Some(value.into()));
    }

    /// Sets a value under a shared name, without copying the name.
    pub fn set_shared(&mut self, name: &Arc<str>, value: Value) {
        self.put(name.clone(), Some(value));
    }

    /// Removes a value and hides the built-in one of that name.
    pub fn remove(&mut self, name: &str) {
        self.put(name.into(), None);
    }

    /// Forgets an entry: what the message knows by itself shows again.
    pub fn forget(&mut self, name: &str) {
        self.entries.retain(|(n, _)| &**n != name);
    }

    fn put(&mut self, name: Arc<str>, value: Option<Value>) {
        match self.entries.iter_mut().find(|(n, _)| *n == name) {
            Some(entry) => entry.1 = value,
            None => self.entries.push((name, value)),
        }
    }

    /// Present entries in order of first setting.
    pub fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &Value)> {
        self.entries.iter().filter_map(|(name, value)| value.as_ref().map(|v| (name, v)))
    }

    /// Nothing was set or removed?
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops everything, removals included.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Keeps entries whose name passes; removals of others are forgotten too.
    pub fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.entries.retain(|(name, _)| keep(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removal_is_remembered() {
        let mut p = Properties::default();
        p.set("a", "1");
        p.remove("a");
        assert!(p.get("a").is_none());
        assert!(p.entry("a").is_some() && p.entry("b").is_none());
        assert_eq!(p.iter().count(), 0);
    }
}
