//! Transforming.

use super::{JsonTransform, coerce};
use crate::errors::Fault;
use crate::flow::{Context, Mediator, Next};
use crate::mediators::parts::{entry, payload};
use crate::message::convert::{ConversionSettings, xml_to_json_text};
use crate::message::{Json, Message, Value};

impl Mediator for JsonTransform {
    fn mediate(&self, message: &mut Message, cx: &mut Context) -> Result<Next, Fault> {
        if let Some(settings) = &self.settings {
            let text = as_json(message, settings)?;
            message.payload = payload::json(&text).map_err(Fault::new)?;
        }
        if let Some(schema) = &self.schema {
            let key = schema.text(message, cx)?.unwrap_or_else(|| "".into());
            let schema = match entry::get(cx, &key) {
                Some(Value::String(text)) => text,
                Some(_) => return Err(Fault::new("Can not find valid JSON Schema content")),
                None => {
                    let text = format!("Schema does not exist in the specified location : {key}");
                    return Err(Fault::new(text));
                }
            };
            let schema = Json::parse(&schema)
                .map_err(|error| Fault::new(format!("the schema '{key}' is no JSON: {error}")))?;
            let text = match message.payload.as_json() {
                Some(json) => json.text().to_string(),
                None => as_json(message, ConversionSettings::current())?,
            };
            let json = Json::parse(&text).map_err(|error| Fault::new(error.to_string()))?;
            let result = coerce::coerce(json, &schema).map_err(Fault::new)?;
            message.payload = payload::json(&result.to_string()).map_err(Fault::new)?;
        }
        Ok(Next::Continue)
    }
}

/// The tree of the payload, JSON included, as JSON text.
fn as_json(message: &Message, settings: &ConversionSettings) -> Result<String, Fault> {
    let envelope = message.payload.envelope();
    let Some(element) = envelope.payload() else {
        return Err(Fault::new("<jsontransform> found an empty body"));
    };
    xml_to_json_text(envelope.document(), element, settings).map_err(|error| Fault::new(error.to_string()))
}
