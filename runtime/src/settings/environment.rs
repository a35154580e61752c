//! The process around us: environment variables and system properties (`-Dname=value`).

use std::collections::BTreeMap;

/// Name of this machine or pod.
pub fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}

/// Environment variables and system properties, taken once at start so that tests can own them.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
    properties: BTreeMap<String, String>,
}

impl Environment {
    /// Of this process. The only place that reads the environment. System properties come from
    /// `-D` words in `JAVA_OPTS`, so that start scripts written for MI keep their meaning.
    #[allow(clippy::disallowed_methods)]
    pub fn of_process() -> Self {
        let text = |value: std::ffi::OsString| value.into_string().ok();
        let variables: BTreeMap<String, String> =
            std::env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?))).collect();
        let options = variables.get("JAVA_OPTS").cloned().unwrap_or_default();
        Self { variables, properties: BTreeMap::new() }.with_options(options.split_whitespace())
    }

    /// Of given variables, for tests.
    pub fn of<'p>(variables: impl IntoIterator<Item = (&'p str, &'p str)>) -> Self {
        let pair = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self { variables: variables.into_iter().map(pair).collect(), properties: BTreeMap::new() }
    }

    /// Adds `-Dname=value` words; `-Dname` means `true`, other words are left alone.
    #[must_use]
    pub fn with_options<'o>(mut self, options: impl IntoIterator<Item = &'o str>) -> Self {
        for option in options {
            let Some(definition) = option.strip_prefix("-D") else { continue };
            let (name, value) = definition.split_once('=').unwrap_or((definition, "true"));
            self.properties.insert(name.to_owned(), value.to_owned());
        }
        self
    }

    /// An environment variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A system property.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }
}
