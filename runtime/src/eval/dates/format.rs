//! Printing.

use super::pattern::{Element, Pattern};
use super::{DAYS, MONTHS, Moment};
use jiff::Zoned;
use jiff::civil::Date;

/// A local date or time.
pub(super) fn local(pattern: &Pattern, moment: Moment) -> Option<String> {
    let mut printer = Printer { out: String::new(), moment, zone: None, simple: pattern.simple };
    printer.all(&pattern.elements)?;
    Some(printer.out)
}

/// A local time that knows its zone.
pub(super) fn with_zone(pattern: &Pattern, moment: Moment, zone: &Zoned) -> Option<String> {
    let mut printer = Printer { out: String::new(), moment, zone: Some(zone), simple: pattern.simple };
    printer.all(&pattern.elements)?;
    Some(printer.out)
}

struct Printer<'z> {
    out: String,
    moment: Moment,
    zone: Option<&'z Zoned>,
    simple: bool,
}

impl Printer<'_> {
    fn all(&mut self, elements: &[Element]) -> Option<()> {
        for element in elements {
            match element {
                Element::Text(text) => self.out.push_str(text),
                Element::Field(letter, count) => self.field(*letter, *count)?,
                Element::Optional(inner) => {
                    let length = self.out.len();
                    if self.all(inner).is_none() {
                        self.out.truncate(length);
                    }
                }
            }
        }
        Some(())
    }

    fn number(&mut self, value: i64, width: usize) -> Option<()> {
        self.out.push_str(&format!("{value:0width$}"));
        Some(())
    }

    fn field(&mut self, letter: char, count: usize) -> Option<()> {
        match letter {
            'z' | 'Z' | 'X' | 'x' | 'O' | 'V' | 'v' => self.zone(letter, count),
            'a' | 'h' | 'K' | 'k' | 'H' | 'm' | 's' | 'S' | 'A' | 'n' | 'N' => self.time(letter, count),
            _ => self.date(letter, count),
        }
    }

    fn time(&mut self, letter: char, count: usize) -> Option<()> {
        let time = self.moment.time?;
        let (hour, nanos) = (i64::from(time.hour()), i64::from(time.subsec_nanosecond()));
        let seconds = (hour * 60 + i64::from(time.minute())) * 60 + i64::from(time.second());
        let value = match letter {
            'a' => {
                self.out.push_str(if hour < 12 { "AM" } else { "PM" });
                return Some(());
            }
            'h' => (hour + 11) % 12 + 1,
            'K' => hour % 12,
            'k' => (hour + 23) % 24 + 1,
            'H' => hour,
            'm' => i64::from(time.minute()),
            's' => i64::from(time.second()),
            'S' if self.simple => nanos / 1_000_000,
            'S' => {
                let digits = format!("{nanos:09}");
                self.out.push_str(digits.get(..count)?);
                return Some(());
            }
            'A' => seconds * 1_000 + nanos / 1_000_000,
            'n' => nanos,
            _ => seconds * 1_000_000_000 + nanos,
        };
        self.number(value, count)
    }

    fn date(&mut self, letter: char, count: usize) -> Option<()> {
        let date = self.moment.date?;
        let weekday = i64::from(date.weekday().to_monday_zero_offset());
        match letter {
            'G' => self.out.push_str(if count == 4 { "Anno Domini" } else { "AD" }),
            'y' | 'u' if !(self.simple && letter == 'u') => self.year(i64::from(date.year()), count)?,
            'Y' => self.year(week_year(date).0, count)?,
            'M' | 'L' => {
                let month = i64::from(date.month());
                return self.name(month, MONTHS[date.month() as usize - 1], count, 3);
            }
            'Q' | 'q' => {
                let quarter = (i64::from(date.month()) + 2) / 3;
                let long = ["1st", "2nd", "3rd", "4th"][quarter as usize - 1];
                match count {
                    3 => self.out.push_str(&format!("Q{quarter}")),
                    4 => self.out.push_str(&format!("{long} quarter")),
                    5 => return self.number(quarter, 1),
                    _ => return self.number(quarter, count),
                }
            }
            'E' => return self.name(0, DAYS[weekday as usize], count.max(3), 3),
            'u' => return self.number(weekday + 1, count),
            'e' | 'c' => return self.name((weekday + 1) % 7 + 1, DAYS[weekday as usize], count, 3),
            'd' => return self.number(i64::from(date.day()), count),
            'D' => return self.number(i64::from(date.day_of_year()), count),
            'w' => return self.number(week_year(date).1, count),
            'W' => {
                let first = date.first_of_month().weekday().to_sunday_zero_offset();
                return self.number((i64::from(date.day()) + i64::from(first) + 6) / 7, count);
            }
            'F' => return self.number((i64::from(date.day()) - 1) / 7 + 1, count),
            _ => return None,
        }
        Some(())
    }

    fn year(&mut self, year: i64, count: usize) -> Option<()> {
        if count == 2 {
            return self.number(year.rem_euclid(100), 2);
        }
        self.number(year, count)
    }

    /// A number for one or two letters, the short name for three, the full one for four, its first
    /// letter for five.
    fn name(&mut self, number: i64, name: &str, count: usize, short: usize) -> Option<()> {
        match count {
            1 | 2 => return self.number(number, count),
            3 => self.out.push_str(name.get(..short)?),
            5 if !self.simple => self.out.push_str(name.get(..1)?),
            _ => self.out.push_str(name),
        }
        Some(())
    }

    fn zone(&mut self, letter: char, count: usize) -> Option<()> {
        let zoned = self.zone?;
        let seconds = zoned.offset().seconds();
        let (sign, seconds) = if seconds < 0 { ('-', -seconds) } else { ('+', seconds) };
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let text = match letter {
            'X' if seconds == 0 => "Z".to_owned(),
            'X' if count == 1 => format!("{sign}{hours:02}"),
            'X' if count == 3 => format!("{sign}{hours:02}:{minutes:02}"),
            'z' => zoned.strftime("%Z").to_string(),
            _ => format!("{sign}{hours:02}{minutes:02}"),
        };
        self.out.push_str(&text);
        Some(())
    }
}

/// Year and week of a US calendar: weeks begin on Sunday, the first one holds January 1.
pub(super) fn week_year(date: Date) -> (i64, i64) {
    let start_of = |year: i16| {
        let first = Date::new(year, 1, 1).ok()?;
        first.checked_sub(jiff::Span::new().days(first.weekday().to_sunday_zero_offset())).ok()
    };
    let year = date.year();
    for candidate in [year.saturating_add(1), year] {
        if let Some(start) = start_of(candidate).filter(|start| date >= *start) {
            let days = start.until(date).map_or(0, |span| span.get_days());
            return (i64::from(candidate), i64::from(days / 7) + 1);
        }
    }
    (i64::from(year), 1)
}
