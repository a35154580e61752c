//! Where the parts of a case go: a project of the VS Code extension, or a server's configuration
//! folder. A whole configuration is cut into one file per child for the first.

use crate::xml::{self, Tree};

/// The two ways to lay out a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    #[default]
    Project,
    SynapseConfigs,
}

/// Folder names of artifact kinds, as cases name them.
pub(super) const KINDS: [&str; 11] = [
    "api",
    "proxy-services",
    "sequences",
    "endpoints",
    "local-entries",
    "templates",
    "message-stores",
    "message-processors",
    "tasks",
    "inbound-endpoints",
    "data-services",
];

impl Layout {
    /// Reads the value of `--layout`.
    pub fn named(name: &str) -> Option<Layout> {
        match name {
            "project" => Some(Layout::Project),
            "synapse-configs" => Some(Layout::SynapseConfigs),
            _ => None,
        }
    }

    /// Where an artifact file goes, relative to the deployment.
    pub(super) fn artifact(self, kind: &str, file: &str) -> String {
        match self {
            Layout::Project => {
                let folder = if kind == "api" { "apis" } else { kind };
                format!("src/main/wso2mi/artifacts/{folder}/{file}")
            }
            Layout::SynapseConfigs => {
                format!("repository/deployment/server/synapse-configs/default/{kind}/{file}")
            }
        }
    }

    /// Where the content behind a registry key goes; `None` for an unknown scheme.
    pub(super) fn registry(self, key: &str) -> Option<String> {
        let (scheme, rest) = key.split_once(':')?;
        let folder = match (self, scheme) {
            (Layout::Project, "conf") => "src/main/wso2mi/resources/registry/conf/",
            (Layout::Project, "gov") => "src/main/wso2mi/resources/registry/gov/",
            (Layout::Project, "resources") => "src/main/wso2mi/resources/",
            (Layout::SynapseConfigs, "conf") => "registry/config/",
            (Layout::SynapseConfigs, "gov") => "registry/governance/",
            (Layout::SynapseConfigs, "resources") => "registry/governance/mi-resources/",
            _ => return None,
        };
        Some(format!("{folder}{}", rest.trim_start_matches('/')))
    }

    /// The files (path, content) that a whole configuration becomes.
    pub(super) fn definitions(self, text: &str) -> Result<Vec<(String, String)>, String> {
        match self {
            Layout::SynapseConfigs => {
                let path = "repository/deployment/server/synapse-configs/default/synapse.xml";
                Ok(vec![(path.to_owned(), text.to_owned())])
            }
            Layout::Project => {
                let parts = split_definitions(text)?;
                Ok(parts.into_iter().map(|p| (self.artifact(p.kind, &p.file), p.text)).collect())
            }
        }
    }
}

/// One artifact cut out of a whole configuration.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    pub(super) kind: &'static str,
    pub(super) file: String,
    pub(super) text: String,
}

/// Cuts a configuration into its artifacts; each keeps the namespace declarations of the root.
/// Mediators that stand outside a sequence become the sequence `main`.
pub(super) fn split_definitions(text: &str) -> Result<Vec<Part>, String> {
    Tree::from_text(text)?;
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let doc = roxmltree::Document::parse_with_options(text, options).map_err(|e| e.to_string())?;
    let root = doc.root_element();
    let spaces: Vec<(String, String)> = start_tag(text.get(root.range()).unwrap_or_default())
        .into_iter()
        .filter(|(name, _)| name == "xmlns" || name.starts_with("xmlns:"))
        .collect();
    let (mut parts, mut loose) = (Vec::new(), String::new());
    for child in root.children().filter(roxmltree::Node::is_element) {
        let own = child.tag_name().name();
        if ["registry", "taskManager", "eventSource", "priorityExecutor", "import"].contains(&own) {
            continue;
        }
        let source = with_declarations(text.get(child.range()).unwrap_or_default(), &spaces);
        let name =
            [child.attribute("name"), child.attribute("key")].into_iter().flatten().find(|n| !n.is_empty());
        match (kind_of(own), name) {
            (Some(kind), Some(name)) => parts.push(Part { kind, file: file_name(name), text: source }),
            _ => loose.push_str(&source),
        }
    }
    if !loose.is_empty() {
        let declared: String = spaces.iter().map(|(k, v)| format!(" {k}={v}")).collect();
        let text = format!("<sequence{declared} name=\"main\">{loose}</sequence>");
        parts.push(Part { kind: "sequences", file: "main.xml".into(), text });
    }
    Ok(parts)
}

fn kind_of(element: &str) -> Option<&'static str> {
    Some(match element {
        "api" => "api",
        "proxy" => "proxy-services",
        "sequence" => "sequences",
        "endpoint" => "endpoints",
        "localEntry" => "local-entries",
        "template" => "templates",
        "messageStore" => "message-stores",
        "messageProcessor" => "message-processors",
        "task" => "tasks",
        "inboundEndpoint" => "inbound-endpoints",
        _ => return None,
    })
}

fn file_name(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let safe: String = name.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    format!("{safe}.xml")
}

/// Attributes of the first start tag: name, and value still in its quotes.
fn start_tag(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| !(c.is_whitespace() || c == '>' || c == '/'));
    loop {
        rest = rest.trim_start();
        let Some((name, after)) = rest.split_once('=').filter(|_| !rest.starts_with(['>', '/'])) else {
            return out;
        };
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|q| *q == '"' || *q == '\'') else { return out };
        let Some(end) = after.get(1..).and_then(|a| a.find(quote)) else { return out };
        out.push((name.trim_end().to_owned(), after.get(..end + 2).unwrap_or_default().to_owned()));
        rest = after.get(end + 2..).unwrap_or_default();
    }
}

/// The element text with the root's declarations added where it has none of that prefix.
fn with_declarations(element: &str, spaces: &[(String, String)]) -> String {
    let own = start_tag(element);
    let added: String = spaces
        .iter()
        .filter(|(k, _)| !own.iter().any(|(o, _)| o == k))
        .map(|(k, v)| format!(" {k}={v}"))
        .collect();
    let name_end = element.find(|c: char| c.is_whitespace() || c == '>' || c == '/').unwrap_or(element.len());
    let (name, rest) = element.split_at_checked(name_end).unwrap_or((element, ""));
    format!("{name}{added}{rest}")
}

/// Whether a text is well-formed XML; `Err` says where it is not.
pub(super) fn well_formed(bytes: &[u8]) -> Result<(), String> {
    xml::Tree::from_bytes(bytes).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn artifacts_and_registry_content_have_their_places() {
        let (p, s) = (Layout::Project, Layout::SynapseConfigs);
        assert_eq!(p.artifact("api", "a.xml"), "src/main/wso2mi/artifacts/apis/a.xml");
        assert!(s.artifact("api", "a.xml").ends_with("synapse-configs/default/api/a.xml"));
        assert_eq!(p.registry("conf:/x/y.xml").unwrap(), "src/main/wso2mi/resources/registry/conf/x/y.xml");
        assert_eq!(s.registry("resources:x").unwrap(), "registry/governance/mi-resources/x");
        assert_eq!(p.registry("other:x"), None);
    }

    #[test]
    fn a_configuration_is_cut_into_parts() {
        let text = "<?xml version='1.0'?>\n<definitions xmlns=\"http://s\" xmlns:p='u'>\
                    <registry/><proxy name='a b'><x/></proxy><log/><sequence xmlns=\"http://t\" name=\"s\"/>\
                    <in><drop/></in></definitions>";
        let parts = split_definitions(text).unwrap();
        let seen: Vec<_> = parts.iter().map(|p| (p.kind, p.file.as_str(), p.text.as_str())).collect();
        let proxy = "<proxy xmlns=\"http://s\" xmlns:p='u' name='a b'><x/></proxy>";
        let sequence = "<sequence xmlns:p='u' xmlns=\"http://t\" name=\"s\"/>";
        let main = "<sequence xmlns=\"http://s\" xmlns:p='u' name=\"main\"><log xmlns=\"http://s\" xmlns:p='u'/>\
                    <in xmlns=\"http://s\" xmlns:p='u'><drop/></in></sequence>";
        let want = [
            ("proxy-services", "a_b.xml", proxy),
            ("sequences", "s.xml", sequence),
            ("sequences", "main.xml", main),
        ];
        assert_eq!(seen, want);
    }

    #[test]
    fn a_broken_configuration_is_an_error() {
        assert!(split_definitions("<definitions><proxy></definitions>").is_err());
    }
}
