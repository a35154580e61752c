//! Endpoints made of endpoints: load balance, failover, recipient list.

use super::{Endpoint, EndpointKind, long_text, read_element};
use crate::diagnostics::Code;
use crate::kinds::expression::{self, Value};
use crate::read::Reader;
use crate::values;
use crate::xml::XmlElement;

/// `<loadbalance>`.
#[derive(Debug, Clone)]
pub struct LoadBalance {
    /// Java class of the algorithm; absent: round robin.
    pub algorithm: Option<String>,
    /// The next child is tried when one fails.
    pub failover: bool,
    /// Build the payload before the first attempt so that it can be sent again; absent: not said.
    pub build_message: Option<bool>,
    /// Child endpoints; empty when members are given.
    pub children: Vec<Endpoint>,
    /// Hosts instead of child endpoints.
    pub members: Vec<Member>,
    /// Requests of one session stay with one child.
    pub session: Option<Session>,
}

/// `<failover>`.
#[derive(Debug, Clone)]
pub struct Failover {
    /// Start at the first ready child each time; false: stay with the child that worked last.
    pub dynamic: bool,
    /// As for load balance.
    pub build_message: Option<bool>,
    /// Child endpoints, at least one.
    pub children: Vec<Endpoint>,
}

/// `<recipientlist>`.
#[derive(Debug, Clone)]
pub struct RecipientList {
    /// Who gets a copy.
    pub recipients: Recipients,
}

/// Who gets a copy.
#[derive(Debug, Clone)]
pub enum Recipients {
    /// Child endpoints.
    Endpoints(Vec<Endpoint>),
    /// Hosts.
    Members(Vec<Member>),
    /// Addresses separated by commas, computed per message.
    Dynamic {
        /// Text or expression.
        value: Value,
        /// How many endpoints are kept; MI's default is 20.
        max_cache: usize,
    },
}

/// A host of a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// Host name.
    pub host: String,
    /// Port for HTTP.
    pub http_port: Option<i32>,
    /// Port for HTTPS.
    pub https_port: Option<i32>,
}

/// Session affinity.
#[derive(Debug, Clone)]
pub struct Session {
    /// How a session is recognised.
    pub kind: SessionKind,
    /// How long it lives; absent or negative: the server's default.
    pub timeout_ms: Option<i64>,
}

/// How a session is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// WS-Addressing.
    Soap,
    /// A cookie.
    Http,
    /// The SOAP header `ClientID`.
    SimpleClientSession,
}

const ALGORITHMS: &[&str] = &[
    "org.apache.synapse.endpoints.algorithms.RoundRobin",
    "org.apache.synapse.endpoints.algorithms.WeightedRoundRobin",
    "org.apache.synapse.endpoints.algorithms.WeightedRRLCAlgorithm",
];

pub(super) fn load_balance(
    parent: &XmlElement,
    child: &XmlElement,
    reader: &mut Reader<'_>,
) -> Option<LoadBalance> {
    let this = child.get();
    reader.known_attributes(this, &["algorithm", "policy", "failover", "buildMessage"]);
    reader.known_children(this, &["endpoint", "member"]);
    let session = parent.child("session");
    let has_session = session.is_some();
    let session = session.and_then(|session| read_session(&session, reader));
    let children = children(child, reader);
    let members = members(child, reader);
    if !has_session {
        not_empty(child, children.len() + members.len(), reader);
        not_both(child, reader);
    }
    Some(LoadBalance {
        algorithm: algorithm(child, reader),
        failover: !this.attr("failover").is_some_and(|text| text.eq_ignore_ascii_case("false")),
        build_message: build_message(child),
        children,
        members,
        session,
    })
}

pub(super) fn failover(child: &XmlElement, reader: &mut Reader<'_>) -> Option<Failover> {
    let this = child.get();
    reader.known_attributes(this, &["dynamic", "buildMessage"]);
    reader.known_children(this, &["endpoint"]);
    not_empty(child, child.children_named("endpoint").len(), reader);
    Some(Failover {
        dynamic: !this.attr("dynamic").is_some_and(values::axis_false),
        build_message: build_message(child),
        children: children(child, reader),
    })
}

pub(super) fn recipients(child: &XmlElement, reader: &mut Reader<'_>) -> Option<RecipientList> {
    reader.known_children(child.get(), &["endpoint", "member", "endpoints"]);
    not_both(child, reader);
    if child.child("endpoint").is_some() {
        return Some(RecipientList { recipients: Recipients::Endpoints(children(child, reader)) });
    }
    if child.child("member").is_some() {
        return Some(RecipientList { recipients: Recipients::Members(members(child, reader)) });
    }
    let Some(list) = child.child("endpoints") else {
        not_empty(child, 0, reader);
        return None;
    };
    let this = list.get();
    let text = reader.present(this, "value")?;
    let value = expression::value(reader, &text, &list, this.place_of("value").1)?;
    let max_cache = this.attr("max-cache").and_then(values::java_int).filter(|n| *n >= 0);
    Some(RecipientList {
        recipients: Recipients::Dynamic { value, max_cache: max_cache.map_or(20, |n| n as usize) },
    })
}

fn children(parent: &XmlElement, reader: &mut Reader<'_>) -> Vec<Endpoint> {
    let mut keys: Vec<String> = Vec::new();
    let mut found = Vec::new();
    for child in parent.children_named("endpoint") {
        let Some(endpoint) = read_element(&child, reader) else { continue };
        if let EndpointKind::Indirect(key) = &endpoint.kind {
            if keys.contains(&key.key) {
                let message =
                    format!("the endpoint '{}' stands twice in <{}>", key.key, parent.get().local());
                reader.error(Code::DUPLICATE, child.get().place_of("key"), message);
            }
            keys.push(key.key.clone());
        }
        found.push(endpoint);
    }
    found
}

fn members(parent: &XmlElement, reader: &mut Reader<'_>) -> Vec<Member> {
    let mut found = Vec::new();
    for child in parent.children_named("member") {
        let this = child.get();
        let host =
            reader.present(this, "hostName").map(|host| reader.resolve(&host, this.place_of("hostName")));
        let mut port = |name: &str| {
            let text = reader.resolved(this, name)?;
            reader.int(&text, this.place_of(name), &format!("'{name}'"))
        };
        let (http_port, https_port) = (port("httpPort"), port("httpsPort"));
        if let Some(host) = host {
            found.push(Member { host, http_port, https_port });
        }
    }
    found
}

fn not_empty(child: &XmlElement, count: usize, reader: &mut Reader<'_>) {
    if count == 0 {
        let message = format!("<{}> needs at least one <endpoint>", child.get().local());
        reader.error(Code::MISSING_CHILD, child.get().place(), message);
    }
}

fn not_both(child: &XmlElement, reader: &mut Reader<'_>) {
    if child.child("endpoint").is_some() && child.child("member").is_some() {
        let message =
            format!("<{}> holds <endpoint> and <member>; only one of them is allowed", child.get().local());
        reader.error(Code::CONFLICT, child.get().place(), message);
    }
}

fn build_message(child: &XmlElement) -> Option<bool> {
    child.get().attr("buildMessage").map(values::axis_true)
}

fn algorithm(child: &XmlElement, reader: &mut Reader<'_>) -> Option<String> {
    let this = child.get();
    let algorithm = this.attr("algorithm").map(str::trim);
    match (algorithm, this.attr("policy")) {
        (Some(_), Some(_)) => {
            let message = "<loadbalance> has 'policy' and 'algorithm'; keep only 'algorithm'";
            reader.error(Code::CONFLICT, this.place_of("policy"), message);
        }
        (None, Some(policy)) if policy.trim() != "roundRobin" => {
            let message = format!("expected 'roundRobin' as 'policy'; found '{policy}'");
            reader.error(Code::BAD_VALUE, this.place_of("policy"), message);
        }
        (Some(class), None) if !ALGORITHMS.contains(&class) => {
            reader.unknown_word(class, this.place_of("algorithm"), "algorithm", ALGORITHMS.iter().copied());
        }
        _ => {}
    }
    algorithm.map(str::to_owned)
}

fn read_session(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Session> {
    let this = element.get();
    let timeout = element.child("sessionTimeout");
    let timeout_ms = timeout.and_then(|child| long_text(&child, reader));
    let text = reader.present(this, "type")?;
    let kinds = [
        ("soap", SessionKind::Soap),
        ("http", SessionKind::Http),
        ("simpleClientSession", SessionKind::SimpleClientSession),
    ];
    let kind = kinds.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)).map(|(_, kind)| *kind);
    if kind.is_none() {
        let message = format!("'{text}' is no session type; sessions are not kept");
        reader.warn(Code::BAD_VALUE, this.place_of("type"), message);
    }
    Some(Session { kind: kind?, timeout_ms })
}
