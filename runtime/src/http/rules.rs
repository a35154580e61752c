//! Headers that do not pass through: what belongs to one connection, or is the transport's to say.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// Removed on both sides unless listed in `preserve_http_headers`; `Transfer-Encoding` always.
const REMOVED: [HeaderName; 6] = [
    header::CONNECTION,
    KEEP_ALIVE,
    header::CONTENT_LENGTH,
    header::DATE,
    header::SERVER,
    header::USER_AGENT,
];

/// `User-Agent` of requests to backends when the client's is not preserved.
const USER_AGENT: HeaderValue = HeaderValue::from_static("Synapse-PT-HttpComponents-NIO");
/// `Server` of answers that have none of a backend.
pub(super) const SERVER: HeaderValue = HeaderValue::from_static("WSO2-PassThrough-HTTP");

/// Which of the usually removed headers pass through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderRules {
    removed: Vec<HeaderName>,
}

impl Default for HeaderRules {
    /// MI's: the `Server` of a backend passes.
    fn default() -> Self {
        Self::preserving(["server"])
    }
}

impl HeaderRules {
    /// The headers of these names pass, in any case.
    pub fn preserving<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.into_iter().map(str::trim).collect();
        let passes = |name: &HeaderName| names.iter().any(|given| given.eq_ignore_ascii_case(name.as_str()));
        Self { removed: REMOVED.into_iter().filter(|name| !passes(name)).collect() }
    }

    /// Drops what does not pass.
    pub(super) fn clean(&self, headers: &mut HeaderMap) {
        headers.remove(header::TRANSFER_ENCODING);
        for name in &self.removed {
            headers.remove(name);
        }
    }

    /// [`Self::clean`] for a request to a backend, which then names the runtime.
    pub(super) fn clean_request(&self, headers: &mut HeaderMap) {
        self.clean(headers);
        // An expectation is between two neighbours, and so is an upgrade.
        headers.remove(header::EXPECT);
        headers.remove(header::UPGRADE);
        headers.entry(header::USER_AGENT).or_insert(USER_AGENT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> HeaderMap {
        let names = ["connection", "keep-alive", "date", "server", "user-agent", "transfer-encoding", "x-a"];
        names.iter().map(|n| (HeaderName::from_static(n), HeaderValue::from_static("v"))).collect()
    }

    #[test]
    fn connection_headers_do_not_pass() {
        let mut headers = sample();
        HeaderRules::default().clean_request(&mut headers);
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["server", "user-agent", "x-a"]);
        assert_eq!(headers["user-agent"], "Synapse-PT-HttpComponents-NIO");
    }

    #[test]
    fn listed_headers_pass() {
        let mut headers = sample();
        HeaderRules::preserving(["User-Agent", " Date ", "no name", "Transfer-Encoding"])
            .clean_request(&mut headers);
        assert_eq!(headers["user-agent"], "v");
        assert!(headers.contains_key("date") && !headers.contains_key("server"));
        assert!(!headers.contains_key("transfer-encoding"));
    }
}
