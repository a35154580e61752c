//! Throttling policies as WS-Policy documents.
//!
//! Only elements of the throttle namespace count; the `wsp:Policy`, `wsp:All` and `wsp:ExactlyOne`
//! around them are looked through.

use artifacts::xml::ElementRef;
use std::net::IpAddr;
use std::time::Duration;

const NAMESPACE: &str = "http://www.wso2.org/products/wso2commons/throttle";

/// What is allowed to whom.
#[derive(Debug, Default)]
pub(super) struct Policy {
    /// Most requests at a time.
    pub(super) concurrent: Option<usize>,
    rules: Vec<Rule>,
}

/// A rule for a group of callers.
#[derive(Debug)]
pub(super) struct Rule {
    kind: Kind,
    id: String,
    /// What they may do.
    pub(super) access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ip,
    Domain,
}

/// What a group may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Allow,
    Deny,
    /// So many requests in so much time; afterwards nothing for `prohibit`.
    Limit {
        count: u64,
        unit: Duration,
        prohibit: Duration,
    },
}

impl Policy {
    /// Reads what can be understood.
    pub(super) fn read(element: ElementRef<'_>) -> Self {
        let mut policy = Self::default();
        policy.collect(element);
        policy
    }

    /// Nothing is limited.
    pub(super) fn is_empty(&self) -> bool {
        self.concurrent.is_none() && self.rules.is_empty()
    }

    fn collect(&mut self, element: ElementRef<'_>) {
        let id = throttle_child(element, "ID");
        for child in element.children() {
            match child.local() {
                "MaximumConcurrentAccess" if child.ns() == NAMESPACE => {
                    self.concurrent = number(child).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
                }
                "ID" => {}
                _ if id.is_some() => {}
                _ => self.collect(child),
            }
        }
        if let Some(id) = id {
            self.rules.extend(rule(id, element));
        }
    }

    /// The rule for a caller and the key its requests are counted under: an own rule before a range,
    /// a range before `other`.
    pub(super) fn rule(&self, kind: Kind, caller: &str) -> Option<(&Rule, &str)> {
        let own = || self.rules.iter().filter(|rule| rule.kind == kind);
        own()
            .find(|rule| rule.id.eq_ignore_ascii_case(caller))
            .or_else(|| own().find(|rule| rule.covers(caller)))
            .or_else(|| own().find(|rule| rule.id == "other"))
            .map(|rule| (rule, rule.id.as_str()))
    }
}

impl Rule {
    /// Is the caller in the range (`10.0.0.1-10.0.0.9`) or below the domain (`*.example.com`)?
    fn covers(&self, caller: &str) -> bool {
        match self.kind {
            Kind::Ip => self.id.split_once('-').is_some_and(|(from, to)| in_range(caller, from, to)),
            Kind::Domain => {
                let domain = self.id.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
                caller.to_ascii_lowercase().strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
            }
        }
    }
}

fn in_range(caller: &str, from: &str, to: &str) -> bool {
    let address = |text: &str| text.trim().parse::<IpAddr>().ok();
    match (address(caller), address(from), address(to)) {
        (Some(caller), Some(from), Some(to)) => from <= caller && caller <= to,
        _ => false,
    }
}

fn rule(id: ElementRef<'_>, element: ElementRef<'_>) -> Option<Rule> {
    let kind = id.attributes().iter().find(|attribute| &*attribute.name.local == "type");
    let kind = match kind.map(|attribute| attribute.value.trim().to_ascii_uppercase()).as_deref() {
        Some("IP") => Kind::Ip,
        Some("DOMAIN") => Kind::Domain,
        _ => return None,
    };
    let access = if descendant(element, "Allow").is_some() {
        Access::Allow
    } else if descendant(element, "Deny").is_some() {
        Access::Deny
    } else {
        let control = descendant(element, "Control")?;
        let value = |name| descendant(control, name).and_then(number);
        let millis = |name| Duration::from_millis(value(name).unwrap_or(0));
        let count = value("MaximumCount")?;
        Access::Limit { count, unit: millis("UnitTime"), prohibit: millis("ProhibitTimePeriod") }
    };
    Some(Rule { kind, id: id.text().trim().to_owned(), access })
}

fn number(element: ElementRef<'_>) -> Option<u64> {
    element.text().trim().parse().ok()
}

fn throttle_child<'e>(element: ElementRef<'e>, local: &str) -> Option<ElementRef<'e>> {
    element.children().find(|child| child.local() == local && child.ns() == NAMESPACE)
}

fn descendant<'e>(element: ElementRef<'e>, local: &str) -> Option<ElementRef<'e>> {
    let document = element.document;
    document
        .descendants(element.id)
        .filter(|id| document.is_named(*id, NAMESPACE, local))
        .map(|id| ElementRef { document, id })
        .next()
}
