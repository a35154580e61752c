//! `get-property([scope,] name [, date format])`.

use super::MessageScope;
use crate::eval::dates;
use crate::eval::xpath::{Evaluated, EvaluationError, Value as XValue};
use crate::message::{Message, Soap, media_type};
use crate::program::Resource;
use std::borrow::Cow;

const SCOPES: [&str; 9] =
    ["default", "axis2", "transport", "registry", "func", "system", "env", "file", "operation"];

pub(super) fn get_property<'a>(scope: &MessageScope<'a>, arguments: &[XValue<'a>]) -> Evaluated<XValue<'a>> {
    let text = |index: usize| arguments.get(index).map(|value| value.string().into_owned());
    match arguments.len() {
        0 => Ok(XValue::text("")),
        1 => lookup(scope, "default", &text(0).unwrap_or_default(), None),
        2 => {
            let (first, second) = (text(0).unwrap_or_default(), text(1).unwrap_or_default());
            if SCOPES.contains(&first.as_str()) {
                lookup(scope, &first, &second, None)
            } else {
                // The second argument is a date format then.
                lookup(scope, "default", &first, Some(&second))
            }
        }
        3 => lookup(
            scope,
            &text(0).unwrap_or_default(),
            &text(1).unwrap_or_default(),
            Some(&text(2).unwrap_or_default()),
        ),
        count => Err(EvaluationError(format!("get-property() takes one to three arguments, found {count}"))),
    }
}

fn lookup<'a>(
    scope: &MessageScope<'a>,
    kind: &str,
    name: &str,
    format: Option<&str>,
) -> Evaluated<XValue<'a>> {
    if name.is_empty() {
        return Ok(XValue::text(""));
    }
    match name {
        "SYSTEM_DATE" => {
            let date = dates::simple_date(format.unwrap_or("M/d/yy, h:mm a"));
            return date.map(XValue::text).map_err(EvaluationError);
        }
        "SYSTEM_TIME" => return Ok(XValue::text(dates::now_millis().to_string())),
        _ => {}
    }
    let configs = &scope.cx.services.configs;
    Ok(match kind {
        "default" => return default_scope(scope, name),
        "axis2" => scope.axis2(name)?,
        "transport" => MessageScope::lift_owned(scope.message.headers.value(name)),
        "operation" => scope.lift_option(scope.message.operation.get(name))?,
        "func" => scope.parameter(name)?,
        "registry" => XValue::text(registry(scope, name)),
        "system" => scope.system(name),
        "env" => XValue::text(configs.variable(name).unwrap_or_default()),
        "file" if !configs.has_file() => {
            return Err(EvaluationError("there is no file.properties to read".to_owned()));
        }
        "file" => XValue::text(configs.file(name).unwrap_or_default()),
        _ => XValue::text(""),
    })
}

fn registry(scope: &MessageScope<'_>, name: &str) -> String {
    match name.split_once('@') {
        Some((path, property)) => scope.cx.program.registry.property(path, property).unwrap_or_default(),
        None => scope.cx.resource(name).map(|r| r.text().to_string()).unwrap_or_default(),
    }
}

fn default_scope<'a>(scope: &MessageScope<'a>, name: &str) -> Evaluated<XValue<'a>> {
    if let Some(text) = special(scope.message, name) {
        return Ok(XValue::text(text));
    }
    let value = scope.property(name)?;
    if !matches!(value, XValue::Null) {
        return Ok(value);
    }
    Ok(match scope.cx.program.local_entries.get(name) {
        Some(Resource::Text(text)) => XValue::Text(Cow::Borrowed(text)),
        Some(Resource::Xml(element)) => {
            XValue::Element(crate::eval::xpath::Node::new(element.document(), element.id()))
        }
        Some(binary) => XValue::text(binary.text().to_string()),
        None => XValue::Null,
    })
}

/// Names that are no properties but facts of the message.
fn special(message: &Message, asked: &str) -> Option<String> {
    let addressing = &message.addressing;
    let text = |address: &Option<std::sync::Arc<str>>| {
        Some(address.as_deref().map(str::to_owned).unwrap_or_default())
    };
    match asked {
        "To" => text(&addressing.to),
        "From" => text(&addressing.from),
        "Action" => text(&addressing.action),
        "FaultTo" => text(&addressing.fault_to),
        "ReplyTo" => text(&addressing.reply_to),
        "RelatesTo" => text(&addressing.relates_to),
        "MessageID" => Some(message.id().to_string()),
        "FAULT" => {
            let fault = message.payload.envelope().has_fault()
                || message.axis2_text("FAULT_MESSAGE").is_some_and(|text| text == "TRUE");
            Some(if fault { "TRUE" } else { "" }.to_owned())
        }
        "MESSAGE_FORMAT" => Some(message_format(message).to_owned()),
        "OperationName" | "OperationNamespace" => {
            let operation = message.dispatch.operation.as_ref();
            let (name, namespace) = operation.map_or(("mediate", ""), |(name, namespace)| (name, namespace));
            Some(if asked == "OperationName" { name } else { namespace }.to_owned())
        }
        _ => None,
    }
}

fn message_format(message: &Message) -> &'static str {
    if message.rest {
        return "pox";
    }
    // An unread body has no envelope yet; its media type tells the version.
    if message.payload.is_unread() {
        let content_type = message.wire.content_type.as_ref().and_then(|value| value.to_str().ok());
        let is_12 = content_type.is_some_and(|text| media_type(text) == "application/soap+xml");
        return if is_12 { "soap12" } else { "soap11" };
    }
    match message.payload.envelope().version() {
        Soap::V11 => "soap11",
        Soap::V12 => "soap12",
    }
}

/// Is this a plain name, whose lookup in default scope needs no XPath?
pub(crate) fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && !matches!(
            name,
            "To" | "From"
                | "Action"
                | "FaultTo"
                | "ReplyTo"
                | "RelatesTo"
                | "MessageID"
                | "FAULT"
                | "MESSAGE_FORMAT"
                | "OperationName"
                | "OperationNamespace"
                | "SYSTEM_DATE"
                | "SYSTEM_TIME"
        )
}
