//! JSON to XML and back by MI's rules (StAXON with Synapse's wrappers): `jsonObject`, `jsonArray` and
//! `jsonElement` stand for what has no name, `@` marks attributes, `$` the text beside them.

mod from_json;
mod names;
mod settings;
#[cfg(test)]
mod tests;
mod to_json;

pub use from_json::{append_json, is_scalar};
pub use settings::ConversionSettings;
pub use to_json::{xml_to_json, xml_to_json_text};

/// Why a payload has no form in the other notation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConversionError(pub String);

/// Deepest nesting converted; the same limit as that of the JSON reader.
const MAX_DEPTH: usize = 1_000;

const OBJECT: &str = "jsonObject";
const ARRAY: &str = "jsonArray";
const ELEMENT: &str = "jsonElement";
const VALUE: &str = "jsonValue";
/// Target of the processing instruction that marks arrays.
const MULTIPLE: &str = "xml-multiple";

fn failed<T>(message: impl Into<String>) -> Result<T, ConversionError> {
    Err(ConversionError(message.into()))
}
