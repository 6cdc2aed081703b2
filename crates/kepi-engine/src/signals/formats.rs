//! P6: a type of content consistently underperforms. In each of the three newest months it has at least eight posts,
//! and even the upper end of its rate, drawn towards what all types have in common, is below the median post of the
//! account.

use std::collections::BTreeMap;

use kepi_core::{DateSpan, Result};

use super::{
    reading::{Desk, Point, Series},
    signal::{Evidence, Looked, SignalKind, Verdict},
};
use crate::{
    evaluate::Dimension,
    kpi::{Basis, Direction, Goal, Kpi},
    statistics::{Prior, Shrunken, median},
};

/// The months in which it must.
pub(super) const MONTHS: usize = 3;
/// The weeks whose rates tell what types have in common.
const WEEKS: usize = 14;
/// The posts that a month needs.
const FEWEST: u64 = 8;
/// Both ends of the interval leave out a twentieth.
const CONFIDENCE: f64 = 0.9;

/// What the posts of one type did in one month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Month {
    pub(super) events: f64,
    pub(super) trials: f64,
    pub(super) posts: u64,
    /// The 95 % interval of the rate, clustered by post.
    pub(super) interval: Option<(f64, f64)>,
    /// The median post of the account.
    pub(super) median: f64,
}

/// How a type of content does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weak {
    pub(super) verdict: Verdict,
    /// The rate of each month, drawn towards the common one.
    pub(super) rates: Vec<Shrunken>,
}

impl Month {
    /// How many times the events vary more than independent ones: engagements of a post come together.
    pub(super) fn clustering(&self) -> Option<f64> {
        let (low, high) = self.interval?;
        let rate = self.events / self.trials;
        let alone = (rate * (1.0 - rate) / self.trials).sqrt();
        let half = (high - low) / 2.0 / 1.96;
        (alone > 0.0).then(|| (half / alone).powi(2).max(1.0))
    }
}

/// Whether a type is weak in all of the months; `clustering` is how many times the events vary more than
/// independent ones. `None` where a month is missing or has fewer than eight posts.
pub(super) fn weak(prior: Prior, months: &[Month], clustering: f64) -> Option<Weak> {
    if months.len() < MONTHS || months.iter().any(|month| month.posts < FEWEST) {
        return None;
    }
    let drawn =
        |month: &Month| prior.shrink(month.events / clustering, month.trials / clustering, CONFIDENCE);
    let rates: Vec<Shrunken> = months.iter().map(drawn).collect::<Option<_>>()?;
    let below = |rate: &dyn Fn(&Shrunken) -> f64| {
        rates.iter().zip(months).filter(|(found, month)| rate(found) < month.median).count()
    };
    let verdict = if below(&|found| found.interval.1) == months.len() {
        Verdict::Over
    } else if below(&|found| found.rate) == months.len() {
        Verdict::Near
    } else {
        Verdict::Under
    };
    Some(Weak { verdict, rates })
}

/// Whether a KPI is a rate over posts of which each is one.
pub(super) fn concerns(kpi: &Kpi) -> bool {
    let of_posts = kpi.program.cluster.is_some() && kpi.program.ratio.is_some();
    kpi.goal == Goal::Engagement
        && kpi.direction == Direction::Up
        && kpi.basis == Basis::Published
        && of_posts
}

/// The median post of an account, as a KPI.
fn middle(desk: &Desk<'_>, kpi: &Kpi) -> Option<Kpi> {
    let age = kpi.age.map_or_else(String::new, |age| format!("age = \"{age}d\""));
    let more = format!("basis = \"published\"\n{age}");
    let found = desk.beside(kpi, &kpi.id, &format!("median_over_posts({})", kpi.formula), &more)?;
    Some(Kpi { version: kpi.version, traffic: kpi.traffic, filter: kpi.filter.clone(), ..found })
}

/// Looks at the formats of each account.
pub(super) async fn look(desk: &Desk<'_>, kpis: &[&Kpi]) -> Result<Vec<Looked>> {
    let pairs: Vec<(Kpi, Kpi)> =
        kpis.iter().filter_map(|kpi| Some(((*kpi).clone(), middle(desk, kpi)?))).collect();
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let (kpis, middles): (Vec<Kpi>, Vec<Kpi>) = pairs.into_iter().unzip();
    let settled = kpis.iter().map(|kpi| desk.settled(kpi)).min().unwrap_or(desk.until);
    let desk = &Desk { until: settled, ..*desk };
    let of_format = [Dimension::Account, Dimension::Format];
    let monthly = desk.series(&kpis, Dimension::Month, MONTHS, &of_format).await?;
    let weekly = desk.series(&kpis, Dimension::Week, WEEKS, &of_format).await?;
    let medians = desk.series(&middles, Dimension::Month, MONTHS, &[Dimension::Account]).await?;
    let mut all = Vec::new();
    for kpi in &kpis {
        let own = |series: &&Series| series.is_of(kpi);
        let weeks: Vec<&Series> = weekly.iter().filter(own).collect();
        for months in monthly.iter().filter(own) {
            let account = months.scope.get("account").cloned().flatten();
            let middle = medians.iter().filter(own).find(|one| one.scope.get("account") == Some(&account));
            if months.scope.get("format").is_some_and(Option::is_some) && months.known() > 0 {
                all.push(one(desk, kpi, months, middle, &weeks));
            }
        }
    }
    Ok(all)
}

fn one(desk: &Desk<'_>, kpi: &Kpi, months: &Series, middle: Option<&Series>, weeks: &[&Series]) -> Looked {
    let span = months.span().unwrap_or(desk.request.period.span);
    let mut looked = Looked::new(SignalKind::WeakFormat, kpi, &months.scope, span);
    if let Some(reason) = desk.divided(kpi, &months.scope, span) {
        return looked.say(Verdict::CannotTell, reason);
    }
    let found: Vec<(DateSpan, Month)> =
        months.points.iter().filter_map(|point| Some((point.span, month(point, middle?)?))).collect();
    let told = |(span, month): &(DateSpan, Month)| {
        let note =
            format!("{} posts; the median post of the account: {:.3} %", month.posts, month.median * 100.0);
        Evidence::new(&kpi.id, *span, month.events / month.trials).note(note)
    };
    looked = looked.evidence(found.iter().map(told));
    let counted: Vec<Month> = found.iter().map(|(_, month)| *month).collect();
    if counted.len() < MONTHS || counted.iter().any(|month| month.posts < FEWEST) {
        let reason = format!("{MONTHS} months with at least {FEWEST} posts each are needed");
        return looked.say(Verdict::CannotTell, reason);
    }
    let clustering = median(&counted.iter().filter_map(Month::clustering).collect::<Vec<_>>()).unwrap_or(1.0);
    let Some(prior) = prior(weeks, &months.scope, clustering) else {
        let reason = "too few types and weeks with posts to tell what types have in common";
        return looked.say(Verdict::CannotTell, reason);
    };
    let Some(found) = weak(prior, &counted, clustering) else {
        return looked.say(Verdict::CannotTell, "the rate cannot be drawn towards the common one");
    };
    let (Some(newest), Some(month)) = (found.rates.last(), counted.last()) else { return looked };
    let reason = format!(
        "rate {:.3} %, at most {:.3} % (90 % interval, drawn to the common rate), the median post {:.3} % in the newest of {MONTHS} months",
        newest.rate * 100.0,
        newest.interval.1 * 100.0,
        month.median * 100.0
    );
    let relative = |rate: f64| rate / month.median - 1.0;
    let interval = (relative(newest.interval.0), relative(newest.interval.1));
    looked.say(found.verdict, reason).effect(
        "below the median post",
        relative(newest.rate),
        Some(interval),
        "fraction",
    )
}

fn month(point: &Point, middle: &Series) -> Option<Month> {
    let (events, trials) = point.parts()?;
    let median = middle.points.iter().find(|other| other.span == point.span)?.value?;
    let posts = point.row.posts?;
    (trials > 0.0).then_some(Month { events, trials, posts, interval: point.row.interval, median })
}

/// What types have in common on the platform of a scope: from the weeks of all of its accounts' types.
fn prior(weeks: &[&Series], scope: &BTreeMap<String, Option<String>>, clustering: f64) -> Option<Prior> {
    let platform = |scope: &BTreeMap<String, Option<String>>| {
        let account = scope.get("account").cloned().flatten()?;
        account.split_once('/').map(|(platform, _)| platform.to_owned())
    };
    let own = platform(scope)?;
    let same = weeks.iter().filter(|series| platform(&series.scope).as_ref() == Some(&own));
    let groups: Vec<(f64, f64)> = same
        .flat_map(|series| series.points.iter().filter_map(Point::parts))
        .map(|(events, trials)| (events / clustering, trials / clustering))
        .collect();
    Prior::of(&groups)
}
