//! P1: a KPI consistently misses. In at least three of the four newest review periods the whole 95 % interval is on
//! the wrong side of the target, or of a published benchmark that matches; what is undecided is no miss.

use kepi_core::{Result, period::Grain};

use super::{
    reading::{Desk, Point, Series},
    signal::{Evidence, Looked, SignalKind, Verdict},
};
use crate::{
    benchmarks::BenchmarkChoice,
    evaluate::{Dimension, ScoreRow, Status, TargetValue},
    formula::Shape,
    kpi::{Direction, Kpi, Review},
    number::Number,
};

/// The review periods that are looked at.
const PERIODS: usize = 4;
/// So many misses are a habit.
const HABIT: usize = 3;

/// Whether periods are a habit: what each came to, `None` where that is not known.
pub(super) fn habit(periods: &[Option<bool>]) -> Verdict {
    let newest: Vec<bool> = periods.iter().rev().take(PERIODS).copied().flatten().collect();
    let missed = newest.iter().filter(|missed| **missed).count();
    match missed {
        HABIT.. => Verdict::Over,
        _ if newest.len() < HABIT => Verdict::CannotTell,
        2 => Verdict::Near,
        _ => Verdict::Under,
    }
}

/// Whether the whole interval of a value is worse than what is aimed for.
pub(super) fn falls_short(
    direction: Direction,
    interval: (f64, f64),
    aim: f64,
    band: Option<(f64, f64)>,
) -> bool {
    match (direction, band) {
        (Direction::Band, Some((low, high))) => interval.1 < low || interval.0 > high,
        (Direction::Down, _) => interval.0 > aim,
        _ => interval.1 < aim,
    }
}

/// Whether a row misses; `None` where it is held against nothing or cannot be told.
fn missed(kpi: &Kpi, row: &ScoreRow) -> Option<bool> {
    match row.status {
        Status::Missed => return Some(true),
        Status::Met | Status::OnTrack | Status::Undecided => return Some(false),
        Status::AtRisk | Status::NoTarget => {}
        Status::Partial | Status::NoData | Status::NotOffered | Status::NotComparable => return None,
    }
    let value = row.value.map(Number::as_f64)?;
    let interval = row.interval.unwrap_or((value, value));
    match row.target.as_deref() {
        // A month within a quarter is held against the quarter's rate; a state's way is not over yet.
        Some(TargetValue { value: Some(aim), band, .. }) if kpi.program.shape == Shape::Intensive => {
            Some(falls_short(kpi.direction, interval, *aim, *band))
        }
        Some(_) => None,
        None => {
            let published = matches!(kpi.benchmark, BenchmarkChoice::Published(_));
            let figure = row.benchmark.as_ref().filter(|_| published)?.median?;
            (kpi.direction != Direction::Band).then(|| falls_short(kpi.direction, interval, figure, None))
        }
    }
}

/// How often a KPI is reviewed: as its file says, or as its targets run where a sum has no target for less.
fn grain(kpi: &Kpi) -> Dimension {
    let of_targets =
        kpi.targets.iter().filter(|target| target.scope.is_empty()).map(|target| target.period.grain);
    let of_targets = of_targets.max().and_then(|grain| match grain {
        Grain::Week => Some(Dimension::Week),
        Grain::Month => Some(Dimension::Month),
        Grain::Quarter => Some(Dimension::Quarter),
        Grain::Year => Some(Dimension::Year),
        _ => None,
    });
    let of_review = kpi.review.map(|review| match review {
        Review::Weekly => Dimension::Week,
        Review::Monthly => Dimension::Month,
        Review::Quarterly => Dimension::Quarter,
        Review::Yearly => Dimension::Year,
    });
    match kpi.program.shape {
        Shape::Intensive => of_review.or(of_targets),
        Shape::Extensive | Shape::State => of_targets.or(of_review),
    }
    .unwrap_or(Dimension::Month)
}

/// Whether a KPI is held against anything.
pub(super) fn concerns(kpi: &Kpi) -> bool {
    !kpi.targets.is_empty() || matches!(kpi.benchmark, BenchmarkChoice::Published(_))
}

/// Looks at the review periods of KPIs.
pub(super) async fn look(desk: &Desk<'_>, kpis: &[&Kpi]) -> Result<Vec<Looked>> {
    let mut all = Vec::new();
    for of_time in [Dimension::Week, Dimension::Month, Dimension::Quarter, Dimension::Year] {
        let own: Vec<Kpi> =
            kpis.iter().filter(|kpi| grain(kpi) == of_time).map(|kpi| (*kpi).clone()).collect();
        let series = desk.judged(own.clone(), of_time, PERIODS, &desk.dimensions()).await?;
        for one in &series {
            if let Some(kpi) = own.iter().find(|kpi| one.is_of(kpi)) {
                all.push(judged(desk, kpi, one));
            }
        }
    }
    Ok(all)
}

fn judged(desk: &Desk<'_>, kpi: &Kpi, series: &Series) -> Looked {
    let span = series.span().unwrap_or(desk.request.period.span);
    let looked = Looked::new(SignalKind::Misses, kpi, &series.scope, span);
    if let Some(reason) = desk.divided(kpi, &series.scope, span) {
        return looked.say(Verdict::CannotTell, reason);
    }
    let verdicts: Vec<Option<bool>> = series.points.iter().map(|point| settled(kpi, point)).collect();
    let known = verdicts.iter().flatten().count();
    let short = verdicts.iter().flatten().filter(|missed| **missed).count();
    let evidence = series.points.iter().zip(&verdicts).map(|(point, missed)| {
        let aim = aimed(&point.row).map_or_else(String::new, |aim| format!("against {aim}"));
        let word = match missed {
            Some(true) => "missed",
            Some(false) => "not missed",
            None => "not decided",
        };
        Evidence::new(&kpi.id, point.span, point.row.value.map(Number::as_f64))
            .note(format!("{word} {aim}").trim())
    });
    let looked = looked.evidence(evidence);
    let verdict = habit(&verdicts);
    let reason = format!("{short} of {known} review periods that could be decided were missed");
    let newest = series.points.iter().rev().find_map(|point| {
        let (value, aim) =
            (point.row.value.map(Number::as_f64)?, aimed(&point.row).filter(|aim| *aim != 0.0)?);
        let of = |value: f64| value / aim - 1.0;
        Some((of(value), point.row.interval.map(|(low, high)| (of(low), of(high)))))
    });
    match newest {
        Some((gap, interval)) => {
            looked.say(verdict, reason).effect("gap to the aim", gap, interval, "fraction")
        }
        None => looked.say(verdict, reason),
    }
}

/// What is not final is not decided.
fn settled(kpi: &Kpi, point: &Point) -> Option<bool> {
    if point.gap.is_some() { None } else { missed(kpi, &point.row) }
}

fn aimed(row: &ScoreRow) -> Option<f64> {
    let target = row.target.as_ref().and_then(|target| target.value);
    target.or_else(|| row.benchmark.as_ref().and_then(|benchmark| benchmark.median))
}
