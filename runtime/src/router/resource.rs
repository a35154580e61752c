//! Which resource of an API takes a request.

use super::{Request, path_of};
use artifacts::uri_template::UriTemplate;
use regex::Regex;
use smallvec::SmallVec;
use std::sync::Arc;

/// A servlet-like mapping: exact path, `/prefix/*`, or `*.ext`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlMapping {
    /// The whole path, trailing slashes ignored.
    Exact(String),
    /// Whole segments before `/*`.
    Prefix(Vec<String>),
    /// Suffix after `*`.
    Extension(String),
}

/// What a resource's path looks like.
#[derive(Debug)]
pub enum Mapping {
    /// `url-mapping`.
    Url(UrlMapping),
    /// `uri-template`.
    Template(UriTemplate),
    /// Neither: takes what the others leave.
    Default,
}

/// A resource as the router sees it.
#[derive(Debug)]
pub struct ResourceRoute {
    /// Listed methods; empty means all.
    pub methods: Vec<String>,
    /// Its mapping.
    pub mapping: Mapping,
    /// Mapping as written.
    pub pattern: Arc<str>,
    /// `Some(true)`: https only.
    pub secure_only: Option<bool>,
    /// Required Content-Type, whole value.
    pub content_type: Option<String>,
    /// Pattern of the whole User-Agent header.
    pub user_agent: Option<Regex>,
    /// Listeners it is bound to; empty: those of the API.
    pub binds_to: Vec<String>,
}

impl UrlMapping {
    /// Reads a `url-mapping` as MI does.
    pub fn parse(text: &str) -> Self {
        if let Some(prefix) = text.strip_suffix("/*") {
            return UrlMapping::Prefix(
                prefix.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect(),
            );
        }
        match text.strip_prefix('*') {
            Some(extension) if extension.starts_with('.') => UrlMapping::Extension(extension.to_owned()),
            _ => UrlMapping::Exact(text.trim_end_matches('/').to_owned()),
        }
    }
}

impl ResourceRoute {
    fn is_candidate(&self, request: &Request<'_>) -> bool {
        self.takes_method(request.method) && self.other_conditions(request)
    }

    fn takes_method(&self, method: &str) -> bool {
        method == "OPTIONS" || self.methods.is_empty() || self.methods.iter().any(|m| m == method)
    }

    fn other_conditions(&self, request: &Request<'_>) -> bool {
        self.secure_only.is_none_or(|secure| secure == request.secure)
            && (self.binds_to.is_empty() || self.binds_to.iter().any(|name| name == request.listener))
            && (self.content_type.is_none()
                || request.content_type.is_none()
                || self.content_type.as_deref() == request.content_type)
            && self
                .user_agent
                .as_ref()
                .is_none_or(|r| request.user_agent.is_some_and(|agent| r.is_match(agent)))
    }

    fn only_options(&self) -> bool {
        matches!(self.methods.as_slice(), [only] if only == "OPTIONS")
    }
}

type Found = (usize, Vec<(String, String)>);

/// Indexes of resources; most APIs have few.
type Indexes = SmallVec<[usize; 8]>;

/// The resource that takes the request, or the status of the refusal.
pub(super) fn select(
    resources: &[ResourceRoute],
    sub_path: &str,
    request: &Request<'_>,
) -> Result<Found, u16> {
    // The context alone is its root; the context with a query right behind it matches nothing, as in MI.
    let whole = if sub_path.is_empty() { "/" } else { sub_path };
    let mut options = Indexes::new();
    let mut others = Indexes::new();
    for (index, resource) in resources.iter().enumerate().filter(|(_, r)| r.is_candidate(request)) {
        if resource.only_options() { options.push(index) } else { others.push(index) }
    }
    if options.is_empty() && others.is_empty() {
        return Err(refusal(resources, whole, request));
    }
    let options_first = if request.method == "OPTIONS" { dispatch(resources, &options, whole) } else { None };
    options_first
        .or_else(|| dispatch(resources, &others, whole))
        .or_else(|| dispatch(resources, &options, whole))
        .ok_or(404)
}

fn refusal(resources: &[ResourceRoute], sub_path: &str, request: &Request<'_>) -> u16 {
    let all: Vec<usize> = (0..resources.len()).collect();
    match dispatch(resources, &all, sub_path) {
        None => 404,
        Some((index, _)) if !resources[index].takes_method(request.method) => 405,
        Some(_) => 400,
    }
}

/// MI's dispatchers in their order: url-mapping, uri-template, default.
fn dispatch(resources: &[ResourceRoute], candidates: &[usize], sub_path: &str) -> Option<Found> {
    by_url_mapping(resources, candidates, path_of(sub_path))
        .map(|index| (index, Vec::new()))
        .or_else(|| by_template(resources, candidates, sub_path))
        .or_else(|| {
            let default = candidates.iter().find(|i| matches!(resources[**i].mapping, Mapping::Default));
            default.map(|index| (*index, Vec::new()))
        })
}

fn by_url_mapping(resources: &[ResourceRoute], candidates: &[usize], path: &str) -> Option<usize> {
    let mappings = || {
        candidates.iter().filter_map(|index| match &resources[*index].mapping {
            Mapping::Url(mapping) => Some((*index, mapping)),
            _ => None,
        })
    };
    mappings().next()?;
    let bare = path.trim_end_matches('/');
    let exact = mappings().find(|(_, m)| matches!(m, UrlMapping::Exact(text) if text == bare));
    if let Some((index, _)) = exact {
        return Some(index);
    }
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let mut longest: Option<(usize, usize)> = None;
    for (index, mapping) in mappings() {
        if let UrlMapping::Prefix(prefix) = mapping
            && prefix.len() <= segments.len()
            && prefix.iter().zip(&segments).all(|(a, b)| a == b)
        {
            // `/*` counts as one segment, so it ties with a one-segment prefix: the first declared wins.
            let length = prefix.len().max(1);
            if longest.is_none_or(|(best, _)| length > best) {
                longest = Some((length, index));
            }
        }
    }
    longest.map(|(_, index)| index).or_else(|| {
        mappings()
            .find(|(_, m)| matches!(m, UrlMapping::Extension(e) if path.ends_with(e.as_str())))
            .map(|(i, _)| i)
    })
}

fn by_template(resources: &[ResourceRoute], candidates: &[usize], sub_path: &str) -> Option<Found> {
    candidates.iter().find_map(|index| match &resources[*index].mapping {
        Mapping::Template(template) => template.matches(sub_path).map(|variables| (*index, variables)),
        _ => None,
    })
}
