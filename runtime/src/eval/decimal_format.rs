//! Java's `DecimalFormat`: numbers by a picture, for `format-number()` of XSLT and for FreeMarker.

/// The characters of a picture and of what it prints. The default is US English.
#[derive(Debug, Clone)]
pub(crate) struct DecimalFormat {
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

/// A number by a picture such as `#,##0.00`, in US English.
pub(crate) fn format_number(number: f64, picture: &str) -> String {
    DecimalFormat::default().format(number, picture)
}

impl Default for DecimalFormat {
    fn default() -> Self {
        Self::read(&|_| None)
    }
}

impl DecimalFormat {
    /// From the attributes of `xsl:decimal-format`.
    pub(crate) fn read<'t>(attribute: &dyn Fn(&str) -> Option<&'t str>) -> Self {
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
    pub(crate) fn format(&self, number: f64, picture: &str) -> String {
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
pub(crate) const MAX_DIGITS: usize = 400;

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

/// Digits in groups of `size` from the right; 0 makes none.
pub(crate) fn group(digits: &str, size: usize, separator: char) -> String {
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
    }
}
