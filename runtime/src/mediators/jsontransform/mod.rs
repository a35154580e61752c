//! `<jsontransform [schema="key"]>`: makes JSON of the payload with settings of its own, and its values
//! what a JSON Schema asks for.
//!
//! ```xml
//! <jsontransform schema="orders.json">
//!   <property name="synapse.commons.json.output.autoPrimitive" value="false"/>
//! </jsontransform>
//! ```

mod coerce;
mod run;
#[cfg(test)]
mod tests;

use super::parts::reading::{NamedSetting, Setting, named_settings};
use crate::compile::Compiler;
use crate::eval::Dynamic;
use crate::flow::Step;
use crate::message::convert::ConversionSettings;
use artifacts::diagnostics::Code;
use artifacts::xml::ElementRef;

#[derive(Debug)]
struct JsonTransform {
    schema: Option<Dynamic>,
    /// Present when there are properties: the payload is written anew.
    settings: Option<ConversionSettings>,
}

/// A schema or a property is needed.
pub(super) fn compile(element: ElementRef<'_>, compiler: &mut Compiler) -> Option<Step> {
    let mark = compiler.diagnostics.len();
    let schema = compiler.dynamic(element, "schema");
    let properties = named_settings(element, compiler);
    if element.attr("schema").is_none() && element.child("property").is_none() {
        let message = "<jsontransform> needs 'schema' or a <property>";
        compiler.error(Code::MISSING_ATTRIBUTE, element.place(), message);
    }
    let settings = (!properties.is_empty()).then(|| settings(&properties, element, compiler));
    (!compiler.diagnostics.has_errors_since(mark)).then(|| Step::now(JsonTransform { schema, settings }))
}

fn settings(
    properties: &[NamedSetting],
    element: ElementRef<'_>,
    compiler: &mut Compiler,
) -> ConversionSettings {
    let mut settings = ConversionSettings::current().clone();
    for property in properties {
        let Setting::Text(value) = &property.value else { continue };
        if let Err(problem) = settings.set(&property.name, value) {
            let message = format!("the property '{}' is not used: {problem}", property.name);
            compiler.warning(Code::BAD_REGEX, element.place(), message);
        }
    }
    settings
}
