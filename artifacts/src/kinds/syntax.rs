//! The one place where artifact envelopes ask the expression parsers.

use super::expression::Language;
use crate::expr::{SyntaxError, jsonpath, synapse, xpath};

/// `Err` says what is wrong with the text.
pub(crate) fn check(language: Language, text: &str) -> Result<(), String> {
    let said = |error: SyntaxError| error.to_string();
    match language {
        Language::XPath => xpath::parse(text).map(drop).map_err(said),
        Language::JsonPath => jsonpath::parse(text).map(drop).map_err(said),
        Language::Synapse => synapse::parse(text).map(drop).map_err(said),
    }
}
