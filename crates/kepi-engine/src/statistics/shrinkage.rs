//! Rates over small numbers: drawn towards what such groups have in common (beta-binomial, empirical Bayes).
//!
//! Ranked by raw rates, one like of two impressions beats everything; ranked by the lower bound of Wilson's
//! interval it still does. Drawn towards the common rate, it has to show more.

use statrs::distribution::{Beta, ContinuousCDF as _};

use super::real;

/// The groups that a prior needs.
const FEWEST_GROUPS: usize = 8;

/// What groups have in common: as if each had begun with so many events and so many trials without one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prior {
    /// Events.
    pub events: f64,
    /// Trials without an event.
    pub others: f64,
}

/// A rate, drawn towards the common one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shrunken {
    /// The rate as it is; `None` without trials.
    pub raw: Option<f64>,
    /// The rate drawn towards the common one.
    pub rate: f64,
    /// Between which values it lies, with the confidence asked for.
    pub interval: (f64, f64),
}

impl Prior {
    /// A prior of a common rate that weighs as much as so many trials.
    #[must_use]
    pub fn new(rate: f64, trials: f64) -> Option<Self> {
        let prior = Self { events: rate * trials, others: (1.0 - rate) * trials };
        (prior.events > 0.0 && prior.others > 0.0 && trials.is_finite()).then_some(prior)
    }

    /// The prior of groups, given as (events, trials): by moments, each group weighing its trials (Kleinman
    /// 1973). Groups that differ no more than chance would have them are drawn together as if the prior had seen
    /// all their trials.
    ///
    /// `None` for fewer than 8 groups with trials, or a common rate of 0 or 1.
    #[must_use]
    pub fn of(groups: &[(f64, f64)]) -> Option<Self> {
        let groups: Vec<&(f64, f64)> = groups.iter().filter(|(_, trials)| *trials > 0.0).collect();
        if groups.len() < FEWEST_GROUPS {
            return None;
        }
        let trials: f64 = groups.iter().map(|(_, trials)| trials).sum();
        let rate = groups.iter().map(|(events, _)| events).sum::<f64>() / trials;
        let chance = rate * (1.0 - rate);
        let spread: f64 = groups.iter().map(|(events, n)| n * (events / n - rate).powi(2)).sum();
        let squares: f64 = groups.iter().map(|(_, n)| n * n).sum();
        let others = real(groups.len()) - 1.0;
        let room = chance * (trials - squares / trials - others);
        let correlation = (spread - chance * others) / room;
        let weight = if room > 0.0 && correlation > 0.0 { 1.0 / correlation - 1.0 } else { trials };
        Self::new(rate, weight.clamp(f64::MIN_POSITIVE, trials))
    }

    /// The rate of a group of so many events in so many trials, with an interval of a confidence such as 0.9.
    ///
    /// `None` where there are more events than trials, or a confidence that is none.
    #[must_use]
    pub fn shrink(&self, events: f64, trials: f64, confidence: f64) -> Option<Shrunken> {
        let confident = confidence > 0.0 && confidence < 1.0;
        if !confident || !(0.0..=trials).contains(&events) {
            return None;
        }
        let (a, b) = (self.events + events, self.others + trials - events);
        let beta = Beta::new(a, b).ok()?;
        let tail = (1.0 - confidence) / 2.0;
        Some(Shrunken {
            raw: (trials > 0.0).then(|| events / trials),
            rate: a / (a + b),
            interval: (beta.inverse_cdf(tail), beta.inverse_cdf(1.0 - tail)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{super::wilson_interval, *};

    fn check(prior: Prior, events: f64, trials: f64, percent: f64, within: f64) {
        let found = prior.shrink(events, trials, 0.95).unwrap();
        assert!((found.rate * 100.0 - percent).abs() < within, "{events}/{trials}: {found:?}");
        assert!(found.interval.0 < found.rate && found.rate < found.interval.1);
    }

    #[test]
    fn golden() {
        let prior = Prior { events: 15.0, others: 485.0 };
        check(prior, 1.0, 5.0, 3.168, 5e-4);
        check(prior, 40.0, 1000.0, 3.667, 5e-4);
        check(prior, 3.0, 20.0, 3.462, 5e-4);
    }

    /// SciPy: `beta.ppf([0.05, 0.95], 55, 1445)` is 0.02905349, 0.04498191.
    #[test]
    fn golden_interval() {
        let found = Prior { events: 15.0, others: 485.0 }.shrink(40.0, 1000.0, 0.9).unwrap();
        let (low, high) = found.interval;
        assert!((low - 0.029_053_49).abs() < 1e-7 && (high - 0.044_981_91).abs() < 1e-7, "{found:?}");
    }

    /// T28: 1 of 2 against 30 of 400. Raw, the first wins (50 % against 7.5 %); by Wilson's lower bound it wins
    /// too (9.45 % against 5.30 %); drawn towards 3 % of 500, the second does.
    #[test]
    fn t28_few_do_not_beat_many() {
        let prior = Prior::new(0.03, 500.0).unwrap();
        let [few, many] = [(1.0, 2.0), (30.0, 400.0)].map(|(y, n)| prior.shrink(y, n, 0.9).unwrap());
        assert!((few.rate * 100.0 - 3.19).abs() < 5e-3 && (many.rate * 100.0 - 5.0).abs() < 5e-3);
        assert!(few.rate < many.rate && few.raw > many.raw);
        let (few, many) = (wilson_interval(1, 2).unwrap(), wilson_interval(30, 400).unwrap());
        assert!((few.0 - 0.0945).abs() < 5e-5 && (many.0 - 0.0530).abs() < 5e-5 && few.0 > many.0);
    }

    /// Rates of 2 and 4 % over 1000 trials each: far apart; then all alike.
    #[test]
    fn moments_tell_how_alike_groups_are() {
        let apart: Vec<(f64, f64)> =
            (0..10).map(|i| (if i % 2 == 0 { 20.0 } else { 40.0 }, 1000.0)).collect();
        let prior = Prior::of(&apart).unwrap();
        let weight = prior.events + prior.others;
        assert!((prior.events / weight - 0.03).abs() < 1e-12, "{prior:?}");
        // By hand: spread 1, chance 0.0291, (1 − 0.2619)/(0.0291·(10000 − 1000 − 9)) = 0.002821, so 353.5.
        assert!((weight - 353.5).abs() < 0.1, "{weight}");
        let alike = Prior::of(&[(30.0, 1000.0); 9]).unwrap();
        assert!((alike.events + alike.others - 9000.0).abs() < 1e-6);
        assert_eq!(Prior::of(&apart[..7]), None);
        assert_eq!(Prior::of(&[(0.0, 10.0); 9]), None);
    }
}
