//! The process behaviour chart (XmR): what is noise, what is a signal, and where the process became another.
//!
//! Limits stand 2.66 mean moving ranges from the mean, which is three standard deviations of what varies from
//! point to point. Eight points in a row on one side mean that the process has moved: the chart begins anew where
//! the run began.

use super::real;

/// The points that limits need.
const FEWEST_POINTS: usize = 6;
/// The points that limits are computed from: the first of a segment.
const BASELINE: usize = 20;
/// The points in a row on one side that are a shift.
const RUN: usize = 8;

/// A chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Its stretches, oldest first; a new one begins where the process moved.
    pub segments: Vec<ChartSegment>,
    /// What stands out, by point.
    pub signals: Vec<ChartSignal>,
}

/// A stretch of a chart with limits of its own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChartSegment {
    /// Its first point.
    pub start: usize,
    /// The point after its last.
    pub end: usize,
    /// The mean.
    pub centre: f64,
    /// Below this a point is a signal.
    pub lower: f64,
    /// Above this a point is a signal.
    pub upper: f64,
}

/// Something that stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChartSignal {
    /// The point; of a shift the first of the run.
    pub point: usize,
    /// Why.
    pub rule: ChartRule,
}

/// Why a point stands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ChartRule {
    /// It lies outside of the limits.
    Outside,
    /// Eight in a row lie on one side, from it on.
    Shift,
}

/// The chart of a series; `None` for fewer than 6 points.
#[must_use]
pub fn process_chart(values: &[f64]) -> Option<Chart> {
    let mut chart = Chart { segments: Vec::new(), signals: Vec::new() };
    let mut start = 0;
    loop {
        let rest = values.get(start..)?;
        let limits = Limits::of(rest)?;
        let moved =
            moved(rest, limits.centre).filter(|at| Limits::of(rest.get(*at..).unwrap_or(&[])).is_some());
        let own = moved.map_or(rest, |at| rest.get(..at).unwrap_or(rest));
        // The stretch ends sooner than thought: its limits are those of what it is.
        let limits = Limits::of(own).unwrap_or(limits);
        let end = start + own.len();
        let Limits { centre, lower, upper } = limits;
        chart.segments.push(ChartSegment { start, end, centre, lower, upper });
        let outside = own.iter().enumerate().filter(|(_, value)| **value < lower || **value > upper);
        chart
            .signals
            .extend(outside.map(|(at, _)| ChartSignal { point: start + at, rule: ChartRule::Outside }));
        if moved.is_none() {
            break;
        }
        chart.signals.push(ChartSignal { point: end, rule: ChartRule::Shift });
        start = end;
    }
    Some(chart)
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    centre: f64,
    lower: f64,
    upper: f64,
}

impl Limits {
    fn of(values: &[f64]) -> Option<Self> {
        if values.len() < FEWEST_POINTS {
            return None;
        }
        let base = values.get(..BASELINE.min(values.len()))?;
        let centre = base.iter().sum::<f64>() / real(base.len());
        let ranges = base.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        let width = 2.66 * ranges.sum::<f64>() / (real(base.len()) - 1.0);
        Some(Self { centre, lower: centre - width, upper: centre + width })
    }
}

/// Where a run of eight on one side begins, that is not the beginning itself.
fn moved(values: &[f64], centre: f64) -> Option<usize> {
    let mut run = 0..0;
    let mut above = None;
    for (at, value) in values.iter().enumerate() {
        let side = (*value != centre).then_some(*value > centre);
        if side.is_none() || side != above {
            run = at..at;
            above = side;
        }
        run.end = at + 1;
        if side.is_some() && run.len() >= RUN && run.start > 0 {
            return Some(run.start);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: mean 10, moving ranges 1 1 1 2 1, so 1.2·2.66 = 3.192.
    #[test]
    fn limits_by_hand() {
        let chart = process_chart(&[10.0, 11.0, 10.0, 9.0, 11.0, 10.0]).unwrap();
        let segment = chart.segments[0];
        let centre = 61.0 / 6.0;
        assert!((segment.centre - centre).abs() < 1e-12);
        assert!((segment.upper - (centre + 2.66 * 1.2)).abs() < 1e-12);
        assert!((segment.lower - (centre - 2.66 * 1.2)).abs() < 1e-12);
        assert!(chart.signals.is_empty());
        assert_eq!(process_chart(&[1.0; 5]), None);
    }

    #[test]
    fn a_spike_is_outside_and_resets_nothing() {
        let mut values: Vec<f64> = (0..24).map(|i| 100.0 + f64::from(i * 3 % 7)).collect();
        values[22] = 140.0;
        let chart = process_chart(&values).unwrap();
        assert_eq!(chart.segments.len(), 1);
        assert_eq!(chart.signals, [ChartSignal { point: 22, rule: ChartRule::Outside }]);
    }

    /// After a step the chart begins anew, and what is usual there is no signal.
    #[test]
    fn a_step_begins_a_new_chart() {
        let values: Vec<f64> =
            (0..40).map(|i| if i < 20 { 100.0 } else { 130.0 } + f64::from(i * 3 % 7)).collect();
        let chart = process_chart(&values).unwrap();
        let starts: Vec<usize> = chart.segments.iter().map(|segment| segment.start).collect();
        assert_eq!(starts, [0, 20]);
        assert_eq!(chart.signals, [ChartSignal { point: 20, rule: ChartRule::Shift }]);
        assert!((chart.segments[1].centre - 133.0).abs() < 0.5);
    }

    /// A step within the first points, from which the limits are computed, is found as well.
    #[test]
    fn an_early_step_is_found() {
        let values: Vec<f64> =
            (0..30).map(|i| if i < 10 { 100.0 } else { 130.0 } + f64::from(i * 3 % 7)).collect();
        let chart = process_chart(&values).unwrap();
        assert_eq!(chart.segments.iter().map(|segment| segment.start).collect::<Vec<_>>(), [0, 10]);
    }
}
