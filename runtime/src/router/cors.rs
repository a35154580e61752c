//! Cross-origin headers as MI's global CORS settings give them.

use crate::message::Headers;

/// `synapse.rest.CORSConfig.*`. By default enabled with no origin allowed, so that preflights get 403.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Are headers added at all?
    pub enabled: bool,
    /// Allowed origins; `*` admits everyone.
    pub origins: Vec<String>,
    /// Value of `Access-Control-Allow-Headers`.
    pub headers: String,
}

impl Default for Cors {
    fn default() -> Self {
        Self { enabled: true, origins: Vec::new(), headers: String::new() }
    }
}

impl Cors {
    /// Value of `Access-Control-Allow-Origin` for a request's Origin; empty when it is not allowed.
    pub fn allow_origin(&self, origin: Option<&str>) -> String {
        if self.origins.iter().any(|o| o == "*") {
            return "*".to_owned();
        }
        origin.filter(|o| self.origins.iter().any(|allowed| allowed == o)).unwrap_or_default().to_owned()
    }

    /// Puts the three headers on a response.
    pub fn apply(&self, headers: &mut Headers, origin: Option<&str>, methods: &[String]) {
        if self.enabled {
            headers.set("Access-Control-Allow-Methods", &method_list(methods));
            headers.set("Access-Control-Allow-Origin", &self.allow_origin(origin));
            headers.set("Access-Control-Allow-Headers", &self.headers);
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
