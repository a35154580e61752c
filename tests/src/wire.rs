//! HTTP/1.x on blocking sockets, byte for byte as the cases ask: the client that sends requests
//! and the reader that client and mock backends share.
//!
//! Written by hand on purpose: nothing is added, folded or corrected that a case did not say.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use crate::xml;

/// A header block in wire order, names as received.
pub type Headers = Vec<(String, String)>;

/// Values of one header, compared without case.
pub fn values<'a>(headers: &'a Headers, name: &str) -> Vec<&'a str> {
    headers.iter().filter(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
}

/// Why no proper message arrived.
#[derive(Debug, PartialEq)]
pub enum Broken {
    /// Nothing came within the time given.
    Timeout,
    /// The connection was refused, closed early, or carried something that is not HTTP.
    Closed(String),
}

impl From<std::io::Error> for Broken {
    fn from(e: std::io::Error) -> Self {
        match e.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Broken::Timeout,
            _ => Broken::Closed(e.to_string()),
        }
    }
}

fn closed<T>(why: &str) -> Result<T, Broken> {
    Err(Broken::Closed(why.to_owned()))
}

/// An answer, or a request that a backend received seen as a message (status 0).
#[derive(Debug, Default, Clone)]
pub struct Message {
    pub status: u16,
    pub version: String,
    pub headers: Headers,
    pub body: Vec<u8>,
    pub elapsed_ms: u64,
}

impl Message {
    /// The body as text by the charset of its content type, else UTF-8.
    pub fn text(&self) -> String {
        let content_type = values(&self.headers, "Content-Type").first().copied().unwrap_or_default();
        let charset = content_type.split_once("charset=").map(|(_, c)| c.trim_start_matches('"'));
        let end = |c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_');
        let name = charset.and_then(|c| c.split(end).next()).unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "iso-8859-1" | "latin1" | "latin-1" | "iso8859-1" | "windows-1252" => latin1(&self.body),
            "utf-16le" => xml::utf16(&self.body, u16::from_le_bytes),
            "utf-16be" => xml::utf16(&self.body, u16::from_be_bytes),
            "utf-16" => match self.body.as_slice() {
                [0xfe, 0xff, rest @ ..] => xml::utf16(rest, u16::from_be_bytes),
                [0xff, 0xfe, rest @ ..] => xml::utf16(rest, u16::from_le_bytes),
                all => xml::utf16(all, u16::from_le_bytes),
            },
            _ => String::from_utf8_lossy(&self.body).into_owned(),
        }
    }
}

/// Each byte as the character of that number: how header bytes are read.
pub fn latin1(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// Longest accepted start or header line.
const MAX_LINE: u64 = 1 << 20;

/// One line without its end; `None` when the stream is over.
pub fn line(from: &mut impl BufRead) -> Result<Option<Vec<u8>>, Broken> {
    let mut out = Vec::new();
    from.take(MAX_LINE).read_until(b'\n', &mut out)?;
    if out.is_empty() {
        return Ok(None);
    }
    if out.last() == Some(&b'\n') {
        out.pop();
    }
    if out.last() == Some(&b'\r') {
        out.pop();
    }
    Ok(Some(out))
}

/// Header lines up to the empty line; folded lines are joined, lines without a colon left out.
pub fn headers(from: &mut impl BufRead) -> Result<Headers, Broken> {
    let mut out: Headers = Vec::new();
    loop {
        let Some(raw) = line(from)? else { return Ok(out) };
        if raw.is_empty() {
            return Ok(out);
        }
        let text = latin1(&raw);
        if text.starts_with([' ', '\t']) {
            if let Some((_, v)) = out.last_mut() {
                v.push_str(&text);
            }
        } else if let Some((name, value)) = text.split_once(':') {
            out.push((name.to_owned(), value.trim_start_matches([' ', '\t']).to_owned()));
        }
    }
}

/// A chunked body with its trailer; `Err` when it ends early or a size cannot be read.
pub fn chunked(from: &mut impl BufRead) -> Result<Vec<u8>, Broken> {
    let mut out = Vec::new();
    loop {
        let Some(raw) = line(from)? else { return closed("connection ended between chunks") };
        let size = latin1(&raw);
        let digits = size.split(';').next().unwrap_or_default().trim();
        let Ok(size) = u64::from_str_radix(digits, 16) else { return closed("chunk size is no number") };
        if size == 0 {
            headers(from)?;
            return Ok(out);
        }
        sized_into(from, size, &mut out)?;
        line(from)?;
    }
}

/// Exactly `size` bytes.
pub fn sized(from: &mut impl BufRead, size: u64) -> Result<Vec<u8>, Broken> {
    let mut out = Vec::new();
    sized_into(from, size, &mut out)?;
    Ok(out)
}

fn sized_into(from: &mut impl BufRead, size: u64, out: &mut Vec<u8>) -> Result<(), Broken> {
    let got = from.take(size).read_to_end(out)?;
    if (got as u64) < size { closed(&format!("body ended after {got} of {size} bytes")) } else { Ok(()) }
}

/// Reads one answer to a request with this method. Interim answers (100) are skipped.
pub fn read_answer(from: &mut impl BufRead, method: &str) -> Result<Message, Broken> {
    let (version, status) = loop {
        let Some(raw) = line(from)? else { return closed("connection ended without an answer") };
        let text = latin1(&raw);
        let mut parts = text.split_ascii_whitespace();
        let version = parts.next().unwrap_or_default().to_owned();
        let status = parts.next().and_then(|s| s.parse::<u16>().ok());
        match status {
            Some(100) if version.starts_with("HTTP/") => {
                headers(from)?;
            }
            Some(status) if version.starts_with("HTTP/") => break (version, status),
            _ => return closed(&format!("not a status line: {text:?}")),
        }
    };
    let headers = headers(from)?;
    let is_chunked = values(&headers, "Transfer-Encoding").iter().any(|v| v.eq_ignore_ascii_case("chunked"));
    let length = values(&headers, "Content-Length").first().and_then(|v| v.trim().parse::<u64>().ok());
    let body = if method == "HEAD" || status == 204 || status == 304 || (100..200).contains(&status) {
        Vec::new()
    } else if is_chunked {
        chunked(from)?
    } else if let Some(n) = length {
        sized(from, n)?
    } else {
        let mut rest = Vec::new();
        from.read_to_end(&mut rest)?;
        rest
    };
    Ok(Message { status, version, headers, body, elapsed_ms: 0 })
}

/// A request ready for the wire.
#[derive(Debug, Default)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub http_10: bool,
    pub headers: Headers,
    pub body: Option<Vec<u8>>,
    pub chunked: bool,
}

impl Request {
    /// The bytes to send. `Host` is added for HTTP/1.1 unless the case gives one, `Content-Length`
    /// unless the case gives one or asks for chunks; nothing else is added.
    pub fn bytes(&self, authority: &str) -> Vec<u8> {
        let has = |name: &str| self.headers.iter().any(|(k, _)| k.eq_ignore_ascii_case(name));
        let version = if self.http_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let mut head = format!("{} {} {version}\r\n", self.method, self.target);
        if !self.http_10 && !has("host") {
            head.push_str(&format!("Host: {authority}\r\n"));
        }
        let mut out = head.into_bytes();
        for (k, v) in &self.headers {
            out.extend(format!("{k}: ").into_bytes());
            out.extend(v.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')));
            out.extend(b"\r\n");
        }
        let length = self.body.as_ref().map(Vec::len);
        match length {
            _ if self.chunked => out.extend(b"Transfer-Encoding: chunked\r\n"),
            Some(n) if !has("content-length") => {
                out.extend(format!("Content-Length: {n}\r\n").into_bytes());
            }
            None if ["POST", "PUT", "PATCH"].contains(&self.method.as_str()) => {
                out.extend(b"Content-Length: 0\r\n");
            }
            _ => {}
        }
        out.extend(b"\r\n");
        if let Some(body) = self.body.as_ref().filter(|b| !b.is_empty()) {
            if self.chunked {
                out.extend(format!("{:x}\r\n", body.len()).into_bytes());
                out.extend(body);
                out.extend(b"\r\n0\r\n\r\n");
            } else {
                out.extend(body);
            }
        }
        out
    }
}

/// Opens a connection; every later read and write waits at most `wait`.
pub fn connect(host: &str, port: u16, wait: Duration) -> Result<TcpStream, Broken> {
    let mut last = Broken::Closed(format!("no address for {host}"));
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, wait) {
            Ok(stream) => {
                stream.set_read_timeout(Some(wait))?;
                stream.set_write_timeout(Some(wait))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => last = e.into(),
        }
    }
    Err(last)
}

/// Sends bytes and reads one answer.
pub fn exchange(
    mut stream: TcpStream,
    bytes: &[u8],
    method: &str,
    since: Instant,
) -> Result<Message, Broken> {
    stream.write_all(bytes)?;
    let mut message = read_answer(&mut BufReader::new(stream), method)?;
    message.elapsed_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(message)
}

/// Splits `http://host:port/path?query` into host, port and target; a fragment is dropped.
pub fn split_url(url: &str) -> Option<(String, u16, String)> {
    let rest = url.split_once("://").map(|(_, r)| r)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, target) = rest.split_at_checked(end)?;
    let target = target.split('#').next().unwrap_or_default();
    let (host, port) = match authority.rsplit_once(':') {
        Some((h, p)) => (h, p.parse().ok()?),
        None => (authority, 80),
    };
    let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
    Some((host.trim_matches(['[', ']']).to_owned(), port, target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, method: &str) -> Result<Message, Broken> {
        read_answer(&mut text.as_bytes(), method)
    }

    #[test]
    fn answers_are_framed_by_length_chunks_or_end() {
        let m = answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc", "GET").unwrap();
        assert_eq!((m.status, m.body.as_slice()), (200, b"ab".as_slice()));
        let m = answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=1\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
            "GET",
        );
        assert_eq!(m.unwrap().body, b"abc");
        assert_eq!(answer("HTTP/1.0 200 OK\r\n\r\nrest", "GET").unwrap().body, b"rest");
        assert!(answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD").unwrap().body.is_empty());
        assert_eq!(
            answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\n\r\n", "GET").unwrap().status,
            204
        );
    }

    #[test]
    fn short_answers_are_broken() {
        for text in ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"] {
            assert!(matches!(answer(text, "GET"), Err(Broken::Closed(_))), "{text}");
        }
        assert!(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "GET").is_err());
    }

    #[test]
    fn requests_carry_only_what_was_asked() {
        let mut r = Request { method: "POST".into(), target: "/a".into(), ..Request::default() };
        assert_eq!(r.bytes("h:1"), b"POST /a HTTP/1.1\r\nHost: h:1\r\nContent-Length: 0\r\n\r\n");
        r.method = "GET".into();
        r.http_10 = true;
        assert_eq!(r.bytes("h:1"), b"GET /a HTTP/1.0\r\n\r\n");
        r.body = Some(b"xy".to_vec());
        r.chunked = true;
        assert_eq!(r.bytes(""), b"GET /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nxy\r\n0\r\n\r\n");
    }

    #[test]
    fn urls_are_split() {
        assert_eq!(split_url("http://h:81/a?b#c"), Some(("h".into(), 81, "/a?b".into())));
        assert_eq!(split_url("http://h?q=1"), Some(("h".into(), 80, "/?q=1".into())));
        assert_eq!(split_url("nothing"), None);
    }
}
