//! Dates by Java patterns: what `DateTimeFormatter` prints and reads for an English (US) JVM. The older
//! `SimpleDateFormat` is in `artifacts::dates`.

mod format;
mod parse;
mod pattern;

use artifacts::dates::SimpleDateFormat;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
pub(crate) use pattern::Pattern;

/// A local date, time, or both, as one of Java's `Local...` classes holds it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Moment {
    pub(crate) date: Option<Date>,
    pub(crate) time: Option<Time>,
}

impl From<DateTime> for Moment {
    fn from(value: DateTime) -> Self {
        Self { date: Some(value.date()), time: Some(value.time()) }
    }
}

/// Epoch milliseconds.
pub(crate) fn now_millis() -> i64 {
    Timestamp::now().as_millisecond()
}

/// The local time of an instant; `None` outside of the years that can be handled.
pub(crate) fn local(millis: i64) -> Option<Moment> {
    let instant = Timestamp::from_millisecond(millis).ok()?;
    Some(TimeZone::system().to_datetime(instant).into())
}

/// The current time by a `SimpleDateFormat` pattern. `Err` says what is wrong with the pattern.
pub(crate) fn simple_date(pattern: &str) -> Result<String, String> {
    Ok(SimpleDateFormat::parse(pattern)?.print(&Zoned::now()))
}

impl Pattern {
    /// Prints; `None` when the pattern asks for a field that is not there.
    pub(crate) fn format(&self, moment: Moment) -> Option<String> {
        format::format(self, moment)
    }

    /// Reads a whole text. `None` when it does not fit or gives neither a date nor a time.
    pub(crate) fn parse(&self, text: &str) -> Option<Moment> {
        parse::parse(self, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;

    fn printed(pattern: &str) -> Option<String> {
        Pattern::compile(pattern).unwrap().format(datetime(2024, 12, 30, 13, 5, 9, 120_000_000).into())
    }

    #[test]
    fn prints() {
        for (pattern, text) in [
            ("yyyy-MM-dd'T'HH:mm:ss.SSS", "2024-12-30T13:05:09.120"),
            ("EEE, d MMM yy", "Mon, 30 Dec 24"),
            ("hh:mm a", "01:05 PM"),
            ("yyyy w", "2024 1"),
            ("u e E", "2024 2 Mon"),
            ("Q QQQ QQQQ", "4 Q4 4th quarter"),
            ("D YYYY", "365 2025"),
            ("EEEE MMMM MMMMM", "Monday December D"),
            ("''yy", "'24"),
            ("", ""),
        ] {
            assert_eq!(printed(pattern).as_deref(), Some(text), "{pattern}");
        }
        assert_eq!(printed("z"), None);
        assert!(Pattern::compile("{").is_err() && Pattern::compile("qqqqqqq").is_err());
        assert!(Pattern::compile("'a").is_err() && Pattern::compile("b").is_err());
    }

    #[track_caller]
    fn reads(pattern: &str, text: &str, target: &str) -> Option<String> {
        let moment = Pattern::compile(pattern).unwrap().parse(text)?;
        Pattern::compile(target).unwrap().format(moment)
    }

    #[test]
    fn parses() {
        for (pattern, text, target, result) in [
            ("yyyy-MM-dd", "2024-02-30", "dd/MM/yyyy", "29/02/2024"),
            ("yyyyMMdd", "20240209", "dd.MM.yyyy", "09.02.2024"),
            ("yyyy-M-d", "2024-2-9", "yyyyMMdd", "20240209"),
            ("d/M/yy", "1/2/24", "yyyy-MM-dd", "2024-02-01"),
            ("dd MMM yyyy", "09 Feb 2024", "yyyy-MM-dd", "2024-02-09"),
            ("hh:mm a", "12:30 AM", "HH:mm", "00:30"),
            ("yyyy-MM-dd'T'HH:mm:ss", "2024-02-29T13:05:09", "hh:mm a", "01:05 PM"),
            ("yyyy-DDD", "2024-060", "MM-dd", "02-29"),
            ("yyyy-MM-dd[ HH:mm]", "2024-01-02", "dd", "02"),
        ] {
            assert_eq!(reads(pattern, text, target).as_deref(), Some(result), "{pattern} {text}");
        }
        for (pattern, text, target) in [
            ("yyyy-MM-dd", "2024-02-09 ", "dd"),
            ("yyyy-MM-dd", "2024-13-01", "dd"),
            ("MM/yyyy", "02/2024", "yyyy"),
            ("HH:mm", "13:05", "yyyy"),
            ("yyyy-MM-dd", "2024-02-29", "HH:mm"),
            ("YYYY-MM-dd", "2024-02-09", "dd"),
            ("hh:mm", "10:00", "HH"),
        ] {
            assert_eq!(reads(pattern, text, target), None, "{pattern} {text}");
        }
    }

    #[test]
    fn simple_patterns() {
        assert_eq!(simple_date("yyyy").unwrap().len(), 4);
        assert!(simple_date("b").is_err());
    }
}
