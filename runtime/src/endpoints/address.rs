//! The URL a leaf sends to: fixed address, template, or the message's `To`, with the REST postfix.

use crate::message::Message;
use artifacts::http_template::HttpTemplate;
use artifacts::uri_template::percent_decode;
use std::borrow::Cow;

/// How a leaf finds its URL.
#[derive(Debug)]
pub(super) enum Address {
    /// `<address uri>`: text without references.
    Fixed(String),
    /// `<address uri>` with `${prop}` references.
    References(String),
    /// `<http uri-template>`.
    Template { template: HttpTemplate, legacy: bool },
    /// A host of a group: takes the path of the message's `To`.
    Member(String),
    /// The message's `To`.
    To,
}

impl Address {
    /// An address; `${prop}` in it is replaced for each message.
    pub(super) fn fixed(uri: &str) -> Self {
        if uri.contains("${") { Address::References(uri.to_owned()) } else { Address::Fixed(uri.to_owned()) }
    }

    /// The URL for this message; `None` when the message has no `To`.
    pub(super) fn url<'m>(&'m self, message: &'m Message) -> Option<Cow<'m, str>> {
        Some(match self {
            Address::Fixed(uri) => Cow::Borrowed(uri),
            Address::References(uri) => Cow::Owned(replace_references(uri, message)),
            Address::Template { template, legacy } => expand(template, *legacy, message),
            Address::Member(host) => {
                let to = message.addressing.to.as_deref().unwrap_or_default();
                Cow::Owned(format!("{host}{}", path_and_query(to)))
            }
            Address::To => Cow::Borrowed(message.addressing.to.as_deref()?),
        })
    }
}

/// What follows scheme and authority of a URL, or the text itself when it is a path already.
fn path_and_query(url: &str) -> &str {
    match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(""),
        None => url,
    }
}

/// Appends the REST postfix by MI's rules for slashes.
pub(super) fn append_postfix(address: &str, postfix: &str) -> String {
    let slash_end = address.ends_with('/');
    if slash_end && (postfix.starts_with('/') || postfix.starts_with('?')) {
        return format!("{}{postfix}", address.trim_end_matches('/'));
    }
    if !slash_end && !postfix.starts_with(['/', '?']) {
        return format!("{address}/{postfix}");
    }
    format!("{address}{postfix}")
}

fn replace_references(uri: &str, message: &Message) -> String {
    let mut out = String::with_capacity(uri.len());
    let mut rest = uri;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            out.push_str("${");
            rest = after;
            break;
        };
        if let Some(value) = message.property(name) {
            out.push_str(&value.text());
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

fn expand<'m>(template: &'m HttpTemplate, legacy: bool, message: &'m Message) -> Cow<'m, str> {
    let is_variable = |name: &str| name.starts_with("uri.var.") || name.starts_with("query.param.");
    // MI leaves the template alone when the message has no such property at all.
    if !message.properties.iter().any(|(name, _)| is_variable(name)) {
        return Cow::Borrowed(template.text());
    }
    let value = |name: &str| {
        let text = message.properties.get(name).filter(|_| is_variable(name))?.text().into_owned();
        Some(Cow::Owned(if legacy { percent_decode(&text.replace('+', " ")) } else { text }))
    };
    let expanded = template.expand(value);
    if legacy { Cow::Owned(reassemble(&expanded)) } else { Cow::Owned(expanded) }
}

/// MI's old way: the expanded text is decoded as a whole, taken apart and encoded again.
fn reassemble(url: &str) -> String {
    let decoded = percent_decode(url);
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=".contains(&byte);
    decoded.bytes().fold(String::with_capacity(decoded.len()), |mut out, byte| {
        if keep(byte) {
            out.push(byte as char)
        } else {
            out.push_str(&format!("%{byte:02X}"))
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_between_address_and_postfix() {
        for (address, postfix, url) in [
            ("http://h/a", "/b", "http://h/a/b"),
            ("http://h/a/", "/b", "http://h/a/b"),
            ("http://h/a", "b", "http://h/a/b"),
            ("http://h/a/", "b", "http://h/a/b"),
            ("http://h/a", "?x=1", "http://h/a?x=1"),
            ("http://h/a/", "?x=1", "http://h/a?x=1"),
        ] {
            assert_eq!(append_postfix(address, postfix), url);
        }
    }

    #[test]
    fn references_to_properties() {
        let mut message = Message::new();
        message.properties.set("host", "h:1");
        assert_eq!(replace_references("http://${host}/x${none}y", &message), "http://h:1/xy");
    }
}
