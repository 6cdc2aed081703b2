//! The time axis, cut at the boundaries of all periods of a scorecard, so that one scan serves them all.

use std::collections::BTreeSet;

use datafusion::{
    arrow::datatypes::DataType,
    functions::expr_fn::{greatest, least},
    logical_expr::{Expr, cast, col, lit},
    scalar::ScalarValue,
};
use jiff::civil::Date;
use kepi_core::{
    DateSpan,
    period::{add_days, days_between},
};

/// No slice is longer than this, so that the days of one fit into the bits of a word.
const LONGEST: i32 = 62;
/// From so many single cuts on, all days are cheaper than comparing with each cut.
const MANY: usize = 40;
/// So many cuts that follow one another regularly are counted by arithmetic.
const RUN: i32 = 4;

/// A cut time axis. Each slice has a code, which is the sum of what counters say of its days: a counter grows by one at
/// each of its cuts. So a span between two cuts is a range of codes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Slices {
    counters: Vec<Counter>,
    /// The codes of slices and the days on which they begin, in order.
    starts: Vec<(i64, Date)>,
}

/// Counts the cuts of one kind that a day has passed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Counter {
    /// The firsts of calendar months.
    Months,
    /// So many cuts, the first and then one every so many days.
    Every { first: Date, days: i32, count: i32 },
}

impl Slices {
    /// The coarsest cut that keeps all spans apart.
    pub(super) fn of(spans: &[DateSpan]) -> Self {
        let cuts: BTreeSet<Date> = spans.iter().flat_map(|span| [span.start, span.end]).collect();
        let civil = |date: &Date| date.day() == 1 && (1901..2100).contains(&date.year());
        let months = cuts.iter().filter(|date| civil(date)).count() > 2;
        let cuts = if months { cuts } else { filled(&cuts) };
        let mut counters = counters(&cuts, |date| months && civil(date));
        counters.extend(months.then_some(Counter::Months));
        let mut slices = Self { counters, starts: Vec::new() };
        if let (Some(first), Some(last)) = (cuts.first(), cuts.last()) {
            let days = DateSpan::new(*first, add_days(*last, 1));
            let mut starts: Vec<(i64, Date)> = days.iter().map(|day| (slices.code(day), day)).collect();
            starts.dedup_by_key(|(code, _)| *code);
            slices.starts = starts;
        }
        slices
    }

    /// The code of a date's slice.
    pub(super) fn code(&self, date: Date) -> i64 {
        self.counters.iter().map(|counter| counter.passed(date)).sum()
    }

    /// The codes of a span: from, until (exclusive).
    pub(super) fn codes(&self, span: DateSpan) -> std::ops::Range<i64> {
        self.code(span.start)..self.code(span.end)
    }

    /// The first day of a slice; none of what lies before the first cut.
    pub(super) fn start(&self, code: i64) -> Option<Date> {
        let place = self.starts.binary_search_by_key(&code, |(code, _)| *code).ok()?;
        self.starts.get(place).map(|(_, start)| *start)
    }

    /// The code of a day column, as a 32-bit number.
    pub(super) fn expression(&self, day: Expr) -> Expr {
        let counted = self.counters.iter().map(|counter| counter.expression(day.clone()));
        counted.reduce(|sum, passed| sum + passed).unwrap_or_else(|| lit(0_i32))
    }
}

impl Counter {
    fn passed(self, date: Date) -> i64 {
        match self {
            Self::Months => (i64::from(date.year()) - 1900) * 12 + i64::from(date.month()) - 3,
            Self::Every { first, days, count } => {
                (days_between(first, date) + days).max(0).div_euclid(days).min(count).into()
            }
        }
    }

    fn expression(self, day: Expr) -> Expr {
        match self {
            Self::Months => months(day_number(day)),
            Self::Every { first, count: 1, .. } => cast(day.gt_eq(date(first)), DataType::Int32),
            Self::Every { first, days, count } => {
                let since = day_number(day) - lit(epoch_day(first) - days);
                let since = greatest(vec![since, lit(0_i32)]);
                let passed = if days == 1 { since } else { since / lit(days) };
                least(vec![passed, lit(count)])
            }
        }
    }
}

/// Counters for cuts; those that are counted `elsewhere` need none.
fn counters(cuts: &BTreeSet<Date>, elsewhere: impl Fn(&Date) -> bool) -> Vec<Counter> {
    let mut counters = Vec::new();
    let mut rest: BTreeSet<Date> = cuts.iter().copied().filter(|date| !elsewhere(date)).collect();
    for days in [1, 7] {
        let mut open = rest.clone();
        while let Some(first) = open.pop_first() {
            // Single days may run through cuts that are counted elsewhere.
            let there = |date: &Date| rest.contains(date) || (days == 1 && cuts.contains(date));
            let run = std::iter::successors(Some(first), |date| Some(add_days(*date, days)));
            let run: Vec<Date> = run.take_while(there).collect();
            let count = i32::try_from(run.len()).unwrap_or(i32::MAX);
            if count >= RUN {
                counters.push(Counter::Every { first, days, count });
                for date in &run {
                    open.remove(date);
                    rest.remove(date);
                }
            }
        }
    }
    if rest.len() > MANY
        && let (Some(first), Some(last)) = (cuts.first().copied(), cuts.last().copied())
    {
        return vec![Counter::Every { first, days: 1, count: days_between(first, last) + 1 }];
    }
    counters.extend(rest.into_iter().map(|first| Counter::Every { first, days: 1, count: 1 }));
    counters
}

/// Months since 1900-03 by whole-number arithmetic; good until 2100-02.
///
/// Divisions are a multiplication and a shift, because a column is divided number by number and multiplied many at
/// once: `n / 1461` is `(n * 2⁴⁴/1461) >> 44` for every `n` that a date of those two centuries leads to.
fn months(day: Expr) -> Expr {
    let divided = |number: Expr, by: i64| (number * lit((1_i64 << 44) / by + 1)) >> lit(44_i64);
    let d = cast(day, DataType::Int64) + lit(25_508_i64);
    let year = divided(lit(4_i64) * d.clone() + lit(3_i64), 1461);
    let of_year = d - ((lit(1461_i64) * year.clone()) >> lit(2_i64));
    let months = year * lit(12_i64) + divided(lit(5_i64) * of_year + lit(2_i64), 153);
    cast(months, DataType::Int32)
}

/// The cuts, and more where two lie too far apart.
fn filled(cuts: &BTreeSet<Date>) -> BTreeSet<Date> {
    let gaps = cuts.iter().zip(cuts.iter().skip(1));
    let step = |at: &Date| Some(add_days(*at, LONGEST));
    let between = |(from, to): (&Date, &Date)| {
        let to = *to;
        std::iter::successors(Some(*from), step).take_while(move |at| *at < to).collect::<Vec<_>>()
    };
    gaps.flat_map(between).chain(cuts.last().copied()).collect()
}

/// Days since 1970 of a date column.
pub(super) fn day_number(day: Expr) -> Expr {
    cast(day, DataType::Int32)
}

/// Days since 1970.
pub(super) fn epoch_day(date: Date) -> i32 {
    days_between(Date::constant(1970, 1, 1), date)
}

/// A date as a literal.
pub(super) fn date(date: Date) -> Expr {
    lit(ScalarValue::Date32(Some(epoch_day(date))))
}

/// An instant as a literal.
pub(super) fn instant(at: jiff::Timestamp) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(Some(at.as_microsecond()), Some("UTC".into())))
}

/// Whether a day column lies in any of the spans.
pub(super) fn within(day: &str, spans: &[DateSpan]) -> Expr {
    merged(spans)
        .into_iter()
        .map(|span| col(day).gt_eq(date(span.start)).and(col(day).lt(date(span.end))))
        .reduce(Expr::or)
        .unwrap_or_else(|| lit(false))
}

/// Whether days from a first column to before an end column touch any of the spans.
pub(super) fn touching(day: &str, end: &str, spans: &[DateSpan]) -> Expr {
    merged(spans)
        .into_iter()
        .map(|span| col(end).gt(date(span.start)).and(col(day).lt(date(span.end))))
        .reduce(Expr::or)
        .unwrap_or_else(|| lit(false))
}

fn merged(spans: &[DateSpan]) -> Vec<DateSpan> {
    let mut sorted: Vec<DateSpan> = spans.iter().copied().filter(|span| !span.is_empty()).collect();
    sorted.sort_unstable();
    let mut merged: Vec<DateSpan> = Vec::new();
    for span in sorted {
        match merged.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::{
        arrow::{
            array::{ArrayRef, AsArray, Date32Array, RecordBatch},
            datatypes::Int32Type,
        },
        common::DFSchema,
        prelude::SessionContext,
    };
    use jiff::civil::date;

    use super::*;

    /// What the expression says of days.
    fn told(slices: &Slices, days: &[Date]) -> Vec<i32> {
        let days: Date32Array = days.iter().map(|day| Some(epoch_day(*day))).collect();
        let batch = RecordBatch::try_from_iter([("day", Arc::new(days) as ArrayRef)]).unwrap();
        let schema = DFSchema::try_from(batch.schema()).unwrap();
        let expression =
            SessionContext::new().create_physical_expr(slices.expression(col("day")), &schema).unwrap();
        let codes = expression.evaluate(&batch).unwrap().into_array(batch.num_rows()).unwrap();
        codes.as_primitive::<Int32Type>().values().to_vec()
    }

    fn span(from: Date, to: Date) -> DateSpan {
        DateSpan::new(from, to)
    }

    #[test]
    fn spans_are_ranges_of_codes() {
        let sets = [
            vec![span(date(2026, 1, 1), date(2026, 4, 1)), span(date(2025, 10, 1), date(2026, 1, 1))],
            vec![span(date(2026, 1, 5), date(2026, 1, 9)), span(date(2025, 2, 1), date(2026, 1, 7))],
            (0..60).map(|i| DateSpan::day(add_days(date(2026, 1, 1), i))).collect(),
            (0..60)
                .map(|i| span(add_days(date(2026, 1, 5), 7 * i), add_days(date(2026, 1, 12), 7 * i)))
                .collect(),
        ];
        let months = |from: i32| {
            (from..from + 14).map(|i| {
                let first = |i: i32| date(2025 + (i / 12) as i16, (i % 12 + 1) as i8, 1);
                span(first(i), first(i + 1))
            })
        };
        let days = (0..40).map(|i| DateSpan::day(add_days(date(2026, 1, 20), i)));
        let weeks =
            (0..9).map(|i| span(add_days(date(2025, 3, 3), 7 * i), add_days(date(2025, 3, 10), 7 * i)));
        let odd = (0..60).map(|i| span(date(2025, 1, 1), add_days(date(2025, 1, 2), i * i / 4)));
        let mixed =
            [months(0).chain(days.clone()).chain(weeks).collect(), odd.chain(days).collect::<Vec<_>>()];
        for spans in sets.into_iter().chain(mixed) {
            let slices = Slices::of(&spans);
            let days: Vec<Date> = span(date(2024, 12, 1), date(2027, 6, 1)).iter().collect();
            for (day, told) in days.iter().copied().zip(told(&slices, &days)) {
                let code = slices.code(day);
                assert_eq!(i64::from(told), code, "{slices:?} {day}");
                for span in &spans {
                    assert_eq!(
                        span.contains(day),
                        slices.codes(*span).contains(&code),
                        "{slices:?} {day} {span}"
                    );
                }
                if spans.iter().any(|span| span.contains(day)) {
                    let start = slices.start(code).unwrap();
                    assert!(start <= day && days_between(start, day) < 64, "{slices:?} {day} {start}");
                }
            }
        }
    }

    #[test]
    fn merged_spans_keep_their_gaps() {
        let spans = [
            span(date(2026, 1, 1), date(2026, 2, 1)),
            span(date(2025, 1, 1), date(2025, 2, 1)),
            span(date(2026, 1, 15), date(2026, 3, 1)),
        ];
        assert_eq!(merged(&spans).len(), 2);
    }
}
