//! The order in which a Java hash map hands out its keys. The engine fills in dynamic parts of a path
//! in that order, which shows when the text of one part occurs in another.

/// Keeps the last value of each key and sorts by Java's iteration order.
pub(super) fn java_order<V>(entries: Vec<(String, V)>) -> Vec<(String, V)> {
    let mut kept: Vec<(String, V)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        match kept.iter_mut().find(|(k, _)| *k == key) {
            Some(entry) => entry.1 = value,
            None => kept.push((key, value)),
        }
    }
    let mut buckets = 16usize;
    while kept.len() * 4 > buckets * 3 {
        buckets *= 2;
    }
    kept.sort_by_key(|(key, _)| spread(key) as usize & (buckets - 1));
    kept
}

fn spread(key: &str) -> u32 {
    let hash = key.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
    hash ^ (hash >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_values_win_and_order_is_by_hash() {
        let entries = vec![("b".to_owned(), 1), ("a".to_owned(), 2), ("b".to_owned(), 3)];
        assert_eq!(java_order(entries), [("a".to_owned(), 2), ("b".to_owned(), 3)]);
        // "Aa" and "BB" have the same hash in Java.
        assert_eq!(spread("Aa"), spread("BB"));
    }
}
