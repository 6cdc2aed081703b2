//! A day that stands out from its like: weekday-adjusted robust z beyond 3.5.

use kepi_core::{DateSpan, period::days_between};

use super::{
    holidays,
    reading::{Desk, Series},
    signal::{Evidence, Looked, SignalKind, Verdict},
};
use crate::{
    kpi::{Basis, Kpi},
    statistics::outlier_days,
};

/// The days that it is held against.
const DAYS: usize = 56;
/// Outliers need so many days.
const FEWEST: usize = 14;
/// A day is news for so long.
const RECENT: i32 = 7;

/// Whether a KPI has numbers of days: posts published on a day say little of it.
pub(super) fn concerns(kpi: &Kpi) -> bool {
    kpi.basis == Basis::Activity && super::shift::concerns(kpi)
}

/// Looks at the newest days of a KPI: one signal per day that stands out.
pub(super) fn look(desk: &Desk<'_>, kpi: &Kpi, daily: &Series) -> Vec<Looked> {
    let days = daily.newest(DAYS, desk.until);
    let Some(span) = days.span() else { return Vec::new() };
    let looked = |span: DateSpan| Looked::new(SignalKind::Anomaly, kpi, &days.scope, span);
    if let Some(reason) = desk.divided(kpi, &days.scope, span) {
        return vec![looked(span).say(Verdict::CannotTell, reason)];
    }
    if days.known() < FEWEST {
        let reason = format!("{} days are known; this needs {FEWEST}", days.known());
        return vec![looked(span).say(Verdict::CannotTell, reason)];
    }
    let named = holidays::of(&desk.platforms(kpi, &days.scope));
    let mut all = Vec::new();
    for odd in outlier_days(&days.values()) {
        let Some(point) = days.points.get(odd.day) else { continue };
        if days_between(point.span.start, desk.until) > RECENT {
            continue;
        }
        let holiday = named.iter().find(|holiday| holiday.days_of(point.span) > 0);
        let reason = format!(
            "{} where {:.2} was expected of such a weekday: {:+.1} robust standard deviations{}",
            told(odd.value),
            odd.expected,
            odd.score,
            holiday.map_or_else(String::new, |holiday| format!("; it is {}", holiday.name_en))
        );
        let verdict = if holiday.is_some() { Verdict::Explained } else { Verdict::Over };
        let relative = (odd.expected > 0.0).then(|| odd.value / odd.expected - 1.0);
        let one = looked(point.span).say(verdict, reason).evidence([
            Evidence::new(&kpi.id, point.span, odd.value),
            Evidence::new("expected of such a weekday", span, odd.expected),
        ]);
        all.push(match relative {
            Some(change) => one.effect("change", change, None, "fraction"),
            None => one.effect("difference", odd.value - odd.expected, None, "value"),
        });
    }
    if all.is_empty() {
        all.push(looked(span).say(Verdict::Under, "no day of the newest seven stands out"));
    }
    all
}

fn told(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.4}") }
}
