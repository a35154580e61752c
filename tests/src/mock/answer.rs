//! From a received request to the scripted answer: the first route that fits, else the default.

use std::time::Duration;

use serde_json::Value;

use super::{Received, Shared, locked};
use crate::json::{self, list, members, truthy};
use crate::wire::{Headers, values};
use crate::{check, pattern};

/// What is sent back.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Body,
    pub(super) delay: Duration,
    pub(super) chunked: bool,
}

/// The body of an answer, or what happens instead of one.
#[derive(Debug)]
pub(super) enum Body {
    Bytes(Vec<u8>),
    /// The bytes of the whole answer, with a pause after every 500 of them; then the end.
    Raw {
        bytes: Vec<u8>,
        pause: Duration,
    },
    /// No answer, the connection ends.
    Close,
}

impl Default for Body {
    fn default() -> Self {
        Body::Bytes(Vec::new())
    }
}

impl Answer {
    /// An answer with a content type and a text body.
    pub(super) fn text(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Answer {
        let headers = vec![("Content-Type".to_owned(), content_type.to_owned())];
        Answer { status, headers, body: Body::Bytes(body.into()), ..Answer::default() }
    }
}

impl Shared {
    /// Chooses the answer to a request and counts the route that gave it.
    pub(super) fn answer(&self, request: &Received) -> Answer {
        let spec = locked(&self.spec).clone();
        match spec.get("builtin").and_then(Value::as_str) {
            Some("echo") => return echo(number(spec.get("status"), 200), request),
            Some("stockquote") => return self.stockquote(request),
            Some("lbservice") => return lbservice(&spec, request),
            _ => {}
        }
        for (i, route) in list(spec.get("routes")).into_iter().enumerate() {
            if !fits(route, request) {
                continue;
            }
            let mut used = locked(&self.used);
            let count = used.entry(i).or_default();
            if route.get("times").and_then(Value::as_u64).is_some_and(|most| *count >= most) {
                continue;
            }
            *count += 1;
            return respond(route.get("respond").unwrap_or(&Value::Null), request);
        }
        match spec.get("default") {
            Some(default) if truthy(Some(default)) => respond(default, request),
            _ => Answer { status: 404, ..Answer::default() },
        }
    }
}

fn lbservice(spec: &Value, request: &Received) -> Answer {
    super::samples::lbservice(&spec.get("server_name").map(json::text).unwrap_or_default(), request)
}

fn number(v: Option<&Value>, default: u16) -> u16 {
    v.and_then(|v| json::text(v).parse().ok()).unwrap_or(default)
}

fn echo(status: u16, request: &Received) -> Answer {
    let content_type =
        values(&request.headers, "Content-Type").first().copied().unwrap_or("text/plain").to_owned();
    Answer::text(status, &content_type, request.body.clone())
}

fn fits(route: &Value, request: &Received) -> bool {
    let said = |key: &str| route.get(key).map(json::text);
    let when = route.get("when").unwrap_or(&Value::Null);
    let body = String::from_utf8_lossy(&request.body);
    said("method").is_none_or(|m| m.to_uppercase() == request.method)
        && said("path").is_none_or(|p| p == request.path())
        && said("path_matches").is_none_or(|p| pattern::full(&p, request.path()).unwrap_or(false))
        && members(when.get("headers")).all(|(k, v)| check::header_fits(&values(&request.headers, k), v))
        && list(when.get("body_contains")).into_iter().all(|t| body.contains(&json::text(t)))
        && list(when.get("target_contains")).into_iter().all(|t| request.target.contains(&json::text(t)))
}

fn respond(spec: &Value, request: &Received) -> Answer {
    let mut answer = Answer {
        status: number(spec.get("status"), 200),
        delay: millis(spec.get("delay_ms")),
        chunked: truthy(spec.get("chunked")),
        ..Answer::default()
    };
    if truthy(spec.get("close")) {
        answer.body = Body::Close;
        return answer;
    }
    if let Some(raw) = spec.get("raw") {
        answer.body = Body::Raw { bytes: json::text(raw).into_bytes(), pause: millis(spec.get("slow_ms")) };
        return answer;
    }
    let mut implied = None;
    let mut body = spec.get("body").map(json::text).unwrap_or_default().into_bytes();
    if truthy(spec.get("echo")) {
        body.clone_from(&request.body);
        implied = Some(
            values(&request.headers, "Content-Type").first().copied().unwrap_or("text/plain").to_owned(),
        );
    }
    if let Some(value) = spec.get("json") {
        body = json::dumps(value).into_bytes();
        implied = Some(implied.unwrap_or_else(|| "application/json".to_owned()));
    }
    answer.body = Body::Bytes(body);
    answer.headers = match (spec.get("headers"), implied) {
        (Some(given), _) => given_headers(given),
        (None, Some(content_type)) => vec![("Content-Type".to_owned(), content_type)],
        (None, None) => Vec::new(),
    };
    answer
}

fn given_headers(given: &Value) -> Headers {
    let one = |(name, value): (&String, &Value)| -> Headers {
        match value {
            Value::Array(many) => many.iter().map(|v| (name.clone(), json::text(v))).collect(),
            single => vec![(name.clone(), json::text(single))],
        }
    };
    members(Some(given)).flat_map(one).collect()
}

fn millis(v: Option<&Value>) -> Duration {
    Duration::from_secs_f64(json::number(v, 0.0).max(0.0) / 1000.0)
}
