//! TLS of both sides: `[keystore.primary]`, `[truststore]`, and what `[transport.http]` says about its
//! `https` listener and sender.

use super::Environment;
use super::sections::Keys;
use std::time::Duration;

/// A file with keys, or with certificates that are trusted.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreFile {
    /// The file, relative to the home.
    pub location: String,
    /// Opens the file.
    pub password: String,
    /// Opens the private keys in it.
    pub key_password: String,
    /// The entry whose key is taken; absent: the first that has one.
    pub alias: Option<String>,
    /// The key of `deployment.toml` that names the file; `None` for MI's default, which need not be there.
    pub named_by: Option<String>,
}

impl std::fmt::Debug for StoreFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreFile").field("location", &self.location).finish_non_exhaustive()
    }
}

impl StoreFile {
    /// MI's own file of this name, with its password.
    fn shipped(name: &str) -> Self {
        Self {
            location: format!("repository/resources/security/{name}"),
            password: "wso2carbon".to_owned(),
            key_password: "wso2carbon".to_owned(),
            alias: None,
            named_by: None,
        }
    }

    /// The keys below `section`; each that is absent is taken from this file.
    fn or(&self, keys: &Keys<'_>, section: &str, location: &str, alias: &str) -> Self {
        let key = |name: &str| format!("{section}.{name}");
        let text = |name: &str| keys.option(&key(name));
        let named = text(location);
        Self {
            named_by: named.as_ref().map(|_| key(location)).or_else(|| self.named_by.clone()),
            location: named.unwrap_or_else(|| self.location.clone()),
            password: text("password").unwrap_or_else(|| self.password.clone()),
            key_password: text("key_password").unwrap_or_else(|| self.key_password.clone()),
            alias: text(alias).or_else(|| self.alias.clone()),
        }
    }

    fn keys(keys: &Keys<'_>) -> Self {
        Self::shipped("wso2carbon.jks").or(keys, "keystore.primary", "file_name", "alias")
    }

    fn trust(keys: &Keys<'_>) -> Self {
        Self::shipped("client-truststore.jks").or(keys, "truststore", "file_name", "alias")
    }

    /// `keystore` or `truststore` of one side of the transport.
    fn of_side(&self, keys: &Keys<'_>, side: &str, store: &str) -> Self {
        self.or(keys, &format!("transport.http.{side}.{store}"), "location", "key_alias")
    }
}

/// Protocol versions that are spoken. At least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocols {
    /// TLS 1.2.
    pub tls12: bool,
    /// TLS 1.3.
    pub tls13: bool,
}

impl Default for Protocols {
    fn default() -> Self {
        Self { tls12: true, tls13: true }
    }
}

impl Protocols {
    /// Of Java's names: what can be spoken, when any can, and the names of what cannot.
    pub fn of<'n>(names: impl IntoIterator<Item = &'n str>) -> (Option<Self>, Vec<&'n str>) {
        let (mut found, mut left) = (Self { tls12: false, tls13: false }, Vec::new());
        for name in names.into_iter().map(str::trim) {
            match name.to_ascii_lowercase().as_str() {
                "tlsv1.2" => found.tls12 = true,
                "tlsv1.3" => found.tls13 = true,
                // A format of the first message in Java, no protocol.
                "sslv2hello" | "" => {}
                _ => left.push(name),
            }
        }
        ((found.tls12 || found.tls13).then_some(found), left)
    }

    /// Older versions in the list are not spoken, which is a warning; a list of nothing but them is an
    /// error.
    fn read(keys: &mut Keys<'_>, key: &str) -> Self {
        let names = keys.list(key, &[]);
        if names.is_empty() {
            return Self::default();
        }
        let (found, left) = Self::of(names.iter().map(String::as_str));
        let Some(found) = found else {
            let message = format!("'{key}' has no protocol that can be spoken, found '{}'", left.join(","));
            keys.refuse(key, message, "list TLSv1.2, TLSv1.3 or both, or remove the key");
            return Self::default();
        };
        if !left.is_empty() {
            keys.warn(key, format!("'{key}': {} will not be spoken", left.join(", ")));
        }
        found
    }
}

/// `verify_client`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VerifyClient {
    /// Clients are not asked for a certificate.
    #[default]
    No,
    /// A certificate is asked for and, when one comes, verified.
    Optional,
    /// Without a trusted certificate there is no connection.
    Require,
}

impl VerifyClient {
    /// Of a word; `None` for any other.
    pub fn of(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "optional" => Some(Self::Optional),
            "require" => Some(Self::Require),
            "false" | "none" => Some(Self::No),
            _ => None,
        }
    }
}

/// `hostname_verifier`: how the name of a backend is compared with its certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostNames {
    /// A wildcard stands for any number of labels.
    #[default]
    Default,
    /// As `Default`, and every certificate is one of this machine.
    DefaultAndLocalhost,
    /// A wildcard stands for one label, and not for all names of a country's domain.
    Strict,
    /// Every certificate that is trusted fits every host.
    AllowAll,
}

/// TLS of the listener.
#[derive(Debug, Clone)]
pub struct ListenerTls {
    /// Its certificate and key.
    pub keystore: StoreFile,
    /// Whose clients' certificates are trusted.
    pub truststore: StoreFile,
    /// Are clients asked for a certificate?
    pub verify_client: VerifyClient,
    /// Versions that are spoken.
    pub protocols: Protocols,
    /// Cipher suites by Java's names; empty: all.
    pub ciphers: Vec<String>,
    /// Host name of a certificate that is made when there is no key store.
    pub hostname: String,
    /// What errors call these settings.
    pub names: ListenerNames,
}

/// Names of settings of a listener, where they are written.
#[derive(Debug, Clone, Copy)]
pub struct ListenerNames {
    /// Of `verify_client`.
    pub verify_client: &'static str,
    /// Of `truststore`.
    pub truststore: &'static str,
    /// Of `ciphers`.
    pub ciphers: &'static str,
}

impl ListenerNames {
    /// Those of the transport.
    pub const TRANSPORT: Self = Self {
        verify_client: "transport.http.listener.verify_client",
        truststore: "transport.http.listener.truststore.location",
        ciphers: "transport.http.listener.preferred_ciphers",
    };
    /// Those of HTTPS inbound endpoints.
    pub const INBOUND: Self = Self {
        verify_client: "the parameter SSLVerifyClient",
        truststore: "the parameter truststore",
        ciphers: "the parameter PreferredCiphers",
    };
}

impl ListenerTls {
    pub(super) fn read(keys: &mut Keys<'_>, hostname: &str) -> Self {
        revocation(keys, "listener");
        let profiles = "transport.http.listener.ssl_profile.file_path";
        if keys.option(profiles).is_some() {
            keys.warn(
                profiles,
                format!("'{profiles}': the listener has one certificate; the file is not read"),
            );
        }
        Self {
            keystore: StoreFile::keys(keys).of_side(keys, "listener", "keystore"),
            truststore: StoreFile::trust(keys).of_side(keys, "listener", "truststore"),
            verify_client: verify_client(keys),
            protocols: Protocols::read(keys, "transport.http.listener.secured_protocols"),
            ciphers: keys.list("transport.http.listener.preferred_ciphers", &[]),
            hostname: hostname.to_owned(),
            names: ListenerNames::TRANSPORT,
        }
    }
}

/// TLS of calls to backends.
#[derive(Debug, Clone)]
pub struct SenderTls {
    /// Certificate and key for backends that ask for them.
    pub keystore: StoreFile,
    /// Whose backends are trusted; the system's roots when the file is not there.
    pub truststore: StoreFile,
    /// How names are compared.
    pub host_names: HostNames,
    /// Versions that are spoken.
    pub protocols: Protocols,
    /// SSL profiles: other stores for some backends.
    pub profiles: Option<ProfilesFile>,
    /// `-Dssl.profile.skip.failures=true`: a profile that cannot be used is left out.
    pub skip_broken_profiles: bool,
}

/// A file of SSL profiles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfilesFile {
    /// The file, relative to the home.
    pub location: String,
    /// How often it is looked at for changes. Default 10 minutes.
    pub every: Duration,
}

impl SenderTls {
    pub(super) fn read(keys: &mut Keys<'_>, environment: &Environment) -> Self {
        revocation(keys, "sender");
        let key = "transport.http.sender.hostname_verifier";
        let named = keys.text(key, "Default");
        let host_names = match named.trim().to_ascii_lowercase().as_str() {
            "allowall" => HostNames::AllowAll,
            "strict" => HostNames::Strict,
            "defaultandlocalhost" => HostNames::DefaultAndLocalhost,
            "default" => HostNames::Default,
            _ => {
                keys.odd(key, &named);
                HostNames::Default
            }
        };
        Self {
            keystore: StoreFile::keys(keys).of_side(keys, "sender", "keystore"),
            truststore: StoreFile::trust(keys).of_side(keys, "sender", "truststore"),
            host_names,
            protocols: Protocols::read(keys, "transport.http.sender.secured_protocols"),
            profiles: keys.option("transport.http.sender.ssl_profile.file_path").map(|location| {
                ProfilesFile {
                    location: location.trim_start_matches('/').to_owned(),
                    every: keys.millis("transport.http.sender.ssl_profile.read_interval", 600_000),
                }
            }),
            skip_broken_profiles: environment.property("ssl.profile.skip.failures") == Some("true"),
        }
    }
}

fn verify_client(keys: &mut Keys<'_>) -> VerifyClient {
    let key = "transport.http.listener.verify_client";
    let Some(word) = keys.option(key) else { return VerifyClient::No };
    VerifyClient::of(&word).unwrap_or_else(|| {
        // Whoever meant `require` must not find the door open.
        let message = format!("'{key}' cannot be '{word}'");
        keys.refuse(key, message, "write \"optional\" or \"require\", or remove the key");
        VerifyClient::Require
    })
}

/// What is not done is said, not passed over.
fn revocation(keys: &mut Keys<'_>, side: &str) {
    let key = format!("transport.http.{side}.certificate_revocation_verifier_enable");
    if keys.flag(&key, false) {
        keys.warn(&key, format!("'{key}': certificates are not checked for revocation yet"));
    }
}
