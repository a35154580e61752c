//! Registry resources: `registry-info.xml` and the `artifact.xml` of a project, and the `<registry>`
//! declaration of a server.

use crate::read::Reader;
use crate::xml::{ElementRef, XmlElement};

/// One resource or folder that an application puts into the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryItem {
    /// Target folder as registry path, `/_system/governance/...`.
    pub path: String,
    /// File name below the target, absent for a folder.
    pub file: Option<String>,
    /// Folder to copy, for collections.
    pub directory: Option<String>,
    /// Media type; absent: `text/plain`.
    pub media_type: Option<String>,
    /// Properties in order.
    pub properties: Vec<(String, String)>,
}

/// The `<registry provider>` declaration of a server.
#[derive(Debug, Clone)]
pub struct RegistryDeclaration {
    /// Java class.
    pub provider: String,
    /// Parameters by name.
    pub parameters: Vec<(String, String)>,
    /// The `<registry>` element.
    pub element: XmlElement,
}

impl RegistryItem {
    /// The registry key of the target: `gov:`, `conf:` or `local:` and the path below it.
    pub fn key(&self) -> String {
        let file = self.file.as_deref().map(|file| format!("/{file}")).unwrap_or_default();
        let path = format!("{}{file}", self.path.trim_end_matches('/'));
        registry_key(&path)
    }
}

/// `/_system/governance/a` as `gov:/a`, and so on; other paths are governance too.
pub fn registry_key(path: &str) -> String {
    let roots = [("/_system/governance", "gov:"), ("/_system/config", "conf:"), ("/_system/local", "local:")];
    for (root, prefix) in roots {
        if let Some(rest) = path.strip_prefix(root) {
            return format!("{prefix}{rest}");
        }
    }
    format!("gov:{path}")
}

/// Items of a `registry-info.xml` (`<resources>`) or of one `<artifact>` of a project.
pub fn items(element: ElementRef<'_>) -> Vec<RegistryItem> {
    element.children().filter_map(item).collect()
}

fn item(child: ElementRef<'_>) -> Option<RegistryItem> {
    let text = |name: &str| child.child_any_ns(name).map(|found| found.text().trim().to_owned());
    let filled = |name: &str| text(name).filter(|found| !found.is_empty());
    if !matches!(child.local(), "item" | "collection") {
        return None;
    }
    let properties = child.child_any_ns("properties").map(|list| {
        let pair =
            |p: ElementRef<'_>| Some((p.attr("key")?.to_owned(), p.attr("value").unwrap_or("").to_owned()));
        list.children().filter_map(pair).collect()
    });
    Some(RegistryItem {
        path: filled("path")?,
        file: filled("file"),
        directory: filled("directory"),
        media_type: filled("mediaType"),
        properties: properties.unwrap_or_default(),
    })
}

pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<RegistryDeclaration> {
    let provider = reader.required(element.get(), "provider")?;
    let parameters = element.get().children_named("parameter");
    let parameters =
        parameters.filter_map(|c| Some((c.attr("name")?.to_owned(), c.text().trim().to_owned())));
    Some(RegistryDeclaration { provider, parameters: parameters.collect(), element: element.clone() })
}
