//! The closed list of diagnostic codes. Codes are stable: tools and users match on them.

/// A stable code; prints as its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub &'static str);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal : $meaning:literal;)*) => {
        impl Code {
            $($(#[$doc])* #[doc = $meaning] pub const $name: Code = Code($text);)*
        }
        /// Every code with its meaning.
        pub const ALL: &[(Code, &str)] = &[$((Code::$name, $meaning)),*];
    };
}

codes! {
    NOT_WELL_FORMED = "A0001": "the text is not well-formed XML";
    UNREADABLE = "A0002": "a file or archive member cannot be read";
    ARCHIVE = "A0003": "an archive is damaged, unsafe or incomplete";
    UNKNOWN_KIND = "A0101": "the root element names no artifact kind";
    MISSING_ATTRIBUTE = "A0102": "a required attribute is missing or empty";
    BAD_VALUE = "A0103": "a value is not of the expected form";
    MISSING_CHILD = "A0104": "a required child element is missing";
    UNKNOWN_MEDIATOR = "A0105": "an element is no mediator and no operation of an imported connector";
    UNKNOWN_ELEMENT = "A0106": "an element is not expected here and is ignored";
    UNKNOWN_ATTRIBUTE = "A0107": "an attribute is not known and is ignored";
    CONFLICT = "A0108": "two parts contradict each other";
    DUPLICATE = "A0109": "a name is defined twice";
    WRONG_NAMESPACE = "A0110": "an element is not in the Synapse namespace";
    BAD_EXPRESSION = "A0201": "an expression cannot be parsed";
    UNBOUND_PREFIX = "A0202": "a prefix in an expression has no namespace";
    BAD_REGEX = "A0203": "a regular expression cannot be compiled";
    UNRESOLVED = "A0301": "a referenced artifact is not in the deployment";
    CYCLE = "A0302": "sequences or endpoints refer to each other in a circle";
    UNRESOLVED_CONFIG = "A0303": "a configuration placeholder has no value";
    UNSUPPORTED = "A0401": "MI accepts this, Ganglion does not run it yet";
    SETTINGS = "A0501": "a setting in deployment.toml is not understood";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique() {
        let mut texts: Vec<_> = ALL.iter().map(|(code, _)| code.0).collect();
        texts.sort_unstable();
        let before = texts.len();
        texts.dedup();
        assert_eq!(before, texts.len());
    }
}
