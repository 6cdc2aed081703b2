//! Trends: Mann-Kendall tells whether, Theil-Sen how much.
//!
//! Neighbouring days are alike, which makes a trend look surer than it is. The variance of Mann-Kendall's S is
//! therefore widened by what the ranks of the detrended series say of their own neighbours (Hamed and Rao 1998);
//! it is never narrowed.

use super::{
    Z95,
    kendall::{Ties, sign},
    median, real, two_sided,
};

/// The points that a trend needs.
const FEWEST_POINTS: usize = 8;

/// A trend, or that there is none.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Mann-Kendall's S: pairs that rise less pairs that fall.
    pub s: f64,
    /// Its variance, with ties.
    pub variance: f64,
    /// How many times wider the variance is because neighbours are alike; 1 where they are not.
    pub inflation: f64,
    /// The standard deviate.
    pub z: f64,
    /// The two-sided p-value.
    pub p: f64,
    /// Theil-Sen's slope per step: the median of the slopes of all pairs.
    pub slope: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
}

impl Trend {
    /// Whether it goes up or down at all: p < 0.05, and the interval of the slope leaves out zero.
    #[must_use]
    pub fn is_one(&self) -> bool {
        self.p < 0.05 && (self.interval.0 > 0.0 || self.interval.1 < 0.0)
    }
}

/// Mann-Kendall with Theil-Sen's slope; `None` for fewer than 8 known points.
///
/// A step that is not known is left out and keeps its place: slopes are per step, not per known point.
#[must_use]
pub fn mann_kendall(series: &[Option<f64>]) -> Option<Trend> {
    let points: Vec<(f64, f64)> =
        series.iter().enumerate().filter_map(|(step, value)| Some((real(step), (*value)?))).collect();
    if points.len() < FEWEST_POINTS {
        return None;
    }
    let n = real(points.len());
    let (s, slopes) = pairs(&points);
    let ties = Ties::of(points.iter().map(|(_, value)| *value));
    let variance = (n * (n - 1.0) * (2.0 * n + 5.0) - ties.weight) / 18.0;
    let slope = median(&slopes)?;
    let detrended: Vec<f64> = points.iter().map(|(step, value)| value - slope * step).collect();
    let inflation = inflation(&detrended);
    let deviation = (variance * inflation).sqrt();
    let z = if deviation > 0.0 { (s - sign(s)) / deviation } else { 0.0 };
    let interval = slope_interval(slopes, deviation)?;
    Some(Trend { s, variance, inflation, z, p: two_sided(z), slope, interval })
}

/// How far a trend has come over its series, as a fraction of where it began.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FittedChange {
    /// The change along Theil-Sen's line, from the first known step to the last.
    pub change: f64,
    /// Its 95 % interval, from that of the slope.
    pub interval: (f64, f64),
}

/// The relative change along the line of a trend of a series: one odd end moves it little. `None` where the line
/// does not begin above zero.
#[must_use]
pub fn fitted_change(series: &[Option<f64>], trend: &Trend) -> Option<FittedChange> {
    let known = || series.iter().enumerate().filter_map(|(step, value)| Some((real(step), (*value)?)));
    let (first, last) = (known().next()?.0, known().last()?.0);
    let height = median(&known().map(|(step, value)| value - trend.slope * step).collect::<Vec<_>>())?;
    let start = height + trend.slope * first;
    let of = |slope: f64| slope * (last - first) / start;
    (start > 0.0).then(|| FittedChange {
        change: of(trend.slope),
        interval: (of(trend.interval.0), of(trend.interval.1)),
    })
}

fn pairs(points: &[(f64, f64)]) -> (f64, Vec<f64>) {
    let (mut s, mut slopes) = (0.0, Vec::with_capacity(points.len() * points.len() / 2));
    for (i, (step, value)) in points.iter().enumerate() {
        for (earlier, before) in points.iter().take(i) {
            s += sign(value - before);
            slopes.push((value - before) / (step - earlier));
        }
    }
    (s, slopes)
}

/// Sen (1968): the slopes that stand as far from the middle as S may by chance.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places among the slopes")]
fn slope_interval(mut slopes: Vec<f64>, deviation: f64) -> Option<(f64, f64)> {
    slopes.sort_by(f64::total_cmp);
    let (count, last) = (real(slopes.len()), slopes.len().checked_sub(1)?);
    let upper = ((count + Z95 * deviation) / 2.0).round_ties_even().max(0.0) as usize;
    let lower = (((count - Z95 * deviation) / 2.0).round_ties_even() - 1.0).max(0.0) as usize;
    Some((*slopes.get(lower.min(last))?, *slopes.get(upper.min(last))?))
}

/// Hamed and Rao's factor, from the autocorrelations of ranks that are larger than chance, up to a quarter of
/// the length.
fn inflation(detrended: &[f64]) -> f64 {
    let ranks = ranks(detrended);
    let n = real(ranks.len());
    let mean = ranks.iter().sum::<f64>() / n;
    let total: f64 = ranks.iter().map(|rank| (rank - mean).powi(2)).sum();
    if total <= 0.0 {
        return 1.0;
    }
    let bound = Z95 / n.sqrt();
    let mut sum = 0.0;
    for lag in 1..=ranks.len() / 4 {
        let products = ranks.iter().zip(ranks.iter().skip(lag)).map(|(a, b)| (a - mean) * (b - mean));
        let correlation = products.sum::<f64>() / total;
        let k = real(lag);
        if correlation.abs() > bound {
            sum += (n - k) * (n - k - 1.0) * (n - k - 2.0) * correlation;
        }
    }
    (1.0 + 2.0 * sum / (n * (n - 1.0) * (n - 2.0))).max(1.0)
}

/// Ranks from 1; equal values share their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let rank = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count();
        let equal = values.iter().filter(|other| *other == value).count();
        real(below) + (real(equal) + 1.0) / 2.0
    };
    values.iter().map(rank).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Trend {
        let series: Vec<Option<f64>> = values.iter().copied().map(Some).collect();
        mann_kendall(&series).unwrap()
    }

    /// SciPy and pymannkendall.
    #[test]
    fn golden_decline() {
        let trend = of(&[3.4, 3.3, 3.5, 3.1, 3.2, 3.0, 2.9, 3.0, 2.7, 2.8, 2.6, 2.5]);
        assert_eq!((trend.s, trend.inflation), (-55.0, 1.0));
        assert!((trend.variance - 211.667).abs() < 5e-4 && (trend.z + 3.712).abs() < 5e-4, "{trend:?}");
        assert!((trend.p - 0.00021).abs() < 5e-6 && (trend.slope + 0.08).abs() < 1e-9, "{trend:?}");
        let (low, high) = trend.interval;
        assert!((low + 0.10).abs() < 5e-4 && (high + 0.067).abs() < 5e-4, "{trend:?}");
        assert!(trend.is_one());
    }

    /// SciPy's `theilslopes`: 0.475 [0.22, 0.675].
    #[test]
    fn golden_interval() {
        let trend = of(&[12.1, 11.4, 13.9, 12.7, 14.8, 13.2, 15.9, 14.1, 17.3, 15.2, 16.4]);
        let (low, high) = trend.interval;
        assert_eq!(trend.inflation, 1.0);
        assert!((trend.slope - 0.475).abs() < 1e-9 && (low - 0.22).abs() < 1e-9, "{trend:?}");
        assert!((high - 0.675).abs() < 1e-9, "{trend:?}");
    }

    #[test]
    fn golden_flat() {
        let trend = of(&[1000.0, 1003.0, 998.0, 1001.0, 1004.0, 999.0, 1002.0, 1000.0]);
        assert_eq!((trend.s, trend.interval), (1.0, (-1.0, 1.0)));
        assert!(!trend.is_one());
        assert_eq!(mann_kendall(&[Some(1.0); 7]), None);
        assert!(!of(&[5.0; 12]).is_one());
    }

    /// A wave has neighbours that are alike: without care, half of one is a trend.
    #[test]
    fn neighbours_that_are_alike_widen_the_interval() {
        let wave: Vec<f64> =
            (0..40).map(|i| (f64::from(i) * 0.09).cos() + f64::from(i * 7 % 5) * 0.02).collect();
        let trend = of(&wave);
        let unaware = two_sided((trend.s - sign(trend.s)) / trend.variance.sqrt());
        assert!(trend.inflation > 2.0 && trend.p > unaware, "{trend:?} {unaware}");
    }

    /// The golden decline: −0.08 a step over 11 steps, from a line that begins at 3.4, the middle of what is left.
    #[test]
    fn the_change_is_along_the_line() {
        let values = [3.4, 3.3, 3.5, 3.1, 3.2, 3.0, 2.9, 3.0, 2.7, 2.8, 2.6, 2.5];
        let series: Vec<Option<f64>> = values.into_iter().map(Some).collect();
        let trend = mann_kendall(&series).unwrap();
        let found = fitted_change(&series, &trend).unwrap();
        assert!((found.change + 0.88 / 3.4).abs() < 1e-9, "{found:?}");
        assert!(found.interval.0 < found.change && found.change < found.interval.1 && found.interval.1 < 0.0);
        let below: Vec<Option<f64>> = values.into_iter().map(|value| Some(value - 9.0)).collect();
        assert_eq!(fitted_change(&below, &trend), None, "a share of what is below zero says nothing");
    }

    /// Missing steps keep their place: the slope is per step.
    #[test]
    fn gaps_do_not_steepen_the_slope() {
        let series: Vec<Option<f64>> = (0..24).map(|i| (i % 3 != 1).then_some(2.0 * f64::from(i))).collect();
        assert_eq!(mann_kendall(&series).unwrap().slope, 2.0);
    }
}
