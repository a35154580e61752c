//! Firings held against the `cron` crate, for expressions that it reads as Quartz does, in UTC.
//!
//! Left out, because the two differ on purpose; `differ_by_design` and `the_last_year_differs` hold
//! each of these differences, so that a form the crate learns is noticed:
//! - `L`, `W`, `#`, ranges that wrap (`22-2`), a name with a step (`MON/2`), `/n`: the crate refuses them.
//! - Both day fields given, or `?` in both: Quartz refuses these, the crate takes them.
//! - The year 2100: Quartz ends with 2099.
//! - Clock changes: the crate has rules of its own, so only UTC is compared.

// This whole file is a test, helpers included.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::HashSet;
use std::str::FromStr;

use artifacts::cron::Cron;
use chrono::{DateTime, Utc};
use cron::Schedule;
use jiff::{Timestamp, tz::TimeZone};

/// Seeds are fixed: a failure names its expression and start, and comes again.
const EXPRESSIONS: usize = 400;
const STARTS: usize = 6;
const FIRINGS: usize = 5;

/// Instants in seconds since 1970.
fn ours(text: &str, after: i64) -> Vec<i64> {
    let cron = Cron::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let mut at = Timestamp::from_second(after).unwrap();
    let next = || {
        at = cron.next_after(at, &TimeZone::UTC)?;
        Some(at.as_second())
    };
    std::iter::from_fn(next).take(FIRINGS).collect()
}

fn theirs(text: &str, after: i64) -> Vec<i64> {
    let schedule = Schedule::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}"));
    let after = DateTime::<Utc>::from_timestamp(after, 0).unwrap();
    schedule.after(&after).take(FIRINGS).map(|at| at.timestamp()).collect()
}

#[track_caller]
fn compare(text: &str, after: i64) -> usize {
    let (ours, theirs) = (ours(text, after), theirs(text, after));
    let readable = |all: &[i64]| -> Vec<String> {
        all.iter().map(|at| Timestamp::from_second(*at).unwrap().to_string()).collect()
    };
    let start = Timestamp::from_second(after).unwrap();
    assert_eq!(readable(&ours), readable(&theirs), "'{text}' after {start}: ours, then the crate's");
    ours.len()
}

fn second(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_second()
}

/// Starts at the edges: last seconds of a day, a month, a year, a leap day, a year that is no leap year.
fn edges() -> Vec<i64> {
    let edges = [
        "1999-12-31T23:59:59Z",
        "2024-02-28T23:59:59Z",
        "2024-02-29T00:00:00Z",
        "2025-02-28T23:59:58Z",
        "2026-01-01T00:00:00Z",
        "2026-08-31T11:59:59Z",
        "2026-12-31T23:59:59Z",
        "2027-03-07T12:30:30Z",
    ];
    edges.map(second).to_vec()
}

#[test]
fn picked_expressions_fire_as_the_crate_says() {
    let picked = [
        "* * * * * ?",
        "0/20 * * * * ?",
        "0 0/5 * * * ?",
        "0 15 10 ? * *",
        "0 15 10 * * ? 2026-2028",
        "0 0/5 14,18 * * ?",
        "0 10,44 14 ? 3 WED",
        "0 15 10 ? * MON-FRI",
        "0 0 12 1/5 * ?",
        "0 11 11 11 11 ?",
        "0 0 0 29 2 ?",
        "0 0 0 30 2 ?",
        "0 0 0 31 * ?",
        "59 59 23 31 12 ?",
        "0 0 0 ? * 1",
        "0 0 0 ? * 7",
        "0 0 0 ? * 2-6",
        "0 0 0 ? * 1,7",
        "0 0 0 ? FEB SUN",
        "0 0 0 ? JAN-MAR tue,Thu",
        "7 3-50/11 */6 ? 2/3 1/2",
        "0 0 0 1 1 ? 2020",
        "0 0 0 1 1 ? 2024/3",
    ];
    for text in picked {
        for start in edges() {
            compare(text, start);
        }
    }
}

#[test]
fn generated_expressions_fire_as_the_crate_says() {
    let mut dice = Dice(0x5eed);
    let (first, last) = (second("2001-01-01T00:00:00Z"), second("2060-01-01T00:00:00Z"));
    let (mut different, mut firings, mut never) = (HashSet::new(), 0, 0);
    for _ in 0..EXPRESSIONS {
        let text = expression(&mut dice);
        let random: Vec<i64> =
            (0..STARTS).map(|_| first + dice.below((last - first) as u64) as i64).collect();
        for start in random.into_iter().chain(edges()) {
            let found = compare(&text, start);
            firings += found;
            never += usize::from(found == 0);
        }
        different.insert(text);
    }
    // The generator must not have collapsed into a few forms, or into expressions that never fire.
    assert!(different.len() > EXPRESSIONS * 9 / 10, "{} different expressions", different.len());
    let comparisons = EXPRESSIONS * (STARTS + edges().len());
    assert!(firings > comparisons * FIRINGS / 2, "{firings} firings in {comparisons} comparisons");
    assert!(never > 0, "no expression that never fires again");
}

/// Why some forms are left out above: each is a thing of Quartz that the crate does not know, or one
/// that Quartz refuses.
#[test]
fn differ_by_design() {
    let only_quartz = [
        "0 0 0 L * ?",
        "0 0 0 L-2 * ?",
        "0 0 0 LW * ?",
        "0 0 0 15W * ?",
        "0 0 0 ? * L",
        "0 0 0 ? * 6L",
        "0 0 0 ? * 6#3",
        "0 0 22-2 * * ?",
        "0 0 0 ? * FRI-SUN",
        "0 0 0 ? 11-2 *",
        "0 0 0 ? * MON/2",
        "/20 * * * * ?",
    ];
    for text in only_quartz {
        assert!(Cron::parse(text).is_ok(), "{text}");
        assert!(Schedule::from_str(text).is_err(), "the crate reads '{text}' now: compare it");
    }
    for text in ["0 0 0 * * *", "0 0 0 1 * MON", "0 0 0 ? * ?", "@daily"] {
        assert!(Cron::parse(text).is_err(), "{text}");
        assert!(Schedule::from_str(text).is_ok(), "the crate refuses '{text}' now");
    }
}

#[test]
fn the_last_year_differs() {
    let start = second("2099-06-01T00:00:00Z");
    assert!(ours("0 0 0 1 1 ?", start).is_empty());
    assert_eq!(theirs("0 0 0 1 1 ?", start), [second("2100-01-01T00:00:00Z")]);
}

/// A small generator (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }
}

const MONTHS: [&str; 12] =
    ["JAN", "feb", "MAR", "apr", "MAY", "JUN", "JUL", "AUG", "Sep", "OCT", "NOV", "DEC"];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "tue", "WED", "Thu", "FRI", "SAT"];

fn expression(dice: &mut Dice) -> String {
    let (second, minute) = (field(dice, 0, 59, &[]), field(dice, 0, 59, &[]));
    let hour = field(dice, 0, 23, &[]);
    let month = field(dice, 1, 12, &MONTHS);
    let (day, weekday) = if dice.one_in(2) {
        (field(dice, 1, 31, &[]), "?".to_owned())
    } else {
        ("?".to_owned(), field(dice, 1, 7, &WEEKDAYS))
    };
    let year = if dice.one_in(4) { format!(" {}", field(dice, 2000, 2099, &[])) } else { String::new() };
    format!("{second} {minute} {hour} {day} {month} {weekday}{year}")
}

/// One to three items of a field that goes from `low` to `high`; with `names`, some are written so.
fn field(dice: &mut Dice, low: u64, high: u64, names: &[&str]) -> String {
    if dice.one_in(3) {
        return "*".to_owned();
    }
    let items: Vec<String> = (0..dice.between(1, 3)).map(|_| item(dice, low, high, names)).collect();
    items.join(",")
}

fn item(dice: &mut Dice, low: u64, high: u64, names: &[&str]) -> String {
    let mut bounds = [dice.between(low, high), dice.between(low, high)];
    bounds.sort_unstable();
    let [from, to] = bounds;
    // Steps beyond the end of a field are refused by both, so they stay within half of it.
    let step = dice.between(1, (high - low).div_ceil(2));
    let name = |value: u64| names[(value - low) as usize];
    match dice.below(if names.is_empty() { 5 } else { 8 }) {
        0 => from.to_string(),
        1 => format!("{from}-{to}"),
        2 => format!("{from}/{step}"),
        3 => format!("{from}-{to}/{step}"),
        4 => format!("*/{step}"),
        5 => name(from).to_owned(),
        6 => format!("{}-{}", name(from), name(to)),
        _ => format!("{}-{}/{step}", name(from), name(to)),
    }
}
