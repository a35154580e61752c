//! Small pieces of grammar that more than one mediator of this table uses.

use crate::compile::Compiler;
use crate::errors::Fault;
use crate::eval::{Dialects, Dynamic, Expr};
use crate::flow::Context;
use crate::message::Message;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;
use std::sync::Arc;

/// `true` in any letter case, as `Boolean.parseBoolean` reads it. Absent is false.
pub(crate) fn parse_boolean(text: Option<&str>) -> bool {
    text.is_some_and(|t| t.eq_ignore_ascii_case("true"))
}

/// `true`, `yes` or `1` in any letter case: Axis2's "true explicitly".
pub(crate) fn is_true_explicitly(text: &str) -> bool {
    ["true", "yes", "1"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// `false`, `no` or `0` in any letter case.
pub(crate) fn is_false_explicitly(text: &str) -> bool {
    ["false", "no", "0"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The text between `json-eval(` and the last character; any other text as it is.
pub(crate) fn json_path_text(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("json-eval(") else { return text };
    let mut chars = inner.chars();
    chars.next_back();
    chars.as_str()
}

/// The constant part of a message property.
#[derive(Debug, Clone)]
pub(crate) enum Setting {
    /// `value="..."`
    Text(Arc<str>),
    /// `expression="..."`
    Expr(Arc<Expr>),
    /// A child element.
    Element(Arc<str>),
}

/// A `<property name value|expression/>` child of a mediator that takes parameters.
#[derive(Debug, Clone)]
pub(crate) struct NamedSetting {
    /// Its name.
    pub(crate) name: Arc<str>,
    /// Its value.
    pub(crate) value: Setting,
}

impl NamedSetting {
    /// Text for this message; `None` is MI's null.
    pub(crate) fn text(&self, message: &Message, cx: &Context) -> Result<Option<String>, Fault> {
        match &self.value {
            Setting::Text(text) | Setting::Element(text) => Ok(Some(text.to_string())),
            Setting::Expr(expr) => expr.text(message, cx),
        }
    }

    /// Does evaluating it need the message body?
    pub(crate) fn reads_body(&self) -> bool {
        matches!(&self.value, Setting::Expr(expr) if expr.reads_body())
    }
}

/// Reads the `property` children of log, xslt, xquery and jsontransform with MI's rules: name is needed,
/// one of value, expression and a child element is needed, neither may be blank.
pub(crate) fn named_settings(element: ElementRef<'_>, compiler: &mut Compiler) -> Vec<NamedSetting> {
    named_settings_with(element, false, compiler)
}

/// As [`named_settings`]; with `blank` a value may be blank, as for class mediators.
pub(crate) fn named_settings_with(
    element: ElementRef<'_>,
    blank: bool,
    compiler: &mut Compiler,
) -> Vec<NamedSetting> {
    element.children_named("property").filter_map(|child| named_setting(child, blank, compiler)).collect()
}

fn named_setting(element: ElementRef<'_>, blank: bool, compiler: &mut Compiler) -> Option<NamedSetting> {
    const SCOPES: [&str; 4] = ["default", "axis2", "transport", "axis2-client"];
    compiler.word(element, "scope", &SCOPES);
    let name = not_blank(element, "name", compiler);
    let value = if let Some(text) = element.attr("value").filter(|_| blank) {
        Some(Setting::Text(text.into()))
    } else if element.attr("value").is_some() {
        not_blank(element, "value", compiler).map(|text| Setting::Text(text.into()))
    } else if element.attr("expression").is_some() {
        not_blank(element, "expression", compiler)
            .and_then(|_| compiler.expression(element, "expression", Dialects::Any))
            .map(Setting::Expr)
    } else if let Some(child) = element.first() {
        Some(Setting::Element(child.to_xml().into()))
    } else {
        let message = "<property> needs 'value', 'expression' or a child element";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
        None
    };
    Some(NamedSetting { name: name?.into(), value: value? })
}

/// A required attribute that may not be blank.
pub(crate) fn not_blank<'e>(element: ElementRef<'e>, name: &str, compiler: &mut Compiler) -> Option<&'e str> {
    let text = compiler.required(element, name)?;
    if !text.trim().is_empty() {
        return Some(text);
    }
    let message = format!("'{name}' of <{}> is empty", element.local());
    compiler.error(Code::MISSING_ATTRIBUTE, element.place_of(name), message);
    None
}

/// Name and value pairs of the children called `child` (`feature`, `attribute`): both are needed, a
/// name may stand only once.
pub(crate) fn pairs(
    element: ElementRef<'_>,
    child: &str,
    compiler: &mut Compiler,
) -> Vec<(Arc<str>, Arc<str>)> {
    let mut found: Vec<(Arc<str>, Arc<str>)> = Vec::new();
    for item in element.children_named(child) {
        let (name, value) = (compiler.required(item, "name"), compiler.required(item, "value"));
        let (Some(name), Some(value)) = (name.map(str::trim), value.map(str::trim)) else { continue };
        if found.iter().any(|(n, _)| &**n == name) {
            let message = format!("<{child}> '{name}' is given twice");
            compiler.error(Code::DUPLICATE, item.place_of("name"), message);
        }
        found.push((name.into(), value.into()));
    }
    found
}

/// [`pairs`] whose values are exactly `true` or `false`.
pub(crate) fn features(element: ElementRef<'_>, compiler: &mut Compiler) -> Vec<(Arc<str>, bool)> {
    let mark = compiler.diagnostics.len();
    let pairs = pairs(element, "feature", compiler);
    if !compiler.diagnostics.has_errors_since(mark) {
        for item in element.children_named("feature") {
            if !matches!(item.attr("value").map(str::trim), Some("true" | "false")) {
                let message = "the value of a <feature> is 'true' or 'false'";
                compiler.error(Code::BAD_VALUE, item.place_of("value"), message);
            }
        }
    }
    pairs.into_iter().map(|(name, value)| (name, &*value == "true")).collect()
}

/// A `<resource location key/>` child: where an imported part of a schema or stylesheet is found.
#[derive(Debug)]
pub(crate) struct ResourceEntry {
    /// What the importing document calls it.
    pub(crate) location: Dynamic,
    /// Key of the entry that holds it.
    pub(crate) key: Dynamic,
}

/// The `resource` children of xslt and validate.
pub(crate) fn resources(element: ElementRef<'_>, compiler: &mut Compiler) -> Vec<ResourceEntry> {
    let mut found = Vec::new();
    for item in element.children_named("resource") {
        let (location, key) = (compiler.required(item, "location"), compiler.required(item, "key"));
        if location.is_none() || key.is_none() {
            continue;
        }
        if let (Some(location), Some(key)) =
            (compiler.dynamic(item, "location"), compiler.dynamic(item, "key"))
        {
            found.push(ResourceEntry { location, key });
        }
    }
    found
}
