//! Typed endpoint artifacts to endpoints of the program.

use super::address::Address;
use super::group::{Failover, LoadBalance, RecipientList, Recipients, Sessions};
use super::leaf::{Leaf, LeafKind, Settings};
use super::suspension::Policy;
use super::{Endpoint, Kind, Property, PropertyValue};
use crate::compile::Compiler;
use crate::eval::{Dynamic, Expr};
use crate::message::Scope;
use artifacts::diagnostics::Code;
use artifacts::kinds::endpoint as source;
use artifacts::kinds::expression::{Expression, Language, Value};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

/// Session lifetime when the artifact gives none.
const SESSION_LIFETIME: Duration = Duration::from_millis(120_000);

impl Compiler {
    /// Compiles an endpoint artifact. What cannot be run is reported and faults when used.
    pub fn endpoint(&mut self, endpoint: &source::Endpoint) -> Arc<Endpoint> {
        let kind = self.endpoint_kind(endpoint);
        Arc::new(Endpoint {
            name: endpoint.name.as_deref().map(Into::into),
            on_error: endpoint.on_error.as_deref().map(Into::into),
            properties: endpoint.properties.iter().filter_map(|p| self.endpoint_property(p)).collect(),
            kind,
        })
    }

    fn endpoint_kind(&mut self, endpoint: &source::Endpoint) -> Kind {
        use source::EndpointKind as Source;
        match &endpoint.kind {
            Source::Indirect(reference) => Kind::Indirect(reference.key.as_str().into()),
            Source::Resolving(expression) => match self.artifact_expression(expression) {
                Some(expr) => Kind::Resolving(expr),
                None => Kind::Unsupported("key-expression".to_owned()),
            },
            Source::Template(instance) => self.template_instance(endpoint, instance),
            Source::Address(address) => {
                let settings = self.leaf_settings(&address.definition);
                Kind::Leaf(Box::new(Leaf::new(
                    LeafKind::Address,
                    Address::fixed(&address.uri),
                    None,
                    settings,
                )))
            }
            Source::Default(definition) => {
                let settings = self.leaf_settings(definition);
                Kind::Leaf(Box::new(Leaf::new(LeafKind::Default, Address::To, None, settings)))
            }
            Source::Http(http) => {
                let mut settings = self.leaf_settings(&http.definition);
                settings.basic_auth = self.basic_auth(http.authentication.as_ref(), endpoint);
                let address = match &http.template {
                    Some(template) => {
                        Address::Template { template: template.clone(), legacy: http.legacy_encoding }
                    }
                    None => Address::To,
                };
                Kind::Leaf(Box::new(Leaf::new(LeafKind::Http, address, http.method, settings)))
            }
            Source::Wsdl(wsdl) => self.wsdl(wsdl),
            Source::Failover(group) => Kind::Failover(Failover {
                children: group.children.iter().map(|child| self.endpoint(child)).collect(),
                dynamic: group.dynamic,
                current: AtomicUsize::new(0),
            }),
            Source::LoadBalance(group) => self.load_balance(group),
            Source::RecipientList(list) => Kind::RecipientList(self.recipients(list)),
            Source::Foreign(name) => Kind::Unsupported(name.clone()),
        }
    }

    fn load_balance(&mut self, group: &source::LoadBalance) -> Kind {
        let mut children: Vec<_> = group.children.iter().map(|child| self.endpoint(child)).collect();
        children.extend(group.members.iter().map(|m| Arc::new(member_endpoint(m))));
        let lifetime = |session: &source::Session| match session.timeout_ms {
            Some(ms) if ms >= 0 => Duration::from_millis(ms as u64),
            _ => SESSION_LIFETIME,
        };
        Kind::LoadBalance(LoadBalance {
            children,
            failover: group.failover,
            next: AtomicUsize::new(0),
            sessions: group.session.as_ref().map(|session| Sessions::new(lifetime(session))),
        })
    }

    fn recipients(&mut self, list: &source::RecipientList) -> RecipientList {
        let recipients = match &list.recipients {
            source::Recipients::Endpoints(children) => {
                Recipients::Fixed(children.iter().map(|child| self.endpoint(child)).collect())
            }
            source::Recipients::Members(members) => {
                Recipients::Fixed(members.iter().map(|m| Arc::new(member_endpoint(m))).collect())
            }
            source::Recipients::Dynamic { value, .. } => match self.artifact_value(value) {
                Some(value) => Recipients::Computed(value),
                None => Recipients::Fixed(Vec::new()),
            },
        };
        RecipientList { recipients }
    }

    fn wsdl(&mut self, wsdl: &source::WsdlEndpoint) -> Kind {
        let settings = self.leaf_settings(&wsdl.definition);
        let address = wsdl.document.as_ref().and_then(|document| wsdl_address(document.get(), wsdl));
        match address {
            Some(uri) => {
                Kind::Leaf(Box::new(Leaf::new(LeafKind::Wsdl, Address::fixed(&uri), None, settings)))
            }
            None => Kind::Unsupported("wsdl uri".to_owned()),
        }
    }

    /// An expression of an artifact's envelope.
    pub fn artifact_expression(&mut self, expression: &Expression) -> Option<Arc<Expr>> {
        let text = match expression.language {
            Language::XPath => expression.text.clone(),
            Language::JsonPath => format!("json-eval({})", expression.text),
            Language::Synapse => format!("${{{}}}", expression.text),
        };
        let element = expression.element.get();
        let place = (element.source(), expression.span);
        self.expression_text(element, place, &text, crate::eval::Dialects::Any)
    }

    /// A text or expression of an artifact's envelope.
    pub fn artifact_value(&mut self, value: &Value) -> Option<Dynamic> {
        match value {
            Value::Static(text) => Some(Dynamic::Literal(text.as_str().into())),
            Value::Expression(expression) => self.artifact_expression(expression).map(Dynamic::Expr),
        }
    }

    fn endpoint_property(&mut self, property: &source::EndpointProperty) -> Option<Property> {
        let value = match &property.value {
            source::PropertyValue::Text(text) => PropertyValue::Text(text.as_str().into()),
            source::PropertyValue::Expression(e) => PropertyValue::Expr(self.artifact_expression(e)?),
            source::PropertyValue::Xml(element) => PropertyValue::Xml(element.clone()),
        };
        let scope = match property.scope.as_str() {
            "axis2" => Scope::Axis2,
            "axis2-client" => Scope::Axis2Client,
            "transport" => Scope::Transport,
            _ => Scope::Default,
        };
        Some(Property { name: property.name.as_str().into(), scope, value })
    }

    fn leaf_settings(&mut self, definition: &source::Definition) -> Settings {
        let timeout = match &definition.timeout.duration {
            Some(source::Duration::Millis(ms)) => Some(Dynamic::Literal(ms.to_string().into())),
            Some(source::Duration::Expression(e)) => self.artifact_expression(e).map(Dynamic::Expr),
            None => None,
        };
        Settings {
            format: definition.format,
            encoding: definition.encoding.clone(),
            addressing: definition.addressing.as_ref().map(|a| a.submission),
            timeout,
            timeout_action: definition.timeout.action,
            policy: policy(definition),
            retry: definition.retry.clone(),
            basic_auth: None,
        }
    }

    fn basic_auth(
        &mut self,
        authentication: Option<&source::Authentication>,
        endpoint: &source::Endpoint,
    ) -> Option<(Dynamic, Dynamic)> {
        match authentication? {
            source::Authentication::Basic { username, password } => {
                Some((self.artifact_value(username)?, self.artifact_value(password)?))
            }
            source::Authentication::OAuth(_) => {
                let message = "OAuth of HTTP endpoints is not run yet; requests go out without a token";
                self.warning(Code::UNSUPPORTED, endpoint.element.get().place(), message);
                None
            }
        }
    }

    fn template_instance(
        &mut self,
        endpoint: &source::Endpoint,
        instance: &source::TemplateInstance,
    ) -> Kind {
        let Some(template) = self.endpoint_templates.get(&instance.template.key).cloned() else {
            return Kind::Unsupported(format!("endpoint template '{}'", instance.template.key));
        };
        let document = fill_template(&template, endpoint, instance);
        let Some(root) = document.root_element() else { return Kind::Unsupported("template".to_owned()) };
        let element = artifacts::xml::ElementRef { document: &document, id: root };
        let mut found = artifacts::diagnostics::Diagnostics::new();
        let made = source::read(element, &mut found);
        for diagnostic in found.iter().filter(|d| d.severity == artifacts::diagnostics::Severity::Error) {
            self.warning(diagnostic.code, endpoint.element.get().place(), diagnostic.message.clone());
        }
        match made {
            Some(made) => self.endpoint_kind(&made),
            None => Kind::Unsupported(format!("endpoint template '{}'", instance.template.key)),
        }
    }
}

/// The template's endpoint with `$name`, `$uri` and `$parameter` filled in. Only values that are a
/// reference as a whole are replaced.
fn fill_template(
    template: &artifacts::xml::XmlElement,
    endpoint: &source::Endpoint,
    instance: &source::TemplateInstance,
) -> artifacts::xml::Document {
    let mut document = template.get().to_document();
    let value = |reference: &str| -> Option<String> {
        let name = reference.strip_prefix('$')?;
        match name {
            "name" => endpoint.name.clone(),
            "uri" => instance.uri.clone(),
            _ => instance.parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone()),
        }
    };
    let nodes: Vec<_> = document.descendants(artifacts::xml::Document::ROOT).collect();
    for node in nodes {
        if let Some(text) = document.text_of(node)
            && let Some(new) = value(text.trim())
        {
            document.set_text_node(node, &new);
        }
        if let Some(element) = document.element_mut(node) {
            for attribute in &mut element.attributes {
                if let Some(new) = value(&attribute.value) {
                    attribute.value = new.into();
                }
            }
        }
    }
    document
}

fn policy(definition: &source::Definition) -> Policy {
    let codes = |list: &[i32]| (!list.is_empty()).then(|| list.to_vec());
    let (mark, suspend) = (&definition.mark_for_suspension, &definition.suspend_on_failure);
    Policy {
        timeout_codes: codes(&mark.error_codes),
        retries_before_suspension: i64::from(mark.retries_before_suspension),
        retry_delay: Duration::from_millis(u64::try_from(mark.retry_delay_ms).unwrap_or(0)),
        suspend_codes: codes(&suspend.error_codes),
        initial_ms: suspend.initial_ms,
        progression: suspend.progression_factor,
        maximum_ms: suspend.maximum_ms,
    }
}

/// An endpoint made from an address alone.
pub(super) fn address_endpoint(url: &str) -> Endpoint {
    endpoint_at(url, Settings::default())
}

/// As [`address_endpoint`]; no failure suspends it.
pub(super) fn unsuspended_endpoint(url: &str) -> Endpoint {
    let none = || Some(Vec::new());
    let policy = Policy { timeout_codes: none(), suspend_codes: none(), ..Policy::default() };
    endpoint_at(url, Settings { policy, ..Settings::default() })
}

fn endpoint_at(url: &str, settings: Settings) -> Endpoint {
    let leaf = Leaf::new(LeafKind::Address, Address::fixed(url), None, settings);
    Endpoint { name: None, on_error: None, properties: Vec::new(), kind: Kind::Leaf(Box::new(leaf)) }
}

/// The endpoint that sends to the message's `To`.
pub(super) fn implicit_endpoint() -> Endpoint {
    let leaf = Leaf::new(LeafKind::Implicit, Address::To, None, Settings::default());
    Endpoint { name: None, on_error: None, properties: Vec::new(), kind: Kind::Leaf(Box::new(leaf)) }
}

fn member_endpoint(member: &source::Member) -> Endpoint {
    let (scheme, port) = match (member.http_port, member.https_port) {
        (Some(port), _) => ("http", port),
        (None, Some(port)) => ("https", port),
        (None, None) => ("http", 80),
    };
    let url = format!("{scheme}://{}:{port}", member.host);
    let leaf = Leaf::new(LeafKind::Address, Address::Member(url), None, Settings::default());
    Endpoint { name: None, on_error: None, properties: Vec::new(), kind: Kind::Leaf(Box::new(leaf)) }
}

/// The SOAP address of a port in a WSDL document.
fn wsdl_address(document: artifacts::xml::ElementRef<'_>, wsdl: &source::WsdlEndpoint) -> Option<String> {
    let named = |e: &artifacts::xml::ElementRef<'_>, kind: &str, name: &str| {
        e.local() == kind && e.attr("name") == Some(name)
    };
    let service = document.children().find(|c| named(c, "service", &wsdl.service))?;
    let port = service.children().find(|c| named(c, "port", &wsdl.port))?;
    let address = port.children().find(|c| c.local() == "address")?;
    address.attr("location").map(str::to_owned)
}
