//! One field: lists, ranges that may wrap, steps, names.

use super::CronError;

/// What a field may hold.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) low: u16,
    pub(super) high: u16,
    pub(super) names: &'static [&'static str],
}

/// Sorted values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set(Vec<u16>);

impl Set {
    pub(super) fn single(value: u16) -> Self {
        Self(vec![value])
    }

    pub(super) fn contains(&self, value: u16) -> bool {
        self.0.binary_search(&value).is_ok()
    }

    /// The smallest value that is not below `value`.
    pub(super) fn at_or_after(&self, value: u16) -> Option<u16> {
        self.0.get(self.0.partition_point(|v| *v < value)).copied()
    }
}

impl Field {
    /// A number in range, or a name.
    pub(super) fn value(&self, text: &str) -> Result<u16, CronError> {
        if let Some(at) = self.names.iter().position(|name| *name == text) {
            return Ok(self.low + at as u16);
        }
        let value = text.parse::<u16>().ok().filter(|v| (self.low..=self.high).contains(v));
        value.ok_or_else(|| self.error(&format!("expected a value from {} to {}", self.low, self.high), text))
    }

    fn error(&self, expected: &str, found: &str) -> CronError {
        CronError(format!("{}: {expected}, found '{found}'", self.name))
    }

    fn span(&self) -> u16 {
        self.high - self.low + 1
    }
}

/// Parses `*`, `a`, `a-b`, `a/n`, `*/n`, `/n`, `a-b/n` and comma lists of them.
pub(super) fn parse_set(text: &str, field: &Field) -> Result<Set, CronError> {
    let mut values = Vec::new();
    for item in text.split(',') {
        add(item, field, &mut values)?;
    }
    values.sort_unstable();
    values.dedup();
    Ok(Set(values))
}

fn add(item: &str, field: &Field, values: &mut Vec<u16>) -> Result<(), CronError> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(parse_step(step, field)?)),
        None => (item, None),
    };
    let (from, to) = match range {
        "*" => (field.low, field.high),
        "" if step.is_some() => (field.low, field.high),
        _ => match range.split_once('-') {
            Some((from, to)) => (field.value(from)?, field.value(to)?),
            // `5/10` counts from 5 to the end of the field.
            None => {
                let value = field.value(range)?;
                (value, if step.is_some() { field.high } else { value })
            }
        },
    };
    let step = step.unwrap_or(1);
    let length = if to >= from { to - from } else { wrapped(from, to, field)? };
    let mut offset = 0;
    while offset <= length {
        values.push(field.low + (from - field.low + offset) % field.span());
        offset += step;
    }
    Ok(())
}

/// Length of a range that runs over the end, such as `22-2`; years do not wrap.
fn wrapped(from: u16, to: u16, field: &Field) -> Result<u16, CronError> {
    if field.low == 1970 {
        return Err(field.error("a range that grows", &format!("{from}-{to}")));
    }
    Ok(field.span() - from + to)
}

fn parse_step(text: &str, field: &Field) -> Result<u16, CronError> {
    let largest = if field.low == 1970 { field.span() } else { field.high };
    let step = text.parse::<u16>().ok().filter(|step| *step > 0 && *step <= largest);
    step.ok_or_else(|| field.error(&format!("expected a step from 1 to {largest} after '/'"), text))
}
