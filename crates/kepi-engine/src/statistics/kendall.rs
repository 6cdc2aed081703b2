//! Kendall's τ: whether two series move together, whatever the shape of the relation.

use super::{real, two_sided};

/// How two series move together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Association {
    /// τ-b, from −1 to 1.
    pub tau: f64,
    /// The two-sided p-value, by the normal approximation with ties.
    pub p: f64,
}

/// Kendall's τ-b of pairs; `None` for fewer than 8 pairs, or where one series does not move.
#[must_use]
pub fn kendall_tau(pairs: &[(f64, f64)]) -> Option<Association> {
    let n = real(pairs.len());
    if pairs.len() < 8 {
        return None;
    }
    let mut sum = 0.0;
    for (i, (x, y)) in pairs.iter().enumerate() {
        for (other_x, other_y) in pairs.iter().take(i) {
            sum += sign(x - other_x) * sign(y - other_y);
        }
    }
    let xs = Ties::of(pairs.iter().map(|(x, _)| *x));
    let ys = Ties::of(pairs.iter().map(|(_, y)| *y));
    let all = n * (n - 1.0) / 2.0;
    let moving = (all - xs.pairs) * (all - ys.pairs);
    if moving <= 0.0 {
        return None;
    }
    let ordered = n * (n - 1.0);
    let variance = (ordered * (2.0 * n + 5.0) - xs.weight - ys.weight) / 18.0
        + 2.0 * xs.pairs * ys.pairs / ordered
        + xs.triples * ys.triples / (9.0 * ordered * (n - 2.0));
    Some(Association { tau: sum / moving.sqrt(), p: two_sided(sum / variance.sqrt()) })
}

/// 1, −1, or 0 of nothing; `f64::signum` is 1 of zero.
pub(super) fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        0.0
    }
}

/// What equal values take away.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Ties {
    /// Pairs of equal values.
    pub(super) pairs: f64,
    /// Σ t·(t − 1)·(t − 2).
    triples: f64,
    /// Σ t·(t − 1)·(2t + 5).
    pub(super) weight: f64,
}

impl Ties {
    pub(super) fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.collect();
        sorted.sort_by(f64::total_cmp);
        let mut ties = Self::default();
        for group in sorted.chunk_by(|a, b| a == b) {
            let t = real(group.len());
            ties.pairs += t * (t - 1.0) / 2.0;
            ties.triples += t * (t - 1.0) * (t - 2.0);
            ties.weight += t * (t - 1.0) * (2.0 * t + 5.0);
        }
        ties
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Engagement 4.1 → 3.2 % while spend goes from 100 to 200, over eight weeks: τ −0.98, p 0.0008.
    #[test]
    fn golden() {
        let rates = [4.1, 4.0, 3.9, 3.7, 3.6, 3.4, 3.4, 3.2];
        let spend = [100.0, 112.0, 125.0, 140.0, 155.0, 170.0, 185.0, 200.0];
        let pairs: Vec<(f64, f64)> = spend.into_iter().zip(rates).collect();
        let found = kendall_tau(&pairs).unwrap();
        assert!((found.tau + 0.98).abs() < 5e-3 && (found.p - 0.0008).abs() < 5e-5, "{found:?}");
    }

    #[test]
    fn what_does_not_move_has_none() {
        let still: Vec<(f64, f64)> = (0..9).map(|i| (f64::from(i), 5.0)).collect();
        assert_eq!(kendall_tau(&still), None);
        assert_eq!(kendall_tau(&[(1.0, 2.0); 3]), None);
    }
}
