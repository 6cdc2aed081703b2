//! Estimates against each other: a difference, or a difference of differences, with its interval.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use super::{Cluster, NORMAL_FREEDOM, clustered_ratio, t95, two_sided};

/// A value that is known with some uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its variance.
    pub variance: f64,
    /// The degrees of freedom that the variance was estimated with.
    pub freedom: f64,
}

/// A weighted sum of independent estimates.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contrast {
    /// Its value.
    pub value: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
    /// The two-sided p-value of its being zero.
    pub p: f64,
}

impl Estimate {
    /// The ratio of sums over posts, clustered by post; `None` for fewer than two posts.
    #[must_use]
    pub fn of_posts(sums: &Cluster) -> Option<Self> {
        let (value, variance) = clustered_ratio(sums)?;
        Some(Self { value, variance, freedom: sums.posts() - 1.0 })
    }

    /// The mean of numbers; `None` for fewer than two.
    #[must_use]
    pub fn of_mean(values: &[f64]) -> Option<Self> {
        let mut sums = Cluster::default();
        values.iter().for_each(|value| sums.add(*value, 1.0));
        Self::of_posts(&sums)
    }

    /// Its 95 % interval.
    #[must_use]
    pub fn interval(&self) -> (f64, f64) {
        let half = t95(self.freedom) * self.variance.sqrt();
        (self.value - half, self.value + half)
    }
}

/// The sum of estimates, each times its weight: (1, −1) is a difference, (1, −1, −1, 1) a difference of
/// differences. Freedom as Welch and Satterthwaite have it.
///
/// `None` where nothing varies: what has no variance cannot be judged.
#[must_use]
pub fn contrast(parts: &[(f64, Estimate)]) -> Option<Contrast> {
    let value = parts.iter().map(|(weight, part)| weight * part.value).sum::<f64>();
    let shares = parts.iter().map(|(weight, part)| (weight * weight * part.variance, part.freedom));
    let variance: f64 = shares.clone().map(|(share, _)| share).sum();
    if variance <= 0.0 || !variance.is_finite() {
        return None;
    }
    let spread: f64 = shares.map(|(share, freedom)| share * share / freedom.max(1.0)).sum();
    let freedom = (variance * variance / spread).max(1.0);
    let error = variance.sqrt();
    let half = t95(freedom) * error;
    let t = value / error;
    let p = if freedom > NORMAL_FREEDOM {
        two_sided(t)
    } else {
        2.0 * StudentsT::new(0.0, 1.0, freedom).ok()?.sf(t.abs())
    };
    Some(Contrast { value, interval: (value - half, value + half), p: p.min(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [f64; 8] = [27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1];
    const B: [f64; 7] = [27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8];

    /// SciPy: `ttest_ind(A, B, equal_var=False)` gives p 0.049596 and a 95 % interval of [−6.671588,
    /// −0.006983].
    #[test]
    fn a_difference_of_means_is_welchs() {
        let parts = [A.as_slice(), &B].map(|values| Estimate::of_mean(values).unwrap());
        let found = contrast(&[(1.0, parts[0]), (-1.0, parts[1])]).unwrap();
        assert!((found.p - 0.049_596).abs() < 1e-5, "{found:?}");
        assert!(
            (found.interval.0 + 6.671_588).abs() < 1e-4 && (found.interval.1 + 0.006_983).abs() < 1e-4,
            "{found:?}"
        );
    }

    /// By hand: (5 − 3) − (2 − 1) = 1, of four variances of 1/4 each.
    #[test]
    fn a_difference_of_differences() {
        let of = |value| Estimate { value, variance: 0.25, freedom: 1e9 };
        let found = contrast(&[(1.0, of(5.0)), (-1.0, of(3.0)), (-1.0, of(2.0)), (1.0, of(1.0))]).unwrap();
        assert_eq!(found.value, 1.0);
        assert!((found.interval.1 - 1.0 - 1.959_964).abs() < 1e-4);
        assert_eq!(contrast(&[(1.0, Estimate { value: 1.0, variance: 0.0, freedom: 3.0 })]), None);
    }
}
