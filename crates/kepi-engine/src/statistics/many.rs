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

/// The q-value of each p-value: the smallest share of false discoveries at which it is one of them. In the order
/// given; what is no number stays none.
#[must_use]
pub fn q_values(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).filter(|at| !p_values[*at].is_nan()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let all = real(order.len());
    let mut q_values = vec![f64::NAN; p_values.len()];
    let mut least = 1.0_f64;
    for (rank, at) in order.iter().enumerate().rev() {
        least = least.min(p_values[*at] * all / (real(rank) + 1.0));
        q_values[*at] = least;
    }
    q_values
}

#[cfg(test)]
mod tests {
    use super::*;

    /// R: `p.adjust(c(0.01, 0.04, 0.03, 0.5), "BH")` is 0.04, 0.0533, 0.0533, 0.5.
    #[test]
    fn q_values_as_r_has_them() {
        let found = q_values(&[0.01, 0.04, f64::NAN, 0.03, 0.5]);
        for (found, expected) in found.iter().zip([0.04, 0.16 / 3.0, f64::NAN, 0.16 / 3.0, 0.5]) {
            assert!(expected.is_nan() == found.is_nan() && !((found - expected).abs() > 1e-12), "{found}");
        }
    }

    /// What is a discovery at q is what has no larger q-value.
    #[test]
    fn both_ways_tell_the_same() {
        let p = [0.001, 0.2, 0.03, 0.012, 0.9, 0.04, 0.06];
        let by_q: Vec<bool> = q_values(&p).into_iter().map(|q| q <= 0.1).collect();
        assert_eq!(by_q, discoveries(&p, 0.1));
    }

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
