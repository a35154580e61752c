//! One node's clock is set while it runs, by `libfaketime`.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Tried;
use crate::cases::Stop;
use crate::faults::cluster::Cluster;
use crate::faults::profile::HAND_OVER;

/// The library of the Debian package `libfaketime`.
fn library() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").ok()?;
    let candidates = folders.flatten().map(|e| e.path().join("faketime/libfaketime.so.1"));
    candidates.into_iter().find(|path| path.exists())
}

fn set(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, format!("{text}\n")).map_err(|e| format!("{}: {e}", file.display()))
}

/// Seconds of the day that a log line's time of day shows.
fn time_of_day(line: &str) -> Option<u64> {
    let clock = line
        .split_whitespace()
        .flat_map(|w| w.split(['T', '[', ']']))
        .find(|w| w.len() >= 8 && w.as_bytes().get(2) == Some(&b':') && w.as_bytes().get(5) == Some(&b':'))?;
    let number = |from: usize| clock.get(from..from + 2)?.parse::<u64>().ok();
    Some(number(0)? * 3600 + number(3)? * 60 + number(6)?)
}

/// Nothing moves, and nothing is late or early. That the step reached the process is seen in its log.
fn step(c: &mut Cluster<'_>, text: &str, seconds: i64) -> Tried {
    let library = library().ok_or_else(|| Stop::Skip("libfaketime is not installed".into()))?;
    let artifacts = c.mix()?;
    let file = c.folder("clock");
    set(&file, "+0")?;
    for n in 1..=3 {
        let at = c.slot(&format!("n{n}"), &artifacts)?;
        let variables = [
            ("LD_PRELOAD", library.display().to_string()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".into()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
            ("DONT_FAKE_MONOTONIC", "1".into()),
        ];
        if let Some(slot) = c.slots.first_mut().filter(|_| at == 0) {
            slot.environment = variables.map(|(name, value)| (name.to_owned(), value)).to_vec();
        }
        c.start(at)?;
    }
    c.balanced()?;
    c.strike(&[])?;
    set(&file, text)?;
    c.expect_return(c.struck, HAND_OVER);
    c.wait_out(c.profile.bound);
    c.settle();
    c.expect_no_moves();
    // Its last words have a time. Until now it may have had nothing to say.
    c.node(0)?.terminate();
    c.node_mut(0)?.wait(Duration::from_secs(10));
    let log = c.node(0)?.log();
    let shown = log.lines().rev().find_map(time_of_day);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let expected = now.checked_add_signed(seconds).unwrap_or(now) % 86_400;
    let reached = shown.is_some_and(|shown| shown.abs_diff(expected) < 60);
    c.fact("clock", reached, format!("the step did not reach the process: its log shows {shown:?}"));
    Ok(())
}

/// One node's clock is set an hour ahead.
pub fn ahead(c: &mut Cluster<'_>) -> Tried {
    step(c, "+3600", 3600)
}

/// One node's clock is set an hour back.
pub fn behind(c: &mut Cluster<'_>) -> Tried {
    step(c, "-3600", -3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_have_a_time() {
        let lines = ["[2026-11-25 01:02:03,123] INFO x", "2026-11-25T01:02:03.123Z INFO x"];
        assert_eq!(lines.map(time_of_day), [Some(3723); 2]);
        assert_eq!(time_of_day("no time at all"), None);
    }
}
