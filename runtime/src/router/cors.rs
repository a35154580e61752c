//! Cross-origin headers as MI's global CORS settings give them, or the handler of an API.

use crate::message::Message;
use http::HeaderValue;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
};
use regex::Regex;

/// `synapse.rest.CORSConfig.*`. By default enabled with no origin allowed, so that preflights get 403.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Are headers added at all?
    pub enabled: bool,
    /// Allowed origins; `*` admits everyone.
    pub origins: Vec<String>,
    /// Value of `Access-Control-Allow-Headers`.
    pub headers: HeaderValue,
}

impl Default for Cors {
    fn default() -> Self {
        Self { enabled: true, origins: Vec::new(), headers: HeaderValue::from_static("") }
    }
}

impl Cors {
    /// Value of `Access-Control-Allow-Origin` for a request's Origin; empty when it is not allowed.
    pub fn allow_origin(&self, origin: Option<&HeaderValue>) -> HeaderValue {
        if self.origins.iter().any(|o| o == "*") {
            return HeaderValue::from_static("*");
        }
        let allowed = |o: &&HeaderValue| self.origins.iter().any(|known| known.as_bytes() == o.as_bytes());
        origin.filter(allowed).cloned().unwrap_or_else(|| HeaderValue::from_static(""))
    }

    /// Puts the three headers on a response.
    pub fn apply(&self, response: &mut Message, methods: &HeaderValue) {
        if self.enabled {
            let origin = self.allow_origin(response.dispatch.origin.as_ref());
            let headers = response.headers.map_mut();
            headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods.clone());
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, self.headers.clone());
        }
    }
}

/// The handler of one API, in the place of the global settings:
///
/// ```xml
/// <handler class="org.wso2.micro.integrator.security.handler.CORSRequestHandler">
///   <property name="allowedOrigins" value="https://example.com,*.example.org"/>
/// </handler>
/// ```
///
/// `*` in an origin stands for any part of it, and alone for every origin; without a scheme an origin
/// is compared with the host. An origin that is not allowed gets no header at all.
#[derive(Debug)]
pub struct ApiCors {
    origins: Vec<Regex>,
    headers: Option<HeaderValue>,
    methods: Option<HeaderValue>,
    credentials: bool,
    max_age: Option<HeaderValue>,
}

impl ApiCors {
    /// Reads `allowedOrigins`, `allowHeaders`, `allowedMethods`, `allowCredentials` and `maxAge`.
    pub fn of(properties: &[(String, String)]) -> Self {
        let text =
            |name: &str| properties.iter().rev().find(|(known, _)| known == name).map(|(_, v)| v.trim());
        let value = |name: &str| text(name).and_then(|text| HeaderValue::from_str(text).ok());
        let origins = text("allowedOrigins").unwrap_or_default().split(',').map(str::trim);
        Self {
            origins: origins.filter(|origin| !origin.is_empty()).filter_map(pattern).collect(),
            headers: value("allowHeaders"),
            methods: value("allowedMethods"),
            credentials: text("allowCredentials") == Some("true"),
            max_age: value("maxAge"),
        }
    }

    /// Puts the headers on a response, if the request's origin is allowed. `methods` are those of the
    /// resource, for a handler that names none.
    pub fn apply(&self, response: &mut Message, methods: &HeaderValue) {
        let Some(origin) = response.dispatch.origin.clone().filter(|origin| self.allows(origin)) else {
            return;
        };
        let headers = response.headers.map_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, self.methods.as_ref().unwrap_or(methods).clone());
        if let Some(value) = &self.headers {
            headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, value.clone());
        }
        if self.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        if let Some(value) = &self.max_age {
            headers.insert(ACCESS_CONTROL_MAX_AGE, value.clone());
        }
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        origin.to_str().is_ok_and(|origin| self.origins.iter().any(|known| known.is_match(origin)))
    }
}

fn pattern(origin: &str) -> Option<Regex> {
    let scheme = if origin.contains("://") || origin == "*" { "" } else { "[^/]+://" };
    let any = if origin == "*" { ".*" } else { "[^/]*" };
    Regex::new(&format!("^{scheme}{}$", regex::escape(origin).replace(r"\*", any))).ok()
}

/// Declared methods without OPTIONS; MI's four when none are declared.
pub fn method_list(methods: &[String]) -> String {
    if methods.is_empty() {
        return "GET, POST, PUT, DELETE".to_owned();
    }
    methods.iter().filter(|m| *m != "OPTIONS").cloned().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(patterns: &str, origin: &'static str) -> bool {
        let cors = ApiCors::of(&[("allowedOrigins".to_owned(), patterns.to_owned())]);
        cors.allows(&HeaderValue::from_static(origin))
    }

    #[test]
    fn origins_and_patterns() {
        assert!(allows("https://a.org, https://b.org", "https://b.org"));
        assert!(!allows("https://a.org", "http://a.org"));
        assert!(!allows("https://a.org", "https://a.org.evil.org"));
        assert!(allows("*.a.org", "https://x.a.org") && allows("https://*.a.org", "https://x.a.org"));
        assert!(!allows("*.a.org", "https://xa.org") && !allows("*.a.org", "https://x.a.org.evil.org"));
        assert!(allows("*", "https://anything.org:8443"));
        assert!(!allows("", "https://a.org"));
    }
}
