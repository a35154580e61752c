//! Printing.

use super::Moment;
use super::pattern::{Element, Pattern};
use artifacts::dates::{DAYS, MAX_WIDTH, MONTHS, week_of_month, week_of_year};

/// A local date or time. `None` when the pattern asks for a field that is not there; a zone never is.
pub(super) fn format(pattern: &Pattern, moment: Moment) -> Option<String> {
    let mut printer = Printer { out: String::new(), moment };
    printer.all(&pattern.elements)?;
    Some(printer.out)
}

struct Printer {
    out: String,
    moment: Moment,
}

impl Printer {
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
        let width = width.min(MAX_WIDTH);
        self.out.push_str(&format!("{value:0width$}"));
        Some(())
    }

    fn field(&mut self, letter: char, count: usize) -> Option<()> {
        match letter {
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
            'y' | 'u' => self.year(i64::from(date.year()), count)?,
            'Y' => self.year(week_of_year(date).0, count)?,
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
            'e' | 'c' => return self.name((weekday + 1) % 7 + 1, DAYS[weekday as usize], count, 3),
            'd' => return self.number(i64::from(date.day()), count),
            'D' => return self.number(i64::from(date.day_of_year()), count),
            'w' => return self.number(week_of_year(date).1, count),
            'W' => return self.number(week_of_month(date), count),
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
            5 => self.out.push_str(name.get(..1)?),
            _ => self.out.push_str(name),
        }
        Some(())
    }
}
