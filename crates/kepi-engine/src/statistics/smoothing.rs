//! Holt-Winters with an additive trend and season, in its error-correction form (ETS(A,A,A)).
//!
//! For given weights the errors are linear in the state that the series begins with, so that state is found by
//! least squares; only the three weights are searched for. The variance of a sum of days to come follows in closed
//! form, and holds what is not known of the beginning as well.

use super::{
    forecast::{Forecast, Method, interval},
    real,
};

/// The weeks of days that the fit needs.
const FEWEST_PERIODS: usize = 4;

/// Forecasts so many steps by Holt-Winters, `period` steps being one season; `None` for fewer than four seasons
/// of known steps.
///
/// With `trend` false the level carries on as it is. Steps that are not known change nothing and count nowhere.
#[must_use]
pub fn holt_winters(series: &[Option<f64>], horizon: usize, period: usize, trend: bool) -> Option<Forecast> {
    let known = series.iter().flatten().count();
    if period < 2 || known < FEWEST_PERIODS * period {
        return None;
    }
    let model = Model { period, trend };
    let fit = model.fit(series)?;
    let (days, weights) = model.ahead(&fit, horizon);
    let sum: f64 = days.iter().sum();
    let shocks: f64 = (0..horizon).map(|step| (1.0 + model.carried(fit.weights, step)).powi(2)).sum();
    let beginning = fit.normal.quadratic(&weights);
    let variance = fit.variance * (shocks + beginning);
    let method = if trend { Method::HoltWinters } else { Method::Smoothing };
    Some(interval(series, Forecast::of(method, days, sum), variance.sqrt(), fit.freedom))
}

#[derive(Debug, Clone, Copy)]
struct Model {
    period: usize,
    trend: bool,
}

/// How fast level, trend and season follow the errors.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Weights {
    level: f64,
    trend: f64,
    season: f64,
}

#[derive(Debug, Clone)]
struct State {
    level: f64,
    trend: f64,
    /// The season of the next step first.
    season: Vec<f64>,
}

impl State {
    fn next(&self) -> f64 {
        self.level + self.trend + self.season.first().copied().unwrap_or(0.0)
    }

    fn step(&mut self, error: f64, weights: Weights) {
        self.level += self.trend + weights.level * error;
        self.trend += weights.trend * error;
        if let Some(now) = self.season.first_mut() {
            *now += weights.season * error;
        }
        self.season.rotate_left(1);
    }
}

struct Fit {
    weights: Weights,
    /// What is left over, per degree of freedom.
    variance: f64,
    freedom: f64,
    begun: Vec<f64>,
    normal: Cholesky,
    /// The state at the end: of the series from nothing, then of each number of the beginning alone.
    ends: Vec<State>,
}

impl Model {
    /// Level, trend, and one season less than there are: seasons add up to nothing.
    fn unknowns(self) -> usize {
        self.period + usize::from(self.trend)
    }

    fn begin(self, unknown: Option<usize>) -> State {
        let mut state = State { level: 0.0, trend: 0.0, season: vec![0.0; self.period] };
        let first = 1 + usize::from(self.trend);
        match unknown {
            None => {}
            Some(0) => state.level = 1.0,
            Some(1) if self.trend => state.trend = 1.0,
            Some(number) => {
                if let Some(season) = state.season.get_mut(number - first) {
                    *season = 1.0;
                }
                if let Some(last) = state.season.last_mut() {
                    *last = -1.0;
                }
            }
        }
        state
    }

    /// The errors of one beginning, and the state at the end.
    fn run(self, series: &[Option<f64>], weights: Weights, unknown: Option<usize>) -> (Vec<f64>, State) {
        let mut state = self.begin(unknown);
        let mut errors = Vec::with_capacity(series.len());
        for value in series {
            let Some(value) = value else {
                state.step(0.0, weights);
                continue;
            };
            let value = if unknown.is_none() { *value } else { 0.0 };
            let error = value - state.next();
            errors.push(error);
            state.step(error, weights);
        }
        (errors, state)
    }

    fn fit_with(self, series: &[Option<f64>], weights: Weights) -> Option<Fit> {
        let (target, end) = self.run(series, weights, None);
        let mut columns = Vec::new();
        let mut ends = vec![end];
        for unknown in 0..self.unknowns() {
            let (errors, end) = self.run(series, weights, Some(unknown));
            columns.push(errors.into_iter().map(|error| -error).collect::<Vec<f64>>());
            ends.push(end);
        }
        let normal = Cholesky::of(&columns)?;
        let begun = normal.solve(&columns.iter().map(|column| dot(column, &target)).collect::<Vec<_>>());
        let left = |step: usize| {
            let of = |values: &Vec<f64>| values.get(step).copied().unwrap_or(0.0);
            of(&target) - begun.iter().zip(&columns).map(|(begun, column)| begun * of(column)).sum::<f64>()
        };
        let squares: f64 = (0..target.len()).map(|step| left(step).powi(2)).sum();
        // Weights that were searched for cost freedom as well, where they are not zero.
        let searched = [weights.level, weights.trend, weights.season].iter().filter(|w| **w > 0.0).count();
        let freedom = (real(target.len()) - real(begun.len() + searched)).max(1.0);
        Some(Fit { weights, variance: squares / freedom, freedom, begun, normal, ends })
    }

    /// The weights with the least squares: over a grid, then nearer and nearer.
    fn fit(self, series: &[Option<f64>]) -> Option<Fit> {
        let squares = |fit: &Fit| fit.variance * fit.freedom;
        let mut best = self.fit_with(series, Weights { level: 0.0, trend: 0.0, season: 0.0 })?;
        // What explains nothing more than rounding is not taken.
        let better = |fit: &Fit, best: &Fit| squares(fit) < squares(best) * (1.0 - 1e-6);
        let trends: &[f64] = if self.trend { &[0.0, 0.02, 0.1] } else { &[0.0] };
        for level in [0.0, 0.1, 0.3, 0.6, 0.9] {
            for season in [0.0, 0.05, 0.2] {
                for trend in trends.iter().copied() {
                    let found = self.lawful(Weights { level, trend, season });
                    if let Some(fit) = found.and_then(|weights| self.fit_with(series, weights))
                        && better(&fit, &best)
                    {
                        best = fit;
                    }
                }
            }
        }
        for width in [0.1, 0.05, 0.02, 0.01] {
            for (level, trend, season) in [
                (1.0, 0.0, 0.0),
                (-1.0, 0.0, 0.0),
                (0.0, 1.0, 0.0),
                (0.0, -1.0, 0.0),
                (0.0, 0.0, 1.0),
                (0.0, 0.0, -1.0),
            ] {
                let Weights { level: a, trend: b, season: c } = best.weights;
                let b = if self.trend { b + trend * width } else { 0.0 };
                let tried = Weights { level: a + level * width, trend: b, season: c + season * width };
                if let Some(fit) = self.lawful(tried).and_then(|weights| self.fit_with(series, weights))
                    && better(&fit, &best)
                {
                    best = fit;
                }
            }
        }
        Some(best)
    }

    /// 0 ≤ trend ≤ level ≤ 1, and level and season together at most 1: else the errors of long ago would count
    /// more than those of now.
    fn lawful(self, weights: Weights) -> Option<Weights> {
        let Weights { level, trend, season } = weights;
        let lawful = (0.0..=1.0).contains(&level)
            && (0.0..=level).contains(&trend)
            && (0.0..=1.0 - level).contains(&season);
        lawful.then_some(weights)
    }

    /// The steps to come, and how their sum depends on each number of the beginning.
    fn ahead(self, fit: &Fit, horizon: usize) -> (Vec<f64>, Vec<f64>) {
        let mut states = fit.ends.clone();
        let mut days = Vec::with_capacity(horizon);
        let mut depends = vec![0.0; fit.begun.len()];
        for _ in 0..horizon {
            let mut day = states.first().map_or(0.0, State::next);
            for ((state, begun), depends) in states.iter().skip(1).zip(&fit.begun).zip(&mut depends) {
                day += begun * state.next();
                *depends += state.next();
            }
            days.push(day);
            states.iter_mut().for_each(|state| state.step(0.0, fit.weights));
        }
        (days, depends)
    }

    /// How much of an error is carried into the sum of the next so many steps.
    fn carried(self, weights: Weights, steps: usize) -> f64 {
        let one = |step: usize| {
            let season = if step.is_multiple_of(self.period) { weights.season } else { 0.0 };
            weights.level + weights.trend * real(step) + season
        };
        (1..=steps).map(one).sum()
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The triangle L of L·Lᵀ = XᵀX, for few columns.
struct Cholesky {
    rows: Vec<Vec<f64>>,
}

impl Cholesky {
    fn of(columns: &[Vec<f64>]) -> Option<Self> {
        let mut rows: Vec<Vec<f64>> = Vec::new();
        for (i, column) in columns.iter().enumerate() {
            let mut row: Vec<f64> = Vec::with_capacity(i + 1);
            for (other, above) in columns.iter().zip(&rows) {
                let done = dot(&row, above.get(..row.len())?);
                row.push((dot(column, other) - done) / above.last()?);
            }
            let whole = dot(column, column);
            let rest = whole - dot(&row, &row);
            // What another column says already cannot be told apart.
            if rest <= whole * 1e-10 {
                return None;
            }
            row.push(rest.sqrt());
            rows.push(row);
        }
        Some(Self { rows })
    }

    /// y of L·y = b.
    fn forward(&self, right: &[f64]) -> Vec<f64> {
        let mut y: Vec<f64> = Vec::with_capacity(right.len());
        for (row, right) in self.rows.iter().zip(right) {
            let done: f64 = row.iter().zip(&y).map(|(a, b)| a * b).sum();
            y.push((right - done) / row.last().copied().unwrap_or(1.0));
        }
        y
    }

    /// x of L·Lᵀ·x = b.
    fn solve(&self, right: &[f64]) -> Vec<f64> {
        let y = self.forward(right);
        let mut x = y.clone();
        for (i, row) in self.rows.iter().enumerate().rev() {
            let below = self.rows.iter().zip(&x).skip(i + 1);
            let done: f64 = below.map(|(row, x)| row.get(i).copied().unwrap_or(0.0) * x).sum();
            let value = (y.get(i).copied().unwrap_or(0.0) - done) / row.last().copied().unwrap_or(1.0);
            if let Some(slot) = x.get_mut(i) {
                *slot = value;
            }
        }
        x
    }

    /// wᵀ·(XᵀX)⁻¹·w.
    fn quadratic(&self, weights: &[f64]) -> f64 {
        let y = self.forward(weights);
        dot(&y, &y)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::season::tests::series_s, *};

    fn known(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    /// statsmodels, whose optimiser ends at zero weights: within 1 %.
    #[test]
    fn golden() {
        let found = holt_winters(&known(&series_s()), 7, 7, true).unwrap();
        let golden = [131.13, 135.33, 138.53, 142.73, 147.41, 157.58, 154.75];
        for (found, golden) in found.days.iter().zip(golden) {
            assert!((found / golden - 1.0).abs() < 0.01, "{found} is not {golden}");
        }
        let (low, high) = found.interval.unwrap();
        assert!(low < found.sum && found.sum < high && (high - low) / found.sum < 0.1, "{found:?}");
    }

    /// With a week missing, the line and the week's shape are found all the same.
    #[test]
    fn gaps_count_nowhere() {
        let mut series = known(&series_s());
        series[14..21].fill(None);
        let found = holt_winters(&series, 7, 7, true).unwrap();
        assert!((found.days[0] / 131.13 - 1.0).abs() < 0.02, "{found:?}");
        assert_eq!(holt_winters(&series[..34], 7, 7, true), None);
    }

    /// A level that wanders is followed: the forecast starts near the last values, not near the mean.
    #[test]
    fn a_wandering_level_is_followed() {
        let mut level = 100.0;
        let mut series: Vec<Option<f64>> = (0..70_u32)
            .map(|i| {
                level += f64::from(7919 * i % 13) - 6.0 + if i > 40 { 4.0 } else { 0.0 };
                Some(level)
            })
            .collect();
        let last = series[69].unwrap();
        series[66..69].fill(None);
        let found = holt_winters(&series, 3, 7, false).unwrap();
        assert!((found.days[0] - last).abs() < 15.0, "{found:?} {last}");
    }

    /// The least squares of a straight line by hand: y = 1, 3, 2 at x = 0, 1, 2 is 1.5 + 0.5·x.
    #[test]
    fn least_squares() {
        let columns = vec![vec![1.0, 1.0, 1.0], vec![0.0, 1.0, 2.0]];
        let normal = Cholesky::of(&columns).unwrap();
        let found = normal.solve(&columns.iter().map(|c| dot(c, &[1.0, 3.0, 2.0])).collect::<Vec<_>>());
        assert!((found[0] - 1.5).abs() < 1e-12 && (found[1] - 0.5).abs() < 1e-12);
        // (XᵀX)⁻¹ of the slope is 1/Σ(x − 1)² = 1/2.
        assert!((normal.quadratic(&[0.0, 1.0]) - 0.5).abs() < 1e-12);
        assert!(Cholesky::of(&[vec![1.0, 2.0], vec![2.0, 4.0]]).is_none());
    }
}
