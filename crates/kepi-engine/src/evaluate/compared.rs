//! What a value is held beside: the account's own earlier periods, or a published figure.

use kepi_core::DateSpan;
use smol_str::SmolStr;

use super::{
    card::{Benchmark, ScoreRow},
    row::{Frame, Placed, Scorer, Told},
};
use crate::{
    Break,
    benchmarks::{BenchmarkChoice, Benchmarks},
    formula::Shape,
    number::Number,
    statistics::{median, percentile_rank},
};

/// How many earlier periods are looked at.
pub(super) const TRAILING: usize = 12;
/// How many of them a percentile needs.
const FEWEST: usize = 4;
/// The name of the comparison with them.
pub(super) const OWN: &str = "own-trailing-12";

impl Scorer<'_> {
    /// Holds the row beside its benchmark.
    pub(super) fn hold_beside(&self, placed: &Placed<'_>, frame: &Frame, row: &mut ScoreRow) {
        match &self.kpi.benchmark {
            BenchmarkChoice::None => {}
            BenchmarkChoice::Auto | BenchmarkChoice::Own => {
                row.trailing = self.trailing(placed, frame);
                let Some(value) = row.value.map(Number::as_f64) else { return };
                if row.trailing.len() < FEWEST {
                    return;
                }
                row.benchmark = Some(Box::new(Benchmark {
                    source: SmolStr::new_static(OWN),
                    median: median(&row.trailing),
                    percentile: percentile_rank(&row.trailing, value),
                }));
            }
            BenchmarkChoice::Published(name) => self.hold_beside_published(placed, name, row),
        }
    }

    fn hold_beside_published(&self, placed: &Placed<'_>, name: &str, row: &mut ScoreRow) {
        let mut platforms = placed.around.platforms.iter();
        let (Some(platform), None) = (platforms.next(), platforms.next()) else {
            row.notes.push(format!("{name} has a figure per platform: break down by platform to see it"));
            return;
        };
        let Some((found, value)) = Benchmarks::builtin().find(name, &self.kpi.expression, platform) else {
            row.notes.push(format!("{name} has no figure of {platform} that this KPI can be held beside"));
            return;
        };
        let sample = if found.sample.is_empty() { "sample not stated" } else { &found.sample };
        row.notes.push(format!(
            "{name}: {} of {} ({sample}, grade {}), {}",
            found.statistic, found.period, found.grade, found.source
        ));
        let benchmark = Benchmark { source: SmolStr::new(name), median: Some(value), percentile: None };
        row.benchmark = Some(Box::new(benchmark));
    }

    /// The values of earlier periods, newest first: those that are over, known well enough, and on this side of
    /// every definition break. Sums are brought to the days of this one.
    fn trailing(&self, placed: &Placed<'_>, frame: &Frame) -> Vec<f64> {
        let span = frame.framed.span;
        let days = f64::from(self.request.elapsed(span).days());
        let days = if days > 0.0 { days } else { f64::from(span.days()) };
        let one = |(earlier, told): (DateSpan, &Told<'_>)| {
            let over = earlier.end <= self.request.today && !earlier.is_empty();
            if !over || placed.around.broken(earlier.start, span.end).is_some() {
                return None;
            }
            if told.coverage.is_some_and(|share| share < self.request.min_coverage) {
                return None;
            }
            let value = told.valued.value?.as_f64();
            let scale = if self.kpi.program.shape == Shape::Extensive {
                days / f64::from(earlier.days())
            } else {
                1.0
            };
            Some(value * scale)
        };
        frame.trailing.iter().filter_map(|place| self.of_place(placed, *place)).filter_map(one).collect()
    }
}

/// What a break says of a comparison across it.
pub(super) fn across(broken: &Break) -> String {
    format!(
        "{} means something else by {} since {}: {}; nothing is compared across that day",
        broken.platform, broken.metric, broken.date, broken.change
    )
}
