//! XML Schema, by way of a library that the feature `xsd` brings.

/// Schemas ready to check with.
#[derive(Debug)]
pub(super) struct Schema {
    texts: Vec<String>,
}

#[cfg(feature = "xsd")]
impl Schema {
    /// Reads the schemas; the error says what is wrong with the first bad one.
    pub(super) fn compile(texts: Vec<String>) -> Result<Self, String> {
        for text in &texts {
            let document = uppsala::parse(text).map_err(|error| error.to_string())?;
            uppsala::XsdValidator::from_schema(&document).map_err(|error| error.to_string())?;
        }
        Ok(Self { texts })
    }

    /// What is wrong with a document. Of several schemas the one counts that describes the namespace of
    /// the root element.
    pub(super) fn validate(&self, xml: &str) -> Result<Vec<String>, String> {
        let namespace = root_namespace(xml);
        let own = |text: &&String| target_namespace(text) == namespace;
        let Some(text) = self.texts.iter().find(own).or_else(|| self.texts.first()) else {
            return Ok(Vec::new());
        };
        let schema = uppsala::parse(text).map_err(|error| error.to_string())?;
        let validator = uppsala::XsdValidator::from_schema(&schema).map_err(|error| error.to_string())?;
        let document = uppsala::parse(xml).map_err(|error| error.to_string())?;
        Ok(validator.validate(&document).iter().map(ToString::to_string).collect())
    }
}

#[cfg(feature = "xsd")]
fn root_namespace(xml: &str) -> String {
    let Ok(document) = artifacts::xml::parse(xml) else { return String::new() };
    document.root_element().map(|root| document.namespace(root).to_owned()).unwrap_or_default()
}

#[cfg(feature = "xsd")]
fn target_namespace(schema: &str) -> String {
    let Ok(document) = artifacts::xml::parse(schema) else { return String::new() };
    let root = document.root_element();
    root.and_then(|root| document.attribute(root, "targetNamespace")).unwrap_or_default().to_owned()
}

#[cfg(not(feature = "xsd"))]
impl Schema {
    pub(super) fn compile(texts: Vec<String>) -> Result<Self, String> {
        Ok(Self { texts })
    }

    pub(super) fn validate(&self, _xml: &str) -> Result<Vec<String>, String> {
        Err(format!("{} XML schemas cannot be used: built without the feature 'xsd'", self.texts.len()))
    }
}
