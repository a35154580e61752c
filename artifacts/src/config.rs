//! Deploy-time placeholders: `$SYSTEM:NAME`, `$FILE:key` and `${configs.key}` in artifact values.
//!
//! This crate reads no environment; whoever deploys hands the values in as a [`ConfigSource`].

/// Where a placeholder takes its value from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `$SYSTEM:NAME`: the environment of the process.
    System,
    /// `$FILE:key`: `conf/file.properties`.
    File,
    /// `${configs.key}`: the server-wide map filled from `config.properties` of the applications.
    Configs,
}

/// What a [`ConfigSource`] says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The value.
    Found(String),
    /// No value: MI refuses the artifact.
    Missing,
    /// Cannot be said here (a check without the server's surroundings): the text stays as it is.
    Unknown,
}

/// Values for placeholders.
pub trait ConfigSource {
    /// The value of `key` from `origin`.
    fn lookup(&self, origin: Origin, key: &str) -> Lookup;
}

/// Knows nothing: placeholders stay in the text.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoConfigs;

impl ConfigSource for NoConfigs {
    fn lookup(&self, _: Origin, _: &str) -> Lookup {
        Lookup::Unknown
    }
}

impl Origin {
    /// How the placeholder of this origin looks.
    pub fn placeholder(self, key: &str) -> String {
        match self {
            Origin::System => format!("$SYSTEM:{key}"),
            Origin::File => format!("$FILE:{key}"),
            Origin::Configs => format!("${{configs.{key}}}"),
        }
    }
}

/// The placeholder that a value starts with. Keys are letters, digits and `_`; what follows the
/// placeholder is lost, as in MI.
pub fn placeholder(value: &str) -> Option<(Origin, &str)> {
    let word = |rest: &'_ str| rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
    for (prefix, origin) in [("$SYSTEM:", Origin::System), ("$FILE:", Origin::File)] {
        if let Some(rest) = value.strip_prefix(prefix) {
            let key = rest.get(..word(rest)).unwrap_or("");
            return (!key.is_empty()).then_some((origin, key));
        }
    }
    let rest = value.strip_prefix("${configs.")?;
    let end = word(rest);
    let key = rest.get(..end)?;
    (!key.is_empty() && rest.get(end..)?.starts_with('}')).then_some((Origin::Configs, key))
}

/// `value` with its placeholder replaced. `Err` names a placeholder without a value.
pub fn resolve(value: &str, configs: &dyn ConfigSource) -> Result<String, String> {
    let Some((origin, key)) = placeholder(value) else { return Ok(value.to_owned()) };
    match configs.lookup(origin, key) {
        Lookup::Found(found) => Ok(found),
        Lookup::Unknown => Ok(value.to_owned()),
        Lookup::Missing => Err(origin.placeholder(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One;
    impl ConfigSource for One {
        fn lookup(&self, origin: Origin, key: &str) -> Lookup {
            match (origin, key) {
                (Origin::System, "HOST") | (Origin::Configs, "host") | (Origin::File, "a") => {
                    Lookup::Found("example".into())
                }
                _ => Lookup::Missing,
            }
        }
    }

    #[test]
    fn the_whole_value_is_replaced() {
        assert_eq!(resolve("$SYSTEM:HOST/path", &One).unwrap(), "example");
        assert_eq!(resolve("${configs.host}:80", &One).unwrap(), "example");
        assert_eq!(resolve("$FILE:a.b", &One).unwrap(), "example");
    }

    #[test]
    fn other_texts_stay() {
        for text in ["http://$SYSTEM:HOST", "${configs.a-b}", "${foo.host}", "$SYSTEM:", "plain"] {
            assert_eq!(resolve(text, &One).unwrap(), text);
        }
    }

    #[test]
    fn missing_is_named() {
        assert_eq!(resolve("${configs.nope}", &One).unwrap_err(), "${configs.nope}");
        assert_eq!(resolve("$SYSTEM:NOPE", &NoConfigs).unwrap(), "$SYSTEM:NOPE");
    }
}
