//! Order statistics: the middle, quantiles, and how far values spread round them.

use super::real;

/// The value in the middle, or the mean of the two; `None` of nothing.
#[must_use]
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which a share of the values lies, between neighbours on the straight line (type 7 of Hyndman
/// and Fan, as spreadsheets and NumPy have it).
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * real(last);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place between 0 and last")]
    let below = place.floor() as usize;
    let low = *sorted.get(below)?;
    let high = *sorted.get((below + 1).min(last))?;
    Some(low + (high - low) * (place - real(below)))
}

/// The median of the distances from the median.
#[must_use]
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let middle = median(values)?;
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    median(&distances)
}

/// Where a value stands among others, from 0 (below all) to 100 (above all); equals count half.
#[must_use]
pub fn percentile_rank(values: &[f64], value: f64) -> Option<f64> {
    if values.is_empty() || value.is_nan() {
        return None;
    }
    let below = values.iter().filter(|other| **other < value).count();
    let equal = values.iter().filter(|other| **other == value).count();
    Some(100.0 * (real(below) + real(equal) / 2.0) / real(values.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NumPy: `quantile([1, 2, 3, 4, 10], [0.25, 0.5, 0.75, 0.9])` is 2, 3, 4, 7.6.
    #[test]
    fn quantiles_as_numpy_has_them() {
        let values = [10.0, 3.0, 1.0, 4.0, 2.0];
        for (share, expected) in [(0.0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.75, 4.0), (0.9, 7.6), (1.0, 10.0)] {
            assert!((quantile(&values, share).unwrap() - expected).abs() < 1e-12, "{share}");
        }
        assert_eq!((median(&[4.0, 1.0, 2.0, 3.0]), median(&[])), (Some(2.5), None));
    }

    #[test]
    fn ranks_count_equals_half() {
        assert_eq!(percentile_rank(&[1.0, 2.0, 2.0, 3.0], 2.0), Some(50.0));
        assert_eq!(percentile_rank(&[1.0, 2.0], 9.0), Some(100.0));
        assert_eq!(percentile_rank(&[], 9.0), None);
    }
}
