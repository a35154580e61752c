//! Where a request goes: scheme, host and port of an absolute URL, and what follows them.

use std::fmt;

/// Origin of a URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// `https`?
    pub secure: bool,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port, filled in by scheme when the URL has none.
    pub port: u16,
    /// As which client of an SSL profile; connections of different clients are kept apart.
    pub client: Option<String>,
}

/// Why a URL cannot be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// No `scheme://`.
    #[error("'{0}' is no absolute URL: http://host[:port]/path is expected")]
    NotAbsolute(String),
    /// Neither http nor https.
    #[error("the scheme of '{0}' is not http or https")]
    Scheme(String),
    /// No host, or a port that is no number.
    #[error("'{0}' has no usable host and port")]
    Authority(String),
}

impl Target {
    /// Splits a URL into scheme with authority, as written, and the path with query (`/` when there is
    /// none), without looking whether they are any good. The fragment is dropped.
    pub(super) fn split(url: &str) -> (&str, &str) {
        let at = |wanted: &[u8], from: usize| {
            let rest = url.as_bytes().iter().enumerate().skip(from);
            rest.map(|(at, byte)| (at, *byte)).find(|(_, byte)| wanted.contains(byte)).map(|(at, _)| at)
        };
        let end = at(b"#", 0).unwrap_or(url.len());
        let colon = at(b":", 0).filter(|at| url.get(*at..).is_some_and(|rest| rest.starts_with("://")));
        let authority = colon.map_or(0, |at| at + 3);
        let path = at(b"/?", authority).unwrap_or(end).min(end);
        let (spelled, path) = (url.get(..path).unwrap_or(url), url.get(path..end).unwrap_or_default());
        (spelled, if path.is_empty() { "/" } else { path })
    }

    /// Splits a URL into its origin and the path with query (`/` when there is none). User
    /// information and fragment are dropped.
    pub fn parse(url: &str) -> Result<(Self, &str), TargetError> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| TargetError::NotAbsolute(url.to_owned()))?;
        let secure = if scheme.eq_ignore_ascii_case("http") {
            false
        } else if scheme.eq_ignore_ascii_case("https") {
            true
        } else {
            return Err(TargetError::Scheme(url.to_owned()));
        };
        let rest = rest.split('#').next().unwrap_or(rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = split_authority(authority, if secure { 443 } else { 80 })
            .ok_or_else(|| TargetError::Authority(url.to_owned()))?;
        let target = Self { secure, host: host.to_owned(), port, client: None };
        Ok((target, if path.is_empty() { "/" } else { path }))
    }

    /// Value of the Host header: the port is left out when it is the scheme's own.
    pub fn authority(&self) -> String {
        let bracket = self.host.contains(':');
        match (bracket, self.has_default_port()) {
            (false, true) => self.host.clone(),
            (false, false) => format!("{}:{}", self.host, self.port),
            (true, true) => format!("[{}]", self.host),
            (true, false) => format!("[{}]:{}", self.host, self.port),
        }
    }

    fn has_default_port(&self) -> bool {
        self.port == if self.secure { 443 } else { 80 }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

fn split_authority(authority: &str, default: u16) -> Option<(&str, u16)> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        (host, rest.strip_prefix(':'))
    } else {
        match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    if host.is_empty() {
        return None;
    }
    match port {
        None | Some("") => Some((host, default)),
        Some(port) => Some((host, port.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_split_into_origin_and_path() {
        for (url, host, port, path) in [
            ("http://a", "a", 80, "/"),
            ("https://a:8243/x?y=1", "a", 8243, "/x?y=1"),
            ("HTTP://u:p@h:1?q", "h", 1, "?q"),
            ("http://[::1]:9/x#frag", "::1", 9, "/x"),
        ] {
            let (target, rest) = Target::parse(url).unwrap();
            assert_eq!((target.host.as_str(), target.port, rest), (host, port, path));
            assert_eq!(Target::split(url).1, path);
        }
        for bad in ["/x", "a:80", "jms://q", "http://", "http://h:x/"] {
            assert!(Target::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_host_header_names_unusual_ports_only() {
        let authority = |url| Target::parse(url).unwrap().0.authority();
        assert_eq!(authority("http://h/"), "h");
        assert_eq!(authority("https://h:443/"), "h");
        assert_eq!(authority("http://[::1]:81/"), "[::1]:81");
    }
}
