//! Conversions between JSON and XML texts, in the forms that mediators need.

use crate::message::Json;
use crate::message::convert::{ConversionSettings, append_json, xml_to_json_text};
use artifacts::xml::{Document, parse};

/// JSON text as the XML that MI pastes into formats: the children of the root, each serialised.
pub(crate) fn json_text_to_xml(text: &str) -> Result<String, String> {
    let json = Json::parse(text).map_err(|error| error.to_string())?;
    let mut document = Document::new();
    let root = append_json(&mut document, Document::ROOT, text, &json, ConversionSettings::current())
        .map_err(|error| error.to_string())?;
    if !matches!(document.local_name(root), "jsonObject" | "jsonArray" | "jsonValue") {
        return Ok(document.node_to_xml(root));
    }
    Ok(document.child_elements(root).map(|child| document.node_to_xml(child).trim().to_owned()).collect())
}

/// XML text with one root as JSON text; the wrappers (`jsonObject` and others) are left out.
pub(crate) fn xml_text_to_json(text: &str) -> Result<String, String> {
    let document = parse(text).map_err(|error| error.to_string())?;
    let root = document.root_element().unwrap_or(Document::ROOT);
    xml_to_json_text(&document, root, ConversionSettings::current()).map_err(|error| error.to_string())
}
