use super::Cron;
use jiff::Timestamp;
use jiff::tz::TimeZone;

fn firings(text: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(text).unwrap();
    let zone = TimeZone::get(zone).unwrap();
    let mut at: Timestamp = after.parse().unwrap();
    let mut found = Vec::new();
    while found.len() < count {
        let Some(next) = cron.next_after(at, &zone) else { break };
        assert!(next > at);
        found.push(next.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string());
        at = next;
    }
    found
}

fn utc(text: &str, after: &str, count: usize) -> Vec<String> {
    let all = firings(text, "UTC", after, count);
    all.into_iter().map(|t| t.trim_end_matches("+00:00").to_owned()).collect()
}

const NEW_YEAR: &str = "2026-01-01T00:00:00Z";

#[test]
fn plain_fields() {
    assert_eq!(
        utc("0/20 * * * * ?", NEW_YEAR, 3),
        ["2026-01-01 00:00:20", "2026-01-01 00:00:40", "2026-01-01 00:01:00"]
    );
    assert_eq!(utc("0 0 12 ? * MON-FRI", NEW_YEAR, 2), ["2026-01-01 12:00:00", "2026-01-02 12:00:00"]);
    assert_eq!(utc("0 15 10 15 * ?", NEW_YEAR, 1), ["2026-01-15 10:15:00"]);
    assert_eq!(utc("0 0 0 1 jan ? 2027", NEW_YEAR, 5), ["2027-01-01 00:00:00"]);
}

#[test]
fn ranges_wrap() {
    assert_eq!(
        utc("0 0 22-1 * * ?", NEW_YEAR, 3),
        ["2026-01-01 01:00:00", "2026-01-01 22:00:00", "2026-01-01 23:00:00"]
    );
    assert_eq!(
        utc("0 0 0 ? * FRI-SUN", NEW_YEAR, 3),
        ["2026-01-02 00:00:00", "2026-01-03 00:00:00", "2026-01-04 00:00:00"]
    );
}

#[test]
fn last_days() {
    assert_eq!(utc("0 0 0 L 2 ?", NEW_YEAR, 1), ["2026-02-28 00:00:00"]);
    assert_eq!(utc("0 0 0 L-2 1 ?", NEW_YEAR, 1), ["2026-01-29 00:00:00"]);
    assert_eq!(utc("0 0 0 LW 1 ?", NEW_YEAR, 1), ["2026-01-30 00:00:00"]);
    assert_eq!(utc("0 0 0 ? 1 6L", NEW_YEAR, 1), ["2026-01-30 00:00:00"]);
    assert_eq!(utc("0 0 0 ? 1 L", NEW_YEAR, 1), ["2026-01-03 00:00:00"]);
}

#[test]
fn nearest_weekday_stays_in_the_month() {
    // 2026-08-01 is a Saturday, 2026-05-31 a Sunday.
    assert_eq!(utc("0 0 0 1W 8 ?", NEW_YEAR, 1), ["2026-08-03 00:00:00"]);
    assert_eq!(utc("0 0 0 31W 5 ?", NEW_YEAR, 1), ["2026-05-29 00:00:00"]);
    assert_eq!(utc("0 0 0 15W 2 ?", NEW_YEAR, 1), ["2026-02-16 00:00:00"]);
}

#[test]
fn nth_weekday() {
    assert_eq!(utc("0 0 0 ? * 6#3", NEW_YEAR, 2), ["2026-01-16 00:00:00", "2026-02-20 00:00:00"]);
    assert_eq!(utc("0 0 0 ? * MON#5", NEW_YEAR, 1), ["2026-03-30 00:00:00"]);
}

#[test]
fn the_spring_gap_is_skipped() {
    let all = firings("0 30 2 * * ?", "America/New_York", "2026-03-07T12:00:00Z", 1);
    assert_eq!(all, ["2026-03-09 02:30:00-04:00"]);
}

#[test]
fn the_autumn_overlap_fires_once_on_the_second_pass() {
    let all = firings("0 30 1 * * ?", "America/New_York", "2026-10-31T12:00:00Z", 2);
    assert_eq!(all, ["2026-11-01 01:30:00-05:00", "2026-11-02 01:30:00-05:00"]);
    let first_pass = firings("0 30 1 * * ?", "America/New_York", "2026-11-01T05:45:00Z", 1);
    assert_eq!(first_pass, ["2026-11-01 01:30:00-05:00"]);
}

#[test]
fn never_again() {
    assert!(utc("0 0 0 1 1 ? 2020", NEW_YEAR, 1).is_empty());
    assert!(utc("0 0 0 31 2 ?", NEW_YEAR, 1).is_empty());
}

#[test]
fn refuses_what_quartz_refuses() {
    for text in [
        "",
        "* * * * *",
        "0 0 0 * * *",
        "0 0 0 1 * MON",
        "0 0 0 ? * ?",
        "60 * * * * ?",
        "0 60 * * * ?",
        "0 0 24 * * ?",
        "0 0 0 32 * ?",
        "0 0 0 0 * ?",
        "0 0 0 * 13 ?",
        "0 0 0 ? * 8",
        "0 0 0 ? * FOO",
        "0/0 * * * * ?",
        "0/61 * * * * ?",
        "0 0 0 1-5W * ?",
        "0 0 0 ? * 6#6",
        "@daily",
        "a * * * * ?",
        "0 0 0 L5 * ?",
    ] {
        assert!(Cron::parse(text).is_err(), "{text}");
    }
}
