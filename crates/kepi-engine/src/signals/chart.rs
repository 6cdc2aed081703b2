//! Process behaviour charts of weeks: limits, resets, and weeks that are no noise.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    reading::{Desk, Series},
    signal::{Evidence, Looked, SignalKind, Verdict},
};
use crate::{
    evaluate::Span,
    kpi::Kpi,
    statistics::{Chart, ChartRule, process_chart},
};

/// The weeks of a chart.
pub(super) const WEEKS: usize = 26;
/// Limits need so many weeks before the one that is judged.
const FEWEST: usize = 8;
/// A run on one side has this length.
const RUN: usize = 8;

/// One week of a chart.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChartRow {
    /// The KPI's id.
    pub kpi: String,
    /// Its version.
    pub version: u32,
    /// The part it is of; empty for the whole.
    pub scope: BTreeMap<String, Option<String>>,
    /// The week.
    pub period: Span,
    /// Its value.
    pub value: f64,
    /// The mean of its stretch; a new one begins where the process moved.
    pub centre: f64,
    /// Below this, a week is no noise.
    pub lower: f64,
    /// Above this, a week is no noise.
    pub upper: f64,
    /// Which stretch, from 1.
    pub stretch: usize,
    /// What stands out.
    pub rule: Option<ChartRule>,
}

/// The weeks that are known, and their chart.
fn charted(desk: &Desk<'_>, kpi: &Kpi, weekly: &Series) -> (Series, Option<Chart>) {
    let mut weeks = weekly.newest(WEEKS, desk.settled(kpi));
    weeks.points.retain(|point| point.value.is_some());
    let values: Vec<f64> = weeks.values().into_iter().flatten().collect();
    (weeks, process_chart(&values))
}

/// The rows of a KPI's chart; none where fewer than six weeks are known.
pub(super) fn rows(desk: &Desk<'_>, kpi: &Kpi, weekly: &Series) -> Vec<ChartRow> {
    let (weeks, Some(chart)) = charted(desk, kpi, weekly) else { return Vec::new() };
    let mut rows = Vec::new();
    for (number, stretch) in chart.segments.iter().enumerate() {
        let points = weeks.points.iter().enumerate().take(stretch.end).skip(stretch.start);
        for (place, point) in points {
            let mut rules = chart.signals.iter().filter(|signal| signal.point == place);
            rows.push(ChartRow {
                kpi: kpi.id.clone(),
                version: kpi.version,
                scope: weeks.scope.clone(),
                period: point.span.into(),
                value: point.value.unwrap_or(f64::NAN),
                centre: stretch.centre,
                lower: stretch.lower,
                upper: stretch.upper,
                stretch: number + 1,
                rule: rules.next().map(|signal| signal.rule),
            });
        }
    }
    rows
}

/// Looks at the newest week of a KPI, and for a run that ends with it.
pub(super) fn look(desk: &Desk<'_>, kpi: &Kpi, weekly: &Series) -> Option<Looked> {
    let (weeks, chart) = charted(desk, kpi, weekly);
    let span = weeks.span()?;
    let looked = Looked::new(SignalKind::Chart, kpi, &weeks.scope, span);
    if let Some(reason) = desk.divided(kpi, &weeks.scope, span) {
        return Some(looked.say(Verdict::CannotTell, reason));
    }
    let Some(chart) = chart.filter(|_| weeks.points.len() > FEWEST) else {
        let reason = format!("{} weeks are known; limits need {FEWEST} and one more", weeks.points.len());
        return Some(looked.say(Verdict::CannotTell, reason));
    };
    let (last, stretch) = (weeks.points.len() - 1, chart.segments.last()?);
    let newest = weeks.points.get(last)?;
    let outside = chart.signals.iter().any(|one| one.point == last && one.rule == ChartRule::Outside);
    let run = chart.signals.iter().any(|one| one.rule == ChartRule::Shift && one.point + RUN > last);
    let value = newest.value?;
    let limits = format!("[{:.4}, {:.4}] round {:.4}", stretch.lower, stretch.upper, stretch.centre);
    let looked = looked.evidence([
        Evidence::new(&kpi.id, newest.span, value),
        Evidence::new("centre", span, stretch.centre).note(format!("limits {limits}")),
    ]);
    let change = (stretch.centre != 0.0).then(|| value / stretch.centre - 1.0);
    let looked = match change {
        Some(change) => looked.effect("distance from the middle", change, None, "fraction"),
        None => looked,
    };
    Some(if outside {
        looked.say(Verdict::Over, format!("the newest week, {value:.4}, is outside of {limits}"))
    } else if run {
        looked.say(
            Verdict::Over,
            format!("{RUN} weeks in a row lie on one side: the chart begins anew at {limits}"),
        )
    } else {
        looked.say(Verdict::Under, format!("the newest week, {value:.4}, is within {limits}"))
    })
}
