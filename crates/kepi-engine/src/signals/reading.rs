//! Series of KPIs, read through the evaluation: kinds, zones, coverage, traffic and breaks are its own.

use std::collections::BTreeMap;

use datafusion::{
    logical_expr::{Expr, col, lit},
    prelude::SessionContext,
};
use jiff::civil::Date;
use kepi_core::{
    Catalogue, DateSpan, Period, Result,
    period::{Grain, add_days},
};

use super::signal::Evidence;
use crate::{
    Break,
    benchmarks::BenchmarkChoice,
    evaluate::{Dimension, EvaluationRequest, KnownAccount, ScoreRow, evaluate},
    fault::Source,
    formula::Fold,
    kpi::{Basis, Kpi, parse_kpis},
    number::Number,
};

/// The scope of a row.
pub(super) type Scope = BTreeMap<String, Option<String>>;

/// Why a point has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// Less is known than the coverage that is asked for.
    Missing,
    /// It may still change.
    Provisional,
    /// Nothing happened that could be measured: no post, no rating; or it cannot be put together.
    Nothing,
}

/// One period of a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point {
    pub(super) span: DateSpan,
    /// The value, where it is known well enough and final.
    pub(super) value: Option<f64>,
    pub(super) gap: Option<Gap>,
    pub(super) row: ScoreRow,
}

/// A KPI in one scope, period by period, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) kpi: String,
    pub(super) version: u32,
    pub(super) scope: Scope,
    pub(super) points: Vec<Point>,
}

impl Point {
    /// A point of a scorecard's row. What was not final is put aside where it is what happened on days, as the
    /// scorecard puts it aside from changes; lifetime numbers of posts never are final.
    fn of(row: ScoreRow, kpi: &Kpi, min_coverage: f64) -> Self {
        let gap = if row.provisional > 0 && kpi.basis == Basis::Activity {
            Some(Gap::Provisional)
        } else if row.coverage.is_some_and(|coverage| coverage < min_coverage) {
            Some(Gap::Missing)
        } else if row.value.is_none() {
            Some(Gap::Nothing)
        } else {
            None
        };
        let value = row.value.map(Number::as_f64).filter(|value| gap.is_none() && value.is_finite());
        Self { span: DateSpan::new(row.period.start, row.period.end), value, gap, row }
    }

    /// Numerator and denominator, where the point has a value.
    pub(super) fn parts(&self) -> Option<(f64, f64)> {
        self.value?;
        Some((self.row.numerator?.as_f64(), self.row.denominator?.as_f64()))
    }
}

impl Series {
    pub(super) fn is_of(&self, kpi: &Kpi) -> bool {
        self.kpi == kpi.id && self.version == kpi.version
    }

    pub(super) fn values(&self) -> Vec<Option<f64>> {
        self.points.iter().map(|point| point.value).collect()
    }

    /// The same up to a day, without what comes before its first value; at most so many periods.
    pub(super) fn newest(&self, periods: usize, until: Date) -> Self {
        let kept: Vec<&Point> = self.points.iter().filter(|point| point.span.end <= until).collect();
        let recent = kept.iter().skip(kept.len().saturating_sub(periods));
        let points = recent.skip_while(|point| point.value.is_none()).map(|point| (*point).clone()).collect();
        Self { points, ..self.clone() }
    }

    /// The days from the first to the last period.
    pub(super) fn span(&self) -> Option<DateSpan> {
        Some(DateSpan::new(self.points.first()?.span.start, self.points.last()?.span.end))
    }

    pub(super) fn known(&self) -> usize {
        self.points.iter().filter(|point| point.value.is_some()).count()
    }

    /// Its numbers as evidence.
    pub(super) fn evidence(&self) -> impl Iterator<Item = Evidence> + '_ {
        self.points.iter().map(|point| Evidence::new(&self.kpi, point.span, point.value))
    }

    /// How many of its periods lack numbers that should be there.
    pub(super) fn covered(&self, min_coverage: f64) -> bool {
        let missing = self.points.iter().filter(|point| point.gap == Some(Gap::Missing)).count();
        let (missing, all) = (small(missing), small(self.points.len()));
        all > 0.0 && 1.0 - missing / all >= min_coverage
    }
}

/// A small count as a float.
pub(super) fn small(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// The fewest weeks, days or periods as people read them: `8 weeks`.
pub(super) fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// What is at hand to look for signals.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    pub(super) ctx: &'a SessionContext,
    pub(super) request: &'a EvaluationRequest,
    pub(super) catalogue: &'a Catalogue,
    pub(super) accounts: &'a [KnownAccount],
    /// The day after the last that is looked at.
    pub(super) until: Date,
}

impl Desk<'_> {
    /// The dimensions that signals are broken down by.
    pub(super) fn dimensions(&self) -> Vec<Dimension> {
        let own = self.request.by.iter().copied();
        own.filter(|dimension| dimension.grain().is_none()).collect()
    }

    /// The newest so many periods of a grain that are over, oldest first.
    pub(super) fn complete(&self, grain: Grain, count: usize) -> Vec<Period> {
        let fiscal = self.request.fiscal;
        let running = Period::holding(self.until, grain, fiscal);
        let earlier = std::iter::successors(Some(running), |period| Some(period.previous(fiscal)));
        let mut periods: Vec<Period> = earlier.skip(1).take(count).collect();
        periods.reverse();
        periods
    }

    /// The newest so many periods of KPIs, without targets and benchmarks.
    pub(super) async fn series(
        &self,
        kpis: &[Kpi],
        grain: Dimension,
        count: usize,
        by: &[Dimension],
    ) -> Result<Vec<Series>> {
        let bare = |kpi: &Kpi| Kpi { targets: Vec::new(), benchmark: BenchmarkChoice::None, ..kpi.clone() };
        self.judged(kpis.iter().map(bare).collect(), grain, count, by).await
    }

    /// The newest so many periods of KPIs, held against their targets and benchmarks.
    pub(super) async fn judged(
        &self,
        kpis: Vec<Kpi>,
        grain: Dimension,
        count: usize,
        by: &[Dimension],
    ) -> Result<Vec<Series>> {
        let Some(of_time) = grain.grain() else { return Ok(Vec::new()) };
        let periods = self.complete(of_time, count);
        let (Some(first), Some(last), false) = (periods.first(), periods.last(), kpis.is_empty()) else {
            return Ok(Vec::new());
        };
        let span = DateSpan::new(first.span.start, last.span.end);
        let mut by = by.to_vec();
        by.push(grain);
        let period = Period { span, grain: Grain::Days };
        let request = EvaluationRequest { kpis, period, by, ..self.request.clone() };
        let rows = evaluate(self.ctx, &request).await?;
        let mut all: Vec<Series> = Vec::new();
        for row in rows {
            let Some(kpi) = request.kpis.iter().find(|kpi| kpi.id == row.kpi && kpi.version == row.version)
            else {
                continue;
            };
            let same = all.last().is_some_and(|series| series.is_of(kpi) && series.scope == *row.scope);
            if !same {
                let (version, scope) = (row.version, (*row.scope).clone());
                all.push(Series { kpi: kpi.id.clone(), version, scope, points: Vec::new() });
            }
            if let Some(series) = all.last_mut() {
                series.points.push(Point::of(row, kpi, self.request.min_coverage));
            }
        }
        Ok(all)
    }

    /// A KPI that another one needs beside it: of the same platforms, posts and side.
    pub(super) fn beside(&self, kpi: &Kpi, id: &str, formula: &str, more: &str) -> Option<Kpi> {
        let platforms: Vec<String> =
            kpi.platforms.iter().map(|platform| format!("{:?}", platform.as_str())).collect();
        let platforms = if platforms.is_empty() {
            String::new()
        } else {
            format!("platforms = [{}]\n", platforms.join(", "))
        };
        let goal = kpi.goal.as_str();
        let text =
            format!("[[kpi]]\nid = {id:?}\ngoal = {goal:?}\n{platforms}formula = {formula:?}\n{more}\n");
        let source = Source { name: id.to_owned(), text };
        let mut parsed = parse_kpis(&[source], self.catalogue).ok()?;
        Some(Kpi { provenance: kpi.provenance, names: kpi.names.clone(), ..parsed.pop()? })
    }

    /// The day up to which a KPI's numbers have settled: posts gain for a week, or must reach the age at which they
    /// are compared.
    pub(super) fn settled(&self, kpi: &Kpi) -> Date {
        if kpi.basis == Basis::Activity {
            return self.until;
        }
        let age = kpi.age.map_or(YOUNG, |age| i32::from(age) + (i32::from(age) * 15 / 100).max(1));
        add_days(self.until, -age)
    }

    /// The platforms of a KPI in a scope.
    pub(super) fn platforms(&self, kpi: &Kpi, scope: &Scope) -> Vec<String> {
        let mut platforms: Vec<String> =
            self.accounts_of(kpi, scope).map(|account| account.platform.to_string()).collect();
        platforms.sort();
        platforms.dedup();
        platforms
    }

    /// The accounts of a KPI in a scope.
    pub(super) fn accounts_of(&self, kpi: &Kpi, scope: &Scope) -> impl Iterator<Item = &KnownAccount> {
        let of_scope = move |account: &&KnownAccount| {
            let is =
                |key: &str, value: &str| scope.get(key).is_none_or(|wanted| wanted.as_deref() == Some(value));
            account.concerns(self.request, kpi)
                && is("platform", &account.platform)
                && is("account", &account.id)
        };
        self.accounts.iter().filter(of_scope)
    }

    /// Why days of a KPI may not be held against each other: what was measured became something else among them.
    pub(super) fn divided(&self, kpi: &Kpi, scope: &Scope, span: DateSpan) -> Option<String> {
        if let Some(from) = kpi.valid_from.filter(|from| span.start < *from && *from < span.end) {
            return Some(format!("version {} of the KPI is in force since {from} only", kpi.version));
        }
        let metrics = kpi.metrics();
        let platforms = self.platforms(kpi, scope);
        let broken = |one: &&Break| {
            one.divides(span.start, span.end)
                && metrics.iter().any(|metric| metric.as_str() == one.metric)
                && platforms.contains(&one.platform)
        };
        let found = self.request.breaks.iter().find(broken)?;
        let Break { platform, metric, date, change, .. } = found;
        Some(format!("{platform} means something else by {metric} since {date}: {change}"))
    }

    /// Facts that count: valid at the time asked about, of days in a span.
    pub(super) fn valid_facts(&self, span: DateSpan) -> Expr {
        let day = |date: Date| {
            let epoch = Date::constant(1970, 1, 1);
            let days = kepi_core::period::days_between(epoch, date);
            lit(datafusion::scalar::ScalarValue::Date32(Some(days)))
        };
        let valid = match self.request.as_of {
            None => col("current"),
            Some(at) => {
                let at = super::memory::instant(at);
                let open = col("superseded_at").is_null().or(col("superseded_at").gt(at.clone()));
                col("recorded_at").lt_eq(at).and(open)
            }
        };
        valid.and(col("day").lt(day(span.end))).and(col("end_day").gt(day(span.start)))
    }
}

/// Posts gain most of what they ever do within a week.
const YOUNG: i32 = 7;

/// Whether a formula reads states: a state that was not read again stays what it was, so its days tell nothing.
pub(super) fn reads_states(kpi: &Kpi) -> bool {
    kpi.program.parts.iter().any(|part| matches!(part.fold, Fold::Last | Fold::First))
}
