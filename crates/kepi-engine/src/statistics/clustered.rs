//! The interval of a ratio of sums over posts: engagements of one post are not independent, so the post is the
//! unit, not the impression.

use super::{TwoProportions, Z95, two_sided};

/// Sums over posts of which each has a numerator y and a denominator x.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cluster {
    /// How many posts.
    pub n: u64,
    /// Σ y.
    pub y: f64,
    /// Σ x.
    pub x: f64,
    /// Σ y².
    pub yy: f64,
    /// Σ x·y.
    pub xy: f64,
    /// Σ x².
    pub xx: f64,
}

impl Cluster {
    /// Adds one post.
    pub fn add(&mut self, y: f64, x: f64) {
        self.merge(&Self { n: 1, y, x, yy: y * y, xy: x * y, xx: x * x });
    }

    /// How many posts, as a float.
    #[expect(clippy::cast_precision_loss, reason = "posts are far fewer than 2^52")]
    pub(crate) fn posts(&self) -> f64 {
        self.n as f64
    }

    /// Adds the posts of another.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.y += other.y;
        self.x += other.x;
        self.yy += other.yy;
        self.xy += other.xy;
        self.xx += other.xx;
    }
}

/// The 95 % interval of Σy/Σx, clustered by post: R ± 1.96·√(n/(n−1)·Σ(yᵢ − R·xᵢ)²)/Σxᵢ.
///
/// `None` for fewer than two posts or a denominator of zero.
#[must_use]
pub fn clustered_interval(sums: &Cluster) -> Option<(f64, f64)> {
    let (ratio, variance) = clustered_ratio(sums)?;
    let half = Z95 * variance.sqrt();
    Some((ratio - half, ratio + half))
}

/// How the ratio of one set of clusters differs from that of another, clusters being independent. `least` are the
/// smallest standard errors that the two can have by their nature: days that agree by chance do not make sure.
///
/// `None` where one of them has fewer than two clusters, or nothing varies.
#[must_use]
pub fn two_ratios(first: &Cluster, second: &Cluster, least: (f64, f64)) -> Option<TwoProportions> {
    let ((before, variance_before), (after, variance_after)) =
        (clustered_ratio(first)?, clustered_ratio(second)?);
    let error = variance_before.sqrt().max(least.0).hypot(variance_after.sqrt().max(least.1));
    let difference = after - before;
    let interval = (difference - Z95 * error, difference + Z95 * error);
    let z = difference / error;
    z.is_finite().then(|| TwoProportions { difference, interval, z, p: two_sided(z) })
}

/// Σy/Σx and its variance, clustered by post; `None` for fewer than two posts or a denominator of zero.
#[must_use]
pub fn clustered_ratio(sums: &Cluster) -> Option<(f64, f64)> {
    if sums.n < 2 || sums.x == 0.0 {
        return None;
    }
    let n = sums.posts();
    let ratio = sums.y / sums.x;
    let residuals = (sums.yy - 2.0 * ratio * sums.xy + ratio * ratio * sums.xx).max(0.0);
    let variance = n / (n - 1.0) * residuals / (sums.x * sums.x);
    variance.is_finite().then_some((ratio, variance))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(posts: &[(f64, f64)]) -> Cluster {
        let mut sums = Cluster::default();
        posts.iter().for_each(|(y, x)| sums.add(*y, *x));
        sums
    }

    /// By hand: R = 11/1100 = 0.01; residuals 10 − 1 = 9 and 1 − 10 = −9; √(2·162) = 18; 1.96·18/1100.
    #[test]
    fn two_posts_by_hand() {
        let (low, high) = clustered_interval(&of(&[(10.0, 100.0), (1.0, 1000.0)])).unwrap();
        let half = Z95 * 18.0 / 1100.0;
        assert!((low - (0.01 - half)).abs() < 1e-12 && (high - (0.01 + half)).abs() < 1e-12);
    }

    /// With x = 1 for every post it is the usual interval of a mean: [1, 2, 3] has s = 1, 1.96/√3.
    #[test]
    fn of_a_mean_it_is_the_usual_one() {
        let (low, high) = clustered_interval(&of(&[(1.0, 1.0), (2.0, 1.0), (3.0, 1.0)])).unwrap();
        assert!((high - low - 2.0 * Z95 / 3f64.sqrt()).abs() < 1e-12);
    }

    /// By hand: means 1.5 and 3 of [1, 2] and [2, 4] with x = 1 have errors 0.5 and 1, together √1.25.
    #[test]
    fn two_ratios_by_hand() {
        let (before, after) = (of(&[(1.0, 1.0), (2.0, 1.0)]), of(&[(2.0, 1.0), (4.0, 1.0)]));
        let found = two_ratios(&before, &after, (0.0, 0.0)).unwrap();
        assert!((found.difference - 1.5).abs() < 1e-12 && (found.z - 1.5 / 1.25f64.sqrt()).abs() < 1e-12);
        // Days that agree to the digit are not taken for certainty.
        let same = of(&[(2.0, 1.0), (2.0, 1.0)]);
        assert_eq!(two_ratios(&same, &of(&[(3.0, 1.0), (3.0, 1.0)]), (0.0, 0.0)), None);
        assert!((two_ratios(&same, &same, (0.3, 0.4)).unwrap().interval.1 - Z95 * 0.5).abs() < 1e-12);
    }

    #[test]
    fn one_post_has_none() {
        assert_eq!(clustered_interval(&of(&[(1.0, 10.0)])), None);
        assert_eq!(clustered_interval(&of(&[(0.0, 0.0), (0.0, 0.0)])), None);
    }
}
