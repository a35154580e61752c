//! SSL profiles: other stores for some backends, and for some clients of them.
//!
//! ```xml
//! <parameter name="customSSLProfiles">
//!   <profile>
//!     <servers>h1:443, h2:8443</servers>          <!-- "*" for all that no other profile names -->
//!     <KeyStore><Location/><Password/><KeyPassword/></KeyStore>
//!     <TrustStore><Location/><Password/></TrustStore>
//!   </profile>
//!   <profile>
//!     <servers>h3:443</servers>
//!     <client novalidatecert="true"><clientID>a</clientID><KeyStore>...</KeyStore></client>
//!   </profile>
//! </parameter>
//! ```
//!
//! A message chooses a `<client>` by the axis2 property `ssl.profile.client.identifier`; without one, or
//! with an unknown one, it is the entry without id.

use super::TlsError;
use super::sender::{Contract, certified, trusted};
use super::store::{Stores, of_element};
use super::trust::{Identity, Trust};
use crate::settings::{SenderTls, StoreFile};
use artifacts::xml::{ElementRef, XmlElement};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};

/// All servers that no profile names.
const OTHERS: &str = "*";

/// How backends are called, by `host:port` and client id; empty ids stand for every client.
#[derive(Debug, Default)]
pub(super) struct Profiles(HashMap<(String, String), Arc<Contract>>);

impl Profiles {
    /// What fits a connection best.
    pub(super) fn find(&self, host: &str, port: u16, client: Option<&str>) -> Option<&Contract> {
        if self.0.is_empty() {
            return None;
        }
        let server = format!("{}:{port}", host.to_ascii_lowercase());
        let get = |server: &str, client: &str| self.0.get(&(server.to_owned(), client.to_owned()));
        let own = client.and_then(|client| get(&server, client));
        own.or_else(|| get(&server, "")).or_else(|| get(OTHERS, "")).map(Arc::as_ref)
    }

    /// Reads the file of the settings; none without one. A profile that cannot be used is an error, or,
    /// when the settings want it so, left out with a warning.
    pub(super) fn read(settings: &SenderTls, stores: &mut Stores) -> Result<Self, TlsError> {
        let Some(file) = &settings.profiles else { return Ok(Self::default()) };
        let refused = |cause: String| TlsError::Profiles { location: file.location.clone(), cause };
        let text = stores.text(&file.location).map_err(|error| refused(error.to_string()))?;
        let document = artifacts::xml::parse(&text).map_err(|error| refused(error.message))?;
        let mut profiles = Self::default();
        let Some(root) = document.root_element() else { return Ok(profiles) };
        let root = XmlElement::new(Arc::new(document), root);
        for profile in root.get().children().filter(|child| child.local() == "profile") {
            let servers = profile.child_any_ns("servers").map(ElementRef::text).unwrap_or_default();
            if servers.trim().is_empty() {
                return Err(refused("a profile has no <servers> with host:port".into()));
            }
            match profiles.add(&servers, profile, settings, stores) {
                Err(error) if settings.skip_broken_profiles => {
                    tracing::warn!("the SSL profile of {servers} is left out: {error}");
                }
                other => other?,
            }
        }
        tracing::info!("SSL profiles for {} backends and clients", profiles.0.len());
        Ok(profiles)
    }

    fn add(
        &mut self,
        servers: &str,
        profile: ElementRef<'_>,
        settings: &SenderTls,
        stores: &mut Stores,
    ) -> Result<(), TlsError> {
        let clients: Vec<_> = profile.children().filter(|child| child.local() == "client").collect();
        for entry in if clients.is_empty() { vec![profile] } else { clients } {
            let id = entry.child_any_ns("clientID").map(ElementRef::text).unwrap_or_default();
            let contract = Arc::new(contract(servers, entry, settings, stores)?);
            for server in servers.split(',').map(|server| server.trim().to_ascii_lowercase()) {
                self.0.insert((server, id.trim().to_owned()), contract.clone());
            }
        }
        Ok(())
    }
}

fn contract(
    servers: &str,
    entry: ElementRef<'_>,
    settings: &SenderTls,
    stores: &mut Stores,
) -> Result<Contract, TlsError> {
    let mut identity = None;
    if let Some(file) = store(servers, entry.child_any_ns("KeyStore")) {
        identity = Some(certified(&file, stores)?.ok_or_else(|| missing(&file))?);
    }
    let mut trust = None;
    if let Some(file) = store(servers, entry.child_any_ns("TrustStore")) {
        trust = Some(trusted(&file, stores)?.ok_or_else(|| missing(&file))?);
    } else if entry.attr("novalidatecert") == Some("true") {
        tracing::warn!("certificates of {servers} are not validated (novalidatecert)");
        trust = Some(Trust::in_all());
    }
    Ok(Contract {
        identity: identity.map(|found| Arc::new(Identity::new(found))),
        trust,
        host_names: settings.host_names,
        protocols: settings.protocols,
        config: OnceLock::new(),
    })
}

fn store(servers: &str, element: Option<ElementRef<'_>>) -> Option<StoreFile> {
    element.map(|element| of_element(element, format!("SSL profile of {}", servers.trim())))
}

fn missing(file: &StoreFile) -> TlsError {
    file.fails(io::Error::from(io::ErrorKind::NotFound).into())
}
