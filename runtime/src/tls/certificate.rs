//! What a certificate says about itself: names, issuer, key, end of its validity.

use super::names::Names;
use std::net::IpAddr;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::x509::X509Version;

/// The parts of a certificate that are looked at here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Who it is made for.
    pub(super) subject: String,
    /// Hosts it stands for.
    pub(super) names: Names,
    /// The issuer's name as it stands in the certificate (DER).
    pub(super) issuer: Vec<u8>,
    /// May its key sign other certificates? Version 1 cannot say, and may.
    pub(super) is_ca: bool,
    /// The public key, without its algorithm.
    pub(super) public_key: Vec<u8>,
    /// End of its validity: seconds since 1970, and as text.
    pub(super) not_after: (i64, String),
}

impl Certificate {
    /// Reads DER; `None` for anything that is no certificate.
    pub(super) fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
        let end = certificate.validity().not_after;
        Some(Self {
            subject: certificate.subject().to_string(),
            names: names(&certificate),
            issuer: certificate.issuer().as_raw().to_vec(),
            is_ca: certificate.is_ca() || certificate.version() == X509Version::V1,
            public_key: certificate.public_key().subject_public_key.data.to_vec(),
            not_after: (end.timestamp(), end.to_string()),
        })
    }

    /// Is its validity over at this time, in seconds since 1970?
    pub(super) fn is_expired(&self, now: u64) -> bool {
        i64::try_from(now).is_ok_and(|now| now > self.not_after.0)
    }
}

fn names(certificate: &X509Certificate<'_>) -> Names {
    // The most specific one is the last.
    let common = certificate.subject().iter_common_name().last();
    let mut names =
        Names { common: common.and_then(|name| name.as_str().ok()).map(str::to_owned), ..Names::default() };
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return names };
    for name in &alternatives.value.general_names {
        match name {
            GeneralName::DNSName(name) => names.hosts.push((*name).to_owned()),
            GeneralName::IPAddress(bytes) => names.addresses.extend(address(bytes)),
            _ => {}
        }
    }
    names
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
