//! Start and rest: from process start to the first served request, and memory while idle.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::process::{Memory, Process};
use crate::target::{ask_once, free_offset, free_port, run_arguments};

/// Artifacts of the start scenario: APIs, sequences, endpoints and a template, twenty in all.
pub fn write_twenty(artifacts: &Path) -> io::Result<()> {
    const NAMESPACE: &str = "http://ws.apache.org/ns/synapse";
    let put = |folder: &str, name: &str, text: String| {
        let folder = artifacts.join(folder);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(format!("{name}.xml")), text)
    };
    for i in 0..8 {
        let flow = format!(
            "<property name=\"n\" expression=\"${{{i} + 1}}\"/><sequence key=\"Seq{i}\"/>\
             <payloadFactory media-type=\"json\"><format>{{\"n\": {i}}}</format></payloadFactory><respond/>"
        );
        let text = format!(
            "<api xmlns=\"{NAMESPACE}\" name=\"Api{i}\" context=\"/api{i}\"><resource methods=\"GET\" \
             uri-template=\"/x/{{id}}\"><inSequence>{flow}</inSequence></resource></api>"
        );
        put("apis", &format!("Api{i}"), text)?;
        let text = format!(
            "<sequence xmlns=\"{NAMESPACE}\" name=\"Seq{i}\"><filter xpath=\"${{1 == 1}}\"><then>\
             <log level=\"custom\" category=\"DEBUG\"><property name=\"i\" value=\"{i}\"/></log></then></filter></sequence>"
        );
        put("sequences", &format!("Seq{i}"), text)?;
    }
    for i in 0..3 {
        let text = format!(
            "<endpoint xmlns=\"{NAMESPACE}\" name=\"Ep{i}\"><address uri=\"http://127.0.0.1:9/{i}\"/></endpoint>"
        );
        put("endpoints", &format!("Ep{i}"), text)?;
    }
    let text = format!(
        "<template xmlns=\"{NAMESPACE}\" name=\"T\"><parameter name=\"p\"/><sequence><log/></sequence></template>"
    );
    put("templates", "T", text)
}

/// Start times in milliseconds, and memory after `rest`.
#[derive(Debug, Clone, Default)]
pub struct Life {
    pub start_ms: Vec<f64>,
    pub idle: Memory,
    pub artifacts: usize,
}

/// Starts the server `starts` times over twenty artifacts; lets the last one rest before its memory
/// is taken.
pub fn measure(binary: &Path, starts: usize, rest: Duration) -> Result<Life, String> {
    let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
    write_twenty(&dir.path().join("src/main/wso2mi/artifacts")).map_err(|e| e.to_string())?;
    let mut life = Life { artifacts: 20, ..Life::default() };
    for i in 0..starts.max(1) {
        let (took, process) = start(binary, dir.path())?;
        life.start_ms.push(took.as_secs_f64() * 1e3);
        if i + 1 == starts.max(1) {
            std::thread::sleep(rest);
            life.idle = process.memory();
        }
    }
    Ok(life)
}

fn start(binary: &Path, project: &Path) -> Result<(Duration, Process), String> {
    let port = free_port().map_err(|e| e.to_string())?;
    let arguments = run_arguments(project, port, free_offset());
    let begin = Instant::now();
    let mut process = Process::start(binary, &arguments, project, None).map_err(|e| e.to_string())?;
    let request = b"GET /api7/x/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    while begin.elapsed() < Duration::from_secs(20) {
        match ask_once(port, request) {
            Ok((200, _)) => return Ok((begin.elapsed(), process)),
            Ok((status, body)) => {
                return Err(format!("start: answered {status} {}", String::from_utf8_lossy(&body)));
            }
            Err(_) if process.is_alive() => std::thread::sleep(Duration::from_micros(200)),
            Err(_) => break,
        }
    }
    let log = fs::read_to_string(project.join("output.log")).unwrap_or_default();
    Err(format!("start: the server does not serve: {log}"))
}
