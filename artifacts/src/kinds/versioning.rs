//! Versioned deployment: names and keys of an application carry its id, so that versions of it can
//! stand side by side.
//!
//! A key without `__` means the application's own artifact; `group__artifact__name` means one of a
//! dependency, whose version comes from the descriptor.

use super::Kind;
use crate::bundle::{Descriptor, Resource};
use crate::diagnostics::Code;
use crate::read::Reader;
use crate::xml::{Document, ElementRef, NodeId};

/// How the names of one application change.
#[derive(Debug, Clone)]
pub struct Versioning<'d> {
    descriptor: &'d Descriptor,
    expose_services: bool,
}

/// Attributes that name artifacts: element (empty: any) and attribute.
const REFERENCES: &[(&str, &str)] = &[
    ("", "inSequence"),
    ("", "outSequence"),
    ("", "faultSequence"),
    ("", "onError"),
    ("", "configKey"),
    ("sequence", "key"),
    ("endpoint", "key"),
    ("endpoint", "template"),
    ("call-template", "target"),
    ("target", "endpoint"),
    ("target", "sequence"),
    ("inboundEndpoint", "sequence"),
    ("store", "messageStore"),
    ("store", "sequence"),
    ("messageProcessor", "messageStore"),
    ("messageProcessor", "targetEndpoint"),
    ("send", "receive"),
    ("foreach", "sequence"),
    ("onComplete", "sequence"),
    ("onCacheHit", "sequence"),
    ("throttle", "onReject"),
    ("throttle", "onAccept"),
    ("policy", "key"),
];

/// Attributes that name registry resources.
const RESOURCES: &[(&str, &str)] = &[
    ("xslt", "key"),
    ("xquery", "key"),
    ("schema", "key"),
    ("script", "key"),
    ("include", "key"),
    ("format", "key"),
    ("datamapper", "config"),
    ("datamapper", "inputSchema"),
    ("datamapper", "outputSchema"),
    ("datamapper", "xsltStyleSheet"),
];

impl<'d> Versioning<'d> {
    /// For an application that asks for it. `expose_services`: APIs and proxies get versions too.
    pub fn of(descriptor: Option<&'d Descriptor>, expose_services: bool) -> Option<Self> {
        let descriptor = descriptor.filter(|descriptor| descriptor.versioned && !descriptor.id.is_empty())?;
        Some(Self { descriptor, expose_services })
    }

    /// Renames an artifact and the keys in it.
    pub(super) fn apply(&self, document: &mut Document, kind: Kind, reader: &mut Reader<'_>) {
        let Some(root) = document.root_element() else { return };
        let mut changes: Vec<(NodeId, &str, String)> = Vec::new();
        for id in std::iter::once(root).chain(document.descendants(root)) {
            let element = ElementRef { document, id };
            let fits = |(name, _): &&(&str, &str)| name.is_empty() || *name == element.local();
            for (_, attribute) in REFERENCES.iter().filter(fits) {
                changes.extend(self.change(element, attribute, reader, Self::name));
            }
            for (_, attribute) in RESOURCES.iter().filter(fits) {
                changes.extend(self.change(element, attribute, reader, Self::resource_key));
            }
        }
        let own = ElementRef { document, id: root };
        changes.extend(self.own_name(own, kind, reader));
        for (id, attribute, value) in changes {
            document.set_attribute(id, attribute, &value);
        }
    }

    /// The key of a resource of the application.
    pub(crate) fn rename_resource(&self, resource: &mut Resource) {
        if let Ok(key) = self.resource_key(&resource.key) {
            resource.key = key;
        }
    }

    fn own_name(
        &self,
        root: ElementRef<'_>,
        kind: Kind,
        reader: &mut Reader<'_>,
    ) -> Vec<(NodeId, &'static str, String)> {
        match kind {
            Kind::InboundEndpoint => Vec::new(),
            Kind::Api if self.expose_services => {
                let context = root.attr("context").map(|context| {
                    let path = self.descriptor.id.replace("__", "/");
                    (root.id, "context", format!("/{path}{context}"))
                });
                self.change(root, "name", reader, Self::name).into_iter().chain(context).collect()
            }
            Kind::Proxy if self.expose_services => {
                let name =
                    root.attr("name").map(|name| (root.id, "name", format!("{}/{name}", self.descriptor.id)));
                name.into_iter().collect()
            }
            Kind::Api | Kind::Proxy => Vec::new(),
            Kind::LocalEntry => self.change(root, "key", reader, Self::name).into_iter().collect(),
            _ => self.change(root, "name", reader, Self::name).into_iter().collect(),
        }
    }

    fn change<'a>(
        &self,
        element: ElementRef<'_>,
        attribute: &'a str,
        reader: &mut Reader<'_>,
        rename: fn(&Self, &str) -> Result<String, String>,
    ) -> Option<(NodeId, &'a str, String)> {
        let text =
            element.attr(attribute).filter(|text| !text.is_empty() && !text.starts_with(['{', '$']))?;
        match rename(self, text) {
            Ok(new) => Some((element.id, attribute, new)),
            Err(problem) => {
                reader.error(Code::BAD_VALUE, element.place_of(attribute), problem);
                None
            }
        }
    }

    fn name(&self, name: &str) -> Result<String, String> {
        if !name.contains("__") {
            return Ok(format!("{}__{name}", self.descriptor.id));
        }
        let parts: Vec<&str> = name.split("__").collect();
        let [group, artifact, own, ..] = parts.as_slice() else {
            return Err(format!("'{name}' must be written group__artifact__name"));
        };
        let found =
            self.descriptor.dependencies.iter().find(|d| d.group == *group && d.artifact == *artifact);
        match found {
            Some(dependency) => Ok(format!("{}__{own}", dependency.id())),
            None => Err(format!("'{name}': the application does not depend on {group}__{artifact}")),
        }
    }

    fn resource_key(&self, key: &str) -> Result<String, String> {
        let at = key.rfind('/').map_or(0, |at| at + 1);
        let (folder, file) = key.split_at(at);
        // `conf:a` has its root before the name.
        let (root, file) = match file.split_once(':') {
            Some((root, file)) => (format!("{root}:"), file),
            None => (String::new(), file),
        };
        Ok(format!("{folder}{root}{}", self.name(file)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::Dependency;
    use crate::diagnostics::Diagnostics;
    use crate::xml::parse;

    fn versioned(text: &str, kind: Kind, expose: bool) -> (String, Diagnostics) {
        let descriptor = Descriptor {
            id: "g__a__1.0".into(),
            versioned: true,
            dependencies: vec![Dependency { group: "g".into(), artifact: "b".into(), version: "2".into() }],
            ..Descriptor::default()
        };
        let mut document = parse(text).unwrap();
        let mut diagnostics = Diagnostics::new();
        let versioning = Versioning::of(Some(&descriptor), expose).unwrap();
        versioning.apply(&mut document, kind, &mut Reader::new(&mut diagnostics));
        (document.to_xml(), diagnostics)
    }

    #[test]
    fn names_and_keys_carry_the_id() {
        let text = "<sequence name='s' onError='e'><sequence key='t'/><sequence key='g__b__x'/><sequence key='{//k}'/>\
                    <xslt key='gov:/x/t.xslt'/></sequence>";
        let (xml, diagnostics) = versioned(text, Kind::Sequence, false);
        assert!(diagnostics.is_empty());
        assert_eq!(
            xml.replace(" />", "/>"),
            "<sequence name=\"g__a__1.0__s\" onError=\"g__a__1.0__e\"><sequence key=\"g__a__1.0__t\"/>\
             <sequence key=\"g__b__2__x\"/><sequence key=\"{//k}\"/><xslt key=\"gov:/x/g__a__1.0__t.xslt\"/></sequence>"
        );
    }

    #[test]
    fn services_only_when_exposed() {
        let api = "<api name='o' context='/o'/>";
        assert!(versioned(api, Kind::Api, false).0.contains("name=\"o\""));
        let (xml, _) = versioned(api, Kind::Api, true);
        assert!(xml.contains("name=\"g__a__1.0__o\"") && xml.contains("context=\"/g/a/1.0/o\""), "{xml}");
    }

    #[test]
    fn an_unknown_dependency_is_an_error() {
        let (_, diagnostics) =
            versioned("<sequence name='s'><sequence key='x__y__z'/></sequence>", Kind::Sequence, false);
        assert!(diagnostics.has_errors());
    }
}
