//! Level shifts: from when on a series stands at another height (PELT, Killick, Fearnhead and Eckley 2012).

use super::{median, outlier, real};

/// The points that level shifts need.
const FEWEST_POINTS: usize = 30;
/// The points that a level lasts at least.
const SHORTEST: usize = 7;

/// A level shift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The first point at the new height.
    pub point: usize,
    /// The mean before it, since the shift before.
    pub before: f64,
    /// The mean from it on, up to the shift after.
    pub after: f64,
}

/// The level shifts of a series, oldest first; none of fewer than 30 points.
///
/// The noise is measured from point to point, and single odd points are cut to it first, so that one spike is no
/// shift. The series should have its weekly rhythm taken away.
#[must_use]
pub fn level_shifts(values: &[f64]) -> Vec<Shift> {
    if values.len() < FEWEST_POINTS {
        return Vec::new();
    }
    let Some(noise) = noise(values) else { return Vec::new() };
    let values = without_spikes(values, noise);
    let penalty = 3.0 * real(values.len()).ln() * noise * noise;
    let sums = Sums::of(&values);
    let mut ends = changes(&sums, values.len(), penalty);
    ends.push(values.len());
    let mut shifts = Vec::new();
    let mut start = 0;
    for pair in ends.windows(2) {
        let (point, end) = (pair[0], pair[1]);
        shifts.push(Shift { point, before: sums.mean(start, point), after: sums.mean(point, end) });
        start = point;
    }
    shifts
}

/// The standard deviation from point to point: of differences, over √2.
fn noise(values: &[f64]) -> Option<f64> {
    let steps: Vec<f64> = values.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let plain = (steps.iter().map(|step| step * step).sum::<f64>() / real(steps.len())).sqrt();
    let noise = outlier::spread(&steps).unwrap_or(plain) / std::f64::consts::SQRT_2;
    (noise > 0.0).then_some(noise)
}

/// Points further from the middle of their neighbourhood than three deviations are cut to it.
fn without_spikes(values: &[f64], noise: f64) -> Vec<f64> {
    let cut = |(at, value): (usize, &f64)| {
        let around = values.get(at.saturating_sub(3)..(at + 4).min(values.len())).unwrap_or_default();
        median(around).map_or(*value, |middle| value.clamp(middle - 3.0 * noise, middle + 3.0 * noise))
    };
    values.iter().enumerate().map(cut).collect()
}

/// Running sums, so that the cost of a stretch is told at once.
struct Sums {
    values: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn of(values: &[f64]) -> Self {
        // Sums of what is near zero lose no digits.
        let middle = median(values).unwrap_or(0.0);
        let mut sums = Self { values: vec![middle, 0.0], squares: vec![0.0] };
        let (mut sum, mut square) = (0.0, 0.0);
        for value in values {
            sum += value - middle;
            square += (value - middle).powi(2);
            sums.values.push(sum);
            sums.squares.push(square);
        }
        sums
    }

    fn sum(&self, from: usize, to: usize) -> f64 {
        let at = |place: usize| self.values.get(place + 1).copied().unwrap_or(0.0);
        at(to) - at(from)
    }

    fn mean(&self, from: usize, to: usize) -> f64 {
        self.values.first().copied().unwrap_or(0.0) + self.sum(from, to) / real(to - from)
    }

    /// Squared distances from the mean of a stretch.
    fn cost(&self, from: usize, to: usize) -> f64 {
        let at = |place: usize| self.squares.get(place).copied().unwrap_or(0.0);
        (at(to) - at(from) - self.sum(from, to).powi(2) / real(to - from)).max(0.0)
    }
}

/// Where new stretches begin, in the cheapest partition.
fn changes(sums: &Sums, length: usize, penalty: f64) -> Vec<usize> {
    let mut best: Vec<(f64, usize)> = vec![(-penalty, 0)];
    best.resize(length + 1, (f64::INFINITY, 0));
    let mut candidates: Vec<usize> = vec![0];
    for end in SHORTEST..=length {
        let cost =
            |from: usize| best.get(from).map_or(f64::INFINITY, |(cost, _)| *cost) + sums.cost(from, end);
        let cheapest = candidates
            .iter()
            .filter(|from| end - **from >= SHORTEST)
            .map(|from| (cost(*from) + penalty, *from))
            .min_by(|a, b| a.0.total_cmp(&b.0));
        let Some(cheapest) = cheapest else { continue };
        // What is dearer now without a penalty than the best with one never becomes the best again.
        candidates.retain(|from| end - from < SHORTEST || cost(*from) <= cheapest.0);
        if let Some(slot) = best.get_mut(end) {
            *slot = cheapest;
        }
        candidates.push(end);
    }
    let mut points = Vec::new();
    let mut end = length;
    while let Some((_, from)) = best.get(end).filter(|(_, from)| *from > 0) {
        points.push(*from);
        end = *from;
    }
    points.reverse();
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noisy(length: u32, level: impl Fn(u32) -> f64) -> Vec<f64> {
        (0..length).map(|i| level(i) + f64::from((5 * i * i + 3 * i) % 13) - 6.0).collect()
    }

    #[test]
    fn steps_are_found_with_their_heights() {
        let series = noisy(90, |i| {
            if i < 40 {
                100.0
            } else if i < 65 {
                130.0
            } else {
                110.0
            }
        });
        let shifts = level_shifts(&series);
        assert_eq!(shifts.iter().map(|shift| shift.point).collect::<Vec<_>>(), [40, 65]);
        assert!((shifts[0].after - shifts[0].before - 30.0).abs() < 2.0, "{shifts:?}");
        assert!((shifts[1].after - shifts[1].before + 20.0).abs() < 2.0, "{shifts:?}");
    }

    #[test]
    fn noise_spikes_and_short_series_are_none() {
        assert_eq!(level_shifts(&noisy(90, |_| 100.0)), []);
        assert_eq!(level_shifts(&noisy(90, |i| if i == 50 { 900.0 } else { 100.0 })), []);
        assert_eq!(level_shifts(&noisy(29, |i| if i < 15 { 0.0 } else { 900.0 })), []);
        assert_eq!(level_shifts(&[5.0; 60]), []);
    }
}
