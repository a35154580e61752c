//! HTTP endpoints: a URI template, a method and perhaps credentials.

use super::auth::{self, Authentication};
use super::definition::{self, Definition};
use crate::diagnostics::Code;
use crate::http_template::HttpTemplate;
use crate::read::Reader;
use crate::xml::XmlElement;

/// `<http uri-template method>`.
#[derive(Debug, Clone)]
pub struct HttpEndpoint {
    /// Address with variables; absent: the message's `To` is used.
    pub template: Option<HttpTemplate>,
    /// `legacy-encoding:` stood before the template: values are decoded before they are filled in.
    pub legacy_encoding: bool,
    /// Upper-case method; absent or unknown: the method of the incoming message, and
    /// `REST_URL_POSTFIX` is appended as for address endpoints.
    pub method: Option<&'static str>,
    /// `version="2.0"`.
    pub http2: bool,
    /// Sequence for server pushes (HTTP/2 only).
    pub server_push_sequence: Option<String>,
    /// Credentials.
    pub authentication: Option<Authentication>,
    /// Quality of service.
    pub definition: Definition,
}

const METHODS: &[&str] = &["POST", "GET", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"];

pub(super) fn read(child: &XmlElement, reader: &mut Reader<'_>) -> Option<HttpEndpoint> {
    let this = child.get();
    let definition = definition::read(child, reader);
    let authentication = child.child("authentication").map(|auth| auth::read(&auth, reader));
    let uri = reader.resolved(this, "uri-template");
    let legacy = uri.as_deref().and_then(|uri| uri.strip_prefix("legacy-encoding:"));
    let legacy_encoding = legacy.is_some();
    let template = match legacy.or(uri.as_deref()).map(HttpTemplate::parse) {
        Some(Err(message)) => {
            let message = format!("'uri-template' of <http> cannot be parsed: {message}");
            reader.error(Code::BAD_VALUE, this.place_of("uri-template"), message);
            return None;
        }
        Some(Ok(template)) => Some(template),
        None => None,
    };
    let method = this.attr("method").and_then(|text| known_method(child, text, reader));
    let http2 = version(child, reader)?;
    let push = child.child("serverPushSequence").filter(|_| http2);
    Some(HttpEndpoint {
        template,
        legacy_encoding,
        method,
        http2,
        server_push_sequence: push.map(|push| push.get().text().trim().to_owned()),
        authentication: match authentication {
            Some(None) => return None,
            Some(found) => found,
            None => None,
        },
        definition,
    })
}

fn known_method(child: &XmlElement, text: &str, reader: &mut Reader<'_>) -> Option<&'static str> {
    let found = METHODS.iter().find(|method| method.eq_ignore_ascii_case(text)).copied();
    if found.is_none() && !text.is_empty() {
        let message = format!("'{text}' is no HTTP method; the method of the incoming message is used");
        reader.warn(Code::BAD_VALUE, child.get().place_of("method"), message);
    }
    found
}

fn version(child: &XmlElement, reader: &mut Reader<'_>) -> Option<bool> {
    let Some(text) = child.get().attr("version") else { return Some(false) };
    reader.word(text, child.get().place_of("version"), "HTTP version", &[("1.1", false), ("2.0", true)])
}
