//! P7: competitors gain. The share of voice falls by five points or more, or a rival grows more than twice as fast
//! as the brand for three periods; figures of different sources are never held against each other.

use std::collections::BTreeSet;

use kepi_core::Result;

use super::{
    reading::{Desk, Series, counted},
    signal::{Looked, SignalKind, Verdict},
};
use crate::{
    evaluate::Dimension,
    kpi::{Kpi, Review, Side},
    statistics::{TwoProportions, dispersion, two_proportions},
};

/// A fall of the share of voice.
const FALL: f64 = -0.05;
/// The periods in which a rival must grow faster.
pub(super) const PERIODS: usize = 3;
/// The weeks whose shares tell how much shares stray.
const WEEKS: usize = 8;

/// Whether a share falls: two periods and the weeks of both, as (own, all).
pub(super) fn share_falls(
    before: (f64, f64),
    after: (f64, f64),
    weeks: &[(f64, f64)],
) -> Option<(Verdict, TwoProportions)> {
    let found = two_proportions(before, after, dispersion(weeks).unwrap_or(1.0))?;
    let fell = |size: f64| found.difference <= size + 1e-9;
    let verdict = match (fell(FALL), fell(FALL / 2.0)) {
        (true, _) if found.p < 0.05 => Verdict::Over,
        (_, true) => Verdict::Near,
        _ => Verdict::Under,
    };
    Some((verdict, found))
}

/// The growth from each value to the next; `None` where one is not known or not above zero.
pub(super) fn growth(values: &[Option<f64>]) -> Vec<Option<f64>> {
    let one =
        |pair: &[Option<f64>]| Some((*pair.last()?)? / pair.first().copied()?.filter(|v| *v > 0.0)? - 1.0);
    values.windows(2).map(one).collect()
}

/// Whether a rival outgrows: in each of three periods by more than twice what the brand grew. `None` where three are
/// not known of both.
pub(super) fn outgrown(own: &[Option<f64>], rival: &[Option<f64>]) -> Option<Verdict> {
    let newest =
        |values: &[Option<f64>]| values.iter().rev().take(PERIODS).copied().collect::<Option<Vec<f64>>>();
    let (own, rival) = (newest(own)?, newest(rival)?);
    (own.len() == PERIODS && rival.len() == PERIODS).then_some(())?;
    let faster = |(own, rival): (&f64, &f64), times: f64| *rival > 0.0 && *rival > times * own.max(0.0);
    let in_how_many = |times: f64| own.iter().zip(&rival).filter(|pair| faster(*pair, times)).count();
    Some(if in_how_many(2.0) == PERIODS {
        Verdict::Over
    } else if in_how_many(1.5) == PERIODS {
        Verdict::Near
    } else {
        Verdict::Under
    })
}

/// Whether a KPI is a share of voice: own mentions over those of all.
pub(super) fn is_share(kpi: &Kpi) -> bool {
    let mut gauges = Vec::new();
    kpi.program.parts.iter().for_each(|part| part.row.gauges(&mut gauges));
    let of_mentions = gauges.iter().all(|gauge| gauge.metric.as_str() == "mentions");
    let parted = gauges.iter().any(|gauge| gauge.segment.is_some());
    kpi.program.ratio.is_some() && of_mentions && parted
}

/// Looks at the shares of voice.
pub(super) async fn shares(desk: &Desk<'_>, kpis: &[&Kpi]) -> Result<Vec<Looked>> {
    let mut all = Vec::new();
    for kpi in kpis {
        let grain = match kpi.review {
            Some(Review::Quarterly) => Dimension::Quarter,
            Some(Review::Yearly) => Dimension::Year,
            _ => Dimension::Month,
        };
        let own = std::slice::from_ref(*kpi);
        let periods = desk.series(own, grain, 2, &desk.dimensions()).await?;
        let weekly = desk.series(own, Dimension::Week, WEEKS, &desk.dimensions()).await?;
        for series in &periods {
            let weeks = weekly.iter().find(|weeks| weeks.scope == series.scope);
            all.push(share(desk, kpi, series, weeks));
        }
    }
    Ok(all)
}

fn share(desk: &Desk<'_>, kpi: &Kpi, series: &Series, weeks: Option<&Series>) -> Looked {
    let span = series.span().unwrap_or(desk.request.period.span);
    let looked = Looked::new(SignalKind::Market, kpi, &series.scope, span).evidence(series.evidence());
    if let Some(reason) = desk.divided(kpi, &series.scope, span) {
        return looked.say(Verdict::CannotTell, reason);
    }
    let parts: Vec<(f64, f64)> = series.points.iter().filter_map(super::reading::Point::parts).collect();
    let [before, after] = parts[..] else {
        return looked.say(Verdict::CannotTell, "the newest two periods are not both known well enough");
    };
    let weeks: Vec<(f64, f64)> = weeks
        .map(|weeks| weeks.points.iter().filter_map(super::reading::Point::parts).collect())
        .unwrap_or_default();
    let Some((verdict, found)) = share_falls(before, after, &weeks) else {
        return looked.say(Verdict::CannotTell, "fewer than 30 own mentions in the two periods");
    };
    let reason = format!("{:+.1} points (p {:.4})", found.difference * 100.0, found.p);
    looked
        .say(verdict, reason)
        .effect("difference", found.difference, Some(found.interval), "points")
        .p(found.p)
}

/// Looks at public figures of the brand's accounts and of others.
pub(super) async fn rivals(desk: &Desk<'_>, kpis: &[&Kpi]) -> Result<Vec<Looked>> {
    let public: Vec<Kpi> =
        kpis.iter().filter(|kpi| kpi.provenance == Side::Public).map(|kpi| (*kpi).clone()).collect();
    if public.is_empty() {
        return Ok(Vec::new());
    }
    let own: BTreeSet<&str> =
        desk.accounts.iter().filter(|known| known.gives(Side::Own)).map(|known| known.id.as_str()).collect();
    let all = desk.series(&public, Dimension::Month, PERIODS + 1, &[Dimension::Account]).await?;
    let mut found = Vec::new();
    for kpi in &public {
        let of_kpi = |series: &&Series| series.is_of(kpi) && series.known() > 0;
        let account = |series: &Series| series.scope.get("account").cloned().flatten().unwrap_or_default();
        let (ours, others): (Vec<&Series>, Vec<&Series>) =
            all.iter().filter(of_kpi).partition(|series| own.contains(account(series).as_str()));
        for rival in others {
            let platform = |series: &Series| account(series).split('/').next().unwrap_or_default().to_owned();
            let beside = ours.iter().copied().find(|own| platform(own) == platform(rival));
            found.push(against(desk, kpi, beside, rival, &account(rival)));
        }
    }
    Ok(found)
}

fn against(desk: &Desk<'_>, kpi: &Kpi, own: Option<&Series>, rival: &Series, name: &str) -> Looked {
    let span = rival.span().unwrap_or(desk.request.period.span);
    let named = |series: &Series| {
        let whose = series.scope.get("account").cloned().flatten().unwrap_or_default();
        series.evidence().map(move |one| one.note(whose.clone())).collect::<Vec<_>>()
    };
    let looked = Looked::new(SignalKind::Market, kpi, &rival.scope, span).evidence(named(rival));
    let Some(own) = own else {
        let reason = format!(
            "no public figures of an own account on that platform: own numbers of the interface are not held against {name}'s page"
        );
        return looked.say(Verdict::CannotTell, reason);
    };
    let looked = looked.evidence(named(own));
    if let Some(reason) = desk.divided(kpi, &rival.scope, span) {
        return looked.say(Verdict::CannotTell, reason);
    }
    let read = |series: &Series| {
        // A state that was not read again in its period has not grown; it is not known.
        let known = |point: &super::reading::Point| {
            let read = point.row.fresh_at.map(|at| at.to_zoned(jiff::tz::TimeZone::UTC).date());
            point.value.filter(|_| {
                !super::reading::reads_states(kpi) || read.is_some_and(|day| day >= point.span.start)
            })
        };
        growth(&series.points.iter().map(known).collect::<Vec<_>>())
    };
    let (ours, theirs) = (read(own), read(rival));
    let Some(verdict) = outgrown(&ours, &theirs) else {
        let reason = format!("{} of growth are needed of both", counted(PERIODS, "period"));
        return looked.say(Verdict::CannotTell, reason);
    };
    let percent = |values: &[Option<f64>]| {
        let list: Vec<String> = values.iter().flatten().map(|one| format!("{:+.1} %", one * 100.0)).collect();
        list.join(", ")
    };
    let mean = |values: &[Option<f64>]| {
        values.iter().flatten().sum::<f64>() / super::reading::small(values.iter().flatten().count().max(1))
    };
    let reason = format!("{name} grew {} by month, the brand {}", percent(&theirs), percent(&ours));
    looked.say(verdict, reason).effect(
        "growth beyond the brand's",
        mean(&theirs) - mean(&ours),
        None,
        "points",
    )
}
