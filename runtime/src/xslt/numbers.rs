//! Numbers as text: the formats of `xsl:number`.

use super::avt::Avt;
use crate::eval::decimal_format::{MAX_DIGITS, group};

/// How `xsl:number` writes.
#[derive(Debug)]
pub(super) struct NumberFormat {
    pub(super) format: Option<Avt>,
    pub(super) separator: Option<Avt>,
    pub(super) size: Option<Avt>,
}

/// Numbers by a format of `xsl:number` such as `1.`, `01`, `A`, `i`, `1.1`.
pub(super) fn format_list(numbers: &[u64], format: &str, grouping: Option<(char, usize)>) -> String {
    let (start, tokens, end) = split(format);
    let mut out = start.to_owned();
    let mut last: (&str, &str) = (".", "1");
    for (at, number) in numbers.iter().enumerate() {
        let token = tokens.get(at).copied().unwrap_or(last);
        if at > 0 {
            out.push_str(if token.0.is_empty() { "." } else { token.0 });
        }
        out.push_str(&one(*number, token.1, grouping));
        last = (if token.0.is_empty() { "." } else { token.0 }, token.1);
    }
    out.push_str(end);
    out
}

/// Text before the first token, (separator, token) pairs, text behind the last token.
fn split(format: &str) -> (&str, Vec<(&str, &str)>, &str) {
    let Some(first) = format.find(char::is_alphanumeric) else { return (format, vec![("", "1")], "") };
    let mut tokens = Vec::new();
    let mut rest = &format[first..];
    let mut separator = "";
    loop {
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        tokens.push((separator, &rest[..end]));
        rest = &rest[end..];
        match rest.find(char::is_alphanumeric) {
            Some(next) => {
                separator = &rest[..next];
                rest = &rest[next..];
            }
            None => return (&format[..first], tokens, rest),
        }
    }
}

fn one(number: u64, token: &str, grouping: Option<(char, usize)>) -> String {
    match token {
        "a" => letters(number, 'a'),
        "A" => letters(number, 'A'),
        "i" => roman(number).to_lowercase(),
        "I" => roman(number),
        digits => {
            let text = format!("{number:0>width$}", width = digits.chars().count().min(MAX_DIGITS));
            grouping.map_or(text.clone(), |(separator, size)| group(&text, size, separator))
        }
    }
}

fn letters(mut number: u64, first: char) -> String {
    let mut out = Vec::new();
    while number > 0 {
        number -= 1;
        out.push((first as u8 + (number % 26) as u8) as char);
        number /= 26;
    }
    if out.is_empty() { "0".to_owned() } else { out.iter().rev().collect() }
}

fn roman(mut number: u64) -> String {
    const STEPS: [(u64, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    if number == 0 || number > 100_000 {
        return number.to_string();
    }
    let mut out = String::new();
    for (value, letters) in STEPS {
        while number >= value {
            out.push_str(letters);
            number -= value;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_formats() {
        assert_eq!(format_list(&[1], &"0".repeat(70_000), None).len(), MAX_DIGITS);
    }

    #[test]
    fn lists() {
        assert_eq!(format_list(&[1, 2, 3], "1.1", None), "1.2.3");
        assert_eq!(format_list(&[3], "(a)", None), "(c)");
        assert_eq!(format_list(&[28, 4], "A-i.", None), "AB-iv.");
        assert_eq!(format_list(&[1999], "I", None), "MCMXCIX");
        assert_eq!(format_list(&[7], "001", None), "007");
        assert_eq!(format_list(&[1234567], "1", Some((',', 3))), "1,234,567");
        assert_eq!(format_list(&[], "1", None), "");
    }
}
