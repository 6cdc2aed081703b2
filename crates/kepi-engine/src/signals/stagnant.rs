//! P3: growth has come to a stand. The interval of the slope holds zero and the window grew by less than 1 %, where
//! the window before it grew at least twice as much; new accounts have no window before.

use kepi_core::{MetricId, Result, period::days_between};

use super::{
    reading::{Desk, Gap, Series, counted},
    signal::{Looked, SignalKind, Verdict},
};
use crate::{
    evaluate::Dimension,
    formula::{Fold, Shape},
    kpi::{Direction, Goal, Kpi},
    statistics::{Trend, mann_kendall, median},
};

/// The weeks of a window.
pub(super) const WINDOW: usize = 8;
/// Less growth than this is none.
const GROWTH: f64 = 0.01;
/// More than this, and it grows again.
const GROWS: f64 = 0.02;
/// An account is new for so many days.
const NEW: i32 = 28;

/// How a level stands still.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stand {
    pub(super) verdict: Verdict,
    pub(super) trend: Trend,
    /// The growth of the window.
    pub(super) growth: f64,
    /// The growth of the window before it.
    pub(super) before: f64,
}

/// Whether a level stands still: two windows of eight weeks, week by week, with the week before them. `None` where
/// they do not reach so far, or their ends are not known.
pub(super) fn stand(levels: &[Option<f64>]) -> Option<Stand> {
    let at = |back: usize| levels.len().checked_sub(1 + back).and_then(|place| levels.get(place).copied()?);
    let (last, middle, first) = (at(0)?, at(WINDOW)?, at(2 * WINDOW)?);
    let trend = mann_kendall(levels.get(levels.len() - 1 - WINDOW..)?)?;
    if first <= 0.0 || middle <= 0.0 {
        return None;
    }
    let (growth, before) = (last / middle - 1.0, middle / first - 1.0);
    let flat = trend.interval.0 <= 0.0 && trend.interval.1 >= 0.0;
    let faster = before > 0.0 && before >= 2.0 * growth;
    let verdict = if flat && growth < GROWTH && faster {
        Verdict::Over
    } else if growth < GROWS && faster {
        Verdict::Near
    } else {
        Verdict::Under
    };
    Some(Stand { verdict, trend, growth, before })
}

/// The state that a KPI's growth is of: followers, or whatever single state the KPI is.
pub(super) fn state_of(kpi: &Kpi) -> Option<MetricId> {
    if kpi.direction != Direction::Up {
        return None;
    }
    let states = || kpi.program.parts.iter().filter(|part| matches!(part.fold, Fold::Last | Fold::First));
    let mut gauges = Vec::new();
    states().for_each(|part| part.row.gauges(&mut gauges));
    gauges.retain(|gauge| gauge.segment.is_none());
    let mut metrics: Vec<&MetricId> = gauges.into_iter().map(|gauge| &gauge.metric).collect();
    metrics.sort_unstable();
    metrics.dedup();
    let grows = kpi.program.shape == Shape::State || kpi.goal == Goal::CommunityGrowth;
    match metrics[..] {
        [metric] if grows => Some(metric.clone()),
        _ => None,
    }
}

/// The KPIs whose growth is looked at: of several that read the same state of the same platforms, one; the state
/// itself first.
pub(super) fn chosen(kpis: &[Kpi]) -> Vec<&Kpi> {
    let mut chosen: Vec<&Kpi> = Vec::new();
    let states = kpis.iter().filter(|kpi| kpi.program.shape == Shape::State);
    let others = kpis.iter().filter(|kpi| kpi.program.shape != Shape::State);
    for kpi in states.chain(others).filter(|kpi| state_of(kpi).is_some()) {
        let same = |other: &&Kpi| {
            let (own, theirs) = (state_of(kpi), state_of(other));
            own == theirs && other.platforms == kpi.platforms && other.provenance == kpi.provenance
        };
        if !chosen.iter().any(same) {
            chosen.push(kpi);
        }
    }
    chosen
}

/// Looks at the states of KPIs, week by week.
///
/// The state is the mean over the days on which it was read: one that was not read again stays what it was, and
/// would look like a stand.
pub(super) async fn look(desk: &Desk<'_>, kpis: &[&Kpi]) -> Result<Vec<Looked>> {
    let level = |kpi: &&Kpi| {
        let more = "basis = \"activity\"\nsubject = \"account\"";
        let level = desk.beside(kpi, &kpi.id, &format!("mean_over_days({})", state_of(kpi)?), more)?;
        Some(Kpi { version: kpi.version, traffic: kpi.traffic, ..level })
    };
    let levels: Vec<Kpi> = kpis.iter().filter_map(level).collect();
    let all = desk.series(&levels, Dimension::Week, 2 * WINDOW + 1, &desk.dimensions()).await?;
    let of = |series: &Series| Some(one(desk, kpis.iter().find(|kpi| series.is_of(kpi))?, series));
    Ok(all.iter().filter_map(of).collect())
}

fn one(desk: &Desk<'_>, kpi: &Kpi, weekly: &Series) -> Looked {
    let weekly = read_as_often(weekly).newest(2 * WINDOW + 1, desk.until);
    let kind = SignalKind::StagnantGrowth;
    let Some(span) = weekly.span() else {
        let span = desk.request.period.span;
        return Looked::new(kind, kpi, &weekly.scope, span).say(Verdict::CannotTell, "no state is known");
    };
    let looked = Looked::new(kind, kpi, &weekly.scope, span).evidence(weekly.evidence());
    if let Some(reason) = desk.divided(kpi, &weekly.scope, span) {
        return looked.say(Verdict::CannotTell, reason);
    }
    if days_between(span.start, desk.until) < NEW {
        return looked.say(Verdict::CannotTell, format!("the account is new: known since {}", span.start));
    }
    let Some(found) = stand(&weekly.values()) else {
        let reason = format!(
            "{} are known; two windows of {WINDOW} weeks with the week before them are needed",
            counted(weekly.known(), "week")
        );
        return looked.say(Verdict::CannotTell, reason);
    };
    let Stand { verdict, trend, growth, before } = found;
    let reason = format!(
        "{:+.2} % in {WINDOW} weeks, {:+.2} % in the {WINDOW} weeks before; slope {:.2} [{:.2}, {:.2}] a week",
        growth * 100.0,
        before * 100.0,
        trend.slope,
        trend.interval.0,
        trend.interval.1
    );
    let start = weekly.points.iter().rev().nth(WINDOW).and_then(|point| point.value);
    let interval = start.map(|start| {
        let of = |slope: f64| slope * 8.0 / start;
        (of(trend.interval.0), of(trend.interval.1))
    });
    looked.say(verdict, reason).effect("growth", growth, interval, "fraction")
}

/// A state is not read every day everywhere; a week counts when it was read about as often as in the others.
fn read_as_often(weekly: &Series) -> Series {
    let shares: Vec<f64> =
        weekly.points.iter().filter_map(|point| point.row.coverage.filter(|share| *share > 0.0)).collect();
    let usual = median(&shares).unwrap_or(0.0);
    let mut weekly = weekly.clone();
    for point in weekly.points.iter_mut().filter(|point| point.gap == Some(Gap::Missing)) {
        if point.row.coverage.is_some_and(|share| share > 0.0 && share >= 0.8 * usual) {
            point.gap = None;
            point.value = point.row.value.map(crate::Number::as_f64);
        }
    }
    weekly
}
