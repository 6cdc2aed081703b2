//! The Wilson score interval, for trials that are independent.

use super::Z95;

/// The 95 % Wilson interval of `successes` in `trials` independent trials; `None` without trials.
///
/// Engagements of one post are not independent: those take [`super::clustered_interval`].
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn wilson_interval(successes: u64, trials: u64) -> Option<(f64, f64)> {
    if trials == 0 || successes > trials {
        return None;
    }
    let (n, p) = (trials as f64, successes as f64 / trials as f64);
    let zz = Z95 * Z95;
    let centre = p + zz / (2.0 * n);
    let half = Z95 * (p * (1.0 - p) / n + zz / (4.0 * n * n)).sqrt();
    let scale = 1.0 + zz / n;
    Some((((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(successes: u64, trials: u64, low: f64, high: f64, within: f64) {
        let (l, h) = wilson_interval(successes, trials).unwrap();
        assert!((l - low).abs() < within && (h - high).abs() < within, "{successes}/{trials}: [{l}, {h}]");
    }

    #[test]
    fn golden() {
        check(12, 1000, 0.006_88, 0.020_86, 5e-6);
        check(1, 2, 0.0945, 0.9055, 5e-5);
        check(0, 10, 0.0, 0.2775, 5e-5);
        assert_eq!(wilson_interval(0, 0), None);
    }
}
