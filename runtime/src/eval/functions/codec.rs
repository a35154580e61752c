//! Encodings: base64, URL encoding in its two Java forms, keyed hashes, character sets.

use crate::eval::xpath::{Evaluated, EvaluationError, Value as XValue};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hmac::{KeyInit, Mac};
use std::fmt::Write as _;

/// Bytes of a text in a character set by its Java name; `None` for unknown ones. What a set cannot
/// express becomes `?`.
pub(crate) fn encode(text: &str, charset: &str) -> Option<Vec<u8>> {
    let narrow = |limit: u32| {
        text.chars().map(|c| if u32::from(c) < limit { u32::from(c) as u8 } else { b'?' }).collect()
    };
    Some(match charset.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => text.as_bytes().to_vec(),
        "ISO-8859-1" | "ISO8859_1" | "LATIN1" => narrow(256),
        "US-ASCII" | "ASCII" => narrow(128),
        "UTF-16" => [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
        "UTF-16BE" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "UTF-16LE" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => return None,
    })
}

/// Text of bytes in a character set; broken parts become U+FFFD.
pub(crate) fn decode(bytes: &[u8], charset: &str) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    Some(match charset.to_ascii_uppercase().as_str() {
        "UTF-8" | "UTF8" => String::from_utf8_lossy(bytes).into_owned(),
        "ISO-8859-1" | "ISO8859_1" | "LATIN1" => bytes.iter().map(|b| char::from(*b)).collect(),
        "US-ASCII" | "ASCII" => bytes
            .iter()
            .map(|b| if b.is_ascii() { char::from(*b) } else { char::REPLACEMENT_CHARACTER })
            .collect(),
        "UTF-16" => match bytes {
            [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
            [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
            other => wide(other, u16::from_be_bytes),
        },
        "UTF-16BE" => wide(bytes, u16::from_be_bytes),
        "UTF-16LE" => wide(bytes, u16::from_le_bytes),
        _ => return None,
    })
}

fn unknown_charset<T>(name: &str) -> Evaluated<T> {
    Err(EvaluationError(format!("the character set '{name}' is not known")))
}

fn text_and_charset(arguments: &[XValue<'_>]) -> Option<(String, String)> {
    match arguments {
        [text] => Some((text.string().into_owned(), "UTF-8".to_owned())),
        [text, charset] => Some((text.string().into_owned(), charset.string().into_owned())),
        _ => None,
    }
    .filter(|(text, _)| !text.is_empty())
}

pub(super) fn base64_encode<'a>(arguments: &[XValue<'a>]) -> Evaluated<XValue<'a>> {
    let Some((text, charset)) = text_and_charset(arguments) else { return Ok(XValue::text("")) };
    let Some(bytes) = encode(&text, &charset) else { return unknown_charset(&charset) };
    // The base64 text is read in the same character set again, as MI does.
    match decode(STANDARD.encode(bytes).as_bytes(), &charset) {
        Some(encoded) => Ok(XValue::text(encoded)),
        None => unknown_charset(&charset),
    }
}

pub(super) fn base64_decode<'a>(arguments: &[XValue<'a>]) -> Evaluated<XValue<'a>> {
    let Some((text, charset)) = text_and_charset(arguments) else { return Ok(XValue::text("")) };
    match decode(&lenient_base64(&text), &charset) {
        Some(decoded) => Ok(XValue::text(decoded.trim_matches(|c| c <= ' '))),
        None => unknown_charset(&charset),
    }
}

/// Decodes what can be decoded: foreign characters are skipped, both alphabets are read.
fn lenient_base64(text: &str) -> Vec<u8> {
    let mut kept: String = text
        .chars()
        .take_while(|c| *c != '=')
        .filter_map(|c| match c {
            '-' => Some('+'),
            '_' => Some('/'),
            c if c.is_ascii_alphanumeric() || c == '+' || c == '/' => Some(c),
            _ => None,
        })
        .collect();
    if kept.len() % 4 == 1 {
        kept.pop();
    }
    let config = base64::engine::GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone);
    base64::engine::GeneralPurpose::new(&base64::alphabet::STANDARD, config).decode(kept).unwrap_or_default()
}

/// `java.util.Base64.getDecoder()`: strict, padding optional. `None` for invalid text.
pub(crate) fn strict_base64(text: &str) -> Option<Vec<u8>> {
    if text.ends_with('=') { STANDARD.decode(text).ok() } else { STANDARD_NO_PAD.decode(text).ok() }
}

/// `java.util.Base64.getEncoder()`.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn percent(bytes: &[u8], keep: impl Fn(u8) -> bool, out: &mut String) {
    for byte in bytes {
        if keep(*byte) {
            out.push(char::from(*byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

pub(super) fn url_encode<'a>(arguments: &[XValue<'a>]) -> Evaluated<XValue<'a>> {
    let Some((text, charset)) = text_and_charset(arguments) else { return Ok(XValue::text("")) };
    let Some(bytes) = encode(&text, &charset) else { return unknown_charset(&charset) };
    let path = |b: u8| b.is_ascii_alphanumeric() || b"-_.!~*'():@&=$,;/".contains(&b);
    let query = |b: u8| path(b) || b"?+".contains(&b);
    let mut out = String::with_capacity(bytes.len());
    match bytes.iter().position(|b| *b == b'?') {
        Some(at) => {
            percent(&bytes[..at], path, &mut out);
            percent(&bytes[at..], query, &mut out);
        }
        None => percent(&bytes, path, &mut out),
    }
    Ok(XValue::text(out))
}

/// `URLEncoder.encode`: blanks become `+`. `None` for an unknown character set.
pub(crate) fn form_encode(text: &str, charset: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    percent(&encode(text, charset)?, |b| b.is_ascii_alphanumeric() || b".*_- ".contains(&b), &mut out);
    Some(out.replace(' ', "+"))
}

/// `URLDecoder.decode` in UTF-8; `None` for a `%` without two hexadecimal digits.
pub(crate) fn form_decode(text: &str) -> Option<String> {
    decode_percent(&text.replace('+', " "), true)
}

/// A value of a query: `+` is a blank, broken `%` sequences stay.
pub(super) fn query_decode(text: &str) -> String {
    decode_percent(&text.replace('+', " "), false).unwrap_or_default()
}

fn decode_percent(text: &str, strict: bool) -> Option<String> {
    if !text.contains('%') {
        return Some(text.to_owned());
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes.get(at + 1..at + 3).and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|_| bytes[at] == b'%').map(|hex| u8::from_str_radix(hex, 16)) {
            Some(Ok(byte)) => {
                out.push(byte);
                at += 3;
            }
            _ if bytes[at] == b'%' && strict => return None,
            _ => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

pub(super) fn hmac<'a>(arguments: &[XValue<'a>]) -> Evaluated<XValue<'a>> {
    let text = |index: usize| arguments.get(index).map(|a| a.string().into_owned()).unwrap_or_default();
    let algorithm = match arguments.len() {
        2 => "HmacSHA1".to_owned(),
        3 => text(2),
        _ => return Ok(XValue::text("")),
    };
    let (payload, secret) = (text(0), text(1));
    if secret.is_empty() {
        return Err(EvaluationError("hmac-generate() needs a secret".to_owned()));
    }
    let (payload, secret) = (payload.as_bytes(), secret.as_bytes());
    let digest = match algorithm.to_ascii_lowercase().as_str() {
        "hmacsha1" => digest::<hmac::Hmac<sha1::Sha1>>(payload, secret),
        "hmacsha224" => digest::<hmac::Hmac<sha2::Sha224>>(payload, secret),
        "hmacsha256" => digest::<hmac::Hmac<sha2::Sha256>>(payload, secret),
        "hmacsha384" => digest::<hmac::Hmac<sha2::Sha384>>(payload, secret),
        "hmacsha512" => digest::<hmac::Hmac<sha2::Sha512>>(payload, secret),
        "hmacmd5" => digest::<hmac::Hmac<md5::Md5>>(payload, secret),
        _ => None,
    };
    match digest {
        Some(hex) => Ok(XValue::text(hex)),
        None => Err(EvaluationError(format!("the algorithm '{algorithm}' is not known"))),
    }
}

fn digest<M: Mac + KeyInit>(payload: &[u8], secret: &[u8]) -> Option<String> {
    let mut mac = <M as KeyInit>::new_from_slice(secret).ok()?;
    mac.update(payload);
    let mut hex = String::new();
    for byte in mac.finalize().into_bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    Some(hex)
}

/// No vault is configured: an alias that cannot be resolved gives the text of the call.
pub(super) fn vault_lookup<'a>(prefix: &str, arguments: &[XValue<'a>]) -> XValue<'a> {
    let arguments: Vec<String> = arguments.iter().map(|a| format!("'{}'", a.string())).collect();
    XValue::text(format!("{prefix}:vault-lookup({})", arguments.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_forms() {
        let encoded = |text: &str| match url_encode(&[XValue::text(text)]) {
            Ok(value) => value.string().into_owned(),
            Err(error) => panic!("{error}"),
        };
        assert_eq!(encoded("a+b&c=d/e?f"), "a%2Bb&c=d/e?f");
        assert_eq!(encoded("http://h/p?x=1 2&y=a/b"), "http://h/p?x=1%202&y=a/b");
        assert_eq!(form_encode("a b*+", "UTF-8").as_deref(), Some("a+b*%2B"));
        assert_eq!(form_decode("a+b%20c%FC").as_deref(), Some("a b c\u{fffd}"));
        assert_eq!(form_decode("%"), None);
        assert_eq!(query_decode("a%2+%41"), "a%2 A");
    }

    #[test]
    fn base64_forms() {
        assert_eq!(lenient_base64("aGVs\nbG8"), b"hello");
        assert!(lenient_base64("###").is_empty());
        assert_eq!(strict_base64("aGVsbG8").as_deref(), Some(&b"hello"[..]));
        assert_eq!(strict_base64("aGVs bG8="), None);
    }

    #[test]
    fn keyed_hashes() {
        let arguments = [XValue::text("data"), XValue::text("key")];
        let hex = hmac(&arguments).unwrap().string().into_owned();
        assert_eq!(hex, "104152c5bfdca07bc633eebd46199f0255c9f49d");
        assert!(hmac(&[XValue::text("a"), XValue::text("k"), XValue::text("Rot13")]).is_err());
    }
}
