//! What a value is held beside: the account's own earlier periods, or a published figure.

use std::collections::BTreeSet;

use kepi_core::DateSpan;
use smol_str::SmolStr;

use super::{
    card::{Benchmark, ScoreRow},
    request::Framed,
    row::{Placed, Scorer},
    scope::Scopes,
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
    pub(super) fn hold_beside(&self, scopes: &Scopes, placed: Placed, framed: Framed, row: &mut ScoreRow) {
        match &self.kpi.benchmark {
            BenchmarkChoice::None => {}
            BenchmarkChoice::Auto | BenchmarkChoice::Own => {
                row.trailing = self.trailing(scopes, placed, framed);
                let Some(value) = row.value.map(Number::as_f64) else { return };
                if row.trailing.len() < FEWEST {
                    return;
                }
                row.benchmark = Some(Benchmark {
                    source: OWN.to_owned(),
                    median: median(&row.trailing),
                    percentile: percentile_rank(&row.trailing, value),
                });
            }
            BenchmarkChoice::Published(name) => self.hold_beside_published(scopes, placed, name, row),
        }
    }

    fn hold_beside_published(&self, scopes: &Scopes, placed: Placed, name: &str, row: &mut ScoreRow) {
        let platforms = self.platforms(scopes, placed);
        let mut platforms = platforms.iter();
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
        row.benchmark = Some(Benchmark { source: name.to_owned(), median: Some(value), percentile: None });
    }

    /// The values of earlier periods, newest first: those that are over, known well enough, and on this side of
    /// every definition break. Sums are brought to the days of this one.
    fn trailing(&self, scopes: &Scopes, placed: Placed, framed: Framed) -> Vec<f64> {
        let days = f64::from(self.request.elapsed(framed.span).days());
        let days = if days > 0.0 { days } else { f64::from(framed.span.days()) };
        let one = |span: DateSpan| {
            let over = span.end <= self.request.today && !span.is_empty();
            if !over || self.broken(scopes, placed, span.start, framed.span.end).is_some() {
                return None;
            }
            let cell = self.cell(placed, span);
            let known = self.coverage(placed, span, cell.as_ref());
            if known.is_some_and(|share| share < self.request.min_coverage) {
                return None;
            }
            let value = self.valued(cell.as_ref()).value?.as_f64();
            let scale =
                if self.kpi.program.shape == Shape::Extensive { days / f64::from(span.days()) } else { 1.0 };
            Some(value * scale)
        };
        self.request.trailing(self.kpi, framed).into_iter().filter_map(one).collect()
    }

    /// The platforms of a scope's accounts.
    pub(super) fn platforms<'s>(&self, scopes: &'s Scopes, placed: Placed) -> BTreeSet<&'s SmolStr> {
        let accounts =
            self.members(placed).iter().filter_map(|account| scopes.accounts.get(*account as usize));
        accounts.map(|account| &account.platform).collect()
    }

    /// A definition break of one of the KPI's metrics that lies between two days.
    pub(super) fn broken(
        &self,
        scopes: &Scopes,
        placed: Placed,
        from: jiff::civil::Date,
        until: jiff::civil::Date,
    ) -> Option<&Break> {
        let metrics = self.kpi.metrics();
        let platforms = self.platforms(scopes, placed);
        self.request.breaks.iter().find(|one| {
            one.divides(from, until)
                && metrics.iter().any(|metric| metric.as_str() == one.metric)
                && platforms.iter().any(|platform| platform.as_str() == one.platform)
        })
    }
}

/// What a break says of a comparison across it.
pub(super) fn across(broken: &Break) -> String {
    format!(
        "{} means something else by {} since {}: {}; nothing is compared across that day",
        broken.platform, broken.metric, broken.date, broken.change
    )
}
