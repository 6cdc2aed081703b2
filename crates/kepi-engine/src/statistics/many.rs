//! Many tests at once: some are significant by chance.

use super::real;

/// Which p-values are discoveries when at most a share `q` of the discoveries may be false (Benjamini and
/// Hochberg 1995). In the order given.
#[must_use]
pub fn discoveries(p_values: &[f64], q: f64) -> Vec<bool> {
    let mut sorted: Vec<f64> = p_values.iter().copied().filter(|p| !p.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let all = real(sorted.len());
    let mut passing = sorted.iter().enumerate().filter(|(rank, p)| **p <= q * (real(*rank) + 1.0) / all);
    let threshold = passing.next_back().map(|(_, p)| *p);
    p_values.iter().map(|p| threshold.is_some_and(|threshold| *p <= threshold)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Benjamini and Hochberg's paper: of 15, at q 0.05, the four smallest.
    #[test]
    fn golden() {
        let p = [
            0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719,
            0.6528, 0.7590, 1.0,
        ];
        assert_eq!(discoveries(&p, 0.05).iter().filter(|found| **found).count(), 4);
        let mut turned = p;
        turned.reverse();
        assert!(discoveries(&turned, 0.05)[14] && !discoveries(&turned, 0.05)[10]);
    }

    /// A value above its own step passes when a larger one is below its step.
    #[test]
    fn the_largest_passing_carries_the_smaller() {
        assert_eq!(discoveries(&[0.06, 0.04, 0.07], 0.1), [true, true, true]);
        assert_eq!(discoveries(&[0.099, 0.05, 0.09], 0.1), [true, true, true]);
        assert_eq!(discoveries(&[0.2, f64::NAN], 0.1), [false, false]);
        assert!(discoveries(&[], 0.1).is_empty());
    }
}
