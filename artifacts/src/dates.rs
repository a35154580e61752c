//! Dates as an English (US) JVM prints them: names of months and days, the week of the year, and
//! `SimpleDateFormat` patterns, which are only printed.

use jiff::Zoned;
use jiff::civil::Date;
use std::iter::{Peekable, from_fn};
use std::str::Chars;

/// The letters `SimpleDateFormat` knows.
const LETTERS: &str = "GyYMLwWDdFEuaHkKhmsSzZX";

/// Long names from January. The short ones are their first three letters.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Long names from Monday. The short ones are their first three letters.
pub const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A pattern of Java's `SimpleDateFormat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleDateFormat(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A letter and how often it stands there.
    Field(char, usize),
}

impl SimpleDateFormat {
    /// Reads a pattern. `Err` says what Java throws at: an unknown letter, too many `X`, or a quote that
    /// is not closed.
    pub fn parse(pattern: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut letters = pattern.chars().peekable();
        while let Some(letter) = letters.next() {
            pieces.push(match letter {
                '\'' => {
                    let open = || format!("a quote is not closed in the date pattern '{pattern}'");
                    Piece::Text(quoted(&mut letters).ok_or_else(open)?)
                }
                letter if letter.is_ascii_alphabetic() => {
                    let width = 1 + from_fn(|| letters.next_if_eq(&letter)).count();
                    if !LETTERS.contains(letter) || (letter == 'X' && width > 3) {
                        let run = letter.to_string().repeat(width);
                        return Err(format!("'{run}' in the date pattern '{pattern}' means nothing"));
                    }
                    Piece::Field(letter, width)
                }
                letter => Piece::Text(letter.to_string()),
            });
        }
        Ok(Self(pieces))
    }

    /// The text of an instant in its zone.
    pub fn print(&self, at: &Zoned) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(letter, width) => field(*letter, *width, at),
        };
        self.0.iter().map(piece).collect()
    }
}

/// The text behind an opening quote of a pattern, up to the closing one; two quotes stand for one.
/// `None`: it is not closed.
pub fn quoted(letters: &mut Peekable<Chars<'_>>) -> Option<String> {
    if letters.next_if_eq(&'\'').is_some() {
        return Some("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match letters.next()? {
            '\'' if letters.next_if_eq(&'\'').is_some() => text.push('\''),
            '\'' => return Some(text),
            letter => text.push(letter),
        }
    }
}

/// Year and week of the American calendar, whose weeks begin on Sunday and whose first week is that of
/// 1 January.
pub fn week_of_year(date: Date) -> (i64, i64) {
    // A week belongs to the year its Saturday is in.
    let left = jiff::Span::new().days(6 - days_since_sunday(date));
    let saturday = date.checked_add(left).unwrap_or(date);
    (i64::from(saturday.year()), (i64::from(saturday.day_of_year()) - 1) / 7 + 1)
}

/// Week of the month, from 1, of the same calendar.
pub fn week_of_month(date: Date) -> i64 {
    (i64::from(date.day()) - 1 + days_since_sunday(date.first_of_month())) / 7 + 1
}

/// Longest field that is filled up; the standard library's own limit is 65,535.
pub const MAX_WIDTH: usize = 400;

fn days_since_sunday(date: Date) -> i64 {
    i64::from(date.weekday().to_sunday_zero_offset())
}

fn field(letter: char, width: usize, at: &Zoned) -> String {
    let width = width.min(MAX_WIDTH);
    let hour = i64::from(at.hour());
    let number = match letter {
        'G' => return if at.year() > 0 { "AD" } else { "BC" }.to_owned(),
        'E' => return name(&DAYS, i64::from(at.date().weekday().to_monday_zero_offset()), width >= 4),
        'M' | 'L' if width >= 3 => return name(&MONTHS, i64::from(at.month()) - 1, width >= 4),
        'a' => return if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'z' => return at.strftime("%Z").to_string(),
        'Z' => return at.strftime("%z").to_string(),
        'X' => return iso_offset(at, width),
        'y' => return year(i64::from(at.year()), width),
        'Y' => return year(week_of_year(at.date()).0, width),
        'M' | 'L' => i64::from(at.month()),
        'w' => week_of_year(at.date()).1,
        'W' => week_of_month(at.date()),
        'D' => i64::from(at.day_of_year()),
        'd' => i64::from(at.day()),
        'F' => (i64::from(at.day()) - 1) / 7 + 1,
        'u' => i64::from(at.date().weekday().to_monday_one_offset()),
        'k' => (hour + 23) % 24 + 1,
        'K' => hour % 12,
        'h' => (hour + 11) % 12 + 1,
        'm' => i64::from(at.minute()),
        's' => i64::from(at.second()),
        'S' => i64::from(at.millisecond()),
        // `parse` lets no other letter pass.
        _ => hour,
    };
    format!("{number:0width$}")
}

/// Two letters cut to two digits.
fn year(year: i64, width: usize) -> String {
    let shown = if width == 2 { year % 100 } else { year };
    format!("{shown:0width$}")
}

fn name(names: &[&str], index: i64, long: bool) -> String {
    let name = usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default();
    if long { name } else { name.get(..3).unwrap_or(name) }.to_owned()
}

fn iso_offset(at: &Zoned, width: usize) -> String {
    let seconds = at.offset().seconds();
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    let sign = if seconds < 0 { '-' } else { '+' };
    match width {
        _ if seconds == 0 => "Z".to_owned(),
        1 => format!("{sign}{hours:02}"),
        2 => format!("{sign}{hours:02}{minutes:02}"),
        _ => format!("{sign}{hours:02}:{minutes:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_what_java_prints() {
        let at: Zoned = "2026-03-04T05:06:07.089[Europe/Berlin]".parse().unwrap();
        let cases = [
            ("yyyyMMdd'T'HHmmssSSS_", "20260304T050607089_"),
            ("yy-M-d 'o''clock' ''", "26-3-4 o'clock '"),
            ("EEE, EEEE u", "Wed, Wednesday 3"),
            ("MMM MMMM", "Mar March"),
            ("h a K k D", "5 AM 5 5 63"),
            ("Z X XX XXX z", "+0100 +01 +0100 +01:00 CET"),
            ("YYYY w W F G", "2026 10 1 1 AD"),
        ];
        for (pattern, text) in cases {
            assert_eq!(SimpleDateFormat::parse(pattern).unwrap().print(&at), text, "{pattern}");
        }
        let wide = SimpleDateFormat::parse(&"d".repeat(70_000)).unwrap().print(&at);
        assert_eq!(wide.len(), MAX_WIDTH);
        let midnight: Zoned = "2026-12-27T00:00:00[UTC]".parse().unwrap();
        assert_eq!(SimpleDateFormat::parse("YYYY-ww kk hh X").unwrap().print(&midnight), "2027-01 24 12 Z");
    }

    #[test]
    fn refuses_what_java_refuses() {
        for pattern in ["yyyy'open", "yyyyTHH", "b", "XXXX"] {
            assert!(SimpleDateFormat::parse(pattern).is_err(), "{pattern}");
        }
    }
}
