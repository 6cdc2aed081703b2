//! Where a value should stand by now, where it is heading, and what the rest of the period must bring.
//!
//! The shares of the days say what is expected. Of a sum, what is there over the share that is done is what it
//! comes to; how far the days stray from their shares says how sure that is. A state is a sum of its changes since
//! its baseline. A ratio is expected to be the target at any time.

use super::card::Pace;
use crate::statistics::{Forecast, t95};

/// How a target's period went so far.
#[derive(Debug, Clone)]
pub(super) struct Course<'a> {
    /// How much each day of the period weighs.
    pub(super) weights: &'a [f64],
    /// What each day that is over brought.
    pub(super) days: &'a [Option<f64>],
    /// The share of the days that are over of which something is known.
    pub(super) coverage: f64,
    /// What the days to come will bring, where a model of the weeks says it.
    pub(super) ahead: Option<Forecast>,
}

impl Course<'_> {
    /// The share that should be there by now.
    pub(super) fn done(&self) -> f64 {
        Weighed::of(self.weights).done(self.days.len())
    }

    fn left(&self) -> f64 {
        count(self.weights.len().saturating_sub(self.days.len()))
    }

    /// Of a sum.
    pub(super) fn of_sum(&self, aim: f64, value: f64) -> Option<Pace> {
        let done = self.done();
        if done <= 0.0 || self.left() <= 0.0 {
            return None;
        }
        // What is not known of the days that are over is not zero: it is taken to be like what is known.
        let so_far = value / if self.coverage > 0.0 { self.coverage } else { 1.0 };
        let (forecast, interval) = match &self.ahead {
            Some(ahead) => {
                (so_far + ahead.sum, ahead.interval.map(|(low, high)| (so_far + low, so_far + high)))
            }
            None => {
                let total = so_far / done;
                let half = self.half(value, total);
                let rises = self.days.iter().flatten().all(|day| *day >= 0.0);
                let floor = if rises { so_far } else { f64::NEG_INFINITY };
                (total, half.map(|half| ((total - half).max(floor), total + half)))
            }
        };
        Some(Pace {
            expected: aim * done,
            forecast: Some(forecast),
            low: interval.map(|(low, _)| low),
            high: interval.map(|(_, high)| high),
            required: Some((aim - value) / self.left()),
        })
    }

    /// Of a state that stood at its baseline before the period.
    pub(super) fn of_state(&self, aim: f64, baseline: f64, value: f64) -> Option<Pace> {
        let pace = self.of_sum(aim - baseline, value - baseline)?;
        let shifted = |change: Option<f64>| change.map(|change| baseline + change);
        Some(Pace {
            expected: baseline + pace.expected,
            forecast: shifted(pace.forecast),
            low: shifted(pace.low),
            high: shifted(pace.high),
            required: pace.required,
        })
    }

    /// How far the total may be off, to 95 %: the total is a ratio of what the known days brought to their shares,
    /// and the days to come stray as the known ones did.
    ///
    /// `None` where days are not known one by one.
    fn half(&self, value: f64, total: f64) -> Option<f64> {
        let all: f64 = self.weights.iter().sum();
        let shares = self.weights.iter().map(|weight| weight / all);
        let known: Vec<(f64, f64)> =
            self.days.iter().zip(shares).filter_map(|(day, share)| Some(((*day)?, share))).collect();
        let (sum, share) = known.iter().fold((0.0, 0.0), |(sum, all), (day, share)| (sum + day, all + share));
        let whole = (sum - value).abs() <= 1e-6 * value.abs().max(1.0);
        if known.len() < 2 || !whole || share <= 0.0 {
            return None;
        }
        let (n, left) = (count(known.len()), self.left());
        let strayed: f64 = known.iter().map(|(day, share)| (day - total * share).powi(2)).sum();
        let variance = strayed / (n - 1.0);
        let of_total = (n * variance).sqrt() / share * (1.0 - self.done());
        let half = t95(n - 1.0) * (variance * left + of_total * of_total).sqrt();
        half.is_finite().then_some(half)
    }
}

/// What the days of a period weigh, added up from its first.
#[derive(Debug)]
pub(super) struct Weighed(Vec<f64>);

impl Weighed {
    pub(super) fn of(weights: &[f64]) -> Self {
        let add = |sum: &mut f64, weight: &f64| {
            *sum += weight;
            Some(*sum)
        };
        Self(weights.iter().scan(0.0, add).collect())
    }

    /// The share that so many days have.
    pub(super) fn done(&self, days: usize) -> f64 {
        let upto = |days: usize| days.checked_sub(1).and_then(|last| self.0.get(last)).copied();
        let all = upto(self.0.len()).unwrap_or(0.0);
        upto(days.min(self.0.len())).unwrap_or(0.0) / all
    }
}

/// Of a ratio: what the rest must be so that the whole comes to its target, when `done` of the denominator's
/// period is over.
pub(super) fn of_ratio(
    aim: f64,
    value: f64,
    interval: Option<(f64, f64)>,
    parts: Option<(f64, f64)>,
    done: f64,
) -> Option<Pace> {
    if done <= 0.0 || done >= 1.0 {
        return None;
    }
    let required = parts.filter(|(_, denominator)| *denominator > 0.0).map(|(numerator, denominator)| {
        let whole = denominator / done;
        // A scale that stands before the ratio stands before its target as well.
        let scale = if numerator == 0.0 { 1.0 } else { value / (numerator / denominator) };
        (aim * whole - scale * numerator) / (whole - denominator)
    });
    Some(Pace {
        expected: aim,
        forecast: Some(value),
        low: interval.map(|(low, _)| low),
        high: interval.map(|(_, high)| high),
        required: required.filter(|required| required.is_finite()),
    })
}

#[expect(clippy::cast_precision_loss, reason = "days are far fewer than 2^52")]
fn count(days: usize) -> f64 {
    days as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::mean_forecast;

    /// T12: a target of 4 %, 60 % of the impressions done at 3.8 %: 4.30 % on the rest, not 4.2 % and not 4.0 %.
    #[test]
    fn t12_the_rest_must_be_better() {
        let pace = of_ratio(0.04, 0.038, None, Some((2280.0, 60_000.0)), 0.6).unwrap();
        assert!((pace.required.unwrap() - 0.043).abs() < 1e-12, "{pace:?}");
        assert_eq!((pace.expected, pace.forecast), (0.04, Some(0.038)));
        assert_eq!(of_ratio(0.04, 0.038, None, Some((2280.0, 60_000.0)), 1.0), None);
    }

    /// Where every day has the same share, it is the mean day with its interval.
    #[test]
    fn a_linear_course_is_the_mean_day() {
        let days: Vec<Option<f64>> = [10.0, 14.0, 9.0, 12.0, 15.0, 11.0].map(Some).to_vec();
        let shares = vec![0.1; 10];
        let course = Course { weights: &shares, days: &days, coverage: 1.0, ahead: None };
        let pace = course.of_sum(100.0, 71.0).unwrap();
        let ahead = mean_forecast(&days, 4).unwrap();
        let (low, high) = ahead.interval.unwrap();
        assert!(
            (pace.expected - 60.0).abs() < 1e-9 && (pace.forecast.unwrap() - 71.0 - ahead.sum).abs() < 1e-9
        );
        assert!((pace.low.unwrap() - 71.0 - low).abs() < 1e-9, "{pace:?} {ahead:?}");
        assert!((pace.high.unwrap() - 71.0 - high).abs() < 1e-9);
        assert_eq!(pace.required, Some(29.0 / 4.0));
    }

    /// Days of which nothing is known are not zero, and a sum that came in one piece has no interval.
    #[test]
    fn what_is_not_known_is_not_zero() {
        let days = [Some(10.0), None, Some(10.0), None];
        let shares = vec![0.125; 8];
        let course = Course { weights: &shares, days: &days, coverage: 0.5, ahead: None };
        assert_eq!(course.of_sum(80.0, 20.0).unwrap().forecast, Some(80.0));
        let piece = Course { weights: &shares, days: &[None; 4], coverage: 1.0, ahead: None };
        let pace = piece.of_sum(80.0, 40.0).unwrap();
        assert_eq!((pace.forecast, pace.low, pace.high), (Some(80.0), None, None));
    }

    #[test]
    fn states_are_sums_of_changes() {
        let days = [Some(100.0), Some(100.0)];
        let shares = vec![0.25; 4];
        let course = Course { weights: &shares, days: &days, coverage: 1.0, ahead: None };
        let pace = course.of_state(10_600.0, 10_000.0, 10_200.0).unwrap();
        assert_eq!((pace.expected, pace.forecast), (10_300.0, Some(10_400.0)));
        assert_eq!((pace.low, pace.high), (Some(10_400.0), Some(10_400.0)));
        assert_eq!(pace.required, Some(200.0));
    }
}
