//! The sections of `deployment.toml` that a runtime needs, with MI's defaults.

use super::Environment;
use super::flat::{Flat, text_of};
use super::tls::{ListenerTls, SenderTls};
use artifacts::bundle::ServerRoles;
use artifacts::diagnostics::{Code, Diagnostics};
use artifacts::source::{SourceRef, Span};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// Reads keys with defaults; what is not of the expected form is a warning and the default holds.
pub(super) struct Keys<'k> {
    flat: &'k Flat,
    source: &'k SourceRef,
    diagnostics: &'k mut Diagnostics,
}

impl<'k> Keys<'k> {
    pub(super) fn new(flat: &'k Flat, source: &'k SourceRef, diagnostics: &'k mut Diagnostics) -> Self {
        Self { flat, source, diagnostics }
    }

    pub(super) fn text(&self, key: &str, default: &str) -> String {
        self.flat.text(key).unwrap_or_else(|| default.to_owned())
    }

    pub(super) fn option(&self, key: &str) -> Option<String> {
        self.flat.text(key).filter(|text| !text.is_empty())
    }

    fn parsed<T: FromStr>(&mut self, key: &str, default: T) -> T {
        let Some(text) = self.flat.text(key) else { return default };
        text.trim().parse().unwrap_or_else(|_| {
            self.odd(key, &text);
            default
        })
    }

    pub(super) fn flag(&mut self, key: &str, default: bool) -> bool {
        let Some(text) = self.flat.text(key) else { return default };
        match text.trim().to_lowercase().as_str() {
            "true" => true,
            "false" => false,
            _ => {
                self.odd(key, &text);
                default
            }
        }
    }

    pub(super) fn millis(&mut self, key: &str, default: u64) -> Duration {
        Duration::from_millis(self.parsed(key, default))
    }

    pub(super) fn list(&self, key: &str, default: &[&str]) -> Vec<String> {
        match self.flat.get(key) {
            Some(toml::Value::Array(list)) => list.iter().map(text_of).collect(),
            Some(other) => {
                let text = text_of(other);
                text.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
            }
            None => default.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    /// A value that cannot be; the default holds.
    pub(super) fn odd(&mut self, key: &str, text: &str) {
        self.warn(key, format!("'{key}' cannot be '{text}'; the default is used"));
    }

    pub(super) fn warn(&mut self, key: &str, message: String) {
        let span = self.span(key);
        self.diagnostics.warning(Code::SETTINGS, (self.source, span), message);
    }

    /// A value with which the server must not start.
    pub(super) fn refuse(&mut self, key: &str, message: String, hint: &str) {
        let span = self.span(key);
        self.diagnostics.error(Code::SETTINGS, (self.source, span), message).with_hint(hint);
    }

    /// Where the last part of a key first stands.
    fn span(&self, key: &str) -> Span {
        let last = key.rsplit('.').next().unwrap_or(key);
        let at = self.source.text.find(last).unwrap_or(0);
        Span::new(at, at + last.len())
    }
}

/// The port offset without a setting.
pub const PORT_OFFSET: i32 = 10;

/// `[server]`.
#[derive(Debug, Clone)]
pub struct Server {
    /// Host name in published addresses.
    pub hostname: String,
    /// Added to every listener port. Default 10.
    pub offset: i32,
    /// Watch for changed files.
    pub hot_deployment: bool,
    /// Artifacts of other roles are left out of applications.
    pub roles: Vec<String>,
    /// First path segment of proxy services.
    pub service_path: String,
    /// Wait for messages in flight when stopping.
    pub graceful_shutdown: bool,
    /// At most so long.
    pub graceful_shutdown_timeout: Duration,
}

impl Server {
    pub(super) fn read(keys: &mut Keys<'_>) -> Self {
        let roles = ServerRoles::default().0;
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        Self {
            hostname: keys.text("server.hostname", "localhost"),
            offset: keys.parsed("server.offset", PORT_OFFSET),
            hot_deployment: keys.flag("server.hot_deployment", true),
            roles: keys.list("server.roles", &roles),
            service_path: keys.text("server.service_path", "services").trim_matches('/').to_owned(),
            graceful_shutdown: keys.flag("server.graceful_shutdown_enabled", true),
            graceful_shutdown_timeout: keys.millis("server.graceful_shutdown_timeout", 180_000),
        }
    }
}

/// One of the two listeners.
#[derive(Debug, Clone)]
pub struct HttpListener {
    /// Opened at all.
    pub enabled: bool,
    /// Port before the offset.
    pub port: u16,
    /// Address to bind to; absent: all.
    pub bind_address: Option<String>,
}

/// `[transport.http]`.
#[derive(Debug, Clone)]
pub struct HttpTransport {
    /// Plain listener, 8280 before the offset.
    pub listener: HttpListener,
    /// TLS listener, 8243 before the offset.
    pub secured_listener: HttpListener,
    /// What the TLS listener shows and asks for.
    pub listener_tls: ListenerTls,
    /// TLS of calls to backends.
    pub sender_tls: SenderTls,
    /// Longest silence on a connection, both sides. Default 180 s.
    pub socket_timeout: Duration,
    /// Time to connect to a backend. Default half of the socket timeout.
    pub connection_timeout: Duration,
    /// Backend connections kept for one host and port.
    pub max_connections_per_host: usize,
    /// Client connections at a time; absent: no limit.
    pub max_open_connections: Option<usize>,
    /// The client's `User-Agent` goes to the backend.
    pub preserve_user_agent: bool,
    /// The backend's `Server` goes to the client.
    pub preserve_server: bool,
    /// Further headers that are not replaced.
    pub preserve_headers: Vec<String>,
    /// Every connection is closed after one exchange.
    pub disable_keepalive: bool,
    /// Bodies over `max_message_size` are refused with 413.
    pub validate_message_size: bool,
    /// In bytes.
    pub max_message_size: usize,
    /// `GET /services` answers 403.
    pub block_service_list: bool,
    /// Backend connections are closed when an endpoint times out.
    pub close_socket_on_endpoint_timeout: bool,
    /// XML bodies are parsed before they are passed on.
    pub force_xml_validation: bool,
    /// JSON bodies are parsed before they are passed on.
    pub force_json_validation: bool,
    /// Header that carries the correlation id. Default `activityid`.
    pub correlation_header: String,
}

impl HttpTransport {
    pub(super) fn read(keys: &mut Keys<'_>, hostname: &str, environment: &Environment) -> Self {
        let socket_timeout = keys.millis("transport.http.socket_timeout", 180_000);
        let half = u64::try_from(socket_timeout.as_millis() / 2).unwrap_or(90_000);
        let open: i64 = keys.parsed("transport.http.max_open_connections", -1);
        Self {
            listener: listener(keys, "", 8280),
            secured_listener: listener(keys, "secured_", 8243),
            listener_tls: ListenerTls::read(keys, hostname),
            sender_tls: SenderTls::read(keys, environment),
            socket_timeout,
            connection_timeout: keys.millis("transport.http.connection_timeout", half),
            max_connections_per_host: keys.parsed("transport.http.max_http_connection_per_host_port", 32_767),
            max_open_connections: usize::try_from(open).ok().filter(|limit| *limit > 0),
            preserve_user_agent: keys.flag("transport.http.preserve_http_user_agent", false),
            preserve_server: keys.flag("transport.http.preserve_http_server_name", true),
            preserve_headers: keys.list("transport.http.preserve_http_headers", &["Content-Type"]),
            disable_keepalive: keys.flag("transport.http.disable_connection_keepalive", false),
            validate_message_size: keys.flag("transport.http.enable_message_size_validation", false),
            max_message_size: keys.parsed("transport.http.max_message_size_bytes", 81_920),
            block_service_list: keys.flag("transport.http.block_service_list", true),
            close_socket_on_endpoint_timeout: keys
                .flag("transport.http.close_socket_on_endpoint_timeout", false),
            force_xml_validation: keys.flag("transport.http.force_xml_validation", false),
            force_json_validation: keys.flag("transport.http.force_json_validation", false),
            correlation_header: keys.text("passthru_properties.correlation_header_name", "activityid"),
        }
    }
}

fn listener(keys: &mut Keys<'_>, prefix: &str, port: u16) -> HttpListener {
    let key = |name: &str| format!("transport.http.listener.{prefix}{name}");
    HttpListener {
        enabled: keys.flag(&key("enable"), true),
        port: keys.parsed(&key("port"), port),
        bind_address: keys.option(&key("bind_address")),
    }
}

/// `[mediation]`.
#[derive(Debug, Clone)]
pub struct Mediation {
    /// Longest wait for an answer of an endpoint without a timeout of its own. Default 120 s.
    pub global_timeout: Duration,
    /// How often timeouts are looked for. Default 15 s.
    pub timeout_interval: Duration,
    /// Attempts of a failover group; absent: as many as there are children.
    pub max_failover_retries: Option<u32>,
    /// Suspension after the last of them.
    pub suspend_on_max_failover: Duration,
    /// Probes, metrics and management over HTTP.
    pub internal_http: bool,
    /// Their port before the offset, 9191.
    pub internal_http_port: u16,
    /// Their TLS port before the offset, 9154.
    pub internal_https_port: u16,
    /// Inbound endpoints get the offset too.
    pub inbound_port_offset: bool,
    /// Threads of MI that bound how many messages of inbound endpoints run at a time.
    pub inbound_max_threads: usize,
    /// Fail-safe names; absent: on for all kinds.
    pub fail_safe: Option<String>,
    /// Applications with versioned deployment version their APIs and proxies too.
    pub expose_versioned_services: bool,
}

impl Mediation {
    pub(super) fn read(keys: &mut Keys<'_>) -> Self {
        let retries: i64 = keys.parsed("mediation.synapse.maximum_failover_retries", -1);
        let suspend = "mediation.synapse.suspend_duration_on_maximum_failover";
        let interval = "synapse_properties.synapse.timeout_handler_interval";
        Self {
            global_timeout: keys.millis("mediation.synapse.global_timeout_interval", 120_000),
            timeout_interval: keys.millis(interval, 15_000),
            max_failover_retries: u32::try_from(retries).ok(),
            suspend_on_max_failover: keys.millis(suspend, 30_000),
            internal_http: keys.flag("mediation.internal_http_api_enable", true),
            internal_http_port: keys.parsed("mediation.internal_http_api_port", 9191),
            internal_https_port: keys.parsed("mediation.internal_https_api_port", 9154),
            inbound_port_offset: keys.flag("mediation.inbound.port_offset_enable", false),
            inbound_max_threads: keys.parsed("mediation.inbound.max_threads", 100),
            fail_safe: keys.option("synapse_properties.failsafe.mode.enable"),
            expose_versioned_services: keys.flag("synapse_properties.expose.versioned.services", false),
        }
    }
}

/// `[mediation]` keys and the synapse properties they stand for.
const PROPERTIES: &[(&str, &str)] = &[
    ("synapse.global_timeout_interval", "synapse.global_timeout_interval"),
    ("synapse.preserve_namespace_on_xml_to_json", "synapse.commons.json.preserve.namespace"),
    ("synapse.build_valid_nc_name", "synapse.commons.json.buildValidNCNames"),
    ("synapse.enable_auto_primitive", "synapse.commons.json.output.autoPrimitive"),
    ("synapse.disable_auto_primitive_regex", "synapse.commons.json.output.disableAutoPrimitive.regex"),
    (
        "synapse.disable_custom_replace_regex",
        "synapse.commons.json.json.output.disableAutoPrimitive.customReplaceRegex",
    ),
    ("synapse.enable_namespace_declaration", "synapse.commons.json.output.enableNSDeclarations"),
    ("synapse.json_out_auto_array", "synapse.commons.json.output.jsonoutAutoArray"),
    ("synapse.enable_xml_nil", "synapse.commons.enableXmlNilReadWrite"),
    ("synapse.enable_xpath_dom_failover", "synapse.xpath.dom.failover.enabled"),
    ("synapse.temp_data_chunk_size", "synapse.temp_data.chunk.size"),
    ("synapse.script_mediator_pool_size", "synapse.script.mediator.pool.size"),
    ("synapse.maximum_failover_retries", "maximum.failover.retries"),
    ("synapse.suspend_duration_on_maximum_failover", "suspend.duration.on.maximum.failover"),
];

/// `[synapse_properties]` over what `[mediation]` says.
pub(super) fn synapse_properties(flat: &Flat) -> BTreeMap<String, String> {
    let mediation = flat.below("mediation");
    let known = PROPERTIES
        .iter()
        .filter_map(|(key, property)| Some(((*property).to_owned(), mediation.get(*key)?.clone())));
    let mut properties: BTreeMap<String, String> = known.collect();
    properties.extend(flat.below("synapse_properties"));
    properties
}

/// One `[[datasource]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DataSource {
    /// Name that artifacts use.
    pub id: String,
    /// JDBC URL.
    pub url: String,
    /// User.
    pub username: Option<String>,
    /// Password.
    pub password: Option<String>,
    /// Java class of the driver, not used.
    pub driver: Option<String>,
    /// `pool_options.*` and further keys, by key.
    pub options: BTreeMap<String, String>,
}

pub(super) fn datasources(flat: &Flat) -> Vec<DataSource> {
    let read = |table: BTreeMap<String, toml::Value>| {
        let mut texts: BTreeMap<String, String> =
            table.iter().map(|(key, value)| (key.clone(), text_of(value))).collect();
        DataSource {
            id: texts.remove("id").unwrap_or_default(),
            url: texts.remove("url").unwrap_or_default(),
            username: texts.remove("username"),
            password: texts.remove("password"),
            driver: texts.remove("driver"),
            options: texts,
        }
    };
    flat.tables("datasource").into_iter().map(read).collect()
}

/// `[cluster_config]`.
#[derive(Debug, Clone, Default)]
pub struct ClusterConfig {
    /// Name of this node; absent: made up at start.
    pub node_id: Option<String>,
}

impl ClusterConfig {
    pub(super) fn read(keys: &mut Keys<'_>) -> Self {
        Self { node_id: keys.option("cluster_config.node_id") }
    }
}

/// `[task_handling]` and `[[task_resolver]]`.
#[derive(Debug, Clone, Default)]
pub struct TaskHandling {
    /// Java class of MI's resolver, as written; empty: none is set.
    pub resolver_class: String,
    /// Properties of the resolver, of all `[[task_resolver]]` tables together.
    pub resolver: BTreeMap<String, String>,
}

impl TaskHandling {
    /// MI's keys for the rounds of its leader (`resolving_period`, `resolving_frequency`) have no
    /// meaning without a leader and are not read.
    pub(super) fn read(keys: &mut Keys<'_>, flat: &Flat) -> Self {
        let tables = flat.tables("task_resolver").into_iter();
        Self {
            resolver_class: keys.option("task_handling.resolver_class").unwrap_or_default(),
            resolver: tables.flatten().map(|(key, value)| (key, text_of(&value))).collect(),
        }
    }
}

/// A user of the management API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Name.
    pub name: String,
    /// Password.
    pub password: String,
    /// May change things.
    pub is_admin: bool,
}

/// `[management_api]` and `[internal_apis]`.
#[derive(Debug, Clone)]
pub struct ManagementApi {
    /// Protocols it is served on. Default both.
    pub protocols: Vec<String>,
    /// Users. Default one, admin with password admin.
    pub users: Vec<User>,
    /// Life of a token in seconds.
    pub token_expiry_s: u64,
    /// Basic credentials are taken on every resource.
    pub basic_security: bool,
}

impl ManagementApi {
    pub(super) fn read(keys: &mut Keys<'_>) -> Self {
        let protocols = keys.text("management_api.protocols", "https http");
        let mut users: Vec<User> = keys.flat.tables("internal_apis.users").iter().filter_map(user).collect();
        if users.is_empty() {
            users.push(User { name: "admin".into(), password: "admin".into(), is_admin: true });
        }
        let expiry = "management_api.jwt_token_security_handler.token_config.expiry";
        Self {
            protocols: protocols
                .split([' ', ','])
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
            users,
            token_expiry_s: keys.parsed(expiry, 3600),
            basic_security: keys.flag("management_api.basic_security_handler.enable", false),
        }
    }
}

fn user(table: &BTreeMap<String, toml::Value>) -> Option<User> {
    let text = |key: &str| table.get(key).map(text_of);
    Some(User {
        name: text("user.name")?,
        password: text("user.password").unwrap_or_default(),
        is_admin: text("user.is_admin").is_some_and(|word| word.eq_ignore_ascii_case("true")),
    })
}
