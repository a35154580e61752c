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
use crate::settings::{ListenerNames, ListenerTls, Protocols, StoreFile, VerifyClient};
use artifacts::xml::XmlElement;
use std::collections::BTreeMap;
use std::sync::Arc;

const KEYSTORE: &str = "<KeyStore><Location>...</Location><Password>...</Password></KeyStore>";
const TRUSTSTORE: &str = "<TrustStore><Location>...</Location><Password>...</Password></TrustStore>";

/// What the parameters of the endpoint `name` say; a store without parameter is the transport's. One whose
/// parameter cannot be read is an error, as any other would trust others than the endpoint was told to.
pub fn inbound(
    name: &str,
    parameters: &BTreeMap<String, String>,
    transport: &ListenerTls,
) -> Result<ListenerTls, TlsError> {
    let text = |key: &str| parameters.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    let store = |key: &'static str, needs: &'static str, default: &StoreFile| {
        let Some(xml) = parameters.get(key) else { return Ok(default.clone()) };
        let named_by = format!("'{key}' of the inbound endpoint '{name}'");
        store(named_by, xml.trim()).map_err(|found| TlsError::StoreParameter { key, needs, found })
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
        keystore: store("keystore", KEYSTORE, &transport.keystore)?,
        truststore: store("truststore", TRUSTSTORE, &transport.truststore)?,
        verify_client,
        protocols,
        ciphers: ciphers.split(',').map(str::to_owned).filter(|name| !name.trim().is_empty()).collect(),
        hostname: transport.hostname.clone(),
        names: ListenerNames::INBOUND,
    })
}

/// The file that the element names, or what stands there in its place.
fn store(named_by: String, xml: &str) -> Result<StoreFile, String> {
    match xml {
        "" => return Err("nothing".to_owned()),
        text if !text.contains('<') => return Err(format!("'{text}'")),
        _ => {}
    }
    // The parser's own words may have a piece of a password.
    let malformed = || "XML that is not well-formed".to_owned();
    let document = artifacts::xml::parse(xml).map_err(|_| malformed())?;
    let root = document.root_element().ok_or_else(malformed)?;
    let file = of_element(XmlElement::new(Arc::new(document), root).get(), named_by);
    if file.location.is_empty() { Err("an element without <Location>".to_owned()) } else { Ok(file) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::tls::listener;
    use crate::tls::testing::{Home, self_signed};

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

    #[test]
    fn errors_of_the_listener_name_the_parameters() {
        let said = |pairs: &[(&str, &str)]| {
            let home = Home::new();
            let keystore = home.file("keys.pem", self_signed(&["localhost"]));
            let settings = ListenerTls { keystore, ..read(pairs).unwrap() };
            listener(&settings, &mut home.stores()).unwrap_err().to_string()
        };
        let trust = "<TrustStore><Location>t.jks</Location></TrustStore>";
        assert_eq!(
            said(&[("SSLVerifyClient", "require"), ("truststore", trust)]),
            "the parameter SSLVerifyClient needs a trust store, and 't.jks' is not there; set the parameter \
             truststore"
        );
        let ciphers = said(&[("PreferredCiphers", "A")]);
        assert!(ciphers.starts_with("the parameter PreferredCiphers has no cipher suite"), "{ciphers}");
    }

    #[test]
    fn stores_that_cannot_be_read_are_errors() {
        for (key, needs) in [("keystore", "<KeyStore><Location>"), ("truststore", "<TrustStore><Location>")] {
            for (value, found) in [
                ("conf/t.jks", "found 'conf/t.jks'"),
                (" ", "found nothing"),
                ("<S><Location>t.jks</Location><Password>pw&pw;</Password></S>", "found XML that is not"),
                ("<S><Location>t.jks</Location><Password>pw</S>", "found XML that is not well-formed"),
                ("<S><Location/><Password>pw</Password></S>", "found an element without <Location>"),
            ] {
                let error = read(&[(key, value), ("SSLVerifyClient", "require")]).unwrap_err();
                assert!(error.starts_with(&format!("the parameter {key} needs {needs}")), "{error}");
                assert!(error.contains(found) && !error.contains("pw"), "{error}");
            }
        }
    }
}
