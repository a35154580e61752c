//! JSON to XML.

use super::{
    ARRAY, ConversionError, ConversionSettings, ELEMENT, MAX_DEPTH, MULTIPLE, OBJECT, VALUE, failed, names,
};
use crate::message::Json;
use artifacts::xml::{Document, Name, NodeId, NodeKind};
use std::sync::Arc;

/// Between prefix and name in keys, in StAXON's reader: a letter that no key has by accident.
const SEPARATOR: char = '\u{d89}';

/// Appends the XML form of a JSON text as one element below `parent` and gives it back. `text` is what
/// `json` was parsed from; a single value keeps it.
pub fn append_json(
    document: &mut Document,
    parent: NodeId,
    text: &str,
    json: &Json,
    settings: &ConversionSettings,
) -> Result<NodeId, ConversionError> {
    let mut writer = Writer { document, settings, depth: 0, ended: 0 };
    match json {
        Json::Object(members) => {
            let root = writer.element(parent, OBJECT);
            writer.members(root, members)?;
            Ok(root)
        }
        Json::Array(items) => writer.array(parent, items),
        _ if is_scalar(text.trim()) => {
            let root = writer.element(parent, VALUE);
            document.add_text(root, text.trim());
            Ok(root)
        }
        _ => failed(format!("expected a JSON object, array or value, found '{}'", shortened(text))),
    }
}

/// Is the text a single value that MI takes as a payload: quoted, a plain number, `true`, `false` or
/// `null`? Numbers with an exponent are not.
pub fn is_scalar(text: &str) -> bool {
    let quoted = text.len() > 1 && text.starts_with('"') && text.ends_with('"');
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let number = text.strip_prefix('-').unwrap_or(text);
    let number = match number.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(number),
    };
    quoted || number || matches!(text, "true" | "false" | "null")
}

fn shortened(text: &str) -> String {
    text.trim().chars().take(40).collect()
}

struct Writer<'d, 's> {
    document: &'d mut Document,
    settings: &'s ConversionSettings,
    depth: usize,
    /// Objects and arrays that have ended so far. Attributes that stand behind the end of one come too
    /// late: StAXON has handed the start tag over by then.
    ended: usize,
}

impl Writer<'_, '_> {
    fn element(&mut self, parent: NodeId, name: &str) -> NodeId {
        let (prefix, local) = name.split_once(SEPARATOR).unwrap_or(("", name));
        let ns = self.document.lookup_prefix(parent, prefix).unwrap_or_else(|| "".into());
        let id = self.document.create_element(Name { ns, prefix: prefix.into(), local: local.into() });
        self.document.append(parent, id);
        id
    }

    fn members(&mut self, parent: NodeId, members: &[(Arc<str>, Json)]) -> Result<(), ConversionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return failed(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let begun = self.ended;
        let mut cut = false;
        for (key, value) in members {
            match key.strip_prefix('@') {
                Some(name) => cut |= self.attribute(parent, name, value, cut || self.ended > begun)?,
                None if &**key == "$" => self.text(parent, value)?,
                None => self.member(parent, key, value)?,
            }
        }
        self.depth -= 1;
        self.ended += 1;
        Ok(())
    }

    /// Tells whether the attribute was null: nothing after such a one is written.
    fn attribute(
        &mut self,
        element: NodeId,
        name: &str,
        value: &Json,
        late: bool,
    ) -> Result<bool, ConversionError> {
        let text: Arc<str> = match value {
            Json::String(text) | Json::Number(text) => text.clone(),
            Json::Bool(value) => if *value { "true" } else { "false" }.into(),
            Json::Null => return Ok(true),
            Json::Array(_) | Json::Object(_) => {
                return failed(format!("expected a single value for the attribute '@{name}'"));
            }
        };
        if late {
            return Ok(false);
        }
        match name.split_once(SEPARATOR) {
            None if name == "xmlns" => self.declare(element, "", &text),
            Some(("xmlns", prefix)) => self.declare(element, prefix, &text),
            Some((prefix, local)) => {
                let ns = self.document.lookup_prefix(element, prefix).unwrap_or_else(|| "".into());
                let name = Name { ns, prefix: prefix.into(), local: local.into() };
                self.document.set_attribute_name(element, name, &text);
            }
            None => self.document.set_attribute(element, name, &text),
        }
        Ok(false)
    }

    fn declare(&mut self, element: NodeId, prefix: &str, uri: &str) {
        self.document.declare(element, prefix, uri);
        if let Some(data) = self.document.element_mut(element).filter(|data| &*data.name.prefix == prefix) {
            data.name.ns = uri.into();
        }
    }

    fn text(&mut self, element: NodeId, value: &Json) -> Result<(), ConversionError> {
        match value {
            Json::String(text) | Json::Number(text) => self.document.add_text(element, text),
            Json::Bool(value) => self.document.add_text(element, if *value { "true" } else { "false" }),
            Json::Null => {}
            Json::Array(_) | Json::Object(_) => return failed("expected a single value for '$'"),
        }
        Ok(())
    }

    fn member(&mut self, parent: NodeId, key: &str, value: &Json) -> Result<(), ConversionError> {
        let name = names::to_xml(key, self.settings.valid_names).into_owned();
        match value {
            Json::Array(items) => {
                self.instruction(parent, key);
                for item in items {
                    self.named(parent, &name, item)?;
                }
                self.ended += 1;
                Ok(())
            }
            other => self.named(parent, &name, other),
        }
    }

    fn named(&mut self, parent: NodeId, name: &str, value: &Json) -> Result<(), ConversionError> {
        let element = self.element(parent, name);
        match value {
            Json::Object(members) => self.members(element, members),
            Json::Array(items) => self.array(element, items).map(drop),
            Json::Null => {
                if self.settings.xml_nil {
                    self.document.set_attribute(element, "nil", "true");
                }
                Ok(())
            }
            // An empty string is text too: it prints as `<a></a>`, null as `<a />`.
            scalar => self.text(element, scalar),
        }
    }

    /// An array without a name of its own.
    fn array(&mut self, parent: NodeId, items: &[Json]) -> Result<NodeId, ConversionError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return failed(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let array = self.element(parent, ARRAY);
        self.instruction(array, ELEMENT);
        for item in items {
            self.named(array, ELEMENT, item)?;
        }
        self.depth -= 1;
        self.ended += 1;
        Ok(array)
    }

    fn instruction(&mut self, parent: NodeId, name: &str) {
        if self.settings.array_instructions {
            let id = self.document.create(NodeKind::Instruction(MULTIPLE.into(), name.into()));
            self.document.append(parent, id);
        }
    }
}
