//! Just enough HTTP/1.1 for both ends of a benchmark: where a message ends, and what its body is.

use std::borrow::Cow;

/// A complete message at the front of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub struct Message<'b> {
    /// Start line and header lines, without the empty line.
    pub head: &'b [u8],
    pub body: Cow<'b, [u8]>,
    /// Bytes that the message takes.
    pub length: usize,
}

/// What stands at the front of a buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Read<'b> {
    /// More bytes are needed.
    Partial,
    Whole(Message<'b>),
    /// Not HTTP/1.1 with a length or chunks.
    Bad,
}

/// Looks for a message. A request without length has no body; a response without one is bad,
/// because its end could not be told.
pub fn read(buffer: &[u8]) -> Read<'_> {
    let Some(end) = find(buffer, b"\r\n\r\n") else {
        return if buffer.len() > 64 * 1024 { Read::Bad } else { Read::Partial };
    };
    let (head, rest) = (buffer.get(..end).unwrap_or_default(), buffer.get(end + 4..).unwrap_or_default());
    let response = head.starts_with(b"HTTP/");
    if header(head, b"transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case(b"chunked")) {
        return chunked(head, rest, end + 4);
    }
    let length =
        header(head, b"content-length").map(|v| std::str::from_utf8(v).ok().and_then(|v| v.parse().ok()));
    let length: usize = match length {
        Some(Some(n)) => n,
        None if !response || status(head) == Some(202) || status(head) == Some(204) => 0,
        _ => return Read::Bad,
    };
    match rest.get(..length) {
        Some(body) => Read::Whole(Message { head, body: Cow::Borrowed(body), length: end + 4 + length }),
        None => Read::Partial,
    }
}

fn chunked<'b>(head: &'b [u8], rest: &'b [u8], start: usize) -> Read<'b> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let tail = rest.get(at..).unwrap_or_default();
        let Some(line) = find(tail, b"\r\n") else { return Read::Partial };
        let digits = tail.get(..line).unwrap_or_default().split(|b| *b == b';').next().unwrap_or_default();
        let size = std::str::from_utf8(digits).ok().and_then(|d| usize::from_str_radix(d.trim(), 16).ok());
        let Some(size) = size else { return Read::Bad };
        let data = at + line + 2;
        if size == 0 {
            return match rest.get(data..data + 2) {
                Some(b"\r\n") => {
                    Read::Whole(Message { head, body: Cow::Owned(body), length: start + data + 2 })
                }
                Some(_) => Read::Bad,
                None => Read::Partial,
            };
        }
        let Some(chunk) = rest.get(data..data + size) else { return Read::Partial };
        body.extend_from_slice(chunk);
        at = data + size + 2;
    }
}

/// Value of a header, its name in lower case.
pub fn header<'b>(head: &'b [u8], name: &[u8]) -> Option<&'b [u8]> {
    head.split(|b| *b == b'\n').find_map(|line| {
        let (key, value) = line.split_at_checked(name.len())?;
        let value = value.strip_prefix(b":").filter(|_| key.eq_ignore_ascii_case(name))?;
        Some(value.trim_ascii())
    })
}

/// Status of a response.
pub fn status(head: &[u8]) -> Option<u16> {
    head.get(9..12).and_then(|s| std::str::from_utf8(s).ok()).and_then(|s| s.parse().ok())
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    while let Some(i) = haystack.get(from..)?.iter().position(|b| *b == first) {
        if haystack.get(from + i..)?.starts_with(needle) {
            return Some(from + i);
        }
        from += i + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(text: &str) -> (String, usize) {
        match read(text.as_bytes()) {
            Read::Whole(m) => (String::from_utf8(m.body.into_owned()).unwrap(), m.length),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lengths_and_chunks_end_a_message() {
        assert_eq!(whole("POST / HTTP/1.1\r\nCONTENT-length: 2\r\n\r\nabrest"), ("ab".into(), 40));
        assert_eq!(whole("GET / HTTP/1.1\r\nA: b\r\n\r\n").0, "");
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x\r\nc\r\n0\r\n\r\n";
        assert_eq!(whole(text), ("abc".into(), text.len()));
        for cut in 0..text.len() {
            assert_eq!(read(&text.as_bytes()[..cut]), Read::Partial, "{cut}");
        }
    }

    #[test]
    fn what_cannot_be_measured_is_bad() {
        assert_eq!(read(b"HTTP/1.1 200 OK\r\n\r\n"), Read::Bad);
        assert_eq!(read(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"), Read::Bad);
    }

    #[test]
    fn statuses_and_headers_are_found() {
        let head = b"HTTP/1.1 404 Not Found\r\nX-A:  b \r\nServer: s";
        assert_eq!(
            (status(head), header(head, b"x-a"), header(head, b"x")),
            (Some(404), Some(&b"b"[..]), None)
        );
    }
}
