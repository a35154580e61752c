//! An address in its parts, as `java.net.URI` cuts it and puts it together.

use crate::errors::Fault;
use std::fmt::Write as _;

/// A part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fragment {
    Protocol,
    User,
    Host,
    Port,
    Path,
    Query,
    Ref,
}

/// The parts, percent escapes resolved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) protocol: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) path: Option<String>,
    pub(crate) query: Option<String>,
    pub(crate) reference: Option<String>,
}

impl Parts {
    /// Cuts an address. An empty path counts as none.
    pub(crate) fn parse(text: &str) -> Result<Self, Fault> {
        if text.contains(|c: char| c.is_whitespace() || c.is_control() || "\"<>\\^`{|}".contains(c)) {
            return Err(Fault::new(format!("Malformed input URI: {text}")));
        }
        let (rest, reference) = split_off(text, '#');
        let (rest, query) = split_off(rest, '?');
        let mut parts =
            Self { reference: reference.map(decode), query: query.map(decode), ..Self::default() };
        let rest = match rest.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => {
                parts.protocol = Some(scheme.to_owned());
                rest
            }
            _ => rest,
        };
        let path = match rest.strip_prefix("//") {
            Some(after) => {
                let end = after.find('/').unwrap_or(after.len());
                let (authority, path) = after.split_at(end);
                parts.authority(authority);
                path
            }
            None => rest,
        };
        parts.path = (!path.is_empty()).then(|| decode(path));
        Ok(parts)
    }

    fn authority(&mut self, authority: &str) {
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(decode(user)), host),
            None => (None, authority),
        };
        self.user = user;
        let (host, port) = match host.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (name, port.parse().ok()),
            _ => (host, None),
        };
        self.port = port;
        self.host = (!host.is_empty()).then(|| host.to_owned());
    }

    /// A part as text; the port has no text form here.
    pub(crate) fn get(&self, fragment: Fragment) -> Option<&str> {
        match fragment {
            Fragment::Protocol => self.protocol.as_deref(),
            Fragment::User => self.user.as_deref(),
            Fragment::Host => self.host.as_deref(),
            Fragment::Path => self.path.as_deref(),
            Fragment::Query => self.query.as_deref(),
            Fragment::Ref => self.reference.as_deref(),
            Fragment::Port => None,
        }
    }

    /// Sets a part.
    pub(crate) fn set(&mut self, fragment: Fragment, value: Option<String>) {
        let slot = match fragment {
            Fragment::Protocol => &mut self.protocol,
            Fragment::User => &mut self.user,
            Fragment::Host => &mut self.host,
            Fragment::Path => &mut self.path,
            Fragment::Query => &mut self.query,
            Fragment::Ref => &mut self.reference,
            Fragment::Port => return,
        };
        *slot = value;
    }

    /// The address. A path beside a scheme or host has to begin with a slash.
    pub(crate) fn to_text(&self) -> Result<String, Fault> {
        let fault = |why: String| Fault::new("Error while constructing a URI from the fragments").detail(why);
        let mut out = String::new();
        if let Some(protocol) = &self.protocol {
            if !is_scheme(protocol) {
                return Err(fault(format!("'{protocol}' is no protocol")));
            }
            out.push_str(protocol);
            out.push(':');
        }
        let host = self.host.as_deref().unwrap_or_default();
        // Without a host the port is kept for the next rule, which may set one.
        if !host.is_empty() || self.port.is_some() {
            out.push_str("//");
            if let Some(user) = &self.user {
                encode(user, ";:&=+$,", &mut out);
                out.push('@');
            }
            out.push_str(host);
            if let Some(port) = self.port {
                // Writing to a String cannot fail.
                let _ = write!(out, ":{port}");
            }
        }
        if let Some(path) = &self.path {
            if self.protocol.is_some() && !path.is_empty() && !path.starts_with('/') {
                return Err(fault(format!("Relative path in absolute URI: {path}")));
            }
            encode(path, ";:@&=+$,/", &mut out);
        }
        if let Some(query) = &self.query {
            out.push('?');
            encode(query, ";:@&=+$,/?[]", &mut out);
        }
        if let Some(reference) = &self.reference {
            out.push('#');
            encode(reference, ";:@&=+$,/?[]", &mut out);
        }
        Ok(out)
    }
}

fn split_off(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// Percent escapes as UTF-8; broken ones stay.
pub(crate) fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = tail.get(..2).filter(|_| *first == b'%');
        let value = escaped
            .and_then(|hex| std::str::from_utf8(hex).ok())
            .and_then(|h| u8::from_str_radix(h, 16).ok());
        match value {
            Some(value) => {
                bytes.push(value);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Escapes what the part may not hold; `%` is always escaped.
fn encode(text: &str, allowed: &str, out: &mut String) {
    for c in text.chars() {
        if c.is_ascii_alphanumeric() || "-_.!~*'()".contains(c) || allowed.contains(c) {
            out.push(c);
            continue;
        }
        let mut buffer = [0; 4];
        for byte in c.encode_utf8(&mut buffer).bytes() {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_and_put_together() {
        for text in [
            "http://u@h:8080/a/b?x=1&y=2#f",
            "http://localhost/",
            "/only/path?q",
            "jms:/queue",
            "http://h",
            "http://h/a%20b?c%25",
            "http://:81/a",
        ] {
            assert_eq!(Parts::parse(text).unwrap().to_text().unwrap(), text);
        }
        let parts = Parts::parse("https://h:1/p").unwrap();
        assert_eq!((parts.host.as_deref(), parts.port), (Some("h"), Some(1)));
    }

    #[test]
    fn refuses() {
        assert!(Parts::parse("http://h/a b").is_err());
        let parts = Parts { protocol: Some("http".into()), path: Some("a".into()), ..Parts::default() };
        assert!(parts.to_text().is_err());
        let parts = Parts { protocol: Some("1x".into()), ..Parts::default() };
        assert!(parts.to_text().is_err());
    }
}
