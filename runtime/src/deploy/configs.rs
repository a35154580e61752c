//! Values for placeholders: environment, system properties, `file.properties`.

use crate::settings::Environment;
use artifacts::bundle::properties;
use artifacts::config::{ConfigSource, Lookup, Origin};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a server finds configurable values.
#[derive(Debug, Clone, Default)]
pub struct ConfigValues {
    environment: Environment,
    file: BTreeMap<String, String>,
}

impl ConfigValues {
    /// Reads `conf/file.properties` of the home, or the file that `-Dproperties.file.path` names.
    pub fn load(home: &Path, environment: &Environment) -> Self {
        let named = environment.property("properties.file.path").map(str::trim);
        let named = named.filter(|path| !path.is_empty() && *path != "default").map(PathBuf::from);
        let path = named.unwrap_or_else(|| home.join("conf/file.properties"));
        let text = std::fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let file = text.map(|text| properties(&text).into_iter().collect()).unwrap_or_default();
        Self { environment: environment.clone(), file }
    }

    /// The value of `${configs.key}`: environment, then system property, then file.
    pub fn config(&self, key: &str) -> Option<&str> {
        let environment = self.environment.variable(key).or_else(|| self.environment.property(key));
        environment.or_else(|| self.file(key))
    }

    /// Is there a `file.properties` with anything in it?
    pub fn has_file(&self) -> bool {
        !self.file.is_empty()
    }

    /// A value of `file.properties`.
    pub fn file(&self, key: &str) -> Option<&str> {
        self.file.get(key).map(String::as_str)
    }

    /// An environment variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.variable(name)
    }

    /// A system property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.environment.property(name)
    }
}

impl ConfigSource for ConfigValues {
    fn lookup(&self, origin: Origin, key: &str) -> Lookup {
        let found = match origin {
            Origin::System => self.variable(key),
            Origin::File => self.file(key),
            Origin::Configs => self.config(key),
        };
        found.map_or(Lookup::Missing, |value| Lookup::Found(value.to_owned()))
    }
}

/// The same values where a missing one says nothing about the server the artifacts are meant for.
#[derive(Debug)]
pub struct CheckConfigs<'c>(pub &'c ConfigValues);

impl ConfigSource for CheckConfigs<'_> {
    fn lookup(&self, origin: Origin, key: &str) -> Lookup {
        match self.0.lookup(origin, key) {
            Lookup::Missing => Lookup::Unknown,
            known => known,
        }
    }
}
