//! XML bodies: SOAP envelopes, and bare elements that get an envelope. What stands behind the root element
//! is not read, as in MI.

use super::BuildError;
use crate::message::envelope::{Envelope, Soap};
use crate::message::payload::Content;
use artifacts::xml::{Document, ParseError, parse_root_into};

/// An envelope; any other root element becomes the payload of a SOAP 1.1 envelope.
pub(super) fn soap(text: &str) -> Result<Content, BuildError> {
    let mut document = Document::new();
    parse_root_into(&mut document, Document::ROOT, text).map_err(|error| failed(text, &error))?;
    Ok(Content::Xml(match Envelope::from_document(document) {
        Ok(envelope) => envelope,
        Err(document) => {
            let root = document.root_element().unwrap_or(Document::ROOT);
            Envelope::with_payload(Soap::V11, &document, root)
        }
    }))
}

/// The root element as payload of a SOAP 1.1 envelope, whatever it is.
pub(super) fn pox(text: &str) -> Result<Content, BuildError> {
    let mut envelope = Envelope::new(Soap::V11);
    let body = envelope.body();
    parse_root_into(envelope.document_mut(), body, text).map_err(|error| failed(text, &error))?;
    Ok(Content::Xml(envelope))
}

/// MI reads only the start tag of the root at first. What is broken behind it fails in the mediator that
/// reads on, which gives another error code.
fn failed(text: &str, error: &ParseError) -> BuildError {
    let text_of_error = format!("the body is no well-formed XML: {error}");
    if has_root(text) { BuildError::late(text_of_error) } else { BuildError::new(text_of_error) }
}

fn has_root(text: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let skip = if rest.starts_with("<?") {
            "?>"
        } else if rest.starts_with("<!--") {
            "-->"
        } else if rest.starts_with("<!") {
            ">"
        } else {
            break;
        };
        match rest.split_once(skip) {
            Some((_, after)) => rest = after.trim_start(),
            None => return false,
        }
    }
    let name = rest.strip_prefix('<').and_then(|after| after.chars().next());
    name.is_some_and(|c| c.is_alphabetic() || c == '_') && rest.contains('>')
}
