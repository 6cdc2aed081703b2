//! What returns every week, and what moves below it: STL, and MSTL where several rhythms overlap.

use stlrs::{Mstl, Stl};

/// A series taken apart: season + trend + remainder.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposition {
    /// What returns, one series per rhythm.
    pub seasons: Vec<Vec<f64>>,
    /// What moves below it.
    pub trend: Vec<f64>,
    /// What is left.
    pub remainder: Vec<f64>,
}

/// STL with robust weights, as statsmodels' `STL(series, period, robust=True)`; `None` for fewer than three
/// periods.
///
/// The series has no gaps: who has some fills them first and says so.
#[must_use]
pub fn decompose(series: &[f64], period: usize) -> Option<Decomposition> {
    if period < 2 || series.len() < 3 * period {
        return None;
    }
    let found = settings(period).fit(series, period).ok()?;
    let (season, trend, remainder, _) = found.into_parts();
    Some(Decomposition { seasons: vec![season], trend, remainder })
}

/// MSTL over several rhythms, shortest first; `None` where the longest has fewer than three periods.
#[must_use]
pub fn decompose_many(series: &[f64], periods: &[usize]) -> Option<Decomposition> {
    let longest = *periods.iter().max()?;
    if periods.iter().any(|period| *period < 2) || series.len() < 3 * longest {
        return None;
    }
    let mut parameters = Mstl::params();
    parameters.stl_params(Stl::params().robust(true).clone());
    let (seasons, trend, remainder) = parameters.fit(series, periods).ok()?.into_parts();
    Some(Decomposition { seasons, trend, remainder })
}

/// The defaults of statsmodels: a seasonal window of 7 periods, a trend window just over one and a half periods
/// widened by it, every point smoothed.
fn settings(period: usize) -> stlrs::StlParams {
    const SEASONAL: usize = 7;
    let odd = |length: usize| length + usize::from(length.is_multiple_of(2));
    // ⌈1.5·period / (1 − 1.5/seasonal)⌉ in whole numbers.
    let trend = (3 * period * SEASONAL).div_ceil(2 * SEASONAL - 3);
    let mut settings = Stl::params();
    settings
        .seasonal_length(SEASONAL)
        .trend_length(odd(trend))
        .low_pass_length(odd(period + 1))
        .seasonal_degree(1)
        .trend_degree(1)
        .low_pass_degree(1)
        .seasonal_jump(1)
        .trend_jump(1)
        .low_pass_jump(1)
        .inner_loops(2)
        .outer_loops(15)
        .robust(true);
    settings
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The series that the golden numbers of statsmodels are of.
    pub(in super::super) fn series_s() -> Vec<f64> {
        let week = [0, 2, 3, 5, 9, 20, 18];
        (0..42_usize)
            .map(|i| {
                let noise = f64::from(u32::try_from(7919 * i % 13).unwrap()) - 6.0;
                100.0 + 0.8 * super::super::real(i) + f64::from(week[i % 7]) + 0.7 * noise
            })
            .collect()
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 5e-3, "{found} is not {expected}");
    }

    #[test]
    fn the_series_is_the_one_of_the_golden_numbers() {
        let series = series_s();
        for (found, expected) in series.iter().zip([95.8, 100.0, 103.2, 107.4, 113.6, 126.8, 127.0]) {
            assert!((found - expected).abs() < 1e-9);
        }
    }

    /// statsmodels: `STL(y, period=7, robust=True)`.
    #[test]
    fn golden() {
        let found = decompose(&series_s(), 7).unwrap();
        near(found.trend[0], 107.19);
        near(found.trend[21], 124.35);
        near(found.trend[41], 144.35);
        let golden = [-11.37733, -8.01147, -5.64617, -2.25022, 3.08098, 15.47806, 7.52529];
        for (found, expected) in found.seasons[0].iter().zip(golden) {
            assert!((found - expected).abs() < 5e-6, "{found} is not {expected}");
        }
        assert_eq!(decompose(&series_s()[..20], 7), None);
    }

    /// Two rhythms that are there are found, and the parts add up to the whole.
    #[test]
    fn two_rhythms_are_told_apart() {
        let wave = |i: usize, period: usize| {
            (super::super::real(i) / super::super::real(period) * std::f64::consts::TAU).sin()
        };
        let series: Vec<f64> = (0..140).map(|i| 50.0 + 3.0 * wave(i, 7) + 8.0 * wave(i, 28)).collect();
        let found = decompose_many(&series, &[7, 28]).unwrap();
        for (i, value) in series.iter().enumerate().take(100).skip(40) {
            let [week, month] = [0, 1].map(|rhythm: usize| found.seasons[rhythm][i]);
            assert!((week - 3.0 * wave(i, 7)).abs() < 0.5, "{i}: {week}");
            assert!((week + month + found.trend[i] + found.remainder[i] - value).abs() < 1e-6);
        }
        assert_eq!(decompose_many(&series, &[7, 70]), None);
    }
}
