//! The life of a server: deploy, listen, drain, stop.

mod loader;

use crate::cli::RunArgs;
use crate::compile::{self, Options};
use crate::engine::{Door, Engine};
use crate::http::{Listener, ListenerOptions};
use crate::logging;
use crate::services::Services;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Base ports; the offset is added.
const HTTP_PORT: i32 = 8280;
const DEFAULT_OFFSET: i32 = 10;

/// The `run` command.
pub fn command(args: RunArgs) -> ExitCode {
    let started = Instant::now();
    logging::install(args.log_format, None);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("the runtime cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(args, started)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: RunArgs, started: Instant) -> Result<(), String> {
    let paths = if args.paths.is_empty() { vec![".".into()] } else { args.paths };
    let (artifacts, found) = loader::load(&paths);
    let (program, compiled) = compile::compile(&artifacts, &Options::default());
    for list in [&found, &compiled] {
        if !list.is_empty() {
            tracing::warn!("findings:\n{}", list.render());
        }
    }
    let services = Services { home: paths[0].clone(), ..Services::default() };
    let engine = Engine::new(Arc::new(program), Arc::new(services));
    let offset = args.port_offset.unwrap_or(DEFAULT_OFFSET);
    let port = args.http_port.unwrap_or_else(|| u16::try_from(HTTP_PORT + offset).unwrap_or(0));
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let listener = Listener::bind(address, ListenerOptions::default()).await;
    let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let door = Arc::new(Door::new(engine, "default"));
    let running = listener.start(door).map_err(|error| error.to_string())?;
    tracing::info!("listening on http://{}", running.local_addr());
    tracing::info!("Ganglion started in {:.2} seconds", started.elapsed().as_secs_f64());
    wait_for_signal().await;
    if !running.drain(Duration::from_secs(180)).await {
        tracing::warn!("some requests did not finish in time");
    }
    Ok(())
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: no new requests; a second signal ends at once");
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
}
