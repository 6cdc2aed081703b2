//! Days that stand out: the robust z-score on residuals from each weekday's own middle.
//!
//! Mean and standard deviation are drawn towards the very day that is looked for, so that it hides (masking);
//! the median and the distances from it are not.

use super::{median, median_absolute_deviation, quantile, real};

/// From this score on, a day is an outlier.
pub const OUTLIER_SCORE: f64 = 3.5;

/// The days that weekday-adjusted scores need.
const FEWEST_DAYS: usize = 14;

/// A day that stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OutlierDay {
    /// Its place in the series.
    pub day: usize,
    /// Its value.
    pub value: f64,
    /// What was expected of such a weekday.
    pub expected: f64,
    /// How far off it is, in robust standard deviations.
    pub score: f64,
}

/// Robust z-scores: 0.6745·(x − median)/MAD. Where more than half of the values are the same (MAD 0), the
/// interquartile range takes the place of the MAD; where that is 0 too there is no scale, and `None`.
#[must_use]
pub fn robust_scores(values: &[f64]) -> Option<Vec<f64>> {
    let middle = median(values)?;
    let deviation = spread(values)?;
    Some(values.iter().map(|value| (value - middle) / deviation).collect())
}

/// A robust standard deviation: the MAD over 0.6745, else the interquartile range over 1.349.
pub(super) fn spread(values: &[f64]) -> Option<f64> {
    let by_deviation = median_absolute_deviation(values)? / 0.6745;
    let by_range = || Some((quantile(values, 0.75)? - quantile(values, 0.25)?) / 1.349);
    let spread = if by_deviation > 0.0 { by_deviation } else { by_range()? };
    (spread > 0.0).then_some(spread)
}

/// What is left of each day when its weekday's middle is taken away. The series is day by day.
///
/// Of a weekday that is known twice, the value nearer the middle of all days is its middle, so that one odd day
/// of two does not drag the other along.
#[must_use]
pub fn weekday_residuals(days: &[Option<f64>]) -> Vec<Option<f64>> {
    let middles = weekday_middles(days);
    let residual = |(day, value): (usize, &Option<f64>)| Some((*value)? - (*middles.get(day % 7)?)?);
    days.iter().enumerate().map(residual).collect()
}

fn weekday_middles(days: &[Option<f64>]) -> [Option<f64>; 7] {
    let all: Vec<f64> = days.iter().copied().flatten().collect();
    let middle = median(&all);
    std::array::from_fn(|weekday| {
        let own: Vec<f64> = days.iter().skip(weekday).step_by(7).copied().flatten().collect();
        match (&own[..], middle) {
            ([one, other], Some(middle)) => {
                Some(if (one - middle).abs() <= (other - middle).abs() { *one } else { *other })
            }
            _ => median(&own),
        }
    })
}

/// The days whose weekday-adjusted score is beyond [`OUTLIER_SCORE`]; none of fewer than 14 known days.
#[must_use]
pub fn outlier_days(days: &[Option<f64>]) -> Vec<OutlierDay> {
    let residuals = weekday_residuals(days);
    let known: Vec<f64> = residuals.iter().copied().flatten().collect();
    if known.len() < FEWEST_DAYS {
        return Vec::new();
    }
    let (Some(middle), Some(deviation)) = (median(&known), residual_spread(&known)) else {
        return Vec::new();
    };
    let judge = |(day, (value, residual)): (usize, (&Option<f64>, &Option<f64>))| {
        let (value, residual) = ((*value)?, (*residual)?);
        let score = (residual - middle) / deviation;
        (score.abs() > OUTLIER_SCORE).then_some(OutlierDay { day, value, expected: value - residual, score })
    };
    days.iter().zip(&residuals).enumerate().filter_map(judge).collect()
}

/// Each weekday's middle takes one of its few values to zero, which makes residuals look closer together than
/// days are: over w weeks their spread is widened by √(w/(w − 1)).
fn residual_spread(residuals: &[f64]) -> Option<f64> {
    let weeks = (real(residuals.len()) / 7.0).max(2.0);
    spread(residuals).map(|spread| spread * (weeks / (weeks - 1.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: [f64; 10] = [120.0, 118.0, 125.0, 119.0, 122.0, 121.0, 480.0, 117.0, 123.0, 120.0];

    /// SciPy: median 120.5, MAD 2, robust z 121.24. The classic z is 2.85 only: the day masks itself.
    #[test]
    fn golden() {
        assert_eq!((median(&DAYS), median_absolute_deviation(&DAYS)), (Some(120.5), Some(2.0)));
        let scores = robust_scores(&DAYS).unwrap();
        assert!((scores[6] - 121.24).abs() < 5e-3, "{}", scores[6]);
        assert_eq!(scores.iter().filter(|score| score.abs() > OUTLIER_SCORE).count(), 1);
        let mean = DAYS.iter().sum::<f64>() / 10.0;
        let deviation = (DAYS.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 9.0).sqrt();
        assert!(((480.0 - mean) / deviation - 2.85).abs() < 5e-3);
    }

    #[test]
    fn without_deviation_the_range_is_the_scale_and_without_both_there_is_none() {
        let mut values = vec![5.0; 12];
        values.extend([1.0, 2.0, 3.0, 7.0, 8.0, 9.0, 10.0, 90.0]);
        assert_eq!(median_absolute_deviation(&values), Some(0.0));
        let scores = robust_scores(&values).unwrap();
        assert!(scores[19] > OUTLIER_SCORE);
        assert_eq!(robust_scores(&[5.0, 5.0, 5.0, 5.0, 5.0, 9.0]), None);
    }

    /// Busy weekends are no outliers; a weekday as busy as a weekend is one. Three weeks, one day missing.
    #[test]
    fn weekdays_are_compared_with_their_like() {
        let week = [60.0, 62.0, 65.0, 63.0, 70.0, 110.0, 120.0];
        let noise = [0.0, 1.0, -1.0, 2.0, -2.0, 1.0, 0.0, -1.0, 1.0, 2.0, 0.0, -2.0, -1.0];
        let mut days: Vec<Option<f64>> =
            (0..28).map(|day| Some(week[day % 7] + noise[day % noise.len()])).collect();
        days[3] = None;
        assert_eq!(outlier_days(&days), []);
        days[23] = Some(110.0);
        let found = outlier_days(&days);
        assert_eq!(found.iter().map(|day| day.day).collect::<Vec<_>>(), [23]);
        assert!((found[0].expected - 65.0).abs() < 3.0);
        assert_eq!(outlier_days(&days[..13]), []);
    }

    /// With two weeks, the odd one of two equal weekdays is told, not both.
    #[test]
    fn two_weeks_tell_which_of_two_is_odd() {
        let week = [60.0, 62.0, 65.0, 63.0, 70.0, 110.0, 120.0];
        let mut days: Vec<Option<f64>> =
            (0..14).map(|day| Some(week[day % 7] + [0.0, 2.0, -1.0][day % 3])).collect();
        days[9] = Some(480.0);
        assert_eq!(outlier_days(&days).iter().map(|day| day.day).collect::<Vec<_>>(), [9]);
    }
}
