//! Quartz cron expressions: `sec min hour day-of-month month day-of-week [year]`.
//!
//! Own code because no library answers as Quartz does: `L`, `W` and `#`, exactly one `?`, ranges that
//! wrap, and Quartz's rules at clock changes (a time in the spring gap is skipped that day, a time in
//! the autumn overlap fires once, on the second pass). The time zone is handed in.
//! What the `cron` crate reads as Quartz does is held against it in `artifacts/tests/cron.rs`.

mod field;
mod next;

use field::{Field, Set, parse_set};

/// A parsed expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    text: String,
    seconds: Set,
    minutes: Set,
    hours: Set,
    days: Days,
    months: Set,
    years: Option<Set>,
}

/// Which days of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Days {
    /// Days of the month by number.
    OfMonth(Set),
    /// `L` or `L-n`: n days before the last one; `weekday`: the nearest one from Monday to Friday.
    Last { before: u8, weekday: bool },
    /// `15W`: the weekday nearest to this day, within the month.
    Nearest(u8),
    /// Days of the week, 1 = Sunday.
    OfWeek(Set),
    /// `6L`: the last such day of the week.
    LastOfWeek(u8),
    /// `6#3`: the n-th such day of the week.
    NthOfWeek(u8, u8),
}

/// Why an expression is refused: which field, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronError(pub String);

const MONTHS: &[&str] = &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const SECOND: Field = Field { name: "seconds", low: 0, high: 59, names: &[] };
const MINUTE: Field = Field { name: "minutes", low: 0, high: 59, names: &[] };
const HOUR: Field = Field { name: "hours", low: 0, high: 23, names: &[] };
const DAY: Field = Field { name: "day of month", low: 1, high: 31, names: &[] };
const MONTH: Field = Field { name: "month", low: 1, high: 12, names: MONTHS };
const WEEKDAY: Field = Field { name: "day of week", low: 1, high: 7, names: WEEKDAYS };
const YEAR: Field = Field { name: "year", low: 1970, high: 2099, names: &[] };

impl Cron {
    /// Parses an expression; letters in any case.
    pub fn parse(text: &str) -> Result<Self, CronError> {
        let upper = text.trim().to_ascii_uppercase();
        let parts: Vec<&str> = upper.split_whitespace().collect();
        if !(6..=7).contains(&parts.len()) {
            let found = parts.len();
            let expected = "sec min hour day-of-month month day-of-week [year]";
            return Err(CronError(format!("expected six or seven fields ({expected}), found {found}")));
        }
        Ok(Self {
            text: text.trim().to_owned(),
            seconds: parse_set(parts[0], &SECOND)?,
            minutes: parse_set(parts[1], &MINUTE)?,
            hours: parse_set(parts[2], &HOUR)?,
            days: days(parts[3], parts[5])?,
            months: parse_set(parts[4], &MONTH)?,
            years: parts.get(6).map(|year| parse_set(year, &YEAR)).transpose()?,
        })
    }

    /// The expression as written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

fn days(of_month: &str, of_week: &str) -> Result<Days, CronError> {
    match (of_month, of_week) {
        ("?", "?") => Err(CronError("'?' stands in both day fields; exactly one of them is '?'".to_owned())),
        (_, "?") => month_days(of_month),
        ("?", _) => week_days(of_week),
        _ => {
            Err(CronError("day of month and day of week are both given; one of them must be '?'".to_owned()))
        }
    }
}

fn month_days(text: &str) -> Result<Days, CronError> {
    let number = |text: &str, what: &str, range: std::ops::RangeInclusive<u8>| {
        let parsed = text.parse::<u8>().ok().filter(|n| range.contains(n));
        parsed.ok_or_else(|| CronError(format!("day of month: expected {what}, found '{text}'")))
    };
    if let Some(rest) = text.strip_prefix('L') {
        let (rest, weekday) = match rest.strip_suffix('W') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let before = match rest.strip_prefix('-') {
            Some(offset) => number(offset, "an offset from 0 to 30 after 'L-'", 0..=30)?,
            None if rest.is_empty() => 0,
            None => return Err(CronError(format!("day of month: nothing may follow 'L', found '{text}'"))),
        };
        return Ok(Days::Last { before, weekday });
    }
    if let Some(day) = text.strip_suffix('W') {
        return Ok(Days::Nearest(number(day, "one day from 1 to 31 before 'W'", 1..=31)?));
    }
    parse_set(text, &DAY).map(Days::OfMonth)
}

fn week_days(text: &str) -> Result<Days, CronError> {
    let day = |text: &str| {
        WEEKDAY.value(text).and_then(|value| u8::try_from(value).map_err(|_| CronError(String::new())))
    };
    if text == "L" {
        return Ok(Days::OfWeek(Set::single(7)));
    }
    if let Some(name) = text.strip_suffix('L') {
        return day(name).map(Days::LastOfWeek);
    }
    if let Some((name, nth)) = text.split_once('#') {
        let nth: u8 = nth.parse().unwrap_or(0);
        if !(1..=5).contains(&nth) {
            return Err(CronError(format!(
                "day of week: expected a number from 1 to 5 after '#', found '{text}'"
            )));
        }
        return day(name).map(|day| Days::NthOfWeek(day, nth));
    }
    parse_set(text, &WEEKDAY).map(Days::OfWeek)
}

#[cfg(test)]
mod tests;
