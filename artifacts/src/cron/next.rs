//! When an expression fires next.

use super::{Cron, Days, Set};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Last year that Quartz looks at.
const LAST_YEAR: i16 = 2099;

impl Cron {
    /// The first instant after `after` (whole seconds) at which the expression fires; `None` when it
    /// never fires again.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let mut from = start_of_search(after, zone);
        loop {
            let candidate = self.civil_at_or_after(from)?;
            let ambiguous = zone.to_ambiguous_timestamp(candidate);
            let fires = match ambiguous.offset() {
                // A wall time that does not exist that day is skipped.
                AmbiguousOffset::Gap { .. } => None,
                AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.later().ok(),
            };
            match fires {
                Some(instant) if instant > after => return Some(instant),
                _ => from = candidate.checked_add(jiff::Span::new().seconds(1)).ok()?,
            }
        }
    }

    fn civil_at_or_after(&self, from: DateTime) -> Option<DateTime> {
        let mut date = from.date();
        let mut time = from.time();
        loop {
            if let Some(found) = self.fires_on(date).then(|| self.time_at_or_after(time)).flatten() {
                return Some(DateTime::from_parts(date, found));
            }
            date = self.next_date(date)?;
            time = Time::midnight();
        }
    }

    fn next_date(&self, date: Date) -> Option<Date> {
        let mut next = date.tomorrow().ok()?;
        // Jump over months that cannot fire, so that rare expressions stay cheap.
        while !self.months.contains(next.month() as u16) || !self.fires_in(next.year()) {
            next = next.last_of_month().tomorrow().ok()?;
            if next.year() > LAST_YEAR {
                return None;
            }
        }
        (next.year() <= LAST_YEAR).then_some(next)
    }

    fn fires_in(&self, year: i16) -> bool {
        self.years.as_ref().is_none_or(|years| u16::try_from(year).is_ok_and(|year| years.contains(year)))
    }

    fn fires_on(&self, date: Date) -> bool {
        let in_time = self.months.contains(date.month() as u16) && self.fires_in(date.year());
        in_time && date.year() <= LAST_YEAR && self.days.contain(date)
    }

    fn time_at_or_after(&self, time: Time) -> Option<Time> {
        let (hour, minute) = (time.hour() as u16, time.minute() as u16);
        // Fractions of a second count as the next second.
        let second = time.second() as u16 + u16::from(time.subsec_nanosecond() > 0);
        for h in values_from(&self.hours, hour, 23) {
            let from_minute = if h == hour { minute } else { 0 };
            for m in values_from(&self.minutes, from_minute, 59) {
                let from_second = if h == hour && m == minute { second } else { 0 };
                if let Some(s) = self.seconds.at_or_after(from_second) {
                    return Time::new(h as i8, m as i8, s as i8, 0).ok();
                }
            }
        }
        None
    }
}

fn values_from(set: &Set, from: u16, last: u16) -> impl Iterator<Item = u16> + '_ {
    std::iter::successors(set.at_or_after(from), move |v| {
        (*v < last).then(|| set.at_or_after(v + 1)).flatten()
    })
}

/// Wall time to search from. On the first pass of an autumn overlap the whole overlap is still to come.
fn start_of_search(after: Timestamp, zone: &TimeZone) -> DateTime {
    let wall = zone.to_datetime(after);
    let ambiguous = zone.to_ambiguous_timestamp(wall);
    let first_pass = matches!(ambiguous.offset(), AmbiguousOffset::Fold { .. })
        && zone.to_ambiguous_timestamp(wall).earlier().is_ok_and(|earlier| earlier == after);
    if first_pass && let Some(change) = zone.following(after).next() {
        return zone.to_datetime(change.timestamp());
    }
    wall.checked_add(jiff::Span::new().nanoseconds(1)).unwrap_or(wall)
}

impl Days {
    fn contain(&self, date: Date) -> bool {
        let day = date.day() as u8;
        let last = date.days_in_month() as u8;
        // Sunday is 1, as in Quartz.
        let weekday = date.weekday().to_sunday_one_offset() as u8;
        match self {
            Days::OfMonth(days) => days.contains(u16::from(day)),
            Days::OfWeek(days) => days.contains(u16::from(weekday)),
            Days::Last { before, weekday: false } => last.checked_sub(*before) == Some(day),
            Days::Last { before, weekday: true } => last
                .checked_sub(*before)
                .filter(|d| *d > 0)
                .is_some_and(|target| nearest_weekday(date, target) == day),
            Days::Nearest(target) => nearest_weekday(date, (*target).min(last)) == day,
            Days::LastOfWeek(wanted) => weekday == *wanted && day + 7 > last,
            Days::NthOfWeek(wanted, nth) => weekday == *wanted && (day - 1) / 7 + 1 == *nth,
        }
    }
}

/// The day from Monday to Friday that is nearest to `day`, without leaving the month.
fn nearest_weekday(date: Date, day: u8) -> u8 {
    let last = date.days_in_month() as u8;
    let Ok(target) = Date::new(date.year(), date.month(), day as i8) else { return day };
    match target.weekday().to_sunday_one_offset() {
        7 if day == 1 => 3,
        7 => day - 1,
        1 if day == last => day - 2,
        1 => day + 1,
        _ => day,
    }
}
