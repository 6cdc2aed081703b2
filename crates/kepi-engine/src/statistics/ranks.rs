//! Whether groups differ at all, by ranks: one post that went round the world moves a rank, not a mean.

use statrs::distribution::{ChiSquared, ContinuousCDF as _};

use super::real;

/// What a test of ranks says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankTest {
    /// The statistic H, corrected for ties.
    pub h: f64,
    /// Its degrees of freedom: groups less one.
    pub freedom: f64,
    /// The p-value of the groups being alike.
    pub p: f64,
}

/// Kruskal and Wallis: whether any of the groups stands higher or lower than the others.
///
/// `None` for fewer than two groups that hold anything, or values that are all alike.
#[must_use]
pub fn kruskal_wallis(groups: &[Vec<f64>]) -> Option<RankTest> {
    let groups: Vec<&Vec<f64>> = groups.iter().filter(|group| !group.is_empty()).collect();
    let mut pooled: Vec<(f64, usize)> = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        pooled.extend(group.iter().map(|value| (*value, number)));
    }
    if groups.len() < 2 {
        return None;
    }
    pooled.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = real(pooled.len());
    let mut sums = vec![0.0; groups.len()];
    let (mut ties, mut below) = (0.0, 0);
    for same in pooled.chunk_by(|a, b| a.0 == b.0) {
        let count = real(same.len());
        let rank = real(below) + f64::midpoint(count, 1.0);
        ties += count.powi(3) - count;
        below += same.len();
        for (_, group) in same {
            if let Some(sum) = sums.get_mut(*group) {
                *sum += rank;
            }
        }
    }
    let between: f64 = sums.iter().zip(&groups).map(|(sum, group)| sum * sum / real(group.len())).sum();
    let correction = 1.0 - ties / (n.powi(3) - n);
    if correction <= 0.0 {
        return None;
    }
    let h = (12.0 / (n * (n + 1.0)) * between - 3.0 * (n + 1.0)) / correction;
    let freedom = real(groups.len()) - 1.0;
    Some(RankTest { h, freedom, p: ChiSquared::new(freedom).ok()?.sf(h.max(0.0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SciPy: `kruskal([1, 3, 5, 7, 9], [2, 4, 6, 8, 10], [6, 7, 7, 12, 14])`.
    #[test]
    fn golden() {
        let groups =
            [vec![1.0, 3.0, 5.0, 7.0, 9.0], vec![2.0, 4.0, 6.0, 8.0, 10.0], vec![6.0, 7.0, 7.0, 12.0, 14.0]];
        let found = kruskal_wallis(&groups).unwrap();
        assert!((found.h - 2.971_532).abs() < 1e-6 && (found.p - 0.226_329).abs() < 1e-6, "{found:?}");
        assert_eq!(found.freedom, 2.0);
    }

    #[test]
    fn too_little_or_all_alike_says_nothing() {
        assert_eq!(kruskal_wallis(&[vec![1.0, 2.0], vec![]]), None);
        assert_eq!(kruskal_wallis(&[vec![1.0, 1.0], vec![1.0]]), None);
    }
}
