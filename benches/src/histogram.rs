//! Latencies in buckets that are never wider than one part in 64 of their value.

/// Bits of precision inside a power of two.
const BITS: u32 = 6;

/// Counts values in nanoseconds.
#[derive(Debug, Clone)]
pub struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; 64 << BITS], total: 0, max: 0 }
    }
}

fn bucket(value: u64) -> usize {
    let top = 63 - value.max(1).leading_zeros();
    if top <= BITS {
        return value as usize;
    }
    let shift = top - BITS;
    ((u64::from(shift + 1) << BITS) + ((value >> shift) & ((1 << BITS) - 1))) as usize
}

/// Highest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let (bucket, size) = (bucket as u64, 1u64 << BITS);
    if bucket < 2 * size {
        return bucket;
    }
    let shift = (bucket >> BITS) - 1;
    (((bucket & (size - 1)) + size + 1) << shift) - 1
}

impl Histogram {
    /// Counts one value.
    pub fn add(&mut self, value: u64) {
        if let Some(count) = self.counts.get_mut(bucket(value)) {
            *count += 1;
        }
        self.total += 1;
        self.max = self.max.max(value);
    }

    /// Value below which this share (0 to 1) of all values lies; 0 when there are none.
    pub fn quantile(&self, share: f64) -> u64 {
        let wanted = (self.total as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (i, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return upper(i).min(self.max);
            }
        }
        self.max
    }

    /// The largest value.
    pub fn max(&self) -> u64 {
        self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_narrow_and_in_order() {
        let mut last = 0;
        for value in (0..63).map(|p| 1u64 << p).flat_map(|v| [v, v + v / 3, v + v / 2]) {
            let b = bucket(value);
            assert!(b >= last, "{value}");
            assert!(
                upper(b) >= value && upper(b) - value <= value / 32 + 1,
                "{value} in {b} up to {}",
                upper(b)
            );
            last = b;
        }
    }

    #[test]
    fn quantiles() {
        let mut h = Histogram::default();
        (1..=1000).for_each(|v| h.add(v * 1000));
        assert!((495_000..=515_000).contains(&h.quantile(0.5)), "{}", h.quantile(0.5));
        assert!((985_000..=1_000_000).contains(&h.quantile(0.99)));
        assert_eq!((h.max(), h.quantile(1.0)), (1_000_000, 1_000_000));
        assert_eq!(Histogram::default().quantile(0.5), 0);
    }
}
