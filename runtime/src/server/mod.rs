//! The life of a server: settings, deployment, listeners, hot deployment, drain.

mod coordination;
mod deployment;
mod health;
mod inbound_http;
mod secured;
mod watch;

pub use health::{Health, Probes};

use crate::activation::Activations;
use crate::cli::RunArgs;
use crate::deploy::{self, ConfigValues};
use crate::engine::{Door, Engine};
use crate::eval::set_xpath_failover;
use crate::http::client::PoolLimits;
use crate::http::{
    Client, ClientOptions, HeaderRules, Listener, ListenerOptions, Running, Serve, Timeouts, Workers,
};
use crate::logging;
use crate::message::convert::ConversionSettings;
use crate::services::Services;
use crate::settings::{Environment, HttpListener, Settings};
use crate::tls::{Sender, TlsError};
use ::http::HeaderName;
use artifacts::diagnostics::Diagnostics;
use deployment::Deployed;
use inbound_http::InboundListeners;
use secured::Secured;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use watch::Snapshot;

/// Why a server does not start or run on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// deployment.toml cannot be used; the findings are logged.
    #[error("deployment.toml has errors; the server does not start")]
    Settings,
    /// A port is taken or may not be used.
    #[error("cannot listen on {address}: {cause}{hint}")]
    Listen {
        /// Address that was tried.
        address: SocketAddr,
        /// What the system said.
        cause: std::io::Error,
        /// What to do about it.
        hint: &'static str,
    },
    /// No threads for the listeners.
    #[error("the threads that serve HTTP cannot start: {0}")]
    Workers(std::io::Error),
    /// A key store or another TLS setting cannot be used.
    #[error("HTTPS cannot be set up: {0}")]
    Tls(#[from] TlsError),
    /// The coordination settings cannot be used.
    #[error("coordination cannot start: {0}")]
    Coordination(String),
    /// A path does not exist.
    #[error("{0}: no such file or folder")]
    Missing(PathBuf),
}

/// The `run` command: serves until a signal, exit code 0 after a drain.
pub fn command(args: RunArgs) -> ExitCode {
    let started = Instant::now();
    let environment = Environment::of_process();
    logging::install(args.log_format, environment.variable("GANGLION_LOG"));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match runtime.block_on(serve(args, environment, started)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    };
    // A file system that hangs must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    code
}

async fn serve(args: RunArgs, environment: Environment, started: Instant) -> Result<(), ServeError> {
    let paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths };
    if let Some(missing) = paths.iter().find(|path| !path.exists()) {
        return Err(ServeError::Missing(missing.clone()));
    }
    let home = deploy::home_of(&paths);
    let (mut settings, found) = Settings::load(&home, args.config.as_deref(), environment);
    log_findings(&found);
    if found.has_errors() {
        return Err(ServeError::Settings);
    }
    if let Some(offset) = args.port_offset {
        settings.server.offset = offset;
    }
    install_conversion(&settings);
    let secured = Secured::read(&settings, &home)?;
    // Taken before reading: a change in between is seen by the first look.
    let snapshot = Snapshot::take(&paths);
    let deployed = deployment::deploy(&paths, &settings);
    let health = Arc::new(Health::default());
    let scan = watch::interval(&home);
    let services = Arc::new(services(&settings, home.clone(), secured.sender.clone()));
    let engine = Engine::new(deployed.program.clone(), services);
    announce(&deployed, &health);
    let coordinator = coordination::start(&settings, &home).map_err(ServeError::Coordination)?;
    let activations = Arc::new(Activations::new(engine.clone(), coordinator));
    let probes = Probes::new(health.clone(), &activations);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let workers = Workers::start(cores).map_err(ServeError::Workers)?;
    if let Some(file) = settings.http.sender_tls.profiles.clone() {
        let tls = settings.http.sender_tls.clone();
        tokio::spawn(secured::follow(secured.sender.clone(), tls, file, home.clone()));
    }
    let listeners = listen(&settings, args.http_port, &engine, &secured, probes, &workers).await?;
    let offset = if settings.mediation.inbound_port_offset { settings.server.offset } else { 0 };
    let inbounds = InboundListeners::new(
        engine.clone(),
        listener_options(&settings, &workers),
        offset,
        settings.http.listener_tls.clone(),
        home,
    );
    let server = Arc::new(Server { engine, activations, inbounds, health, grace: grace(&settings) });
    server.start_work(&deployed).await;
    tracing::info!("Ganglion started in {:.2} seconds", started.elapsed().as_secs_f64());
    if settings.server.hot_deployment {
        tokio::spawn(redeploy_on_change(paths, settings, server.clone(), snapshot, scan));
    }
    wait_for_signal().await;
    server.drain(&listeners).await;
    Ok(())
}

/// How long requests and runs in flight may take after the signal.
fn grace(settings: &Settings) -> Duration {
    let server = &settings.server;
    if server.graceful_shutdown { server.graceful_shutdown_timeout } else { Duration::ZERO }
}

/// What runs, and takes over new deployments.
struct Server {
    engine: Arc<Engine>,
    activations: Arc<Activations>,
    inbounds: InboundListeners,
    health: Arc<Health>,
    grace: Duration,
}

impl Server {
    /// Opens and offers what the deployment has beside its artifacts for the main listener.
    async fn start_work(&self, deployed: &Deployed) {
        self.inbounds.apply(&deployed.program, self.grace).await;
        self.activations.apply(&deployed.activations);
    }

    /// Running messages finish on the old program.
    async fn redeploy(&self, deployed: &Deployed) {
        tracing::info!("artifacts changed; the new deployment takes over");
        self.engine.swap(deployed.program.clone());
        self.start_work(deployed).await;
        announce(deployed, &self.health);
    }

    /// Hands scheduled work over at once, and lets requests in flight finish.
    async fn drain(&self, listeners: &[Running]) {
        let limit = self.grace;
        let requests = futures_util::future::join_all(listeners.iter().map(|l| l.drain(limit)));
        let (_, drained, inbounds) = futures_util::future::join3(
            self.activations.shutdown(limit),
            requests,
            self.inbounds.drain(limit),
        )
        .await;
        if drained.contains(&false) || !inbounds {
            tracing::warn!(
                "stopped with requests in flight: they did not finish within {} s",
                limit.as_secs()
            );
        } else {
            tracing::info!("stopped; every request in flight was finished");
        }
    }
}

fn services(settings: &Settings, home: PathBuf, tls: Arc<Sender>) -> Services {
    let http = &settings.http;
    let limits =
        PoolLimits { idle_per_origin: http.max_connections_per_host.min(1_024), ..PoolLimits::default() };
    Services {
        configs: ConfigValues::load(&home, &settings.environment),
        home,
        client: Client::new(ClientOptions { pool: limits, rules: header_rules(settings), tls }),
        timeouts: Timeouts { connect: http.connection_timeout, response: http.socket_timeout },
        global_timeout: settings.mediation.global_timeout,
        ignore_missing_json_paths: settings.synapse_properties.iter().any(|(name, value)| {
            name == "synapse.jsonpath.ignore.not.found.error" && value.eq_ignore_ascii_case("true")
        }),
        ..Services::default()
    }
}

/// `preserve_http_headers` and its two companions.
fn header_rules(settings: &Settings) -> HeaderRules {
    let http = &settings.http;
    let agent = http.preserve_user_agent.then_some("User-Agent");
    let server = http.preserve_server.then_some("Server");
    HeaderRules::preserving(http.preserve_headers.iter().map(String::as_str).chain(agent).chain(server))
}

/// The settings of the JSON and XML conversion and of XPath are the process's.
fn install_conversion(settings: &Settings) {
    let failover = settings.synapse_properties.get("synapse.xpath.dom.failover.enabled");
    set_xpath_failover(failover.is_some_and(|value| value.trim() == "true"));
    let mut conversion = ConversionSettings::default();
    for (name, value) in &settings.synapse_properties {
        if let Err(error) = conversion.set(name, value) {
            tracing::warn!("the synapse property {name} is ignored: {error}");
        }
    }
    if !conversion.install() {
        tracing::warn!("the conversion settings of deployment.toml came too late");
    }
}

fn log_findings(found: &Diagnostics) {
    if found.has_errors() {
        tracing::error!("problems were found:\n{}", found.render());
    } else if !found.is_empty() {
        tracing::warn!("problems were found:\n{}", found.render());
    }
}

fn announce(deployed: &Deployed, health: &Health) {
    log_findings(&deployed.diagnostics);
    for name in &deployed.faulty {
        tracing::error!("the application '{name}' is left out; the rest serves");
    }
    tracing::info!("{} artifacts deployed", deployed.artifacts);
    health.set_faulty(deployed.faulty.clone());
}

/// Settings of every HTTP listener for messages.
fn listener_options(settings: &Settings, workers: &Arc<Workers>) -> ListenerOptions {
    let http = &settings.http;
    ListenerOptions {
        socket_timeout: http.socket_timeout,
        max_open_connections: http.max_open_connections,
        keep_alive: !http.disable_keepalive,
        rules: header_rules(settings),
        workers: Some(workers.clone()),
        correlation: HeaderName::try_from(http.correlation_header.as_str()).ok(),
        max_message_bytes: http.validate_message_size.then_some(http.max_message_size),
        ..ListenerOptions::default()
    }
}

async fn listen(
    settings: &Settings,
    http_port: Option<u16>,
    engine: &Arc<Engine>,
    secured: &Secured,
    probes: Probes,
    workers: &Arc<Workers>,
) -> Result<Vec<Running>, ServeError> {
    let http = &settings.http;
    let options = listener_options(settings, workers);
    let door: Arc<dyn Serve> = Arc::new(Door::new(engine.clone(), "default"));
    let mut listeners = Vec::new();
    if http.listener.enabled {
        let port = http_port.unwrap_or_else(|| settings.port(http.listener.port));
        let running = open(address(&http.listener, port), options.clone(), door.clone()).await?;
        tracing::info!("HTTP listener on port {}", running.local_addr().port());
        listeners.push(running);
    }
    if let Some(tls) = &secured.listener {
        let port = settings.port(http.secured_listener.port);
        let options = ListenerOptions { tls: Some(tls.clone()), ..options };
        let running = open(address(&http.secured_listener, port), options, door).await?;
        tracing::info!("HTTPS listener on port {}", running.local_addr().port());
        listeners.push(running);
    }
    if settings.mediation.internal_http {
        let port = settings.port(settings.mediation.internal_http_port);
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        listeners.push(open(address, ListenerOptions::default(), Arc::new(probes)).await?);
        tracing::info!("/healthz, /liveness, /coordination and metrics on port {port}");
    }
    Ok(listeners)
}

fn address(listener: &HttpListener, port: u16) -> SocketAddr {
    let bind = listener.bind_address.as_deref().and_then(|text| text.parse().ok());
    SocketAddr::new(bind.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)), port)
}

async fn open(
    address: SocketAddr,
    options: ListenerOptions,
    serve: Arc<dyn Serve>,
) -> Result<Running, ServeError> {
    let hint = "; is another server running? try --port-offset or --http-port";
    let listener = Listener::bind(address, options).await.and_then(|listener| listener.start(serve));
    listener.map_err(|cause| ServeError::Listen { address, cause, hint })
}

async fn redeploy_on_change(
    paths: Vec<PathBuf>,
    settings: Settings,
    server: Arc<Server>,
    mut known: Snapshot,
    scan: Duration,
) {
    let mut tick = tokio::time::interval(scan);
    tick.tick().await;
    loop {
        tick.tick().await;
        let looked = paths.clone();
        let Ok(now) = tokio::task::spawn_blocking(move || Snapshot::take(&looked)).await else { continue };
        if now == known {
            continue;
        }
        known = now;
        let (again, settings_now) = (paths.clone(), settings.clone());
        match tokio::task::spawn_blocking(move || deployment::deploy(&again, &settings_now)).await {
            Ok(deployed) => server.redeploy(&deployed).await,
            Err(error) => tracing::error!("the changed artifacts could not be deployed: {error}"),
        }
    }
}

/// Returns at the first SIGTERM or SIGINT; a second one ends the process at once.
async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
        tracing::error!("signals cannot be received; the server runs until it is killed");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: no new requests, those in flight finish; a second signal ends at once");
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
}
