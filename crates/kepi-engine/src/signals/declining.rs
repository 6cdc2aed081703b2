//! P4: engagement declines. Mann-Kendall at p < 0.05 and at least −10 % in six or more weeks, or a level shift
//! down; not a dip that holidays explain.

use super::{
    holidays::{self, Holiday},
    reading::{Desk, Series, counted, small},
    shift,
    signal::{Looked, SignalKind, Verdict},
};
use crate::{
    kpi::{Direction, Goal, Kpi},
    statistics::{FittedChange, Trend, fitted_change, mann_kendall, median},
};

/// The weeks that are looked at.
pub(super) const WEEKS: usize = 12;
/// A trend needs as many of them.
const FEWEST: usize = 8;
/// So much less is a decline.
const DECLINE: f64 = -0.10;
/// Above this, one that was there has gone.
const GONE: f64 = -0.05;

/// How a series of weeks declines.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Decline {
    pub(super) verdict: Verdict,
    pub(super) trend: Trend,
    pub(super) change: FittedChange,
}

/// Whether weeks decline; `holiday` says which of them have holidays. `None` where they are too few.
pub(super) fn decline(weeks: &[Option<f64>], holiday: &[bool]) -> Option<Decline> {
    let trend = mann_kendall(weeks)?;
    let change = fitted_change(weeks, &trend)?;
    let down = trend.slope < 0.0;
    let verdict = if down && trend.p < 0.05 && change.change <= DECLINE {
        if dips_with_holidays(weeks, holiday) { Verdict::Explained } else { Verdict::Over }
    } else if down && change.change <= GONE {
        Verdict::Near
    } else {
        Verdict::Under
    };
    Some(Decline { verdict, trend, change })
}

/// Whether nothing is left of a decline when weeks with holidays are left out.
fn dips_with_holidays(weeks: &[Option<f64>], holiday: &[bool]) -> bool {
    let dips = |week: usize| holiday.get(week).copied().unwrap_or(false);
    if !(0..weeks.len()).any(dips) {
        return false;
    }
    let left: Vec<(f64, f64)> = weeks
        .iter()
        .enumerate()
        .filter(|(week, _)| !dips(*week))
        .filter_map(|(week, value)| Some((small(week), (*value)?)))
        .collect();
    change_along(&left).is_none_or(|change| change > DECLINE)
}

/// The relative change along the line through the middle of all pairs.
fn change_along(points: &[(f64, f64)]) -> Option<f64> {
    let mut slopes = Vec::new();
    for (i, (step, value)) in points.iter().enumerate() {
        slopes.extend(points.iter().take(i).map(|(earlier, before)| (value - before) / (step - earlier)));
    }
    let slope = median(&slopes)?;
    let height = median(&points.iter().map(|(step, value)| value - slope * step).collect::<Vec<_>>())?;
    let (first, last) = (points.first()?.0, points.last()?.0);
    let start = height + slope * first;
    (start > 0.0).then(|| slope * (last - first) / start)
}

/// Whether a KPI is one whose decline is meant.
pub(super) fn concerns(kpi: &Kpi) -> bool {
    kpi.goal == Goal::Engagement && kpi.direction == Direction::Up
}

/// Looks at the weeks of a KPI, and at its days.
pub(super) fn look(desk: &Desk<'_>, kpi: &Kpi, weekly: &Series, daily: Option<&Series>) -> Looked {
    let weeks = weekly.newest(WEEKS, desk.settled(kpi));
    let Some(span) = weeks.span() else {
        let last = weekly.span().unwrap_or_else(|| desk.request.period.span);
        return Looked::new(SignalKind::DecliningEngagement, kpi, &weekly.scope, last)
            .say(Verdict::CannotTell, "no numbers are known of these weeks");
    };
    let looked =
        Looked::new(SignalKind::DecliningEngagement, kpi, &weeks.scope, span).evidence(weeks.evidence());
    if let Some(reason) = desk.divided(kpi, &weeks.scope, span) {
        return looked.say(Verdict::CannotTell, reason);
    }
    if !weeks.covered(desk.request.min_coverage) {
        return looked.say(Verdict::CannotTell, "numbers of too many of these weeks are missing");
    }
    let named = holidays::of(&desk.platforms(kpi, &weeks.scope));
    let holiday: Vec<Option<&Holiday>> =
        weeks.points.iter().map(|point| named.iter().copied().find(|one| one.touches(point.span))).collect();
    let dips: Vec<bool> = holiday.iter().map(Option::is_some).collect();
    let by_trend = decline(&weeks.values(), &dips);
    let days = daily.map(|daily| daily.newest(shift::DAYS, desk.settled(kpi)));
    let by_shift = days.as_ref().and_then(|days| shift::recent(days, desk.until));
    let by_shift = by_shift.filter(|found| found.change <= DECLINE);
    // What the trend tells comes first; a shift tells what is too sudden for one.
    match (by_trend, by_shift) {
        (Some(found), sudden) if found.verdict == Verdict::Over => {
            let looked = told(looked, &found, weeks.known());
            let stands = sudden.is_some_and(|sudden| sudden.holiday(&named).is_none());
            Looked { stands, ..looked }
        }
        (_, Some(sudden)) => {
            let verdict = match sudden.holiday(&named) {
                Some(_) => Verdict::Explained,
                None => Verdict::Over,
            };
            let because = sudden.holiday(&named).map_or_else(String::new, |holiday| {
                format!("; it goes with {} and is no decline", holiday.name_en)
            });
            let reason = format!("{}{because}", sudden.told());
            looked
                .say(verdict, reason)
                .effect("level", sudden.change, None, "fraction")
                .evidence(sudden.evidence(&kpi.id))
        }
        (Some(found), None) if found.verdict == Verdict::Explained => {
            let names: Vec<&str> = holiday.iter().flatten().map(|holiday| holiday.name_en.as_str()).collect();
            let named = names.first().copied().unwrap_or("a holiday");
            let looked = told(looked, &found, weeks.known());
            let reason = format!("{}; without the weeks of {named} it is none", looked.reason);
            looked.say(Verdict::Explained, reason)
        }
        (Some(found), None) => told(looked, &found, weeks.known()),
        (None, None) => looked.say(
            Verdict::CannotTell,
            format!("{} are known; a trend needs {FEWEST}", counted(weeks.known(), "week")),
        ),
    }
}

fn told(looked: Looked, found: &Decline, weeks: usize) -> Looked {
    let Decline { verdict, trend, change } = found;
    let reason = format!(
        "{:+.1} % along the trend of {} (Mann-Kendall p {:.4})",
        change.change * 100.0,
        counted(weeks, "week"),
        trend.p
    );
    looked.say(*verdict, reason).effect("change", change.change, Some(change.interval), "fraction").p(trend.p)
}
