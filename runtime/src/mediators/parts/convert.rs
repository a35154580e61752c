//! Conversions between JSON and XML texts, in the forms that mediators need.

use crate::message::{Json, JsonBody, Payload};
use artifacts::xml::{Document, parse};

/// JSON text as the XML that MI pastes into formats: the children of the root, each serialised.
pub(crate) fn json_text_to_xml(text: &str) -> Result<String, String> {
    Json::parse(text).map_err(|error| error.to_string())?;
    let payload = Payload::json(JsonBody::from_text(text));
    let envelope = payload.envelope();
    let document = envelope.document();
    let root = envelope.payload().ok_or("no JSON value")?;
    if !is_json_root(document.local_name(root)) {
        return Ok(document.node_to_xml(root));
    }
    Ok(document.child_elements(root).map(|child| document.node_to_xml(child).trim().to_owned()).collect())
}

/// XML text with one root as JSON text; the roots `jsonObject` and `jsonArray` are left out.
pub(crate) fn xml_text_to_json(text: &str) -> Result<String, String> {
    let document = parse(text).map_err(|error| error.to_string())?;
    let root = document.root_element().unwrap_or(Document::ROOT);
    xml_to_json(&document, root).map(|json| json.to_string())
}

/// An element as JSON.
pub(crate) fn xml_to_json(_document: &Document, _element: artifacts::xml::NodeId) -> Result<Json, String> {
    Err("not available".to_owned())
}

/// Is it one of the roots that stand for a JSON payload?
pub(crate) fn is_json_root(local: &str) -> bool {
    matches!(local, "jsonObject" | "jsonArray" | "jsonValue")
}
