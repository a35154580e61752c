//! Java's `SimpleDateFormat`, printing only, as an English (US) JVM prints.

use jiff::Zoned;
use jiff::civil::Date;

const LETTERS: &str = "GyYMLwWDdFEuaHkKhmsSzZX";

const MONTHS: [&str; 12] = [
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

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// A letter and how often it stands there.
    Field(char, usize),
}

impl DateFormat {
    /// Reads a pattern. `None` where Java throws: an unknown letter, or a quote that is not closed.
    pub fn read(pattern: &str) -> Option<Self> {
        let mut pieces = Vec::new();
        let mut letters = pattern.chars().peekable();
        while let Some(letter) = letters.next() {
            pieces.push(if letter == '\'' {
                Piece::Text(quoted(&mut letters)?)
            } else if letter.is_ascii_alphabetic() {
                if !LETTERS.contains(letter) {
                    return None;
                }
                let more = std::iter::from_fn(|| letters.next_if_eq(&letter)).count();
                Piece::Field(letter, 1 + more)
            } else {
                Piece::Text(letter.to_string())
            });
        }
        Some(Self(pieces))
    }

    /// The text of an instant.
    pub fn print(&self, at: &Zoned) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field(letter, width) => field(*letter, *width, at),
        };
        self.0.iter().map(piece).collect()
    }
}

/// Text up to the closing quote; two quotes stand for one.
fn quoted(letters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
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

fn field(letter: char, width: usize, at: &Zoned) -> String {
    let hour = i64::from(at.hour());
    let number = match letter {
        'G' => return if at.year() > 0 { "AD" } else { "BC" }.to_owned(),
        'E' => return name(&DAYS, sunday_first(at.date()), width >= 4),
        'M' | 'L' if width >= 3 => return name(&MONTHS, i64::from(at.month()) - 1, width >= 4),
        'a' => return if hour < 12 { "AM" } else { "PM" }.to_owned(),
        'z' => return at.strftime("%Z").to_string(),
        'Z' => return at.strftime("%z").to_string(),
        'X' => return iso_offset(at, width),
        'y' => return year(i64::from(at.year()), width),
        'Y' => return year(i64::from(saturday(at.date()).year()), width),
        'M' | 'L' => i64::from(at.month()),
        'w' => (i64::from(saturday(at.date()).day_of_year()) - 1) / 7 + 1,
        'W' => (i64::from(at.day()) - 1 + sunday_first(at.date().first_of_month())) / 7 + 1,
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
        // `read` lets no other letter pass.
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

fn sunday_first(date: Date) -> i64 {
    i64::from(date.weekday().to_sunday_zero_offset())
}

/// End of the week: American weeks begin on Sunday, and the first week is that of 1 January.
fn saturday(date: Date) -> Date {
    let left = jiff::Span::new().days(6 - sunday_first(date));
    date.checked_add(left).unwrap_or(date)
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
            assert_eq!(DateFormat::read(pattern).unwrap().print(&at), text, "{pattern}");
        }
        let midnight: Zoned = "2026-12-27T00:00:00[UTC]".parse().unwrap();
        assert_eq!(DateFormat::read("YYYY-ww kk hh X").unwrap().print(&midnight), "2027-01 24 12 Z");
    }

    #[test]
    fn refuses_what_java_refuses() {
        for pattern in ["yyyy'open", "yyyyTHH", "b"] {
            assert_eq!(DateFormat::read(pattern), None, "{pattern}");
        }
    }
}
