//! P5: ratings or sentiment fall. A mean rating by 0.3 or more with at least 30 ratings on each side, or a share of
//! negative mentions up by five points or more, each at p < 0.05; not where another classifier counts.

use std::collections::BTreeSet;

use datafusion::logical_expr::col;
use kepi_core::{DateSpan, Result};

use super::{
    reading::{Desk, Gap, Point, Scope, Series},
    signal::{Evidence, Looked, SignalKind, Verdict},
};
use crate::{
    evaluate::table::{Rows, failed},
    kpi::{Direction, Kpi},
    statistics::{Cluster, TwoProportions, dispersion, two_proportions, two_ratios},
};

/// The weeks of each side.
pub(super) const WEEKS: usize = 4;
/// The ratings or mentions that each side needs.
const FEWEST: f64 = 30.0;
/// A fall of a mean rating.
const RATING: f64 = -0.3;
/// A rise of the share of negative mentions.
const NEGATIVE: f64 = 0.05;

/// What is counted on one side: parts of it (days, weeks) as (sum or negative ones, all).
pub(super) type Parts = Vec<(f64, f64)>;

/// What two sides come to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fall {
    pub(super) verdict: Verdict,
    pub(super) found: TwoProportions,
    pub(super) sides: (f64, f64),
}

fn sums(parts: &[(f64, f64)]) -> (f64, f64) {
    parts.iter().fold((0.0, 0.0), |(y, x), (more_y, more_x)| (y + more_y, x + more_x))
}

fn enough(before: &[(f64, f64)], after: &[(f64, f64)]) -> Option<((f64, f64), (f64, f64))> {
    let (first, second) = (sums(before), sums(after));
    (first.1 >= FEWEST && second.1 >= FEWEST).then_some((first, second))
}

/// Whether ratings fall; parts are (sum of scores, ratings). `None` for fewer than 30 ratings on a side.
pub(super) fn ratings(before: &[(f64, f64)], after: &[(f64, f64)]) -> Option<Fall> {
    let (first, second) = enough(before, after)?;
    let found = two_ratios(&clusters(before), &clusters(after), (least(first), least(second)))?;
    let fell = |size: f64| found.difference <= size + 1e-9;
    let verdict = match (fell(RATING), fell(RATING / 2.0)) {
        (true, _) if found.p < 0.05 => Verdict::Over,
        (_, true) => Verdict::Near,
        _ => Verdict::Under,
    };
    Some(Fall { verdict, found, sides: (first.0 / first.1, second.0 / second.1) })
}

fn clusters(parts: &[(f64, f64)]) -> Cluster {
    let mut cluster = Cluster::default();
    parts.iter().filter(|(_, all)| *all > 0.0).for_each(|(sum, all)| cluster.add(*sum, *all));
    cluster
}

/// The smallest standard error of a mean of whole scores: those next to the mean, in the shares that make it.
fn least((sum, all): (f64, f64)) -> f64 {
    let over = (sum / all).fract().abs();
    (over * (1.0 - over) / all).sqrt()
}

/// Whether the share of negative mentions rises; parts are (negative ones, all). `None` for fewer than 30 mentions
/// on a side.
pub(super) fn negatives(before: &[(f64, f64)], after: &[(f64, f64)]) -> Option<Fall> {
    let (first, second) = enough(before, after)?;
    // Days differ by themselves: each side's own, so that the difference of the sides is not counted with them.
    let spread = |parts: &[(f64, f64)]| dispersion(parts).unwrap_or(1.0);
    let found = two_proportions(first, second, spread(before).max(spread(after)))?;
    let rose = |size: f64| found.difference >= size - 1e-9;
    let verdict = match (rose(NEGATIVE), rose(NEGATIVE / 2.0)) {
        (true, _) if found.p < 0.05 => Verdict::Over,
        (_, true) => Verdict::Near,
        _ => Verdict::Under,
    };
    Some(Fall { verdict, found, sides: (first.0 / first.1, second.0 / second.1) })
}

/// What a KPI of reputation counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    Ratings,
    Sentiment,
}

pub(super) fn counts(kpi: &Kpi) -> Option<Counts> {
    let metrics = kpi.metrics();
    let reads = |name: &str| metrics.iter().any(|metric| metric.as_str() == name);
    kpi.program.ratio.as_ref()?;
    if reads("rating_sum") && reads("rating_count") && metrics.len() == 2 {
        return Some(Counts::Ratings);
    }
    (reads("sentiment_neg") && reads("sentiment_pos")).then_some(Counts::Sentiment)
}

/// The KPIs that are looked at: of several that count the sentiment of the same platforms, one; that of negative
/// mentions itself first.
pub(super) fn chosen(kpis: &[Kpi]) -> Vec<&Kpi> {
    let mut chosen: Vec<&Kpi> = Vec::new();
    let down = |kpi: &&Kpi| kpi.direction == Direction::Down;
    for kpi in kpis.iter().filter(down).chain(kpis.iter().filter(|kpi| !down(kpi))) {
        let Some(what) = counts(kpi) else { continue };
        let same = |other: &&Kpi| counts(other) == Some(what) && other.platforms == kpi.platforms;
        if !chosen.iter().any(same) {
            chosen.push(kpi);
        }
    }
    chosen
}

/// What is counted beside a KPI: ratings as they are, of sentiment the negative share.
pub(super) fn counted(desk: &Desk<'_>, kpi: &Kpi) -> Option<Kpi> {
    match counts(kpi)? {
        Counts::Ratings => Some(kpi.clone()),
        Counts::Sentiment => {
            let subject = kpi.subject.map_or("account", |subject| subject.as_str());
            let more = format!("basis = \"activity\"\nsubject = {subject:?}\ndirection = \"down\"");
            let formula = "sentiment_neg / (sentiment_pos + sentiment_neu + sentiment_neg)";
            let share = desk.beside(kpi, &kpi.id, formula, &more)?;
            Some(Kpi { version: kpi.version, traffic: kpi.traffic, ..share })
        }
    }
}

/// Looks at the newest periods of a KPI against as many before; weeks or months, whichever have the numbers.
pub(super) async fn look(
    desk: &Desk<'_>,
    kpi: &Kpi,
    weekly: &Series,
    daily: Option<&Series>,
    monthly: Option<&Series>,
) -> Result<Looked> {
    let scope = &weekly.scope;
    let halves = |series: &Series, each: usize| {
        let from = series.points.len().checked_sub(2 * each)?;
        let (before, after) = series.points.get(from..)?.split_at(each);
        let usable = |half: &[Point]| {
            let missing = half.iter().any(|point| matches!(point.gap, Some(Gap::Missing | Gap::Provisional)));
            !missing && half.iter().any(|point| point.value.is_some())
        };
        (usable(before) && usable(after)).then(|| (before.to_vec(), after.to_vec()))
    };
    let found = halves(weekly, WEEKS).or_else(|| halves(monthly?, 1));
    let kind = SignalKind::WorseReputation;
    let Some((before, after)) = found else {
        let span = weekly.span().unwrap_or(desk.request.period.span);
        let reason = "neither the newest four weeks and the four before nor the newest two months are known well enough";
        return Ok(Looked::new(kind, kpi, scope, span).say(Verdict::CannotTell, reason));
    };
    let whole = |points: &[Point]| {
        let start = points.first().map_or(desk.until, |point| point.span.start);
        DateSpan::new(start, points.last().map_or(desk.until, |point| point.span.end))
    };
    let (first, second) = (whole(&before), whole(&after));
    let span = DateSpan::new(first.start, second.end);
    let mut looked = Looked::new(kind, kpi, scope, span);
    if let Some(reason) = desk.divided(kpi, scope, span) {
        return Ok(looked.say(Verdict::CannotTell, reason));
    }
    let sides = (parts_of(daily, &before, first), parts_of(daily, &after, second));
    let what = counts(kpi);
    let fall = match what {
        Some(Counts::Ratings) => ratings(&sides.0, &sides.1),
        _ => negatives(&sides.0, &sides.1),
    };
    let (all_before, all_after) = (sums(&sides.0).1, sums(&sides.1).1);
    let Some(Fall { verdict, found, sides: (was, is) }) = fall else {
        let reason = format!(
            "{all_before:.0} and {all_after:.0} are counted; each side needs {FEWEST:.0}, and some that differ"
        );
        return Ok(looked.say(Verdict::CannotTell, reason));
    };
    looked = looked.evidence([
        Evidence::new(&kpi.id, first, was).note(format!("of {all_before:.0}")),
        Evidence::new(&kpi.id, second, is).note(format!("of {all_after:.0}")),
    ]);
    let (reason, unit) = match what {
        Some(Counts::Ratings) => (format!("from {was:.2} to {is:.2} (p {:.4})", found.p), "score"),
        _ => {
            let points = found.difference * 100.0;
            (
                format!(
                    "negative share {points:+.1} points, from {:.1} % to {:.1} % (p {:.4})",
                    was * 100.0,
                    is * 100.0,
                    found.p
                ),
                "points",
            )
        }
    };
    looked = looked
        .say(verdict, reason.as_str())
        .effect("difference", found.difference, Some(found.interval), unit)
        .p(found.p);
    if what == Some(Counts::Sentiment) && verdict == Verdict::Over {
        let (was, is) =
            (classifiers(desk, kpi, scope, first).await?, classifiers(desk, kpi, scope, second).await?);
        if was != is {
            let reason =
                format!("{reason}; but another classifier counts: {} then, {} now", named(&was), named(&is));
            return Ok(looked.say(Verdict::Explained, reason));
        }
    }
    Ok(looked)
}

/// The days of a side where they have the same numbers, else its weeks or months.
fn parts_of(daily: Option<&Series>, points: &[Point], span: DateSpan) -> Parts {
    let coarse: Parts = points.iter().filter_map(Point::parts).collect();
    let within = |point: &&Point| span.start <= point.span.start && point.span.end <= span.end;
    let days = daily.into_iter().flat_map(|daily| &daily.points).filter(within);
    let fine: Parts = days.filter_map(Point::parts).collect();
    let same = (sums(&fine).1 - sums(&coarse).1).abs() < 0.5;
    if same { fine } else { coarse }
}

fn named(classifiers: &BTreeSet<String>) -> String {
    let list: Vec<&str> =
        classifiers.iter().map(|one| if one.is_empty() { "none named" } else { one }).collect();
    list.join(" and ")
}

/// The versions of the classifier that counted negative mentions in a span, as the facts name them.
async fn classifiers(desk: &Desk<'_>, kpi: &Kpi, scope: &Scope, span: DateSpan) -> Result<BTreeSet<String>> {
    let accounts: Vec<&str> = desk.accounts_of(kpi, scope).map(|account| account.id.as_str()).collect();
    let table = kepi_core::tables::facts_of(kpi.subject.unwrap_or(kepi_core::SubjectKind::Account)).name;
    let wanted = desk.valid_facts(span).and(col("sentiment_neg").is_not_null());
    let frame = desk.ctx.table(table).await.map_err(failed)?.filter(wanted).map_err(failed)?;
    let rows = Rows::collect(frame.select([col("account"), col("flags")]).map_err(failed)?).await?;
    let (account, flags) = (rows.texts("account")?, rows.texts("flags")?);
    let mut found = BTreeSet::new();
    for row in (0..rows.len()).filter(|row| accounts.contains(&account.value(*row))) {
        found.insert(classifier(crate::evaluate::table::text(&flags, row).as_deref().unwrap_or("")));
    }
    Ok(found)
}

/// The definition of `sentiment_neg` in flags such as `sentiment_neg=estimated,definition:v2;likes=capped`.
pub(super) fn classifier(flags: &str) -> String {
    let own = flags.split(';').filter_map(|one| one.trim().strip_prefix("sentiment_neg="));
    let words = own.flat_map(|words| words.split(','));
    words.filter_map(|word| word.trim().strip_prefix("definition:")).collect::<Vec<_>>().join(",")
}
