//! Signals: what moved, and whether it asks for another course.
//!
//! P1 to P8 are the pivot signals, each with its conditions and with what keeps it from firing; beside them stand odd
//! days, level shifts and process charts. Every file has one kind: first plain functions of series, then the reading
//! of the series. Series come through the evaluation, so that kinds, zones, coverage, provisional days and breaks are
//! those of the scorecard.
//!
//! What a run finds is weighed together. Of all its tests, Benjamini and Hochberg's procedure keeps the false ones
//! below a tenth. A problem of the data silences the pivots that it concerns. What earlier runs said is remembered:
//! a signal fires once, continues while it has not gone, ends, and rests before it may fire anew.

mod anomaly;
mod chart;
mod data;
mod declining;
mod formats;
mod holidays;
mod market;
mod memory;
mod misses;
mod reading;
mod sentiment;
mod shift;
mod signal;
mod spend;
mod stagnant;
mod steps;
#[cfg(test)]
mod tests;

use datafusion::prelude::SessionContext;
use jiff::civil::Date;
use kepi_core::{Catalogue, Result, period::add_days};

pub use chart::ChartRow;
pub use holidays::{Calendar, Holiday};
pub use signal::{Effect, Evidence, Signal, SignalKind, SignalOutcome, Steps};
pub use steps::Words;

use self::{
    memory::Memory,
    reading::{Desk, Scope, Series},
    signal::{Looked, Verdict},
    steps::Named,
};
use crate::{
    evaluate::{Dimension, EvaluationRequest, KnownAccount, known_accounts},
    kpi::{Kpi, Side},
    statistics::q_values,
};

/// Of the signals that tests tell, at most so many may be false.
const FALSE_SHARE: f64 = 0.1;

/// Looks for all signals of a request's KPIs, up to the end of its period or the last day that is over.
///
/// All that was looked at comes back, with what it came to and why: those that fired first. Signals are of each KPI's
/// whole, or of the parts that the request is broken down by. Nothing is written: who keeps what was found (the rows
/// whose outcome [`SignalOutcome::is_kept`]) in the table `signals` gives later runs their memory.
///
/// # Errors
/// As [`evaluate`](crate::evaluate).
pub async fn find_signals(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    catalogue: &Catalogue,
) -> Result<Vec<Signal>> {
    let (request, accounts) = (request.in_fiscal(), known_accounts(ctx, request).await?);
    let desk = Desk::new(ctx, &request, catalogue, &accounts);
    let mut looked = look(&desk).await?;
    weigh(&mut looked);
    let through = add_days(desk.until, -1);
    let memory = memory::read(ctx, &request, through).await?;
    // Each KPI is silenced by its own problem; each account is told of once.
    let (of_kpis, mut looked): (Vec<Looked>, Vec<Looked>) =
        looked.into_iter().partition(|one| one.kind == SignalKind::DataProblem);
    let problems: Vec<Looked> = of_kpis.iter().filter(|one| one.verdict == Verdict::Over).cloned().collect();
    looked.extend(data::by_account(&desk, of_kpis).await?);
    let q_values = q_values(&tests(&looked));
    let mut found: Vec<Signal> = looked
        .into_iter()
        .zip(q_values)
        .map(|(one, q)| finished(&desk, one, q, &problems, &memory, through))
        .collect();
    found.sort_by_key(|found| (found.outcome, found.signal));
    Ok(found)
}

/// The process charts of a request's KPIs, week by week.
///
/// # Errors
/// As [`evaluate`](crate::evaluate).
pub async fn process_charts(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    catalogue: &Catalogue,
) -> Result<Vec<ChartRow>> {
    let (request, accounts) = (request.in_fiscal(), known_accounts(ctx, request).await?);
    let desk = Desk::new(ctx, &request, catalogue, &accounts);
    let weekly = desk.series(&desk.kpis(), Dimension::Week, chart::WEEKS + 1, &desk.dimensions()).await?;
    let of = |series: &Series| desk.kpi(series).map(|kpi| chart::rows(&desk, kpi, series));
    Ok(weekly.iter().filter_map(of).flatten().collect())
}

impl<'a> Desk<'a> {
    fn new(
        ctx: &'a SessionContext,
        request: &'a EvaluationRequest,
        catalogue: &'a Catalogue,
        accounts: &'a [KnownAccount],
    ) -> Self {
        Self { ctx, request, catalogue, accounts, until: request.period.span.end.min(request.today) }
    }

    /// The KPIs of platforms on which there is an account.
    fn kpis(&self) -> Vec<Kpi> {
        let all = self.request.kpis.iter();
        all.filter(|kpi| !self.platforms(kpi, &Scope::new()).is_empty()).cloned().collect()
    }

    fn kpi(&self, series: &Series) -> Option<&'a Kpi> {
        self.request.kpis.iter().find(|kpi| series.is_of(kpi))
    }
}

/// Looks for everything.
async fn look(desk: &Desk<'_>) -> Result<Vec<Looked>> {
    let kpis = desk.kpis();
    let own: Vec<Kpi> = kpis.iter().filter(|kpi| kpi.provenance == Side::Own).cloned().collect();
    let weekly = desk.series(&own, Dimension::Week, chart::WEEKS + 1, &desk.dimensions()).await?;
    let with_days: Vec<Kpi> = own.iter().filter(|kpi| shift::concerns(kpi)).cloned().collect();
    let daily = desk.series(&with_days, Dimension::Day, shift::DAYS + 7, &desk.dimensions()).await?;
    let mut all = Vec::new();
    all.extend(misses::look(desk, &chosen(&own, misses::concerns)).await?);
    all.extend(look_at_spend(desk, &chosen(&own, spend::concerns), &weekly).await?);
    all.extend(stagnant::look(desk, &stagnant::chosen(&own)).await?);
    all.extend(look_at_reputation(desk, &sentiment::chosen(&own)).await?);
    all.extend(formats::look(desk, &chosen(&own, formats::concerns)).await?);
    all.extend(market::shares(desk, &chosen(&own, market::is_share)).await?);
    all.extend(market::rivals(desk, &kpis.iter().collect::<Vec<_>>()).await?);
    let failures = data::failures(desk).await?;
    for weeks in &weekly {
        let Some(kpi) = desk.kpi(weeks) else { continue };
        let days = daily.iter().find(|days| days.is_of(kpi) && days.scope == weeks.scope);
        if declining::concerns(kpi) {
            all.push(declining::look(desk, kpi, weeks, days));
        }
        all.push(data::look(desk, kpi, weeks, &failures));
        if shift::concerns(kpi) {
            all.extend(chart::look(desk, kpi, weeks));
            all.extend(days.and_then(|days| shift::look(desk, kpi, days)));
        }
        if anomaly::concerns(kpi) {
            all.extend(days.into_iter().flat_map(|days| anomaly::look(desk, kpi, days)));
        }
    }
    Ok(all)
}

fn chosen(kpis: &[Kpi], concerns: fn(&Kpi) -> bool) -> Vec<&Kpi> {
    kpis.iter().filter(|kpi| concerns(kpi)).collect()
}

async fn look_at_spend(desk: &Desk<'_>, kpis: &[&Kpi], weekly: &[Series]) -> Result<Vec<Looked>> {
    let mut spent: Vec<Kpi> = Vec::new();
    for one in kpis.iter().flat_map(|kpi| spend::spent(desk, kpi)) {
        if !spent.iter().any(|known| known.id == one.id) {
            spent.push(one);
        }
    }
    // With the week that a rate of posts leaves out as too young.
    let series = desk.series(&spent, Dimension::Week, spend::WEEKS + 2, &desk.dimensions()).await?;
    let mut all = Vec::new();
    for kpi in kpis {
        let ids: Vec<String> = spend::spent(desk, kpi).into_iter().map(|one| one.id).collect();
        let own: Vec<Series> = series.iter().filter(|series| ids.contains(&series.kpi)).cloned().collect();
        for weeks in weekly.iter().filter(|weeks| weeks.is_of(kpi)) {
            all.push(spend::look(desk, kpi, weeks, &own).await?);
        }
    }
    Ok(all)
}

async fn look_at_reputation(desk: &Desk<'_>, kpis: &[&Kpi]) -> Result<Vec<Looked>> {
    let counted: Vec<Kpi> = kpis.iter().filter_map(|kpi| sentiment::counted(desk, kpi)).collect();
    let by = desk.dimensions();
    let weekly = desk.series(&counted, Dimension::Week, 2 * sentiment::WEEKS, &by).await?;
    let daily = desk.series(&counted, Dimension::Day, 70, &by).await?;
    let monthly = desk.series(&counted, Dimension::Month, 2, &by).await?;
    let mut all = Vec::new();
    for weeks in &weekly {
        let Some(kpi) = desk.kpi(weeks) else { continue };
        let same = |series: &&Series| series.is_of(kpi) && series.scope == weeks.scope;
        let (days, months) = (daily.iter().find(same), monthly.iter().find(same));
        all.push(sentiment::look(desk, kpi, weeks, days, months).await?);
    }
    Ok(all)
}

/// The p-values of a run's tests; what is no test has none.
fn tests(looked: &[Looked]) -> Vec<f64> {
    let tested = |one: &Looked| one.p.filter(|_| one.verdict != Verdict::CannotTell);
    looked.iter().map(|one| tested(one).unwrap_or(f64::NAN)).collect()
}

/// Weighs what was found: what may be chance among so many tests does not begin, and what is told once is not told
/// again under another name.
fn weigh(looked: &mut [Looked]) {
    let p_values = tests(looked);
    let count = p_values.iter().filter(|p| !p.is_nan()).count();
    for (one, q) in looked.iter_mut().zip(q_values(&p_values)) {
        if one.verdict == Verdict::Over && q > FALSE_SHARE && !one.stands {
            one.verdict = Verdict::Near;
            let reason = &one.reason;
            one.reason = format!("{reason}; among the {count} tests of this run it may be chance (q {q:.3})");
        }
    }
    let told: Vec<Looked> = looked.iter().filter(|one| one.verdict == Verdict::Over).cloned().collect();
    for one in looked.iter_mut().filter(|one| one.verdict == Verdict::Over) {
        let first = told.iter().find(|other| tells(other, one));
        if let Some(first) = first {
            one.verdict = Verdict::Explained;
            one.reason = format!("{}; told as {}", one.reason, first.kind.as_str());
        }
    }
}

/// Whether a signal tells what another would say again: a sharp decline is a level shift too, and an odd day or a new
/// level makes an odd week.
fn tells(first: &Looked, other: &Looked) -> bool {
    let same = (&first.kpi, first.version, &first.scope) == (&other.kpi, other.version, &other.scope);
    let pivot = matches!(
        first.kind,
        SignalKind::DecliningEngagement | SignalKind::WorseReputation | SignalKind::Market
    );
    let before = match other.kind {
        SignalKind::Shift => pivot,
        SignalKind::Chart => pivot || matches!(first.kind, SignalKind::Shift | SignalKind::Anomaly),
        _ => false,
    };
    same && before
}

fn finished(
    desk: &Desk<'_>,
    looked: Looked,
    q: f64,
    problems: &[Looked],
    memory: &Memory,
    through: Date,
) -> Signal {
    let (mut outcome, mut since) = memory.outcome(&looked, through);
    let mut reason = looked.reason.clone();
    let problem = problems.iter().find(|problem| data::silences(problem, &looked));
    if let Some(problem) = problem.filter(|_| looked.kind.is_pivot() && outcome.is_there()) {
        (outcome, since) = (SignalOutcome::Suppressed, None);
        reason = format!("{reason}; but the data have a problem: {}", problem.reason);
    }
    let kpi = desk.request.kpis.iter().find(|kpi| kpi.id == looked.kpi && kpi.version == looked.version);
    let steps = kpi.filter(|_| outcome.is_there()).map(|kpi| steps_of(desk, kpi, &looked));
    Signal {
        signal: looked.kind,
        title: steps::title(looked.kind),
        outcome,
        names: kpi.map(|kpi| kpi.names.clone()).unwrap_or_default(),
        indicator: kpi.and_then(|kpi| kpi.indicator),
        kpi: looked.kpi,
        version: looked.version,
        concerns: looked.concerns,
        scope: looked.scope,
        period: looked.span.into(),
        through,
        since,
        reason,
        effect: looked.effect,
        p: looked.p,
        q: looked.p.and((!q.is_nan()).then_some(q)),
        evidence: looked.evidence,
        steps,
    }
}

fn steps_of(desk: &Desk<'_>, kpi: &Kpi, looked: &Looked) -> Steps {
    let values: Vec<&str> = looked.scope.values().filter_map(Option::as_deref).collect();
    let platforms = desk.platforms(kpi, &looked.scope);
    let (en, zh) = if !values.is_empty() {
        (values.join(", "), values.join("、"))
    } else if platforms.len() > 3 {
        ("all platforms".to_owned(), "各平台".to_owned())
    } else {
        (platforms.join(", "), platforms.join("、"))
    };
    let name = kpi.name();
    let name_zh = kpi.names.get("zh").map_or(name, String::as_str);
    let others = looked.concerns.as_ref().map_or(0, |all| all.len().saturating_sub(1));
    let (name, name_zh) = if others == 0 {
        (name.to_owned(), name_zh.to_owned())
    } else {
        (format!("{name} and {others} more"), format!("{name_zh}等{}项指标", others + 1))
    };
    let named = Named {
        en: &name,
        zh: &name_zh,
        place_en: &en,
        place_zh: &zh,
        when_low: kpi.when_low.as_deref().filter(|_| looked.kind.is_pivot()),
    };
    steps::steps(looked.kind, named)
}
