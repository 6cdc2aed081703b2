//! The time axis, cut at the boundaries of all periods of a scorecard, so that one scan serves them all.

use datafusion::{
    arrow::datatypes::DataType,
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
/// From so many cuts on, single days are cheaper than comparing with each cut.
const MANY: usize = 40;

/// A cut time axis. Each slice has a code; a span between two cuts is a range of codes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Slices {
    /// Between neighbouring cuts: the code is the number of cuts passed.
    Cuts(Vec<Date>),
    /// Calendar months, where all cuts are firsts of months.
    Months,
    /// Steps of so many days from a date.
    Steps(Date, i32),
}

impl Slices {
    /// The coarsest cut that keeps all spans apart.
    pub(super) fn of(spans: &[DateSpan]) -> Self {
        let mut cuts: Vec<Date> = spans.iter().flat_map(|span| [span.start, span.end]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let Some(&first) = cuts.first() else { return Self::Cuts(cuts) };
        let civil = |date: &Date| date.day() == 1 && (1901..2100).contains(&date.year());
        if cuts.iter().all(civil) && cuts.len() > 2 {
            return Self::Months;
        }
        let filled = filled(&cuts);
        if filled.len() <= MANY {
            return Self::Cuts(filled);
        }
        let weeks = cuts.iter().all(|cut| days_between(first, *cut) % 7 == 0);
        let days = if weeks { 7 } else { 1 };
        // Codes stay positive for rows that begin before the first cut: whole numbers divide towards zero.
        Self::Steps(add_days(first, -4000 * days), days)
    }

    /// The code of a date's slice.
    pub(super) fn code(&self, date: Date) -> i64 {
        match self {
            Self::Cuts(cuts) => i64::try_from(cuts.partition_point(|cut| *cut <= date)).unwrap_or(i64::MAX),
            Self::Months => (i64::from(date.year()) - 1900) * 12 + i64::from(date.month()) - 3,
            Self::Steps(first, days) => i64::from(days_between(*first, date).div_euclid(*days)),
        }
    }

    /// The codes of a span: from, until (exclusive).
    pub(super) fn codes(&self, span: DateSpan) -> std::ops::Range<i64> {
        self.code(span.start)..self.code(span.end)
    }

    /// The first day of a slice.
    pub(super) fn start(&self, code: i64) -> Option<Date> {
        match self {
            Self::Cuts(cuts) => cuts.get(usize::try_from(code.checked_sub(1)?).ok()?).copied(),
            Self::Months => {
                let months = code + 2;
                let (year, month) =
                    (i16::try_from(1900 + months.div_euclid(12)).ok()?, months.rem_euclid(12) + 1);
                Date::new(year, i8::try_from(month).ok()?, 1).ok()
            }
            Self::Steps(first, days) => Some(add_days(*first, i32::try_from(code).ok()?.checked_mul(*days)?)),
        }
    }

    /// The code of a day column, as a 32-bit number.
    pub(super) fn expression(&self, day: Expr) -> Expr {
        match self {
            Self::Cuts(cuts) => cuts
                .iter()
                .map(|cut| cast(day.clone().gt_eq(date(*cut)), DataType::Int32))
                .reduce(|sum, passed| sum + passed)
                .unwrap_or_else(|| lit(0_i32)),
            Self::Months => months(day_number(day)),
            Self::Steps(first, days) => (day_number(day) - lit(epoch_day(*first))) / lit(*days),
        }
    }
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

fn filled(cuts: &[Date]) -> Vec<Date> {
    let mut filled = Vec::new();
    for pair in cuts.windows(2) {
        if let [from, to] = *pair {
            let mut at = from;
            while at < to {
                filled.push(at);
                at = add_days(at, LONGEST).max(add_days(at, 1));
            }
        }
    }
    filled.extend(cuts.last());
    filled
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
    use jiff::civil::date;

    use super::*;

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
        for spans in sets {
            let slices = Slices::of(&spans);
            for day in span(date(2024, 12, 1), date(2027, 6, 1)).iter() {
                let code = slices.code(day);
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
