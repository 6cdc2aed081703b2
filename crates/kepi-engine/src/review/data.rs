//! What a review needs from the data: the coverage of what a target is measured from, and earlier like changes.

use std::collections::{BTreeMap, HashMap};

use datafusion::prelude::SessionContext;
use jiff::civil::Date;
use kepi_core::{
    DateSpan, Period, Result,
    period::{Fiscal, Grain, add_days},
};
use smol_str::SmolStr;

use crate::{
    evaluate::{Dimension, EvaluationRequest, ScoreRow, evaluate},
    kpi::{Baseline, Kpi, Target},
};

/// How many like changes are looked back at.
const CHANGES: usize = 12;

/// What was measured of the KPIs of a request.
#[derive(Debug, Clone, Default)]
pub struct Measured {
    of: HashMap<(SmolStr, u32), Observed>,
}

/// What was measured of one KPI.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// The period that its target is measured from; the last 28 days without a target.
    pub(super) span: DateSpan,
    pub(super) value: Option<f64>,
    pub(super) coverage: Option<f64>,
    /// Why there is no value.
    pub(super) reason: Option<String>,
    /// The changes between like periods before the target's, oldest first.
    pub(super) changes: Vec<f64>,
}

impl Measured {
    pub(super) fn of(&self, kpi: &Kpi) -> Option<&Observed> {
        self.of.get(&(SmolStr::new(&kpi.id), kpi.version))
    }
}

/// The target that a day falls into, else the next one, else the last.
pub(super) fn target_in_view(kpi: &Kpi, today: Date) -> Option<&Target> {
    let ends_later = kpi.targets.iter().filter(|target| target.period.span.end > today);
    let next = ends_later.min_by_key(|target| target.period.span.start);
    next.or_else(|| kpi.targets.iter().max_by_key(|target| target.period.span.end))
}

/// What of the past a target looks at.
#[derive(Debug, Clone, Copy)]
struct Past {
    /// What it is measured from.
    from: Period,
    /// How many periods lie between that and the target's.
    lag: usize,
    /// The periods before the target's, of its length, and their grain.
    history: Option<(DateSpan, Grain)>,
}

fn past(target: Option<&Target>, today: Date, fiscal: Fiscal) -> Past {
    let Some(target) = target else {
        let from = Period::days(DateSpan::new(add_days(today, -28), today));
        return Past { from, lag: 1, history: None };
    };
    let before = target.period.previous(fiscal);
    let from = match &target.baseline {
        Some(Baseline::Period(period, _)) => *period,
        _ => before,
    };
    let mut earlier = vec![before];
    while earlier.len() < CHANGES + 8 {
        let Some(last) = earlier.last() else { break };
        earlier.push(last.previous(fiscal));
    }
    let lag = earlier.iter().position(|period| period.span == from.span).map_or(1, |place| place + 1);
    let calendar = dimension(target.period.grain).is_some();
    let first = earlier.get(CHANGES + lag - 1).map_or(before.span.start, |period| period.span.start);
    // Periods that are not over say nothing of a change.
    let end = before.span.end.min(Period::holding(today, target.period.grain, fiscal).span.start);
    let history = (calendar && first < end).then(|| (DateSpan::new(first, end), target.period.grain));
    Past { from, lag, history }
}

fn dimension(grain: Grain) -> Option<Dimension> {
    match grain {
        Grain::Day => Some(Dimension::Day),
        Grain::Week => Some(Dimension::Week),
        Grain::Month => Some(Dimension::Month),
        Grain::Quarter => Some(Dimension::Quarter),
        Grain::Year => Some(Dimension::Year),
        Grain::Days | Grain::MonthToDate | Grain::QuarterToDate | Grain::YearToDate => None,
    }
}

/// KPIs, each with how many rows back it is compared.
type Lagging = Vec<(Kpi, usize)>;

/// Measures what a review needs: one evaluation per period that targets are measured from, and one per history.
///
/// # Errors
/// As [`evaluate`].
pub async fn measure(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Measured> {
    let fiscal = request.fiscal;
    let mut measured = Measured::default();
    let mut by_base: BTreeMap<DateSpan, (Period, Vec<Kpi>)> = BTreeMap::new();
    let mut by_history: BTreeMap<(DateSpan, &'static str), (Grain, Lagging)> = BTreeMap::new();
    for kpi in request.in_fiscal().kpis {
        let past = past(target_in_view(&kpi, request.today), request.today, fiscal);
        let plain = Kpi { targets: Vec::new(), ..kpi };
        if let Some((span, grain)) = past.history {
            let word = dimension(grain).map_or("", Dimension::as_str);
            by_history
                .entry((span, word))
                .or_insert_with(|| (grain, Vec::new()))
                .1
                .push((plain.clone(), past.lag));
        }
        by_base.entry(past.from.span).or_insert_with(|| (past.from, Vec::new())).1.push(plain);
    }
    for (span, (period, kpis)) in by_base {
        let rows =
            evaluate(ctx, &EvaluationRequest { kpis, period, by: Vec::new(), ..request.clone() }).await?;
        for row in rows {
            let reason = row.notes.first().cloned();
            let observed = Observed {
                span,
                value: row.value.map(crate::Number::as_f64),
                coverage: row.coverage,
                reason,
                changes: Vec::new(),
            };
            measured.of.insert((row.kpi, row.version), observed);
        }
    }
    for ((span, _), (grain, kpis)) in by_history {
        let lags: HashMap<(SmolStr, u32), usize> =
            kpis.iter().map(|(kpi, lag)| ((SmolStr::new(&kpi.id), kpi.version), *lag)).collect();
        let kpis = kpis.into_iter().map(|(kpi, _)| kpi).collect();
        let by = dimension(grain).into_iter().collect();
        let asked = EvaluationRequest { kpis, period: Period::days(span), by, ..request.clone() };
        let mut rows: HashMap<(SmolStr, u32), Vec<ScoreRow>> = HashMap::new();
        for row in evaluate(ctx, &asked).await? {
            rows.entry((row.kpi.clone(), row.version)).or_default().push(row);
        }
        for (key, rows) in rows {
            let lag = lags.get(&key).copied().unwrap_or(1);
            if let Some(observed) = measured.of.get_mut(&key) {
                observed.changes = changes(&rows, lag, request.min_coverage);
            }
        }
    }
    Ok(measured)
}

/// The changes over so many periods; what is not known well enough makes no change.
fn changes(rows: &[ScoreRow], lag: usize, min_coverage: f64) -> Vec<f64> {
    let known = |row: &ScoreRow| {
        row.value
            .map(crate::Number::as_f64)
            .filter(|_| row.coverage.is_none_or(|coverage| coverage >= min_coverage))
    };
    let values: Vec<Option<f64>> = rows.iter().map(known).collect();
    let pairs = values.iter().zip(values.iter().skip(lag));
    pairs
        .filter_map(|(before, after)| {
            let (before, after) = (before.filter(|before| *before > 0.0)?, (*after)?);
            Some(after / before - 1.0).filter(|change| change.is_finite())
        })
        .collect()
}
