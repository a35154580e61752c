//! Keys as element names and back.

use std::borrow::Cow;

const DIGIT: &str = "_JsonReader_PD_";
const DOLLAR: &str = "_JsonReader_PS_";
const CODE: &str = "_JsonReader_";

/// The element name of a key. `valid`: also replace what cannot stand in a name.
pub(super) fn to_xml(key: &str, valid: bool) -> Cow<'_, str> {
    let name: Cow<'_, str> = match key.chars().next() {
        Some('0'..='9') => Cow::Owned(format!("{DIGIT}{key}")),
        Some('$') => Cow::Owned(format!("{DOLLAR}{}", &key[1..])),
        _ => Cow::Borrowed(key),
    };
    if !valid || name.chars().all(is_name_part) {
        return name;
    }
    let mut replaced = String::with_capacity(name.len() + 16);
    for c in name.chars() {
        if is_name_part(c) {
            replaced.push(c);
        } else {
            replaced.push_str(&format!("{CODE}{}_", c as u32));
        }
    }
    Cow::Owned(replaced)
}

/// The key of an element name.
pub(super) fn to_key(name: &str, valid: bool) -> Cow<'_, str> {
    if !name.contains(CODE) {
        return Cow::Borrowed(name);
    }
    if let Some(rest) = name.strip_prefix(DIGIT) {
        return Cow::Owned(codes(rest, valid).into_owned());
    }
    if let Some(rest) = name.strip_prefix(DOLLAR) {
        return Cow::Owned(format!("${}", codes(rest, valid)));
    }
    codes(name, valid)
}

fn codes(name: &str, valid: bool) -> Cow<'_, str> {
    if !valid || !name.contains(CODE) {
        return Cow::Borrowed(name);
    }
    let mut key = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once(CODE) {
        key.push_str(before);
        let code =
            after.split_once('_').and_then(|(code, tail)| Some((char::from_u32(code.parse().ok()?)?, tail)));
        match code {
            Some((c, tail)) => {
                key.push(c);
                rest = tail;
            }
            None => {
                key.push_str(CODE);
                rest = after;
            }
        }
    }
    key.push_str(rest);
    Cow::Owned(key)
}

fn is_name_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '\u{b7}')
}
