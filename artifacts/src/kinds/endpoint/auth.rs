//! `<authentication>` of an HTTP endpoint: basic credentials or an OAuth grant.

use crate::diagnostics::Code;
use crate::kinds::expression::{self, Value};
use crate::read::Reader;
use crate::values;
use crate::xml::XmlElement;

/// How an HTTP endpoint authenticates itself.
#[derive(Debug, Clone)]
pub enum Authentication {
    /// `Authorization: Basic` with each request.
    Basic {
        /// User.
        username: Value,
        /// Password.
        password: Value,
    },
    /// A bearer token from a token endpoint.
    OAuth(Box<OAuth>),
}

/// An OAuth configuration. All texts may be expressions in braces.
#[derive(Debug, Clone)]
pub struct OAuth {
    /// The grant.
    pub grant: Grant,
    /// Client.
    pub client_id: Value,
    /// Its secret.
    pub client_secret: Value,
    /// Where tokens are had.
    pub token_url: Value,
    /// Client credentials go into the body instead of a header.
    pub credentials_in_payload: bool,
    /// Further form fields of the token request.
    pub request_parameters: Vec<(String, Value)>,
    /// Further headers of the token request.
    pub custom_headers: Vec<(String, Value)>,
    /// Time to connect, in milliseconds.
    pub connection_timeout_ms: Option<i32>,
    /// Time to get a pooled connection, in milliseconds.
    pub connection_request_timeout_ms: Option<i32>,
    /// Time to wait for the answer, in milliseconds.
    pub socket_timeout_ms: Option<i32>,
    /// The three times come from the server's settings.
    pub global_timeouts: bool,
    /// The proxy comes from the server's settings.
    pub global_proxy: bool,
    /// A proxy for token requests.
    pub proxy: Option<OAuthProxy>,
}

/// OAuth grants.
#[derive(Debug, Clone)]
pub enum Grant {
    /// `grant_type=client_credentials`.
    ClientCredentials,
    /// `grant_type=refresh_token`.
    AuthorizationCode {
        /// The refresh token.
        refresh_token: Value,
    },
    /// `grant_type=password`.
    Password {
        /// User.
        username: Value,
        /// Password.
        password: Value,
    },
}

/// A proxy for token requests.
#[derive(Debug, Clone)]
pub struct OAuthProxy {
    /// Host.
    pub host: String,
    /// Port.
    pub port: String,
    /// `http` or `https`.
    pub protocol: String,
    /// User.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
}

/// Reads `<authentication>`; `None` was reported.
pub(super) fn read(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Authentication> {
    let mark = reader.diagnostics.len();
    let found = if let Some(oauth) = element.child("oauth") {
        read_oauth(&oauth, reader)
    } else if let Some(basic) = element.child("basicAuth") {
        let username = required(&basic, "username", reader);
        let password = required(&basic, "password", reader);
        username.zip(password).map(|(username, password)| Authentication::Basic { username, password })
    } else {
        None
    };
    if found.is_none() && !reader.diagnostics.has_errors_since(mark) {
        let message = "<authentication> needs <oauth> or <basicAuth>";
        reader.error(Code::MISSING_CHILD, element.get().place(), message);
    }
    found
}

const GRANTS: [&str; 3] = ["authorizationCode", "clientCredentials", "passwordCredentials"];

fn read_oauth(element: &XmlElement, reader: &mut Reader<'_>) -> Option<Authentication> {
    let grants: Vec<XmlElement> = GRANTS.iter().filter_map(|name| element.child(name)).collect();
    let [config] = grants.as_slice() else {
        let message = format!("<oauth> needs exactly one of {}; found {}", GRANTS.join(", "), grants.len());
        reader.error(Code::MISSING_CHILD, element.get().place(), message);
        return None;
    };
    let client_id = required(config, "clientId", reader);
    let client_secret = required(config, "clientSecret", reader);
    let token_url = required(config, "tokenUrl", reader);
    let grant = match config.get().local() {
        "clientCredentials" => Some(Grant::ClientCredentials),
        "authorizationCode" => required(config, "refreshToken", reader)
            .map(|refresh_token| Grant::AuthorizationCode { refresh_token }),
        _ => required(config, "username", reader)
            .zip(required(config, "password", reader))
            .map(|(username, password)| Grant::Password { username, password }),
    };
    let proxy = proxy(config, reader);
    let flag = |name: &str| text(config, name).is_some_and(|text| values::java_bool(&text));
    let millis = |name: &str| text(config, name).and_then(|text| values::java_int(text.trim()));
    Some(Authentication::OAuth(Box::new(OAuth {
        request_parameters: pairs(config, "requestParameters", "parameter", reader),
        custom_headers: pairs(config, "customHeaders", "header", reader),
        grant: grant?,
        client_id: client_id?,
        client_secret: client_secret?,
        token_url: token_url?,
        credentials_in_payload: text(config, "authMode")
            .is_some_and(|mode| mode.eq_ignore_ascii_case("payload")),
        connection_timeout_ms: millis("connectionTimeout"),
        connection_request_timeout_ms: millis("connectionRequestTimeout"),
        socket_timeout_ms: millis("socketTimeout"),
        global_timeouts: flag("useGlobalConnectionTimeoutConfigs"),
        global_proxy: flag("useGlobalProxyConfigs"),
        proxy: proxy?,
    })))
}

fn text(parent: &XmlElement, name: &str) -> Option<String> {
    parent.child(name).map(|child| child.get().text().trim().to_owned()).filter(|text| !text.is_empty())
}

fn required(parent: &XmlElement, name: &str, reader: &mut Reader<'_>) -> Option<Value> {
    let Some(text) = text(parent, name) else {
        let message = format!("<{}> needs <{name}> with a text", parent.get().local());
        reader.error(Code::MISSING_CHILD, parent.get().place(), message);
        return None;
    };
    let child = parent.child(name)?;
    let text = reader.resolve(&text, child.get().place());
    expression::value(reader, &text, &child, child.get().span())
}

fn pairs(parent: &XmlElement, list: &str, item: &str, reader: &mut Reader<'_>) -> Vec<(String, Value)> {
    let items = parent.child(list).map(|list| list.children_named(item)).unwrap_or_default();
    let read = |child: &XmlElement| {
        let name = reader.required(child.get(), "name")?;
        let text = reader.resolve(child.get().text().trim(), child.get().place());
        expression::value(reader, &text, child, child.get().span()).map(|value| (name, value))
    };
    items.iter().filter_map(read).collect()
}

/// `None` was reported; `Some(None)`: no proxy.
fn proxy(config: &XmlElement, reader: &mut Reader<'_>) -> Option<Option<OAuthProxy>> {
    let Some(element) = config.child("proxyConfigs").filter(|p| p.get().first().is_some()) else {
        return Some(None);
    };
    let mut part = |name: &str| {
        let found = text(&element, name);
        if found.is_none() {
            let message = format!("<proxyConfigs> needs <{name}>");
            reader.error(Code::MISSING_CHILD, element.get().place(), message);
        }
        found
    };
    let (host, port, protocol) = (part("proxyHost"), part("proxyPort"), part("proxyProtocol"));
    Some(Some(OAuthProxy {
        host: host?,
        port: port?,
        protocol: protocol?,
        username: text(&element, "proxyUsername"),
        password: text(&element, "proxyPassword"),
    }))
}
