//! One connection to a mock backend: read a request, record it, answer as the script says.

use std::io::{BufReader, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use super::answer::{Answer, Body};
use super::{Received, Shared, locked};
use crate::wire::{self, Broken};

/// Serves requests until the peer, the script or the end of the backend closes the connection.
pub(super) fn serve(stream: &TcpStream, shared: &Shared) {
    // Whatever breaks a connection breaks only this one; the server under test sees it and reports.
    let result = run(stream, shared);
    drop(result);
    stream.shutdown(Shutdown::Both).ok();
}

fn run(stream: &TcpStream, shared: &Shared) -> Result<(), Broken> {
    stream.set_read_timeout(Some(Duration::from_secs(120)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader, stream)? {
        let ends = request.version == "HTTP/1.0"
            || wire::values(&request.headers, "Connection")
                .iter()
                .any(|v| v.to_ascii_lowercase().contains("close"));
        locked(&shared.requests).push(request.clone());
        let answer = shared.answer(&request);
        pause(answer.delay, shared);
        let goes_on = write(stream, &request, &answer, ends)?;
        if ends || !goes_on {
            return Ok(());
        }
    }
    Ok(())
}

/// One request; `None` when the peer is done or sends no HTTP.
fn read(reader: &mut BufReader<&TcpStream>, mut stream: &TcpStream) -> Result<Option<Received>, Broken> {
    let Some(start) = wire::line(reader)? else { return Ok(None) };
    let start = wire::latin1(&start);
    let mut parts = start.split_ascii_whitespace();
    let (Some(method), Some(target), Some(version)) = (parts.next(), parts.next(), parts.next()) else {
        return Ok(None);
    };
    let headers = wire::headers(reader)?;
    let first = |name| wire::values(&headers, name).first().map(|v| v.trim().to_ascii_lowercase());
    if first("Expect").as_deref() == Some("100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let body = if first("Transfer-Encoding").is_some_and(|v| v.contains("chunked")) {
        wire::chunked(reader)?
    } else {
        let length = first("Content-Length").and_then(|v| v.parse().ok()).unwrap_or(0);
        wire::sized(reader, length)?
    };
    // Several slashes in front are one: what the recorded cases saw.
    let target =
        if target.starts_with("//") { format!("/{}", target.trim_start_matches('/')) } else { target.into() };
    Ok(Some(Received { method: method.into(), target, version: version.into(), headers, body }))
}

fn pause(how_long: Duration, shared: &Shared) {
    let end = Instant::now() + how_long;
    while !shared.stopping.load(Ordering::SeqCst) {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        sleep(left.min(Duration::from_millis(50)));
    }
}

/// Writes the answer; `false` when the connection must end.
fn write(mut stream: &TcpStream, request: &Received, answer: &Answer, ends: bool) -> Result<bool, Broken> {
    let data: &[u8] = match &answer.body {
        Body::Close => return Ok(false),
        Body::Raw { bytes, pause } => {
            let step = if pause.is_zero() { bytes.len().max(1) } else { 500 };
            for part in bytes.chunks(step) {
                stream.write_all(part)?;
                sleep(*pause);
            }
            return Ok(false);
        }
        Body::Bytes(_) if matches!(answer.status, 204 | 304 | 100..200) => &[],
        Body::Bytes(data) => data,
    };
    let bare = matches!(answer.status, 204 | 304 | 100..200);
    let chunked = answer.chunked && request.version == "HTTP/1.1" && !bare;
    let mut out = format!("HTTP/1.1 {} {}\r\nServer: mock\r\n", answer.status, reason(answer.status));
    out.push_str(&format!("Date: {}\r\n", http_date(SystemTime::now())));
    for (name, value) in &answer.headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    let has_length = answer.headers.iter().any(|(k, _)| k.eq_ignore_ascii_case("content-length"));
    if chunked {
        out.push_str("Transfer-Encoding: chunked\r\n");
    } else if !bare && !has_length {
        out.push_str(&format!("Content-Length: {}\r\n", data.len()));
    }
    out.push_str(if ends { "Connection: close\r\n\r\n" } else { "\r\n" });
    let mut out: Vec<u8> = out.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    if request.method != "HEAD" {
        if chunked {
            chunks(data, &mut out);
        } else {
            out.extend(data);
        }
    }
    stream.write_all(&out)?;
    Ok(true)
}

/// Two chunks of about half the body each, and the end.
fn chunks(data: &[u8], out: &mut Vec<u8>) {
    let (first, second) = data.split_at((data.len() / 2).max(1).min(data.len()));
    for part in [first, second].into_iter().filter(|p| !p.is_empty()) {
        out.extend(format!("{:x}\r\n", part.len()).into_bytes());
        out.extend(part);
        out.extend(b"\r\n");
    }
    out.extend(b"0\r\n\r\n");
}

/// `Tue, 15 Nov 1994 08:12:31 GMT`.
fn http_date(now: SystemTime) -> String {
    let s = super::samples::civil(now);
    format!(
        "{}, {:02} {} {} {:02}:{:02}:{:02} GMT",
        s.weekday, s.day, s.month, s.year, s.hour, s.minute, s.second
    )
}

/// The usual phrase for a status, empty for numbers nobody has named.
fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Request Entity Too Large",
        414 => "Request-URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Requested Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a Teapot",
        422 => "Unprocessable Entity",
        423 => "Locked",
        424 => "Failed Dependency",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        511 => "Network Authentication Required",
        _ => "",
    }
}
