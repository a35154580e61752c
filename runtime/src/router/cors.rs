//! Cross-origin headers as MI's global CORS settings give them.

use crate::message::Message;
use http::HeaderValue;
use http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN};

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

/// Declared methods without OPTIONS; MI's four when none are declared.
pub fn method_list(methods: &[String]) -> String {
    if methods.is_empty() {
        return "GET, POST, PUT, DELETE".to_owned();
    }
    methods.iter().filter(|m| *m != "OPTIONS").cloned().collect::<Vec<_>>().join(", ")
}
