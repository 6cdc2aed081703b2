//! What the days to come will bring, with an interval: the mean day, the week before again, or Holt-Winters,
//! whichever did better on the last week that is known.

use super::{holt_winters, real, t95};

/// A week.
const WEEK: usize = 7;

/// What the next days will bring.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    /// How it was made.
    pub method: Method,
    /// Day by day.
    pub days: Vec<f64>,
    /// All days together.
    pub sum: f64,
    /// The 95 % interval of the sum; `None` where the past is too short to tell.
    pub interval: Option<(f64, f64)>,
    /// How far off it was on the last week, in mean errors of the week before taken again (MASE); `None` where
    /// that was not tried.
    pub error: Option<f64>,
    /// The same of the week before taken again.
    pub naive_error: Option<f64>,
}

/// How a forecast was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Every day is the mean of those that are known.
    Mean,
    /// Every week is the one before again.
    SeasonalNaive,
    /// Holt-Winters without a trend.
    Smoothing,
    /// Holt-Winters.
    HoltWinters,
}

impl Method {
    /// The method as people read it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mean => "mean day",
            Self::SeasonalNaive => "seasonal naive",
            Self::Smoothing => "Holt-Winters without trend",
            Self::HoltWinters => "Holt-Winters",
        }
    }
}

impl Forecast {
    pub(super) fn of(method: Method, days: Vec<f64>, sum: f64) -> Self {
        Self { method, days, sum, interval: None, error: None, naive_error: None }
    }
}

/// Puts the interval round a sum. What was never negative will not be.
pub(super) fn interval(series: &[Option<f64>], forecast: Forecast, deviation: f64, freedom: f64) -> Forecast {
    let floor = if series.iter().flatten().all(|value| *value >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
    let days: Vec<f64> = forecast.days.iter().map(|day| day.max(floor)).collect();
    let sum: f64 = if days == forecast.days { forecast.sum } else { days.iter().sum() };
    let half = t95(freedom) * deviation;
    let interval = half.is_finite().then_some(((sum - half).max(floor), sum + half));
    Forecast { days, sum, interval, ..forecast }
}

/// Every day to come is the mean of the known ones. The interval needs two known days.
#[must_use]
pub fn mean_forecast(series: &[Option<f64>], horizon: usize) -> Option<Forecast> {
    let known: Vec<f64> = series.iter().copied().flatten().collect();
    let n = real(known.len());
    let mean = (!known.is_empty()).then(|| known.iter().sum::<f64>() / n)?;
    let forecast = Forecast::of(Method::Mean, vec![mean; horizon], mean * real(horizon));
    if known.len() < 2 {
        return Some(forecast);
    }
    let variance = known.iter().map(|day| (day - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let ahead = real(horizon);
    let deviation = (variance * ahead * (1.0 + ahead / n)).sqrt();
    Some(interval(series, forecast, deviation, n - 1.0))
}

/// Every week to come is the newest again, weekday by weekday; `None` where a weekday was never known. The
/// interval needs 14 known days.
#[must_use]
pub fn seasonal_naive(series: &[Option<f64>], horizon: usize) -> Option<Forecast> {
    let newest = |weekday: usize| {
        (0..series.len())
            .rev()
            .filter(|day| day % WEEK == weekday)
            .find_map(|day| series.get(day).copied()?)
    };
    let days: Vec<f64> =
        (0..horizon).map(|ahead| newest((series.len() + ahead) % WEEK)).collect::<Option<_>>()?;
    let sum = days.iter().sum();
    let forecast = Forecast::of(Method::SeasonalNaive, days, sum);
    let errors = weekly_changes(series);
    if series.iter().flatten().count() < 2 * WEEK || errors.is_empty() {
        return Some(forecast);
    }
    let variance = errors.iter().map(|error| error * error).sum::<f64>() / real(errors.len());
    // An error of a day is carried into the same weekday of every week after it.
    let shocks: f64 = (0..horizon).map(|step| (1.0 + real(step / WEEK)).powi(2)).sum();
    Some(interval(series, forecast, (variance * shocks).sqrt(), real(errors.len())))
}

fn weekly_changes(series: &[Option<f64>]) -> Vec<f64> {
    let pairs = series.iter().zip(series.iter().skip(WEEK));
    pairs.filter_map(|(before, now)| Some((*now)? - (*before)?)).collect()
}

/// The better of Holt-Winters (with and without trend) and the week before again, by the mean absolute scaled
/// error on the last known week; the mean day where fewer than two weeks are known.
///
/// Holt-Winters needs five weeks: four to learn from and one to be tried on.
#[must_use]
pub fn best_forecast(series: &[Option<f64>], horizon: usize) -> Option<Forecast> {
    let known = series.iter().flatten().count();
    let naive = if known < 2 * WEEK { None } else { seasonal_naive(series, horizon) };
    let Some(naive) = naive else { return mean_forecast(series, horizon) };
    let Some((past, last)) = series.len().checked_sub(WEEK).and_then(|at| series.split_at_checked(at)) else {
        return Some(naive);
    };
    let Some(naive_error) =
        seasonal_naive(past, WEEK).and_then(|tried| scaled_error(past, last, &tried.days))
    else {
        return Some(naive);
    };
    let mut best = Forecast { error: Some(naive_error), naive_error: Some(naive_error), ..naive };
    for trend in [false, true] {
        let error =
            holt_winters(past, WEEK, WEEK, trend).and_then(|tried| scaled_error(past, last, &tried.days));
        let (Some(error), Some(found)) = (error, holt_winters(series, horizon, WEEK, trend)) else {
            continue;
        };
        if best.error.is_none_or(|known| error < known) {
            best = Forecast { error: Some(error), naive_error: Some(naive_error), ..found };
        }
    }
    Some(best)
}

/// The mean absolute error over that of the week before taken again within the past (MASE).
fn scaled_error(past: &[Option<f64>], last: &[Option<f64>], tried: &[f64]) -> Option<f64> {
    let mean = |errors: &[f64]| {
        (!errors.is_empty()).then(|| errors.iter().map(|error| error.abs()).sum::<f64>() / real(errors.len()))
    };
    let errors: Vec<f64> =
        last.iter().zip(tried).filter_map(|(value, tried)| Some((*value)? - tried)).collect();
    let scale = mean(&weekly_changes(past)).filter(|scale| *scale > 0.0)?;
    Some(mean(&errors)? / scale)
}

#[cfg(test)]
mod tests {
    use super::{super::season::tests::series_s, *};

    fn known(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    /// statsmodels on series S: Holt-Winters 0.439, the week before again 0.959.
    #[test]
    fn golden() {
        let found = best_forecast(&known(&series_s()), 7).unwrap();
        assert_eq!(found.method, Method::HoltWinters);
        assert!((found.error.unwrap() - 0.439).abs() < 0.00439, "{found:?}");
        assert!((found.naive_error.unwrap() - 0.959).abs() < 5e-4, "{found:?}");
    }

    /// By hand: mean 20, deviation 10, three days ahead of three known: 10·√(3·(1 + 1)), t of 2 is 4.303.
    #[test]
    fn the_mean_day_by_hand() {
        let found = mean_forecast(&[Some(10.0), None, Some(20.0), Some(30.0)], 3).unwrap();
        assert_eq!((found.sum, found.method), (60.0, Method::Mean));
        let half = 4.302_652_7 * 10.0 * 6f64.sqrt();
        let (low, high) = found.interval.unwrap();
        assert!((high - 60.0 - half).abs() < 1e-4 && low == 0.0, "{found:?}");
        assert_eq!(mean_forecast(&[None, None], 3), None);
        assert_eq!(mean_forecast(&[None, Some(5.0)], 3).unwrap().interval, None);
    }

    /// The week before again: a weekday that is missing in it is taken from the week before that.
    #[test]
    fn the_week_before_again() {
        let mut series = known(&[60.0, 62.0, 65.0, 63.0, 70.0, 110.0, 120.0].repeat(2));
        series[10] = None;
        let found = seasonal_naive(&series, 9).unwrap();
        assert_eq!(found.days, [60.0, 62.0, 65.0, 63.0, 70.0, 110.0, 120.0, 60.0, 62.0]);
        assert_eq!(found.interval, None);
        let short = known(&[1.0, 2.0, 3.0]);
        assert_eq!(seasonal_naive(&short, 9), None);
        assert_eq!(best_forecast(&short, 9).unwrap().method, Method::Mean);
    }

    /// A week that repeats to the digit needs nothing cleverer, and its interval has no width.
    #[test]
    fn what_repeats_is_repeated() {
        let series = known(&[60.0, 62.0, 65.0, 63.0, 70.0, 110.0, 120.0].repeat(6));
        let found = best_forecast(&series, 7).unwrap();
        assert_eq!((found.method, found.sum), (Method::SeasonalNaive, 550.0));
        assert_eq!(found.interval, Some((550.0, 550.0)));
    }

    /// Intervals hold what they say: of 100 series of known noise, about 95 % of the sums lie within.
    #[test]
    fn intervals_hold_what_they_say() {
        let mut state: u64 = 7;
        let mut noise = || {
            let mut sum = -6.0;
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                sum += f64::from(u32::try_from(state >> 33).unwrap()) / f64::from(1_u32 << 31);
            }
            sum
        };
        let week = [60.0, 62.0, 65.0, 63.0, 70.0, 110.0, 120.0];
        for forecast in [mean_forecast as fn(&[Option<f64>], usize) -> Option<Forecast>, |series, horizon| {
            holt_winters(series, horizon, WEEK, true)
        }] {
            let mut within = 0;
            for _ in 0..100 {
                let seasonal = forecast(&[Some(1.0); 40], 1).unwrap().method == Method::HoltWinters;
                let level = |i: usize| 200.0 + if seasonal { week[i % 7] } else { 0.0 };
                let days: Vec<f64> = (0..56).map(|i| level(i) + 10.0 * noise()).collect();
                let found = forecast(&known(&days[..42]), 14).unwrap();
                let truth: f64 = days[42..].iter().sum();
                let (low, high) = found.interval.unwrap();
                within += usize::from(low <= truth && truth <= high);
            }
            assert!((88..=99).contains(&within), "{within} of 100");
        }
    }
}
