//! Decimal numbers of any size with Java's `BigDecimal` rules, as far as expressions need them.

use std::cmp::Ordering;

/// Digits beyond which aligning two numbers is refused; a double has at most some 770.
const MAX_DIGITS: i64 = 4_000;

/// `digits * 10^-scale`, with a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    /// Most significant first, no leading zeros; empty is zero.
    digits: Vec<u8>,
    scale: i64,
}

impl Decimal {
    /// Reads Java's form: sign, digits with a point, exponent.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.find(['e', 'E']) {
            Some(at) => (&rest[..at], rest[at + 1..].parse::<i32>().ok()?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let digits = whole.bytes().chain(fraction.bytes()).map(|b| b - b'0').collect();
        let scale = fraction.len() as i64 - i64::from(exponent);
        Some(Self { negative, digits, scale }.trimmed())
    }

    /// `new BigDecimal(Double.toString(value))`; `None` for NaN and infinities.
    pub(crate) fn from_f64(value: f64) -> Option<Self> {
        value.is_finite().then(|| Self::parse(&crate::message::value::java_double(value)))?
    }

    fn trimmed(mut self) -> Self {
        let zeros = self.digits.iter().take_while(|d| **d == 0).count();
        self.digits.drain(..zeros);
        if self.digits.is_empty() {
            self.negative = false;
        }
        self
    }

    /// Number of digits after the point; negative for multiples of powers of ten.
    pub(crate) fn scale(&self) -> i64 {
        self.scale
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The nearest double.
    pub(crate) fn to_f64(&self) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        format!("{}{}e{}", self.sign(), self.plain_digits(), -self.scale).parse().unwrap_or(f64::NAN)
    }

    fn sign(&self) -> &'static str {
        if self.negative { "-" } else { "" }
    }

    fn plain_digits(&self) -> String {
        if self.is_zero() { "0".to_owned() } else { self.digits.iter().map(|d| (d + b'0') as char).collect() }
    }

    /// The whole number, when it is one that fits.
    pub(crate) fn to_i64(&self) -> Option<i64> {
        if self.is_zero() {
            return Some(0);
        }
        if self.scale > 0 || self.digits.len() as i64 - self.scale > 19 {
            return None;
        }
        let zeros = "0".repeat(usize::try_from(-self.scale).ok()?);
        format!("{}{}{zeros}", self.sign(), self.plain_digits()).parse().ok()
    }

    /// `BigDecimal.toString`: plain unless the exponent is negative or far from zero.
    pub(crate) fn java_text(&self) -> String {
        let digits = self.plain_digits();
        let adjusted = digits.len() as i64 - 1 - self.scale;
        let sign = self.sign();
        if self.scale == 0 {
            return format!("{sign}{digits}");
        }
        if self.scale > 0 && adjusted >= -6 {
            let scale = usize::try_from(self.scale).unwrap_or_default();
            let padded = format!("{}{digits}", "0".repeat((scale + 1).saturating_sub(digits.len())));
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            return format!("{sign}{whole}.{fraction}");
        }
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { String::new() } else { format!(".{rest}") };
        let plus = if adjusted >= 0 { "+" } else { "" };
        format!("{sign}{first}{point}E{plus}{adjusted}")
    }

    /// Digits at a larger scale; `None` when that takes too many.
    fn at_scale(&self, scale: i64) -> Option<Vec<u8>> {
        let more = scale - self.scale;
        if self.is_zero() {
            return Some(Vec::new());
        }
        if !(0..=MAX_DIGITS).contains(&more) {
            return None;
        }
        let mut digits = self.digits.clone();
        digits.resize(digits.len() + more as usize, 0);
        Some(digits)
    }

    /// Sum; `None` when the numbers are too far apart.
    pub(crate) fn add(&self, other: &Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let (a, b) = (self.at_scale(scale)?, other.at_scale(scale)?);
        let (negative, digits) = if self.negative == other.negative {
            (self.negative, add(&a, &b))
        } else {
            match compare(&a, &b) {
                Ordering::Less => (other.negative, subtract(&b, &a)),
                _ => (self.negative, subtract(&a, &b)),
            }
        };
        Some(Self { negative, digits, scale }.trimmed())
    }

    fn negated(&self) -> Self {
        Self { negative: !self.negative, ..self.clone() }.trimmed()
    }

    /// Difference.
    pub(crate) fn subtract(&self, other: &Self) -> Option<Self> {
        self.add(&other.negated())
    }

    /// Product.
    pub(crate) fn multiply(&self, other: &Self) -> Self {
        let mut product = vec![0u32; self.digits.len() + other.digits.len()];
        for (i, a) in self.digits.iter().enumerate() {
            for (j, b) in other.digits.iter().enumerate() {
                product[i + j + 1] += u32::from(*a) * u32::from(*b);
            }
        }
        for at in (1..product.len()).rev() {
            product[at - 1] += product[at] / 10;
            product[at] %= 10;
        }
        let digits = product.into_iter().map(|d| d as u8).collect();
        Self { negative: self.negative != other.negative, digits, scale: self.scale + other.scale }.trimmed()
    }

    /// Quotient at a scale, rounded half up (away from zero). `None` for division by zero.
    fn divide_at(&self, other: &Self, scale: i64, round: bool) -> Option<Self> {
        if other.is_zero() {
            return None;
        }
        // digits(self) * 10^shift / digits(other) has the wished scale.
        let shift = scale - self.scale + other.scale;
        if shift.abs() > MAX_DIGITS {
            return None;
        }
        let pad = |digits: &[u8], zeros: i64| {
            let mut digits = digits.to_vec();
            digits.resize(digits.len() + zeros.max(0) as usize, 0);
            digits
        };
        let (dividend, divisor) = (pad(&self.digits, shift), pad(&other.digits, -shift));
        let (mut quotient, rest) = divide(&dividend, &divisor);
        if round && compare(&add(&rest, &rest), &divisor) != Ordering::Less {
            quotient = add(&quotient, &[1]);
        }
        Some(Self { negative: self.negative != other.negative, digits: quotient, scale }.trimmed())
    }

    /// `divide(other, HALF_UP)`: the scale of the dividend.
    pub(crate) fn divide_half_up(&self, other: &Self) -> Option<Self> {
        self.divide_at(other, self.scale, true)
    }

    /// `setScale(scale, HALF_UP)`.
    pub(crate) fn rounded(&self, scale: i64) -> Option<Self> {
        if self.scale <= scale {
            return Some(self.clone());
        }
        self.divide_at(&Self { negative: false, digits: vec![1], scale: 0 }, scale, true)
    }

    /// `remainder`: has the sign of the dividend.
    pub(crate) fn remainder(&self, other: &Self) -> Option<Self> {
        let whole = self.divide_at(other, 0, false)?;
        self.subtract(&whole.multiply(other))
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// By value; equality by `cmp` ignores the scale, as `compareTo` does.
impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let signum = |d: &Self| if d.is_zero() { 0 } else { 1 - 2 * i32::from(d.negative) };
        let (a, b) = (signum(self), signum(other));
        if a != b || a == 0 {
            return a.cmp(&b);
        }
        let height = |d: &Self| d.digits.len() as i64 - d.scale;
        let by_value = height(self).cmp(&height(other)).then_with(|| {
            let width = self.digits.len().max(other.digits.len());
            let digit = |d: &Self, at: usize| d.digits.get(at).copied().unwrap_or(0);
            (0..width)
                .map(|at| digit(self, at).cmp(&digit(other, at)))
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        });
        if self.negative { by_value.reverse() } else { by_value }
    }
}

fn stripped(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|d| **d == 0).count();
    &digits[zeros..]
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (a, b) = (stripped(a), stripped(b));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

fn add(a: &[u8], b: &[u8]) -> Vec<u8> {
    let width = a.len().max(b.len()) + 1;
    let digit = |d: &[u8], back: usize| d.len().checked_sub(back + 1).map_or(0, |at| d[at]);
    let mut sum = vec![0; width];
    let mut carry = 0;
    for back in 0..width {
        let value = digit(a, back) + digit(b, back) + carry;
        sum[width - 1 - back] = value % 10;
        carry = value / 10;
    }
    sum
}

/// `a - b` for `a >= b`.
fn subtract(a: &[u8], b: &[u8]) -> Vec<u8> {
    let digit = |d: &[u8], back: usize| d.len().checked_sub(back + 1).map_or(0, |at| d[at]);
    let width = a.len().max(b.len());
    let mut difference = vec![0; width];
    let mut borrow = 0;
    for back in 0..width {
        let (from, take) = (digit(a, back), digit(b, back) + borrow);
        borrow = u8::from(from < take);
        difference[width - 1 - back] = from + borrow * 10 - take;
    }
    difference
}

/// Schoolbook division: quotient and rest.
fn divide(dividend: &[u8], divisor: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut quotient = Vec::with_capacity(dividend.len());
    let mut rest: Vec<u8> = Vec::new();
    for digit in dividend {
        rest.push(*digit);
        let mut times = 0;
        while compare(&rest, divisor) != Ordering::Less {
            rest = subtract(&rest, divisor);
            times += 1;
        }
        quotient.push(times);
        rest = stripped(&rest).to_vec();
    }
    (quotient, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap()
    }

    #[test]
    fn arithmetic() {
        assert_eq!(d("0.1").add(&d("0.2")).unwrap().to_f64(), 0.3);
        assert_eq!(d("-5.5").add(&d("5.5")).unwrap().to_f64().to_string(), "0");
        assert_eq!(d("8.99").multiply(&d("8.99")).to_f64(), 80.8201);
        assert_eq!(d("34.45").divide_half_up(&d("3.44")).unwrap().java_text(), "10.01");
        assert_eq!(d("2.0E9").divide_half_up(&d("3.0")).unwrap().to_f64(), 7e8);
        assert_eq!(d("-7.5").remainder(&d("2.0")).unwrap().to_f64(), -1.5);
        assert_eq!(d("5.545").rounded(2).unwrap().to_f64(), 5.55);
        assert_eq!(d("-2.5").rounded(0).unwrap().to_f64(), -3.0);
        assert!(d("1").divide_half_up(&d("0.00")).is_none());
    }

    #[test]
    fn compares_by_value() {
        assert_eq!(d("1.50").cmp(&d("1.5")), Ordering::Equal);
        assert_eq!(d("-2").cmp(&d("1")), Ordering::Less);
        assert_eq!(d("1e400").cmp(&d("9e399")), Ordering::Greater);
        assert_eq!(d("-10").cmp(&d("-9")), Ordering::Less);
    }

    #[test]
    fn prints_as_java() {
        for (text, printed) in [
            ("1.50", "1.50"),
            ("1e30", "1E+30"),
            ("0.0000001", "1E-7"),
            ("0.000001", "0.000001"),
            ("-12e-1", "-1.2"),
            ("12345678901234567890", "12345678901234567890"),
        ] {
            assert_eq!(d(text).java_text(), printed);
        }
        assert_eq!(d("15e2").to_i64(), Some(1500));
        assert_eq!(d("9223372036854775808").to_i64(), None);
        assert!(
            Decimal::parse("").is_none() && Decimal::parse("1x").is_none() && Decimal::parse(".").is_none()
        );
    }
}
