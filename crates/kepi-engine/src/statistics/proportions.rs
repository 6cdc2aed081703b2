//! Two rates against each other.

use super::{Z95, real, two_sided};

/// The events, over both sides, that a comparison needs.
const FEWEST_EVENTS: f64 = 30.0;

/// How one rate differs from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TwoProportions {
    /// The second rate less the first.
    pub difference: f64,
    /// Its 95 % interval.
    pub interval: (f64, f64),
    /// The standard deviate under equal rates.
    pub z: f64,
    /// The two-sided p-value.
    pub p: f64,
}

/// Compares `(events, trials)` of two periods. `dispersion` is how many times the events vary more than
/// independent ones would ([`dispersion`]); 1 for independent trials.
///
/// `None` for fewer than 30 events over both, or rates that are no rates.
#[must_use]
pub fn two_proportions(first: (f64, f64), second: (f64, f64), dispersion: f64) -> Option<TwoProportions> {
    let ((events_a, trials_a), (events_b, trials_b)) = (first, second);
    let rates = |events: f64, trials: f64| trials > 0.0 && (0.0..=trials).contains(&events);
    if !rates(events_a, trials_a) || !rates(events_b, trials_b) || events_a + events_b < FEWEST_EVENTS {
        return None;
    }
    let dispersion = dispersion.max(1.0);
    let (a, b) = (events_a / trials_a, events_b / trials_b);
    let pooled = (events_a + events_b) / (trials_a + trials_b);
    let error = (dispersion * pooled * (1.0 - pooled) * (1.0 / trials_a + 1.0 / trials_b)).sqrt();
    if error <= 0.0 {
        return None;
    }
    let apart = (dispersion * (a * (1.0 - a) / trials_a + b * (1.0 - b) / trials_b)).sqrt();
    let (difference, z) = (b - a, (b - a) / error);
    let interval = (difference - Z95 * apart, difference + Z95 * apart);
    Some(TwoProportions { difference, interval, z, p: two_sided(z) })
}

/// How many times events of posts, given as (events, trials), vary more than independent ones: Pearson's χ² over
/// its degrees of freedom, at least 1. `None` for fewer than two posts, or a rate of 0 or 1.
#[must_use]
pub fn dispersion(posts: &[(f64, f64)]) -> Option<f64> {
    let posts: Vec<&(f64, f64)> = posts.iter().filter(|(_, trials)| *trials > 0.0).collect();
    let events: f64 = posts.iter().map(|(events, _)| events).sum();
    let trials: f64 = posts.iter().map(|(_, trials)| trials).sum();
    let rate = events / trials;
    if posts.len() < 2 || !(rate > 0.0 && rate < 1.0) {
        return None;
    }
    let terms = posts.iter().map(|(events, trials)| (events - rate * trials).powi(2) / trials);
    let squares: f64 = terms.sum::<f64>() / (rate * (1.0 - rate));
    Some((squares / (real(posts.len()) - 1.0)).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// statsmodels' `proportions_ztest([420, 360], [10000, 10000])`: z 2.19, p 0.028.
    #[test]
    fn golden() {
        let found = two_proportions((360.0, 10_000.0), (420.0, 10_000.0), 1.0).unwrap();
        assert!((found.z - 2.19).abs() < 5e-3 && (found.p - 0.028).abs() < 5e-4, "{found:?}");
        assert!((found.difference - 0.006).abs() < 1e-12 && found.interval.0 > 0.0);
    }

    /// Events of one post come together: four times the dispersion halves the deviate.
    #[test]
    fn clustered_events_are_less_sure() {
        let found = two_proportions((360.0, 10_000.0), (420.0, 10_000.0), 4.0).unwrap();
        assert!((found.z - 2.19 / 2.0).abs() < 5e-3 && found.p > 0.2 && found.interval.0 < 0.0);
    }

    /// By hand: rate 0.1 over 100 and 100; 5 and 15 are 5 off each: (0.25 + 0.25)/0.09 over 1.
    #[test]
    fn dispersion_by_hand() {
        let found = dispersion(&[(5.0, 100.0), (15.0, 100.0)]).unwrap();
        assert!((found - 0.5 / 0.09).abs() < 1e-12);
        assert_eq!(dispersion(&[(10.0, 100.0), (10.0, 100.0)]), Some(1.0));
        assert_eq!(dispersion(&[(10.0, 100.0)]), None);
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(two_proportions((10.0, 100.0), (12.0, 100.0), 1.0), None);
        assert_eq!(two_proportions((40.0, 10.0), (12.0, 100.0), 1.0), None);
    }
}
