//! Comma separated values with a header line, as spreadsheets write them: fields may be quoted,
//! quotes are doubled, quoted fields may hold line ends.

use std::collections::BTreeMap;

/// Each row as a map from column to field.
pub(super) fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = records(text.trim_start_matches('\u{feff}')).into_iter();
    let Some(header) = lines.next() else { return Vec::new() };
    lines.map(|fields| header.iter().cloned().zip(fields).collect()).collect()
}

fn records(text: &str) -> Vec<Vec<String>> {
    let (mut out, mut record, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                out.push(std::mem::take(&mut record));
            }
            c => field.push(c),
        }
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        out.push(record);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_commas_and_line_ends() {
        let rows = rows("a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n2,\n3,last");
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[0]["b"], "x, \"y\"\nz");
        assert_eq!((rows[1]["a"].as_str(), rows[1]["b"].as_str()), ("2", ""));
        assert_eq!(rows[2]["b"], "last");
    }
}
