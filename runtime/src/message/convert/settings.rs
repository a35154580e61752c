//! The switches of the conversion, with MI's defaults and its property names.

use artifacts::java_regex::JavaRegex;
use std::sync::OnceLock;

/// How to convert. The defaults are MI's.
#[derive(Debug, Clone)]
pub struct ConversionSettings {
    /// XML to JSON: keep prefixes in keys.
    pub preserve_namespace: bool,
    /// Both ways: characters that no XML name may have are written as `_JsonReader_<code>_`.
    pub valid_names: bool,
    /// XML to JSON: texts that read as number, boolean or null become one.
    pub auto_primitive: bool,
    /// XML to JSON: texts that match stay strings.
    pub keep_strings: Option<JavaRegex>,
    /// XML to JSON: texts that begin with a match stay strings, the match is replaced.
    pub replace: Option<JavaRegex>,
    /// What stands for the match of `replace`.
    pub replacement: String,
    /// XML to JSON: between prefix and name when prefixes are kept.
    pub separator: char,
    /// XML to JSON: write `@xmlns` members; only together with `preserve_namespace`.
    pub namespace_declarations: bool,
    /// XML to JSON: neighbours of the same name become an array.
    pub auto_array: bool,
    /// XML to JSON: `<?xml-multiple name?>` begins an array.
    pub multiple_instruction: bool,
    /// JSON to XML: write `<?xml-multiple name?>` before arrays.
    pub array_instructions: bool,
    /// Both ways: null is an empty element with `nil="true"`.
    pub xml_nil: bool,
    /// XML to JSON: an empty element is null, otherwise the empty string.
    pub null_for_empty: bool,
    /// XML to JSON: white space of elements without children is text (axis2 property `PRESERVE_SPACES`).
    pub preserve_spaces: bool,
}

impl Default for ConversionSettings {
    fn default() -> Self {
        Self {
            preserve_namespace: false,
            valid_names: false,
            auto_primitive: true,
            keep_strings: None,
            replace: None,
            replacement: String::new(),
            separator: '_',
            namespace_declarations: false,
            auto_array: true,
            multiple_instruction: true,
            array_instructions: false,
            xml_nil: false,
            null_for_empty: true,
            preserve_spaces: false,
        }
    }
}

/// The settings of the process.
static CURRENT: OnceLock<ConversionSettings> = OnceLock::new();

impl ConversionSettings {
    /// The settings that builders and formatters use: those installed at start, else MI's defaults.
    pub fn current() -> &'static Self {
        CURRENT.get_or_init(Self::default)
    }

    /// Makes these the settings of the process. `false` when settings are in use already.
    pub fn install(self) -> bool {
        CURRENT.set(self).is_ok()
    }

    /// Changes one setting by its name in `synapse.properties`, as the `jsontransform` mediator has it
    /// too. `Ok(false)`: no setting of the conversion has this name. The error tells what a regular
    /// expression lacks.
    pub fn set(&mut self, property: &str, value: &str) -> Result<bool, String> {
        let on = value.trim().eq_ignore_ascii_case("true");
        match property {
            "synapse.commons.json.preserve.namespace" => self.preserve_namespace = on,
            "synapse.commons.json.buildValidNCNames" => self.valid_names = on,
            "synapse.commons.json.output.autoPrimitive" => self.auto_primitive = on,
            "synapse.commons.json.output.disableAutoPrimitive.regex" => {
                self.keep_strings = Some(JavaRegex::compile(value)?);
            }
            "synapse.commons.json.json.output.disableAutoPrimitive.customReplaceRegex" => {
                self.replace = Some(JavaRegex::compile(value)?);
            }
            "synapse.commons.json.json.output.disableAutoPrimitive.customReplaceSequence" => {
                self.replacement = value.to_owned();
            }
            "synapse.commons.json.output.namespaceSepChar" => {
                self.separator = value.trim().chars().next().unwrap_or('_');
            }
            "synapse.commons.json.output.enableNSDeclarations" => self.namespace_declarations = on,
            "synapse.commons.json.output.jsonoutAutoArray" => self.auto_array = on,
            "synapse.commons.json.output.jsonoutMultiplePI" => self.multiple_instruction = on,
            "synapse.commons.json.output.xmloutMultiplePI"
            | "synapse.json.to.xml.processing.instruction.enabled" => self.array_instructions = on,
            "synapse.commons.enableXmlNilReadWrite" => self.xml_nil = on,
            "synapse.commons.enableXmlNullForEmptyElement" => self.null_for_empty = on,
            // Read by MI, without effect on what is written.
            "synapse.commons.json.output.xmloutAutoArray"
            | "synapse.commons.json.output.emptyXmlElemToEmptyStr" => {}
            _ => return Ok(false),
        }
        Ok(true)
    }
}
