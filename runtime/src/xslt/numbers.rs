//! Numbers as text: `format-number()` as Java's `DecimalFormat`, and the formats of `xsl:number`.

use super::avt::Avt;

/// How `xsl:number` writes.
#[derive(Debug)]
pub(super) struct NumberFormat {
    pub(super) format: Option<Avt>,
    pub(super) separator: Option<Avt>,
    pub(super) size: Option<Avt>,
}

/// The characters of `format-number()`.
#[derive(Debug, Clone)]
pub(super) struct DecimalFormat {
    decimal: char,
    grouping: char,
    minus: char,
    percent: char,
    per_mille: char,
    zero: char,
    digit: char,
    separator: char,
    infinity: String,
    nan: String,
}

impl Default for DecimalFormat {
    fn default() -> Self {
        Self::read(&|_| None)
    }
}

impl DecimalFormat {
    /// From the attributes of `xsl:decimal-format`.
    pub(super) fn read<'t>(attribute: &dyn Fn(&str) -> Option<&'t str>) -> Self {
        let one =
            |name: &str, default: char| attribute(name).and_then(|t| t.chars().next()).unwrap_or(default);
        let text = |name: &str, default: &str| attribute(name).unwrap_or(default).to_owned();
        Self {
            decimal: one("decimal-separator", '.'),
            grouping: one("grouping-separator", ','),
            minus: one("minus-sign", '-'),
            percent: one("percent", '%'),
            per_mille: one("per-mille", '\u{2030}'),
            zero: one("zero-digit", '0'),
            digit: one("digit", '#'),
            separator: one("pattern-separator", ';'),
            infinity: text("infinity", "Infinity"),
            nan: text("NaN", "NaN"),
        }
    }

    /// Formats by a picture such as `#,##0.00`.
    pub(super) fn format(&self, number: f64, picture: &str) -> String {
        if number.is_nan() {
            return self.nan.clone();
        }
        let (positive, negative) =
            picture.split_once(self.separator).map_or((picture, None), |(p, n)| (p, Some(n)));
        let picture = Picture::read(positive, self);
        let below = number < 0.0;
        let affixes = match negative {
            Some(negative) if below => {
                let other = Picture::read(negative, self);
                (other.prefix, other.suffix)
            }
            _ if below => (format!("{}{}", self.minus, picture.prefix), picture.suffix.clone()),
            _ => (picture.prefix.clone(), picture.suffix.clone()),
        };
        let digits = if number.is_infinite() {
            self.infinity.clone()
        } else {
            picture.digits(number.abs() * picture.factor, self)
        };
        format!("{}{digits}{}", affixes.0, affixes.1)
    }
}

/// Most digits that a picture can ask for.
const MAX_DIGITS: usize = 400;

struct Picture {
    prefix: String,
    suffix: String,
    least_whole: usize,
    least_fraction: usize,
    most_fraction: usize,
    group: usize,
    factor: f64,
}

impl Picture {
    fn read(text: &str, format: &DecimalFormat) -> Self {
        let active =
            |c: char| c == format.zero || c == format.digit || c == format.decimal || c == format.grouping;
        let start = text.find(active).unwrap_or(text.len());
        let end = text[start..].find(|c| !active(c)).map_or(text.len(), |e| start + e);
        let (prefix, number, suffix) = (&text[..start], &text[start..end], &text[end..]);
        let (whole, fraction) = number.split_once(format.decimal).unwrap_or((number, ""));
        let zeros = |part: &str| part.chars().filter(|c| *c == format.zero).count();
        let group = whole.rsplit_once(format.grouping).map_or(0, |(_, last)| last.chars().count());
        let most = |count: usize| count.min(MAX_DIGITS);
        let factor = match text {
            t if t.contains(format.percent) => 100.0,
            t if t.contains(format.per_mille) => 1000.0,
            _ => 1.0,
        };
        Self {
            prefix: prefix.to_owned(),
            suffix: suffix.to_owned(),
            least_whole: most(zeros(whole)),
            least_fraction: most(zeros(fraction)),
            most_fraction: most(fraction.chars().filter(|c| *c == format.zero || *c == format.digit).count()),
            group,
            factor,
        }
    }

    fn digits(&self, number: f64, format: &DecimalFormat) -> String {
        // Rust rounds half to even on the exact value, as DecimalFormat does.
        let text = format!("{number:.*}", self.most_fraction);
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let whole = whole.trim_start_matches('0');
        let whole = format!("{whole:0>width$}", width = self.least_whole);
        let kept = fraction.trim_end_matches('0').len().max(self.least_fraction);
        let fraction = &fraction[..kept];
        let mut out = group(&whole, self.group, format.grouping);
        if !fraction.is_empty() {
            out.push(format.decimal);
            out.push_str(fraction);
        } else if whole.is_empty() {
            out.push('0');
        }
        if format.zero == '0' { out } else { out.chars().map(|c| localized(c, format.zero)).collect() }
    }
}

fn localized(c: char, zero: char) -> char {
    match c.to_digit(10) {
        Some(digit) => char::from_u32(zero as u32 + digit).unwrap_or(c),
        None => c,
    }
}

fn group(digits: &str, size: usize, separator: char) -> String {
    if size == 0 {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(size) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
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
    fn decimal_pictures() {
        let format = DecimalFormat::default();
        for (number, picture, text) in [
            (1234.5, "#,##0.00", "1,234.50"),
            (0.0, "#,##0.00", "0.00"),
            (0.5, "#", "0"),
            (1.5, "0", "2"),
            (2.5, "0", "2"),
            (-1234.567, "#,##0.0#", "-1,234.57"),
            (-5.0, "0;(0)", "(5)"),
            (0.256, "0.0%", "25.6%"),
            (7.0, "000", "007"),
            (1234567.0, "#,###", "1,234,567"),
            (0.75, "#.##", ".75"),
            (1.0, "$0.00 each", "$1.00 each"),
            (f64::NAN, "0", "NaN"),
            (f64::NEG_INFINITY, "0", "-Infinity"),
        ] {
            assert_eq!(format.format(number, picture), text, "{number} {picture}");
        }
    }

    #[test]
    fn endless_pictures() {
        let picture = format!("{}.{}", "0".repeat(70_000), "0".repeat(70_000));
        assert_eq!(DecimalFormat::default().format(1.0, &picture).len(), 2 * MAX_DIGITS + 1);
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
