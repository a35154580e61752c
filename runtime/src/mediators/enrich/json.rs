//! Source and target in JSON mode.

use super::source::Filled;
use super::{Action, Enrich, Inline, Source, Target};
use crate::errors::Fault;
use crate::eval::{Expr, JsonPath, PathError};
use crate::flow::Context;
use crate::mediators::parts::gson::{self, Nulls};
use crate::mediators::parts::reading::json_path_text;
use crate::mediators::parts::{entry, payload};
use crate::message::{Json, JsonBody, Message, Payload, Value};
use std::sync::Arc;

/// What a property source holds, seen as JSON.
pub(super) enum PropertyJson {
    /// It cannot be JSON: XML mode.
    No,
    /// There is none, or the source is no property.
    Absent,
    Json(Json),
}

impl PropertyJson {
    pub(super) fn of(source: &Source, message: &Message) -> Self {
        let Source::Property(name) = source else { return PropertyJson::Absent };
        match message.property(name) {
            None => PropertyJson::Absent,
            Some(Value::Json(json)) => PropertyJson::Json((*json).clone()),
            Some(Value::String(text)) => match Json::parse(&text) {
                Ok(Json::Null) => PropertyJson::No,
                Ok(json) => PropertyJson::Json(json),
                // Text with blanks is no JSON for Gson, but a string when it stands in quotes.
                Err(_) => match Json::parse(&format!("\"{text}\"")) {
                    Ok(json) => PropertyJson::Json(json),
                    Err(_) => PropertyJson::No,
                },
            },
            Some(Value::Nodes(items)) => nodes(&items),
            Some(Value::Xml(_) | Value::Envelope(_)) => PropertyJson::No,
            Some(_) => PropertyJson::Absent,
        }
    }
}

fn nodes(items: &[crate::message::XmlItem]) -> PropertyJson {
    let mut found = PropertyJson::Absent;
    for item in items {
        let crate::message::XmlItem::Text(text) = item else { return PropertyJson::No };
        match Json::parse(text) {
            Ok(json @ (Json::Object(_) | Json::Array(_))) => found = PropertyJson::Json(json),
            _ => return PropertyJson::No,
        }
    }
    found
}

fn no_source() -> Fault {
    Fault::new("Failed to get the source for Enriching : ")
}

fn path_fault(error: &PathError) -> Fault {
    Fault::new(error.to_string())
}

fn json_path(expr: &Expr, message: &Message, cx: &Context) -> Result<Arc<JsonPath>, Fault> {
    let path = expr.json_path(message, cx)?;
    path.ok_or_else(|| Fault::new(format!("'{}' is no JSONPath", expr.source())))
}

fn tree(message: &Message) -> Result<Json, Fault> {
    let body = message.payload.as_json().ok_or_else(no_source)?;
    let tree = body.tree().map_err(|error| Fault::new(format!("the payload is no JSON: {error}")))?;
    Ok(gson::without_doubles((**tree).clone()))
}

/// What went through a change of a path is written by Gson, which escapes markup.
fn set_changed(message: &mut Message, tree: &Json) {
    message.payload = Payload::json(JsonBody::from_text(gson::text(tree, Nulls::Kept)));
}

fn set_payload(message: &mut Message, tree: Json) {
    message.payload = Payload::json(JsonBody::from_tree(tree));
}

impl Enrich {
    /// Source and target as JSON.
    pub(super) fn enrich_json(
        &self,
        property: PropertyJson,
        filled: &Filled,
        message: &mut Message,
        cx: &Context,
    ) -> Result<(), Fault> {
        if self.action == Action::Remove {
            return self.remove(message, cx);
        }
        let value = self.json_source(property, filled, message, cx)?;
        match &self.target {
            Target::Key(expr) => rename(expr, &value, message),
            Target::Custom(expr) => {
                let path = json_path(expr, message, cx)?;
                self.json_custom(&path, value, message)
            }
            Target::Body => {
                if self.action != Action::Replace {
                    tracing::error!("<enrich> can only replace the body with JSON");
                } else if value.is_container() {
                    set_payload(message, value);
                } else {
                    tracing::error!("only JSON arrays and objects can become the body, found {value}");
                }
                Ok(())
            }
            Target::Property(name) => {
                self.json_property(name, value, message);
                Ok(())
            }
            Target::Envelope => Ok(()),
        }
    }

    fn json_source(
        &self,
        property: PropertyJson,
        filled: &Filled,
        message: &mut Message,
        cx: &Context,
    ) -> Result<Json, Fault> {
        match &self.source {
            Source::Custom(expr) => {
                let path = json_path(expr, message, cx)?;
                let mut root = tree(message)?;
                let value = path.read(&root).map_err(|error| path_fault(&error))?;
                if !self.clone {
                    path.delete(&mut root).map_err(|error| path_fault(&error))?;
                    set_changed(message, &root);
                }
                Ok(value)
            }
            Source::Body => tree(message),
            Source::Property(_) => match property {
                PropertyJson::Json(json) => Ok(json),
                PropertyJson::Absent | PropertyJson::No => Err(no_source()),
            },
            Source::Inline(inline) => inline_json(inline, filled, cx),
            Source::Envelope | Source::Nothing => Err(no_source()),
        }
    }

    fn json_custom(&self, path: &JsonPath, value: Json, message: &mut Message) -> Result<(), Fault> {
        let mut root = tree(message)?;
        match self.action {
            Action::Replace => {
                path.set(&mut root, &value).map_err(|error| path_fault(&error))?;
                set_changed(message, &root);
                return Ok(());
            }
            Action::Child => {
                let mut receiver = path.read(&root).map_err(|error| path_fault(&error))?;
                add_child(&mut receiver, value);
                if path.is_root() {
                    root = receiver;
                } else {
                    path.set(&mut root, &receiver).map_err(|error| path_fault(&error))?;
                }
            }
            Action::Sibling | Action::Remove => {
                tracing::error!("<enrich> has no siblings in JSON; use the action 'child'");
                return Ok(());
            }
        }
        set_payload(message, root);
        Ok(())
    }

    fn json_property(&self, name: &str, value: Json, message: &mut Message) {
        match self.action {
            Action::Replace => message.properties.set(name, value.to_string()),
            Action::Child => {
                let old = message.property(name).map(|old| old.text().into_owned());
                match old.map(|text| Json::parse(&text)) {
                    Some(Ok(Json::Array(mut items))) => {
                        items.push(value);
                        message.properties.set(name, Json::Array(items).to_string());
                    }
                    Some(_) => tracing::error!("the property '{name}' holds no JSON array to add to"),
                    None => tracing::error!("there is no property '{name}' to add to"),
                }
            }
            Action::Sibling | Action::Remove => {
                tracing::error!("<enrich> has no siblings in JSON properties");
            }
        }
    }

    fn remove(&self, message: &mut Message, cx: &Context) -> Result<(), Fault> {
        let Source::Custom(expr) = &self.source else {
            return Err(Fault::new("source Xpath is mandatory for the Remove action"));
        };
        let paths = paths_to_remove(expr, message, cx)?;
        let ignore = cx.services.ignore_missing_json_paths;
        match &self.target {
            Target::Property(name) => {
                let text = match message.property(name) {
                    Some(Value::String(text)) => text.to_string(),
                    Some(Value::Json(json)) => json.to_string(),
                    _ => {
                        return Err(Fault::new(format!(
                            "Cannot perform the remove operation. Data type of the property {name} is not string | JSON"
                        )));
                    }
                };
                let result = remove_paths(text, &paths, ignore)?;
                message.properties.set(name, result);
            }
            _ => {
                let text = message.payload.as_json().ok_or_else(no_source)?.text().to_string();
                let result = remove_paths(text, &paths, ignore)?;
                message.payload = payload::json(&result).map_err(Fault::new)?;
            }
        }
        Ok(())
    }
}

fn inline_json(inline: &Inline, filled: &Filled, cx: &Context) -> Result<Json, Fault> {
    let text: Arc<str> = match (filled, inline) {
        (Filled::Text(text), _) | (_, Inline::Text(text, _)) => text.clone(),
        (_, Inline::Key(key)) => match entry::get(cx, key) {
            Some(Value::String(text)) if !text.trim().is_empty() => text,
            _ => return Err(no_source()),
        },
        (_, Inline::Element(..)) => return Err(no_source()),
    };
    Json::parse(&text)
        .map_err(|error| Fault::new(format!("the inline source of <enrich> is no JSON: {error}")))
}

/// Arrays take the value at their end, objects the members of an object.
fn add_child(receiver: &mut Json, value: Json) {
    // MI writes the value as text and reads it again; the word null comes back as a string.
    let value = if value == Json::Null { Json::string("null") } else { value };
    match (receiver, value) {
        (Json::Array(items), value) => items.push(value),
        (receiver @ Json::Object(_), Json::Object(members)) => {
            for (key, value) in members {
                receiver.set(&key, value);
            }
        }
        (receiver, _) => {
            tracing::error!("cannot add to {receiver}: it is no JSON array, nor are both objects")
        }
    }
}

/// Renames the member at the end of the target path to the source's string.
fn rename(expr: &Expr, value: &Json, message: &mut Message) -> Result<(), Fault> {
    if value.is_container() || *value == Json::Null {
        return Err(Fault::new(
            "Failed to get the new key name from source for Enriching. Key name must be a string.",
        ));
    }
    let new = match value {
        Json::String(text) => text.to_string(),
        other => other.to_string(),
    };
    let text = json_path_text(expr.source());
    let (parent, old) = text.rsplit_once('.').ok_or_else(|| Fault::new("Failed to rename the key."))?;
    let path = JsonPath::compile(parent).map_err(|error| Fault::new(error.to_string()))?;
    let mut root = tree(message)?;
    path.rename_key(&mut root, old, &new).map_err(|error| path_fault(&error))?;
    set_changed(message, &root);
    Ok(())
}

/// The comma separated paths of `json-eval(p1,p2)`, `{...}` in them filled in.
fn paths_to_remove(expr: &Expr, message: &Message, cx: &Context) -> Result<Vec<String>, Fault> {
    let mut text = json_path_text(expr.source()).to_owned();
    if super::inline::has_holes(&text) {
        text = super::inline::Holes::compile(&text).fill(message, cx)?;
        text = text.trim_matches('"').to_owned();
    }
    Ok(text.split(',').map(str::to_owned).collect())
}

fn remove_paths(mut text: String, paths: &[String], ignore_missing: bool) -> Result<String, Fault> {
    for path in paths {
        if matches!(path.as_str(), "$" | "$.") {
            text.clear();
            continue;
        }
        let compiled = JsonPath::compile(path).map_err(|error| Fault::new(error.to_string()))?;
        let mut root = Json::parse(&text).map_err(|error| Fault::new(error.to_string()))?;
        match compiled.read(&root) {
            Ok(Json::Array(items)) if items.is_empty() => continue,
            Ok(_) => compiled.delete(&mut root).map_err(|error| path_fault(&error))?,
            Err(PathError::NotFound(_)) if ignore_missing => continue,
            Err(error) => {
                return Err(Fault::new("Error occurred while executing the action : remove")
                    .detail(error.to_string()));
            }
        }
        text = gson::text(&gson::without_doubles(root), Nulls::Kept);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children() {
        let mut array = Json::parse("[1]").unwrap();
        add_child(&mut array, Json::Null);
        assert_eq!(array.to_string(), r#"[1,"null"]"#);
        let mut object = Json::parse(r#"{"a":1}"#).unwrap();
        add_child(&mut object, Json::parse(r#"{"a":2,"b":3}"#).unwrap());
        add_child(&mut object, Json::Bool(true));
        assert_eq!(object.to_string(), r#"{"a":2,"b":3}"#);
    }

    #[test]
    fn removing_the_root_leaves_nothing() {
        assert_eq!(remove_paths("{}".into(), &["$".into()], false).unwrap(), "");
    }
}
