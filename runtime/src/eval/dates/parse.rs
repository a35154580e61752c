//! Reading, with the rules of Java's smart resolver: a day beyond the end of its month is moved to
//! the last day, any other value out of range is an error.

use super::Moment;
use super::pattern::{Element, Pattern};
use artifacts::dates::{DAYS, MONTHS};
use jiff::civil::{Date, Time};

/// Reads a whole text; `None` when it does not fit or names neither a date nor a time.
pub(super) fn parse(pattern: &Pattern, text: &str) -> Option<Moment> {
    let mut reader = Reader { rest: text, fields: Fields::default() };
    reader.all(&pattern.elements)?;
    if !reader.rest.is_empty() {
        return None;
    }
    reader.fields.resolve()
}

#[derive(Debug, Clone, Default)]
struct Fields {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    hour12: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nano: Option<i64>,
}

impl Fields {
    fn resolve(&self) -> Option<Moment> {
        let moment = Moment { date: self.date()?, time: self.time()? };
        (moment.date.is_some() || moment.time.is_some()).then_some(moment)
    }

    /// `Some(None)`: not enough to make a date; `None`: a value out of range.
    fn date(&self) -> Option<Option<Date>> {
        let in_range = |value: Option<i64>, range: std::ops::RangeInclusive<i64>| {
            value.is_none_or(|value| range.contains(&value))
        };
        if !in_range(self.month, 1..=12)
            || !in_range(self.day, 1..=31)
            || !in_range(self.day_of_year, 1..=366)
        {
            return None;
        }
        let Some(year) = self.year else { return Some(None) };
        let year = i16::try_from(year).ok()?;
        if let (Some(month), Some(day)) = (self.month, self.day) {
            let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
            let day = i8::try_from(day).ok()?.min(first.days_in_month());
            return Some(Some(Date::new(year, first.month(), day).ok()?));
        }
        if let Some(day) = self.day_of_year {
            let first = Date::new(year, 1, 1).ok()?;
            if day > i64::from(first.days_in_year()) {
                return None;
            }
            return Some(Some(first.checked_add(jiff::Span::new().days(day - 1)).ok()?));
        }
        Some(None)
    }

    fn time(&self) -> Option<Option<Time>> {
        let hour = match (self.hour, self.hour12, self.afternoon) {
            (Some(hour), ..) => hour,
            (None, Some(hour), Some(afternoon)) => hour % 12 + if afternoon { 12 } else { 0 },
            _ => return Some(None),
        };
        if (self.minute.is_none() && (self.second.is_some() || self.nano.is_some()))
            || (self.second.is_none() && self.nano.is_some())
        {
            return Some(None);
        }
        let part = |value: Option<i64>| i8::try_from(value.unwrap_or(0)).ok();
        let nano = i32::try_from(self.nano.unwrap_or(0)).ok()?;
        let hour = i8::try_from(hour).ok()?;
        Some(Some(Time::new(hour, part(self.minute)?, part(self.second)?, nano).ok()?))
    }
}

struct Reader<'t> {
    rest: &'t str,
    fields: Fields,
}

impl Reader<'_> {
    fn all(&mut self, elements: &[Element]) -> Option<()> {
        for (index, element) in elements.iter().enumerate() {
            match element {
                Element::Text(text) => self.rest = self.rest.strip_prefix(text.as_str())?,
                Element::Field(letter, count) => {
                    let reserved = fixed_width_after(&elements[index + 1..]);
                    self.field(*letter, *count, reserved)?;
                }
                Element::Optional(inner) => {
                    let back = (self.rest, self.fields.clone());
                    if self.all(inner).is_none() {
                        (self.rest, self.fields) = back;
                    }
                }
            }
        }
        Some(())
    }

    /// A number of `least` to `most` digits; `reserved` digits are left for what follows directly.
    fn number(&mut self, least: usize, most: usize, reserved: usize) -> Option<i64> {
        let signed = least == 1 && most > 2;
        let (sign, digits) = match self.rest.strip_prefix('-') {
            Some(rest) if signed => (-1, rest),
            _ => (1, self.rest),
        };
        let available = digits.bytes().take_while(u8::is_ascii_digit).count();
        let take = most.min(if most > least { available.saturating_sub(reserved).max(least) } else { least });
        if available < take || take == 0 {
            return None;
        }
        let (number, rest) = digits.split_at(take);
        self.rest = rest;
        number.parse::<i64>().ok().map(|value| value * sign)
    }

    fn word(&mut self, words: &[&str], length: Option<usize>) -> Option<usize> {
        let found = words.iter().position(|word| {
            let word = length.map_or(*word, |length| word.get(..length).unwrap_or(word));
            self.rest.starts_with(word)
        })?;
        let used = length.map_or(words[found].len(), |length| length.min(words[found].len()));
        self.rest = self.rest.get(used..)?;
        Some(found)
    }

    fn plain(&mut self, count: usize, reserved: usize) -> Option<i64> {
        if count == 1 { self.number(1, 19, reserved) } else { self.number(count, count, 0) }
    }

    fn field(&mut self, letter: char, count: usize, reserved: usize) -> Option<()> {
        match letter {
            'y' | 'u' => {
                self.fields.year = Some(match count {
                    2 => 2000 + self.number(2, 2, 0)?,
                    _ => self.number(count, 19, reserved)?,
                });
            }
            'Y' | 'w' | 'W' | 'e' | 'c' | 'F' | 'Q' | 'q' => {
                self.number(count.min(2), if count > 2 { 19 } else { count.max(2) }, reserved)?;
            }
            'M' | 'L' => {
                self.fields.month = Some(match count {
                    3 => self.word(&MONTHS, Some(3))? as i64 + 1,
                    4 => self.word(&MONTHS, None)? as i64 + 1,
                    _ => self.plain(count, reserved)?,
                });
            }
            'd' => self.fields.day = Some(self.plain(count, reserved)?),
            'D' => self.fields.day_of_year = Some(self.plain(count, reserved)?),
            'E' => {
                self.word(&DAYS, (count < 4).then_some(3))?;
            }
            'H' => self.fields.hour = Some(within(self.plain(count, reserved)?, 0, 23)?),
            'k' => self.fields.hour = Some(within(self.plain(count, reserved)?, 1, 24)? % 24),
            'h' => self.fields.hour12 = Some(within(self.plain(count, reserved)?, 1, 12)?),
            'K' => self.fields.hour12 = Some(within(self.plain(count, reserved)?, 0, 11)?),
            'a' => self.fields.afternoon = Some(self.word(&["AM", "PM"], None)? == 1),
            'm' => self.fields.minute = Some(within(self.plain(count, reserved)?, 0, 59)?),
            's' => self.fields.second = Some(within(self.plain(count, reserved)?, 0, 59)?),
            'S' => {
                let digits = self.number(count, count, 0)?;
                self.fields.nano = Some(digits * 10_i64.pow(9 - count.min(9) as u32));
            }
            'n' => self.fields.nano = Some(self.number(1, 19, reserved)?),
            'G' => {
                self.word(&["AD", "BC"], None)?;
            }
            'X' | 'x' | 'Z' => self.offset()?,
            _ => return None,
        }
        Some(())
    }

    /// An offset such as `Z`, `+02`, `+0200`, `+02:00`; a local time ignores it.
    fn offset(&mut self) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z') {
            self.rest = rest;
            return Some(());
        }
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        self.number(2, 2, 0)?;
        let minutes = self.rest.strip_prefix(':').unwrap_or(self.rest);
        if minutes.bytes().take(2).filter(u8::is_ascii_digit).count() == 2 {
            self.rest = minutes;
            self.number(2, 2, 0)?;
        }
        Some(())
    }
}

fn within(value: i64, least: i64, most: i64) -> Option<i64> {
    (least..=most).contains(&value).then_some(value)
}

/// Digits of fixed width that follow directly: `yyyyMMdd` leaves four to month and day.
fn fixed_width_after(elements: &[Element]) -> usize {
    let mut width = 0;
    for element in elements {
        match element {
            Element::Field('M' | 'L', 2)
            | Element::Field('d' | 'H' | 'k' | 'h' | 'K' | 'm' | 's', 2)
            | Element::Field('y' | 'u', 2) => width += 2,
            Element::Field('D', 3) => width += 3,
            _ => break,
        }
    }
    width
}
