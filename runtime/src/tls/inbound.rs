//! TLS of an HTTPS inbound endpoint, as its parameters say it:
//!
//! ```xml
//! <parameter name="keystore"><KeyStore><Location/><Password/><KeyPassword/></KeyStore></parameter>
//! <parameter name="truststore"><TrustStore><Location/><Password/></TrustStore></parameter>
//! <parameter name="SSLVerifyClient">require</parameter>
//! <parameter name="HttpsProtocols">TLSv1.2,TLSv1.3</parameter>
//! <parameter name="PreferredCiphers">...</parameter>
//! ```

use super::TlsError;
use super::store::of_element;
use crate::settings::{ListenerTls, Protocols, StoreFile, VerifyClient};
use artifacts::xml::XmlElement;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the parameters of the endpoint `name` say; stores that they do not name are the transport's.
pub fn inbound(
    name: &str,
    parameters: &BTreeMap<String, String>,
    transport: &ListenerTls,
) -> Result<ListenerTls, TlsError> {
    let text = |key: &str| parameters.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    let store = |key: &str, default: &StoreFile| {
        let named =
            text(key).and_then(|xml| store(&format!("'{key}' of the inbound endpoint '{name}'"), xml));
        named.unwrap_or_else(|| default.clone())
    };
    let wrong = |key: &'static str, found: &str| TlsError::Parameter { key, found: found.to_owned() };
    let verify_client = match text("SSLVerifyClient") {
        Some(word) => VerifyClient::of(word).ok_or_else(|| wrong("SSLVerifyClient", word))?,
        None => VerifyClient::No,
    };
    let protocols = match text("HttpsProtocols") {
        Some(list) => Protocols::of(list.split(',')).0.ok_or_else(|| wrong("HttpsProtocols", list))?,
        None => Protocols::default(),
    };
    let ciphers = text("PreferredCiphers").unwrap_or_default();
    Ok(ListenerTls {
        keystore: store("keystore", &transport.keystore),
        truststore: store("truststore", &transport.truststore),
        verify_client,
        protocols,
        ciphers: ciphers.split(',').map(str::to_owned).filter(|name| !name.trim().is_empty()).collect(),
        hostname: transport.hostname.clone(),
    })
}

fn store(named_by: &str, xml: &str) -> Option<StoreFile> {
    let document = artifacts::xml::parse(xml).ok()?;
    let root = document.root_element()?;
    Some(of_element(XmlElement::new(Arc::new(document), root).get(), named_by.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn read(pairs: &[(&str, &str)]) -> Result<ListenerTls, String> {
        let parameters = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let transport = Settings::default().http.listener_tls;
        inbound("In", &parameters, &transport).map_err(|error| error.to_string())
    }

    #[test]
    fn parameters_over_the_transport() {
        let found = read(&[
            ("keystore", "<KeyStore><Location>k.jks</Location><Password>p</Password></KeyStore>"),
            ("SSLVerifyClient", "require"),
            ("HttpsProtocols", "TLSv1.1,TLSv1.3"),
            ("PreferredCiphers", "A, B"),
        ])
        .unwrap();
        assert_eq!((found.keystore.location.as_str(), found.keystore.key_password.as_str()), ("k.jks", "p"));
        assert!(found.truststore.location.ends_with("client-truststore.jks"));
        assert_eq!(found.verify_client, VerifyClient::Require);
        assert_eq!(found.protocols, Protocols { tls12: false, tls13: true });
        assert_eq!(found.ciphers.len(), 2);
        let none = read(&[]).unwrap();
        assert_eq!((none.verify_client, none.protocols), (VerifyClient::No, Protocols::default()));
    }

    #[test]
    fn what_cannot_be_is_an_error() {
        assert_eq!(
            read(&[("HttpsProtocols", "SSLv3")]).unwrap_err(),
            "the parameter HttpsProtocols cannot be 'SSLv3'"
        );
        assert!(read(&[("SSLVerifyClient", "yes")]).unwrap_err().contains("cannot be 'yes'"));
    }
}
