//! From request path to artifact: proxy services, then APIs and their resources, then `main`.
//!
//! Selection follows MI exactly, its traps included: versioned APIs are tried before unversioned ones
//! with longer contexts, the first API that fits is final, and 405 is given only when no resource of
//! the whole API takes the method.

mod cors;
mod resource;

pub use crate::message::facts::ApiFacts;
pub use cors::{ApiCors, Cors, method_list};
pub use resource::{Mapping, ResourceRoute, UrlMapping};

use crate::program::{ApiProgram, ProxyProgram};
use std::collections::HashMap;
use std::sync::Arc;

/// How the version of an API shows in the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionStrategy {
    /// No version.
    #[default]
    None,
    /// The segment after the context equals the version.
    Url,
    /// The context holds the version (already filled in).
    Context,
}

impl VersionStrategy {
    /// MI's name, empty for none.
    pub fn name(self) -> &'static str {
        match self {
            VersionStrategy::None => "",
            VersionStrategy::Url => "url",
            VersionStrategy::Context => "context",
        }
    }
}

/// An API as the router sees it.
#[derive(Debug)]
pub struct ApiRoute {
    /// Its program.
    pub program: Arc<ApiProgram>,
    /// Context and version, for the router and for the properties of a message.
    pub facts: Arc<ApiFacts>,
    /// How the version shows.
    pub strategy: VersionStrategy,
    /// Required host of the Host header.
    pub hostname: Option<String>,
    /// Required port of the Host header.
    pub port: Option<u16>,
    /// `Some(true)`: https only; `Some(false)`: http only.
    pub secure_only: Option<bool>,
    /// Listeners it is bound to; `default` is the main one.
    pub binds_to: Vec<String>,
    /// Its resources in order of declaration.
    pub resources: Vec<ResourceRoute>,
}

/// What the router needs to know of a request.
#[derive(Debug, Clone, Copy)]
pub struct Request<'r> {
    /// Method as received.
    pub method: &'r str,
    /// Path and query as received.
    pub target: &'r str,
    /// Host header.
    pub host: Option<&'r str>,
    /// Content-Type header, when there is a body.
    pub content_type: Option<&'r str>,
    /// User-Agent header.
    pub user_agent: Option<&'r str>,
    /// Came over TLS.
    pub secure: bool,
    /// Name of the listener: `default` or an inbound endpoint.
    pub listener: &'r str,
}

/// Who takes a request.
#[derive(Debug)]
pub enum Route<'p> {
    /// A resource of an API with the values of its template variables.
    Resource {
        /// The API.
        api: &'p ApiRoute,
        /// Index of the resource.
        resource: usize,
        /// Template variables.
        variables: Vec<(String, String)>,
        /// Path after context and version, with query.
        sub_path: &'p str,
    },
    /// The API fits, no resource does.
    Mismatch {
        /// The API.
        api: &'p ApiRoute,
        /// Path after context and version, with query.
        sub_path: &'p str,
        /// 404, 405 or 400.
        status: u16,
    },
    /// An OPTIONS request that the runtime answers itself.
    Options {
        /// The API.
        api: &'p ApiRoute,
        /// Index of the resource.
        resource: usize,
    },
    /// A proxy service with the rest of the path.
    Proxy {
        /// The proxy.
        proxy: &'p Arc<ProxyProgram>,
        /// Path and query after the service name.
        rest: &'p str,
    },
    /// `/services` itself.
    ServiceList,
    /// Nothing fits.
    Main,
}

/// All routes of a program.
#[derive(Debug, Default)]
pub struct Router {
    apis: Vec<ApiRoute>,
    by_context: HashMap<String, Vec<usize>>,
    any_versioned: bool,
    proxies: HashMap<String, Arc<ProxyProgram>>,
    services_prefix: String,
    /// Answers to preflights and the headers on every API response.
    pub cors: Cors,
}

impl Router {
    /// Builds the indexes. `service_path` is the URL prefix of proxies, normally `services`.
    pub fn new(apis: Vec<ApiRoute>, proxies: Vec<Arc<ProxyProgram>>, service_path: &str, cors: Cors) -> Self {
        let mut by_context: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, api) in apis.iter().enumerate() {
            by_context.entry(api.facts.context.clone()).or_default().push(index);
        }
        let proxies = proxies.into_iter().map(|p| (p.name.to_string(), p)).collect();
        Self {
            any_versioned: apis.iter().any(|api| api.strategy != VersionStrategy::None),
            apis,
            by_context,
            proxies,
            services_prefix: format!("/{}", service_path.trim_matches('/')),
            cors,
        }
    }

    /// Every API.
    pub fn apis(&self) -> &[ApiRoute] {
        &self.apis
    }

    /// A proxy by name.
    pub fn proxy(&self, name: &str) -> Option<&Arc<ProxyProgram>> {
        self.proxies.get(name)
    }

    /// Finds who takes the request.
    pub fn route<'p>(&'p self, request: &Request<'p>) -> Route<'p> {
        if let Some(route) = self.service(request) {
            return route;
        }
        let path = path_of(request.target);
        match self.select_api(path, request) {
            Some(api) => api.select_resource(request),
            None => Route::Main,
        }
    }

    fn service<'p>(&'p self, request: &Request<'p>) -> Option<Route<'p>> {
        let rest = request.target.strip_prefix(self.services_prefix.as_str())?;
        if request.listener != "default" {
            return None;
        }
        if matches!(path_of(rest), "" | "/") {
            return Some(Route::ServiceList);
        }
        let (proxy, rest) = self.service_at(request.target)?;
        Some(Route::Proxy { proxy, rest })
    }

    /// The proxy at a path with query, and what follows its name there. The name may hold slashes: the
    /// longest one that ends at a segment wins.
    pub fn service_at<'p>(&'p self, target: &'p str) -> Option<(&'p Arc<ProxyProgram>, &'p str)> {
        let names = target.strip_prefix(self.services_prefix.as_str())?.strip_prefix('/')?;
        let mut cut = path_of(names).len();
        loop {
            let name = names.get(..cut)?;
            if let Some(proxy) = self.proxies.get(name).or_else(|| self.proxies.get(base_service(name))) {
                return Some((proxy, names.get(cut..)?));
            }
            cut = name.rfind('/')?;
        }
    }

    fn select_api(&self, path: &str, request: &Request<'_>) -> Option<&ApiRoute> {
        let rounds: &[bool] = if self.any_versioned { &[true, false] } else { &[false] };
        rounds.iter().find_map(|&versioned| {
            prefixes(path)
                .filter_map(|prefix| self.by_context.get(prefix))
                .flatten()
                .filter_map(|index| self.apis.get(*index))
                .filter(|api| !versioned || api.strategy != VersionStrategy::None)
                .find(|api| api.accepts(path, request))
        })
    }
}

/// A service called with the suffix of one of its ports or operations: `Echo.EchoHttpSoap11Endpoint`.
fn base_service(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// What a request target is routed by: path and query, also of one that came as a whole URL.
pub(crate) fn path_and_query(target: &str) -> &str {
    let absolute = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    absolute.map_or(target, |rest| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"))
}

/// The path of a target, without query.
pub(crate) fn path_of(target: &str) -> &str {
    target.split(['?', '#']).next().unwrap_or(target)
}

/// Prefixes of a path that end at a segment, longest first, down to the empty one.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |prefix| prefix.rfind('/').and_then(|at| prefix.get(..at)))
}

impl ApiRoute {
    fn accepts(&self, path: &str, request: &Request<'_>) -> bool {
        let bound = self.binds_to.iter().any(|name| name == request.listener);
        let version = match self.strategy {
            VersionStrategy::Url => self.after_version(path).is_some(),
            _ => true,
        };
        bound && version && self.host_fits(request) && self.secure_only.is_none_or(|s| s == request.secure)
    }

    fn host_fits(&self, request: &Request<'_>) -> bool {
        if self.hostname.is_none() && self.port.is_none() {
            return true;
        }
        let Some(host) = request.host else { return false };
        let (name, port) = host.rsplit_once(':').unwrap_or((host, ""));
        let port = port.parse().unwrap_or(if request.secure { 443 } else { 80 });
        self.hostname.as_deref().is_none_or(|h| h == name) && self.port.is_none_or(|p| p == port)
    }

    /// What follows the version segment, for the `url` strategy.
    fn after_version<'t>(&self, target: &'t str) -> Option<&'t str> {
        let rest = target
            .get(self.facts.context.len()..)?
            .strip_prefix('/')?
            .strip_prefix(self.facts.version.as_str())?;
        (rest.is_empty() || rest.starts_with(['/', '?'])).then_some(rest)
    }

    /// The part of the target after context and version.
    pub fn sub_path<'t>(&self, target: &'t str) -> &'t str {
        let rest = match self.strategy {
            VersionStrategy::Url => self.after_version(target),
            _ => target.get(self.facts.context.len()..),
        };
        rest.unwrap_or("")
    }

    fn select_resource<'p>(&'p self, request: &Request<'p>) -> Route<'p> {
        let sub_path = self.sub_path(request.target);
        match resource::select(&self.resources, sub_path, request) {
            Ok((index, variables)) => {
                let answered = request.method == "OPTIONS" && !self.lists_options(index);
                if answered {
                    Route::Options { api: self, resource: index }
                } else {
                    Route::Resource { api: self, resource: index, variables, sub_path }
                }
            }
            Err(status) => Route::Mismatch { api: self, sub_path, status },
        }
    }

    fn lists_options(&self, index: usize) -> bool {
        self.resources.get(index).is_some_and(|r| r.methods.iter().any(|m| m == "OPTIONS"))
    }
}

#[cfg(test)]
mod tests;
