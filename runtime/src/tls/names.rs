//! Does a certificate stand for a host? MI's four rules, which are older than today's: the common name
//! counts when there is no alternative name, and a wildcard may stand for more than one label.

use crate::settings::HostNames;
use std::net::IpAddr;

/// The hosts that a certificate names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Common name of the subject.
    pub(super) common: Option<String>,
    /// Alternative names that are host names, wildcards among them.
    pub(super) hosts: Vec<String>,
    /// Alternative names that are addresses.
    pub(super) addresses: Vec<IpAddr>,
}

/// Second labels below which a country gives out names: `*.co.uk` would stand for half of it.
const COUNTRY_LABELS: [&str; 14] =
    ["ac", "co", "com", "ed", "edu", "go", "gouv", "gov", "info", "lg", "ne", "net", "or", "org"];

impl Names {
    /// Do they stand for `host`, a name or an address without brackets?
    pub(super) fn fit(&self, host: &str, rule: HostNames) -> bool {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let strict = match rule {
            HostNames::AllowAll => return true,
            HostNames::DefaultAndLocalhost if is_localhost(&host) => return true,
            HostNames::DefaultAndLocalhost | HostNames::Default => false,
            HostNames::Strict => true,
        };
        if let Ok(address) = host.parse::<IpAddr>() {
            if !self.addresses.is_empty() {
                return self.addresses.contains(&address);
            }
        } else if !self.hosts.is_empty() {
            return self.hosts.iter().any(|name| matches(&host, name, strict));
        }
        self.common.as_deref().is_some_and(|name| matches(&host, name, strict))
    }

    /// All of them, for a message.
    pub(super) fn shown(&self) -> Vec<String> {
        let addresses = self.addresses.iter().map(ToString::to_string);
        let mut shown: Vec<String> = self.hosts.iter().cloned().chain(addresses).collect();
        if shown.is_empty() {
            shown.extend(self.common.clone());
        }
        shown
    }
}

fn is_localhost(host: &str) -> bool {
    ["localhost", "localhost.localdomain", "127.0.0.1", "::1"].contains(&host)
}

fn matches(host: &str, name: &str, strict: bool) -> bool {
    let name = name.to_ascii_lowercase();
    let labels: Vec<&str> = name.split('.').collect();
    let Some(prefix) = labels.first().and_then(|first| first.strip_suffix('*')) else { return host == name };
    if labels.len() < 3 || (strict && is_country(&labels)) {
        return host == name;
    }
    let suffix = name.get(prefix.len() + 1..).unwrap_or_default();
    let inside = host.strip_prefix(prefix).is_some_and(|rest| rest.ends_with(suffix));
    inside && (!strict || host.split('.').count() == labels.len())
}

fn is_country(labels: &[&str]) -> bool {
    matches!(labels, [_, second, country] if country.len() == 2 && COUNTRY_LABELS.contains(second))
}

#[cfg(test)]
mod tests {
    use super::*;
    use HostNames as Rule;

    fn fits(names: &[&str], host: &str, rule: HostNames) -> bool {
        let hosts = names.iter().map(|name| (*name).to_owned()).collect();
        Names { hosts, common: Some("common.org".into()), ..Names::default() }.fit(host, rule)
    }

    #[test]
    fn names_are_compared_without_case() {
        for (name, host, default, strict) in [
            ("a.org", "A.ORG", true, true),
            ("a.org", "b.a.org", false, false),
            ("*.a.org", "x.A.org", true, true),
            ("*.a.org", "x.y.a.org", true, false),
            ("*.a.org", "a.org", false, false),
            ("*.a.org", "xa.org", false, false),
            ("web*.a.org", "web1.a.org", true, true),
            ("web*.a.org", "app1.a.org", false, false),
            ("*.org", "a.org", false, false),
            ("*.co.uk", "a.co.uk", true, false),
            ("*", "a.org", false, false),
        ] {
            assert_eq!(fits(&[name], host, Rule::Default), default, "{name} {host}");
            assert_eq!(fits(&[name], host, Rule::Strict), strict, "strict: {name} {host}");
            assert!(fits(&[name], host, Rule::AllowAll));
        }
    }

    #[test]
    fn the_common_name_counts_without_alternatives_only() {
        assert!(fits(&[], "common.org", Rule::Default));
        assert!(!fits(&["other.org"], "common.org", Rule::Default));
    }

    #[test]
    fn addresses_have_names_of_their_own() {
        let names = Names {
            hosts: vec!["10.0.0.1".into()],
            addresses: vec![IpAddr::from([127, 0, 0, 1]), "::1".parse().unwrap()],
            common: None,
        };
        assert!(names.fit("127.0.0.1", Rule::Default) && names.fit("0:0::1", Rule::Strict));
        assert!(!names.fit("10.0.0.1", Rule::Default));
        let common = Names { common: Some("10.0.0.1".into()), ..Names::default() };
        assert!(common.fit("10.0.0.1", Rule::Default));
    }

    #[test]
    fn this_machine_may_have_any_certificate() {
        for host in ["localhost", "127.0.0.1", "::1", "LOCALHOST.localdomain"] {
            assert!(fits(&["a.org"], host, Rule::DefaultAndLocalhost), "{host}");
            assert!(!fits(&["a.org"], host, Rule::Default), "{host}");
        }
        assert!(!fits(&["a.org"], "b.org", Rule::DefaultAndLocalhost));
    }
}
