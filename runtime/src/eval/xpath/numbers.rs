//! Numbers from text and to text, as Java and Jaxen do it.

/// Reads what `Double.valueOf` reads (blanks around, sign, exponent, `NaN`, `Infinity`, the suffixes `d`
/// and `f`); anything else is NaN.
pub fn java_number(text: &str) -> f64 {
    let text = text.trim_matches(|c| c <= ' ');
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match digits {
        "NaN" => return f64::NAN,
        "Infinity" => return sign * f64::INFINITY,
        _ => {}
    }
    let digits = digits.strip_suffix(['d', 'D', 'f', 'F']).unwrap_or(digits);
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    if digits.is_empty() || !digits.bytes().all(plain) || digits.starts_with(['+', '-']) {
        return f64::NAN;
    }
    digits.parse::<f64>().map_or(f64::NAN, |number| sign * number)
}

/// XPath's `string(number)`: shortest digits without exponent, `-0` as `0`.
pub fn number_text(number: f64) -> String {
    if number == 0.0 {
        return "0".to_owned();
    }
    match number {
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_java() {
        for (text, number) in [
            ("12", 12.0),
            (" 12\n", 12.0),
            ("+5", 5.0),
            ("-.5", -0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("5d", 5.0),
            ("1.5F", 1.5),
        ] {
            assert_eq!(java_number(text), number, "{text}");
        }
        assert_eq!(java_number("-Infinity"), f64::NEG_INFINITY);
        for text in
            ["", " ", "-", "+-1", "0x10", "1,000", "inf", "infinity", "nan", "1e", "e5", "d", ".", "1 2"]
        {
            assert!(java_number(text).is_nan(), "{text}");
        }
    }

    #[test]
    fn writes_without_exponent() {
        for (number, text) in [
            (3.0, "3"),
            (-0.0, "0"),
            (0.5, "0.5"),
            (1e20, "100000000000000000000"),
            (1e-7, "0.0000001"),
            (123_456_789_012_345_680.0, "123456789012345680"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(number_text(number), text);
        }
    }
}
