//! What is measured and what it is measured against: `ganglion` over a project, nginx as a reverse
//! proxy, and the echo backend behind both.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::process::Process;

/// A server under load.
#[derive(Debug)]
pub struct Target {
    pub name: &'static str,
    pub port: u16,
    pub process: Process,
    _dir: tempfile::TempDir,
}

/// Which core does what: servers on the first, generator and backend on the second. With one core
/// nobody is bound.
#[derive(Debug, Clone, Copy)]
pub struct Cores {
    pub server: Option<usize>,
    pub others: Option<usize>,
}

impl Cores {
    /// Divides the machine.
    pub fn of_machine() -> Cores {
        match std::thread::available_parallelism().map_or(1, usize::from) {
            0 | 1 => Cores { server: None, others: None },
            _ => Cores { server: Some(0), others: Some(1) },
        }
    }
}

/// A port that is free now.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// A port offset whose server ports lie below those that the system hands out.
pub fn free_offset() -> u16 {
    let seed = std::process::id().wrapping_mul(2_654_435_761) >> 16;
    let mut offset = 12_000 + u16::try_from(seed % 8_000).unwrap_or_default();
    let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    while ![8280, 8243, 9191, 9154].iter().all(|base| free(base + offset)) {
        offset += 1;
    }
    offset
}

/// Arguments of `ganglion run` for a project.
pub fn run_arguments(project: &Path, port: u16, offset: u16) -> Vec<String> {
    let project = project.display().to_string();
    ["run", &project, "--http-port", &port.to_string(), "--port-offset", &offset.to_string()]
        .map(str::to_owned)
        .into()
}

/// Starts the server over a project that `write` fills.
pub fn ganglion(
    binary: &Path,
    cores: Cores,
    write: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<Target> {
    let dir = tempfile::tempdir()?;
    write(&dir.path().join("src/main/wso2mi/artifacts"))?;
    let port = free_port()?;
    let process =
        Process::start(binary, &run_arguments(dir.path(), port, free_offset()), dir.path(), cores.server)?;
    listening(Target { name: "ganglion", port, process, _dir: dir })
}

/// Starts nginx in front of the backend: one worker, connections to the backend kept, bodies in
/// memory.
pub fn nginx(binary: &Path, cores: Cores, backend: u16) -> io::Result<Target> {
    let dir = tempfile::tempdir()?;
    let port = free_port()?;
    let config = format!(
        "worker_processes 1;\npid nginx.pid;\nerror_log error.log;\ndaemon off;\nevents {{ worker_connections 2048; }}\n\
         http {{\n  access_log off;\n  client_body_temp_path body;\n  proxy_temp_path proxy;\n  fastcgi_temp_path f;\n  \
         uwsgi_temp_path u;\n  scgi_temp_path s;\n  client_body_buffer_size 2m;\n  client_max_body_size 8m;\n  \
         proxy_buffers 32 64k;\n  proxy_buffer_size 64k;\n  proxy_busy_buffers_size 128k;\n  keepalive_requests 100000000;\n  \
         keepalive_timeout 300s;\n  upstream backend {{ server 127.0.0.1:{backend}; keepalive 256; keepalive_requests 100000000; }}\n  \
         server {{\n    listen 127.0.0.1:{port} backlog=1024;\n    location / {{\n      proxy_pass http://backend;\n      \
         proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n    }}\n  }}\n}}\n"
    );
    fs::write(dir.path().join("nginx.conf"), config)?;
    let home = dir.path().display().to_string();
    let arguments = ["-p", &home, "-c", "nginx.conf", "-e", "error.log"].map(str::to_owned);
    let process = Process::start(binary, &arguments, dir.path(), cores.server)?;
    listening(Target { name: "nginx", port, process, _dir: dir })
}

/// Starts the echo backend: this program again.
pub fn backend(cores: Cores) -> io::Result<Target> {
    let dir = tempfile::tempdir()?;
    let port = free_port()?;
    let own = std::env::current_exe()?;
    let process = Process::start(&own, &["echo".to_owned(), port.to_string()], dir.path(), cores.others)?;
    listening(Target { name: "backend", port, process, _dir: dir })
}

fn listening(mut target: Target) -> io::Result<Target> {
    let end = Instant::now() + Duration::from_secs(20);
    while Instant::now() < end {
        if TcpStream::connect(("127.0.0.1", target.port)).is_ok() {
            return Ok(target);
        }
        if !target.process.is_alive() {
            break;
        }
        sleep(Duration::from_millis(2));
    }
    let log = fs::read_to_string(target._dir.path().join("output.log")).unwrap_or_default();
    Err(io::Error::other(format!("{} does not listen on {}: {log}", target.name, target.port)))
}

/// The body of one reply, to see that the target works at all.
pub fn ask_once(port: u16, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request)?;
    let (mut input, mut buffer) = (Vec::new(), [0; 16 * 1024]);
    loop {
        match crate::wire::read(&input) {
            crate::wire::Read::Whole(m) => {
                return Ok((crate::wire::status(m.head).unwrap_or_default(), m.body.into_owned()));
            }
            crate::wire::Read::Partial => {}
            crate::wire::Read::Bad => return Err(io::Error::other("the reply cannot be read")),
        }
        match stream.read(&mut buffer)? {
            0 => return Err(io::Error::other("the connection ended without a reply")),
            n => input.extend_from_slice(buffer.get(..n).unwrap_or_default()),
        }
    }
}

/// The server beside this program. Under `cargo run` it is brought up to date first, because cargo
/// builds only the program it was asked for; with the same packages selected, so that nothing below it
/// is compiled a second time.
pub fn server_binary() -> Result<PathBuf, String> {
    let here = std::env::current_exe().map_err(|e| format!("where am I: {e}"))?;
    let dir = here.parent().map(Path::to_owned).unwrap_or_default();
    if let Some(cargo) = std::env::var_os("CARGO") {
        let mut build = std::process::Command::new(cargo);
        build.args(["build", "--quiet", "--workspace", "--bin", "ganglion"]);
        if dir.ends_with("release") {
            build.arg("--release");
        }
        // What names this package would make build scripts that look at it run anew (ring's does).
        let names = std::env::vars_os().map(|(name, _)| name);
        for name in names.filter(|name| name.to_string_lossy().starts_with("CARGO_PKG_")) {
            build.env_remove(name);
        }
        build.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_MANIFEST_PATH");
        let status = build.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        if !status.is_ok_and(|s| s.success()) {
            return Err("the server cannot be built: cargo build --package ganglion".into());
        }
    }
    let binary = dir.join("ganglion");
    if binary.exists() { Ok(binary) } else { Err(format!("{} does not exist", binary.display())) }
}
