//! Medians and quartiles of a few numbers.

/// Median and quartiles.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    pub low: f64,
    pub median: f64,
    pub high: f64,
}

/// Lower quartile, median and upper quartile; zeros for an empty list.
pub fn spread(values: &[f64]) -> Spread {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Spread { low: at(&sorted, 0.25), median: at(&sorted, 0.5), high: at(&sorted, 0.75) }
}

/// Value at a share of a sorted list, between neighbours where it falls between them.
fn at(sorted: &[f64], share: f64) -> f64 {
    let place = share * sorted.len().saturating_sub(1) as f64;
    let below = sorted.get(place.floor() as usize).copied().unwrap_or_default();
    let above = sorted.get(place.ceil() as usize).copied().unwrap_or_default();
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_of_small_lists() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Spread { low: 1.5, median: 2.0, high: 2.5 });
        assert_eq!(spread(&[4.0]), Spread { low: 4.0, median: 4.0, high: 4.0 });
        assert_eq!(spread(&[]), Spread::default());
    }
}
