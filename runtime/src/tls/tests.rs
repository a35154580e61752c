//! Stores of all makers, and what is said when something is wrong with them.

use super::store::{Store, StoreError};
use super::testing::{Authority, Home};
use super::*;
use crate::settings::{ListenerTls, Settings, VerifyClient};

const KEYS_JKS: &[u8] = include_bytes!("store/fixtures/keys.jks");
const KEYS_P12: &[u8] = include_bytes!("store/fixtures/keys.p12");
const LEGACY_P12: &[u8] = include_bytes!("store/fixtures/legacy.p12");
const TRUST_JKS: &[u8] = include_bytes!("store/fixtures/trust.jks");
const TRUST_P12: &[u8] = include_bytes!("store/fixtures/trust.p12");

fn read(bytes: &[u8]) -> Store {
    Store::read(bytes, "storepass", "keypass").unwrap()
}

fn subject(der: &[u8]) -> String {
    certificate::Certificate::read(der).unwrap().subject
}

#[test]
fn keys_of_all_makers_are_read() {
    for (bytes, name) in [(KEYS_JKS, "jks"), (KEYS_P12, "p12"), (LEGACY_P12, "legacy p12")] {
        let store = read(bytes);
        let entry = store.key(Some("ONE")).unwrap();
        assert_eq!(subject(&entry.chain[0]), "CN=one.example", "{name}");
        let key = entry.usable().unwrap();
        assert!(
            rustls::sign::CertifiedKey::from_der(entry.chain.clone(), key, &provider()).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn authorities_say_so_or_are_of_the_first_version() {
    // openssl x509 -req without extensions
    let first = "-----BEGIN CERTIFICATE-----\n\
        MIIBFjCBvQIUEeZOELLunFmMfJgkXeVhkv4DaJYwCgYIKoZIzj0EAwIwDTELMAkG\n\
        A1UEAwwCdjEwIBcNMjYxMTI1MjIzNDU5WhgPMjEyNjExMDEyMjM0NTlaMA0xCzAJ\n\
        BgNVBAMMAnYxMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUhJRdbdklBnfXTkt\n\
        npm1YHOVsMJp004oN6M8zSXwC5r4VE+cf6JG08YuYE7Ehb6ZGrKHsnGhUvorDNuM\n\
        E6ce5zAKBggqhkjOPQQDAgNIADBFAiEArIui5k+EAhJouYC3bFJ5kwS2FVZpMRnm\n\
        tKXBScGrwLICIFumudRMTKheWT+tcyy/sVsGpecvIIbHIrQFWg1VYbTD\n\
        -----END CERTIFICATE-----";
    let (leaf, _) = Authority::of_leaf(&["a"]);
    for (pem, is_ca) in [(Authority::new("a").pem(), true), (first.to_owned(), true), (leaf.pem(), false)] {
        let store = read(pem.as_bytes());
        assert_eq!(certificate::Certificate::read(&store.certificates[0]).unwrap().is_ca, is_ca, "{pem}");
    }
}

#[test]
fn trusted_certificates_of_all_makers_are_read() {
    let one = read(KEYS_P12).trusted();
    for bytes in [TRUST_JKS, TRUST_P12, LEGACY_P12] {
        assert_eq!(read(bytes).trusted(), one);
    }
    let authority = Authority::new("a");
    assert_eq!(read(authority.pem().as_bytes()).trusted().len(), 1);
}

#[test]
fn keys_have_the_password_of_their_own_or_of_the_store() {
    let store = read(KEYS_JKS);
    assert_eq!(subject(&store.key(Some("two")).unwrap().chain[0]), "CN=two.example");
    assert!(store.keys.iter().all(|entry| entry.key.is_some()));
    let store = Store::read(KEYS_JKS, "storepass", "another").unwrap();
    assert!(store.key(Some("one")).unwrap().key.is_none());
    assert!(store.key(Some("two")).unwrap().key.is_some());
}

#[test]
fn an_alias_that_is_not_there_leaves_the_first_key() {
    assert_eq!(subject(&read(KEYS_P12).key(Some("none")).unwrap().chain[0]), "CN=one.example");
    assert!(matches!(read(TRUST_P12).key(None), Err(StoreError::NoKey)));
}

#[test]
fn wrong_passwords_and_formats_have_names() {
    for bytes in [KEYS_JKS, KEYS_P12, LEGACY_P12, TRUST_JKS, TRUST_P12] {
        assert!(matches!(Store::read(bytes, "wrong", "wrong"), Err(StoreError::Password)));
    }
    for (bytes, text) in [
        (&b"\xce\xce\xce\xce\0\0\0\x02"[..], "JCEKS"),
        (b"neither", "neither PKCS#12 nor JKS nor PEM"),
        (b"", "neither PKCS#12 nor JKS nor PEM"),
        (
            b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
            "encrypted key",
        ),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "no certificate"),
    ] {
        let error = Store::read(bytes, "storepass", "keypass").unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    }
}

#[test]
fn damaged_stores_are_errors() {
    for bytes in [KEYS_JKS, KEYS_P12, TRUST_JKS, TRUST_P12] {
        for end in (0..bytes.len()).step_by(7) {
            assert!(Store::read(&bytes[..end], "storepass", "keypass").is_err(), "{end}");
        }
        for at in (4..bytes.len()).step_by(61) {
            let mut damaged = bytes.to_vec();
            damaged[at] ^= 0x55;
            // No check sum covers all of it, so it may be read; it must not panic.
            let _read = Store::read(&damaged, "storepass", "keypass");
        }
    }
}

fn settings(home: &Home) -> ListenerTls {
    let keystore = home.named("keys.pem");
    ListenerTls { keystore, truststore: home.named("trust.pem"), ..Settings::default().http.listener_tls }
}

fn error(home: &Home, settings: &ListenerTls) -> String {
    listener(settings, &mut home.stores()).unwrap_err().to_string()
}

#[test]
fn errors_name_the_file_and_its_setting() {
    let home = Home::new();
    let said = |content: &[u8]| {
        let settings = ListenerTls { keystore: home.file("keys.pem", content), ..settings(&home) };
        error(&home, &settings)
    };
    assert_eq!(
        said(b"nothing"),
        "the store 'keys.pem' (keystore.primary.file_name) is neither PKCS#12 nor JKS nor PEM"
    );
    assert!(said(TRUST_JKS).ends_with("has no private key"));
    let (one, other) = (Authority::new("a").sign(&["a"]), Authority::new("b").sign(&["b"]));
    let certificate = one.split_once("-----BEGIN CERT").unwrap().1;
    let key = other.split_once("-----BEGIN CERT").unwrap().0;
    let mixed = format!("{key}-----BEGIN CERT{certificate}");
    assert!(said(mixed.as_bytes()).contains("cannot be used"), "{}", said(mixed.as_bytes()));
    let closed = ListenerTls {
        keystore: crate::settings::StoreFile { key_password: "x".into(), ..home.file("k", KEYS_JKS) },
        ..settings(&home)
    };
    let first_or_second = error(
        &home,
        &ListenerTls {
            keystore: crate::settings::StoreFile { alias: Some("one".into()), ..closed.keystore },
            ..settings(&home)
        },
    );
    assert!(first_or_second.contains("key password does not open"), "{first_or_second}");
}

#[test]
fn clients_are_verified_against_a_trust_store() {
    let home = Home::new();
    let require = || ListenerTls { verify_client: VerifyClient::Require, ..settings(&home) };
    assert_eq!(
        error(&home, &require()),
        "transport.http.listener.verify_client needs a trust store, and 'trust.pem' is not there; set \
         transport.http.listener.truststore.location"
    );
    home.file("trust.pem", Authority::new("a").pem());
    assert!(listener(&require(), &mut home.stores()).is_ok());
}

#[test]
fn cipher_suites_have_javas_names() {
    let home = Home::new();
    let with = |names: &[&str]| ListenerTls {
        ciphers: names.iter().map(|name| (*name).to_owned()).collect(),
        ..settings(&home)
    };
    let known =
        ["TLS_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_RSA_WITH_AES_128_CBC_SHA"];
    let config = listener(&with(&known), &mut home.stores()).unwrap();
    assert_eq!(config.crypto_provider().cipher_suites.len(), 2);
    let text = error(&home, &with(&["TLS_RSA_WITH_AES_128_CBC_SHA"]));
    assert!(
        text.starts_with("transport.http.listener.preferred_ciphers has")
            && text.contains("found 'TLS_RSA_WITH"),
        "{text}"
    );
}
