//! Imports of operation packages (connectors).

use crate::read::Reader;
use crate::xml::XmlElement;

/// `<import name package status>`.
#[derive(Debug, Clone)]
pub struct Import {
    /// Name of the library.
    pub name: String,
    /// Its package.
    pub package: String,
    /// Its operations may be used.
    pub enabled: bool,
    /// The `<import>` element.
    pub element: XmlElement,
}

impl Import {
    /// How MI names the library: `{package}name`.
    pub fn qualified(&self) -> String {
        format!("{{{}}}{}", self.package, self.name)
    }
}

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Import> {
    let this = element.get();
    reader.known_attributes(this, &["name", "package", "status"]);
    let name = reader.required(this, "name");
    let package = reader.required(this, "package");
    let enabled = this.attr("status").is_none_or(|status| status.eq_ignore_ascii_case("enabled"));
    Some(Import { name: name?, package: package?, enabled, element: element.clone() })
}
