//! P2: engagement declines although more is spent. Over eight or more weeks the rate falls and the spend rises, each
//! at p < 0.05, the rate by 10 % or more, the spend by 10 % or more; not where the spend moved to a new platform.

use kepi_core::Result;

use super::{
    reading::{Desk, Series, counted},
    signal::{Evidence, Looked, SignalKind, Verdict},
};
use crate::{
    evaluate::Dimension,
    kpi::{Direction, Goal, Kpi},
    statistics::{FittedChange, Trend, fitted_change, kendall_tau, mann_kendall},
};

/// The weeks that are looked at.
pub(super) const WEEKS: usize = 12;
/// The weeks in which both must be known.
const FEWEST: usize = 8;
/// So much is a change, of either.
const CHANGE: f64 = 0.10;
/// Below this, one that was there has gone.
const GONE: f64 = 0.05;
/// A platform with less of the spend than this is one that had none.
const NONE_YET: f64 = 0.05;
/// A platform with more of the spend than this is one that it moved to.
const MOVED: f64 = 0.20;

/// How a rate and the spend move apart.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Apart {
    pub(super) verdict: Verdict,
    pub(super) rate: (Trend, FittedChange),
    pub(super) spend: (Trend, FittedChange),
    /// Kendall's τ of the two.
    pub(super) tau: Option<f64>,
    /// The larger p-value of the two trends.
    pub(super) p: f64,
}

/// Whether a rate falls while the spend rises, week by week; `None` where fewer than eight weeks have both.
pub(super) fn apart(rates: &[Option<f64>], spend: &[Option<f64>]) -> Option<Apart> {
    let both: Vec<Option<(f64, f64)>> =
        rates.iter().zip(spend).map(|(rate, spend)| Some(((*rate)?, (*spend)?))).collect();
    let rates: Vec<Option<f64>> = both.iter().map(|both| both.map(|(rate, _)| rate)).collect();
    let spend: Vec<Option<f64>> = both.iter().map(|both| both.map(|(_, spend)| spend)).collect();
    let trended = |series: &[Option<f64>]| {
        let trend = mann_kendall(series)?;
        Some((trend, fitted_change(series, &trend)?))
    };
    let (rate, spent) = (trended(&rates)?, trended(&spend)?);
    let p = rate.0.p.max(spent.0.p);
    let ways = rate.0.slope < 0.0 && spent.0.slope > 0.0;
    let by = |size: f64| rate.1.change <= -size && spent.1.change >= size;
    let verdict = if ways && p < 0.05 && by(CHANGE) {
        Verdict::Over
    } else if ways && by(GONE) {
        Verdict::Near
    } else {
        Verdict::Under
    };
    let pairs: Vec<(f64, f64)> = both.into_iter().flatten().map(|(rate, spend)| (spend, rate)).collect();
    let tau = kendall_tau(&pairs).map(|found| found.tau);
    Some(Apart { verdict, rate, spend: spent, tau, p })
}

/// The platform that the spend moved to: one with next to nothing of it in the first half of the weeks and a good
/// part of it in the second.
pub(super) fn moved_to(spend: &[(String, Vec<Option<f64>>)]) -> Option<&str> {
    let weeks = spend.iter().map(|(_, weeks)| weeks.len()).max()?;
    let sum = |weeks: &[Option<f64>], half: usize| -> f64 {
        let (first, second) = weeks.split_at((weeks.len() / 2).min(weeks.len()));
        (if half == 0 { first } else { second }).iter().flatten().sum()
    };
    let shares = |half: usize| -> Vec<f64> {
        let sums: Vec<f64> = spend.iter().map(|(_, weeks)| sum(weeks, half)).collect();
        let all: f64 = sums.iter().sum();
        sums.into_iter().map(|sum| if all > 0.0 { sum / all } else { 0.0 }).collect()
    };
    let (before, after) = (shares(0), shares(1));
    let moved = |place: &usize| {
        let share = |shares: &[f64]| shares.get(*place).copied().unwrap_or(0.0);
        weeks >= 2 && share(&before) < NONE_YET && share(&after) > MOVED
    };
    let place = (0..spend.len()).find(moved)?;
    spend.get(place).map(|(platform, _)| platform.as_str())
}

/// Whether a KPI is a rate of engagement that spend may be held beside.
pub(super) fn concerns(kpi: &Kpi) -> bool {
    kpi.goal == Goal::Engagement && kpi.direction == Direction::Up && kpi.program.ratio.is_some()
}

/// What is spent where a KPI is looked at: of accounts, campaigns or posts, whatever the data have.
pub(super) fn spent(desk: &Desk<'_>, kpi: &Kpi) -> Vec<Kpi> {
    let place: String =
        kpi.platforms.iter().map(|platform| format!("-{}", platform.as_str().replace('_', "-"))).collect();
    let of = |subject: &str| {
        let more = format!("basis = \"activity\"\ntraffic = \"paid\"\nsubject = {subject:?}");
        desk.beside(kpi, &format!("spend-of-{subject}{place}"), "spend", &more)
    };
    ["account", "campaign", "post"].into_iter().filter_map(of).collect()
}

/// The series of spend with the most known weeks, of a scope.
fn best<'s>(spend: &'s [Series], scope: &super::reading::Scope) -> Option<&'s Series> {
    let own = spend.iter().filter(|series| series.scope == *scope && series.known() > 0);
    own.max_by_key(|series| series.known())
}

/// Looks at the weeks of a KPI and at what was spent in them.
pub(super) async fn look(desk: &Desk<'_>, kpi: &Kpi, weekly: &Series, spend: &[Series]) -> Result<Looked> {
    let until = desk.settled(kpi);
    let weeks = weekly.newest(WEEKS, until);
    let kind = SignalKind::SpendWithoutReturn;
    let (Some(span), Some(spend)) = (weeks.span(), best(spend, &weekly.scope)) else {
        let last = weekly.span().unwrap_or(desk.request.period.span);
        let reason = "no spend is known beside it";
        return Ok(Looked::new(kind, kpi, &weekly.scope, last).say(Verdict::CannotTell, reason));
    };
    // The same weeks of both.
    let spent: Vec<Option<f64>> = weeks
        .points
        .iter()
        .map(|point| spend.points.iter().find(|other| other.span == point.span).and_then(|other| other.value))
        .collect();
    let evidence = weeks.points.iter().zip(&spent).map(|(point, spent)| {
        Evidence::new("spend", point.span, *spent)
            .note(spend.points.first().map_or("", |one| one.row.unit.as_str()))
    });
    let looked = Looked::new(kind, kpi, &weeks.scope, span).evidence(weeks.evidence()).evidence(evidence);
    if let Some(reason) = desk.divided(kpi, &weeks.scope, span) {
        return Ok(looked.say(Verdict::CannotTell, reason));
    }
    if !weeks.covered(desk.request.min_coverage) {
        return Ok(looked.say(Verdict::CannotTell, "numbers of too many of these weeks are missing"));
    }
    let Some(found) = apart(&weeks.values(), &spent) else {
        let both = weeks.values().iter().zip(&spent).filter(|(a, b)| a.is_some() && b.is_some()).count();
        let reason = format!("{} have both rate and spend; this needs {FEWEST}", counted(both, "week"));
        return Ok(looked.say(Verdict::CannotTell, reason));
    };
    let (rate, money) = (found.rate.1, found.spend.1);
    let reason = format!(
        "the rate {:+.1} % (p {:.4}), the spend {:+.1} % (p {:.4}){}",
        rate.change * 100.0,
        found.rate.0.p,
        money.change * 100.0,
        found.spend.0.p,
        found.tau.map_or_else(String::new, |tau| format!(", Kendall's tau {tau:.2}"))
    );
    let looked = looked
        .say(found.verdict, reason.as_str())
        .effect("change", rate.change, Some(rate.interval), "fraction")
        .p(found.p);
    if found.verdict != Verdict::Over {
        return Ok(looked);
    }
    let by_platform = by_platform(desk, kpi, spend).await?;
    Ok(match moved_to(&by_platform) {
        Some(platform) => looked
            .say(Verdict::Explained, format!("{reason}; but the spend moved to {platform}, which had none")),
        None => looked,
    })
}

/// The spend of each platform, where there are several.
async fn by_platform(desk: &Desk<'_>, kpi: &Kpi, spend: &Series) -> Result<Vec<(String, Vec<Option<f64>>)>> {
    if desk.platforms(kpi, &spend.scope).len() < 2 || spend.scope.contains_key("platform") {
        return Ok(Vec::new());
    }
    let own: Vec<Kpi> = spent(desk, kpi).into_iter().filter(|one| one.id == spend.kpi).collect();
    let mut by = desk.dimensions();
    by.push(Dimension::Platform);
    let mut all = desk.series(&own, Dimension::Week, WEEKS, &by).await?;
    all.retain(|series| spend.scope.iter().all(|(key, value)| series.scope.get(key) == Some(value)));
    let named = |series: Series| (series.scope.get("platform").cloned().flatten(), series.values());
    Ok(all.into_iter().map(named).filter_map(|(platform, weeks)| Some((platform?, weeks))).collect())
}
