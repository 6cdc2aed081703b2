//! When to post: hours and weekdays in which posts did better than the account's usual.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::SessionContext;
use kepi_core::{Result, Traffic, period::zone};
use serde::Serialize;
use smol_str::SmolStr;

use super::{Answer, Group, Scope, Verdict, groups};
use crate::{
    EvaluationRequest,
    evaluate::{Dimension, PostRow, Span, known_accounts},
    kpi::Direction,
    statistics::{CellEffect, Estimate, discoveries, kruskal_wallis, margin_effects, median},
};

/// The posts that a table of times needs.
const FEWEST: usize = 60;
/// The posts that a cell of it needs, and an account to be held against its own usual.
const FEWEST_IN_CELL: usize = 5;
/// The risk of calling a table told that chance made: over its three tests together.
const RISK: f64 = 0.05;
/// The share of the hours, weekdays or cells that are told that may be so by chance.
const FALSE_DISCOVERIES: f64 = 0.1;
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// When to post on a platform, or as an account.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimesAdvice {
    /// The KPI that posts are compared by.
    pub kpi: String,
    /// Its version.
    pub version: u32,
    /// The platform, and the account and the format where they were asked for.
    pub scope: Scope,
    /// Whose money brought the traffic.
    pub traffic: Option<Traffic>,
    /// The days on which the posts were published.
    pub period: Span,
    /// The zones whose hours and weekdays these are: each account's own.
    pub zones: Vec<String>,
    /// Posts that were used.
    pub posts: usize,
    /// Whether any time stands out by more than chance.
    pub answer: Answer,
    /// Why.
    pub reason: String,
    /// The p-value of all hours being alike.
    pub hours_p: Option<f64>,
    /// The p-value of all weekdays being alike.
    pub weekdays_p: Option<f64>,
    /// The p-value of all cells being alike.
    pub cells_p: Option<f64>,
    /// Hours of the day, whatever the weekday.
    pub hours: Vec<TimeCell>,
    /// Weekdays, whatever the hour.
    pub weekdays: Vec<TimeCell>,
    /// Hours of weekdays in which anything was posted.
    pub cells: Vec<TimeCell>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// An hour, a weekday, or an hour of a weekday.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TimeCell {
    /// The weekday; null for all of them.
    pub weekday: Option<&'static str>,
    /// The hour, 0 to 23, in the account's zone; null for all of them.
    pub hour: Option<u8>,
    /// Posts in it.
    pub posts: usize,
    /// The median of their rates.
    pub rate: Option<f64>,
    /// How far they stand from the account's usual, in standard deviations, drawn towards what the hour and the weekday
    /// have in common; null with fewer than five posts.
    pub score: Option<f64>,
    /// The 95 % interval of the score.
    pub interval: Option<(f64, f64)>,
    /// What it comes to.
    pub verdict: Verdict,
}

/// Looks for the hours and weekdays in which posts of the request's period did better; with `format` in `by`, of each
/// format by itself, held against the account's usual of that format.
///
/// Each post's rate is held against its own account (z-score). A cell's score is the median of its posts, drawn
/// towards its hour and weekday as far as these differ. Anything is told only where hours, weekdays or cells differ by
/// more than chance (Kruskal and Wallis), the interval leaves out the usual, and the p-values of its like hold together
/// (Benjamini and Hochberg): of fifty cells some always stand out.
///
/// # Errors
/// When a table is missing or cannot be read.
pub async fn best_times(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Vec<TimesAdvice>> {
    let zones: BTreeMap<SmolStr, SmolStr> =
        known_accounts(ctx, request).await?.into_iter().map(|account| (account.id, account.zone)).collect();
    let part = request.by.contains(&Dimension::Format).then_some(Dimension::Format);
    let groups = groups(ctx, request, &[request.period.span], part).await?;
    let groups = match part {
        Some(part) => groups.into_iter().flat_map(|group| group.by_part(part)).collect(),
        None => groups,
    };
    groups.into_iter().map(|group| advise(&group, &zones)).collect()
}

/// A post in its cell.
struct Timed<'a> {
    post: &'a PostRow,
    weekday: usize,
    hour: u8,
    rate: f64,
    score: f64,
}

fn advise(group: &Group<'_>, zones: &BTreeMap<SmolStr, SmolStr>) -> Result<TimesAdvice> {
    let mut notes = group.notes.clone();
    let timed = timed(group, zones, &mut notes)?;
    let named = |post: &Timed<'_>| zones.get(&post.post.account).map(SmolStr::to_string);
    let mut advice = TimesAdvice {
        kpi: group.kpi.id.clone(),
        version: group.kpi.version,
        scope: group.scope.clone(),
        traffic: group.traffic(),
        period: group.span.into(),
        zones: timed.iter().filter_map(named).collect::<BTreeSet<_>>().into_iter().collect(),
        posts: timed.len(),
        answer: Answer::NotEnoughData,
        reason: String::new(),
        hours_p: None,
        weekdays_p: None,
        cells_p: None,
        hours: Vec::new(),
        weekdays: Vec::new(),
        cells: Vec::new(),
        notes,
    };
    let points: Vec<(usize, usize, f64)> =
        timed.iter().map(|post| (usize::from(post.hour), post.weekday, post.score)).collect();
    let tests = tests(&timed, &mut advice);
    let least = tests.iter().copied().min_by(f64::total_cmp).filter(|_| timed.len() >= FEWEST);
    let effects = least.and_then(|_| margin_effects(&points)).unwrap_or_default();
    let stands_out = least.is_some_and(|least| least * 3.0 < RISK);
    let direction = group.kpi.direction;
    let table =
        |parts: &[CellEffect], key: fn(&Timed<'_>) -> Key| cells(&timed, parts, key, (stands_out, direction));
    advice.hours = table(&effects.rows, |post| (None, Some(post.hour)));
    advice.weekdays = table(&effects.columns, |post| (Some(post.weekday), None));
    advice.cells = table(&effects.cells, |post| (Some(post.weekday), Some(post.hour)));
    let Some(least) = least else {
        advice.reason = if timed.len() < FEWEST {
            format!("{} posts have a rate; a table of times needs {FEWEST}", timed.len())
        } else {
            format!("no two times have {FEWEST_IN_CELL} posts each to be held against each other")
        };
        return Ok(advice);
    };
    let told = |cells: &[TimeCell]| {
        cells.iter().filter(|cell| matches!(cell.verdict, Verdict::Better | Verdict::Worse)).count()
    };
    let found = [told(&advice.hours), told(&advice.weekdays), told(&advice.cells)];
    advice.answer = if found.iter().sum::<usize>() > 0 { Answer::Told } else { Answer::Undecided };
    advice.reason = if advice.answer == Answer::Told {
        let [hours, weekdays, cells] = found;
        format!(
            "{hours} hours, {weekdays} weekdays and {cells} hours of a weekday stand out; that times are alike has p = {least:.4}"
        )
    } else if stands_out {
        format!("times are not all alike (p = {least:.4}), but none can be told from the usual by itself")
    } else {
        format!("times differ no more than chance would have them (least p = {least:.3}, of three tests)")
    };
    Ok(advice)
}

/// The p-values of hours, weekdays and cells being alike.
fn tests(timed: &[Timed<'_>], advice: &mut TimesAdvice) -> Vec<f64> {
    if timed.len() >= FEWEST {
        advice.hours_p = differ(timed, |post| (usize::from(post.hour), 0));
        advice.weekdays_p = differ(timed, |post| (post.weekday, 0));
        advice.cells_p = differ(timed, |post| (usize::from(post.hour), post.weekday));
    }
    [advice.hours_p, advice.weekdays_p, advice.cells_p].into_iter().flatten().collect()
}

/// Posts with their hour and weekday in the account's zone, and their rate held against the account's own.
fn timed<'a>(
    group: &'a Group<'_>,
    zones: &BTreeMap<SmolStr, SmolStr>,
    notes: &mut Vec<String>,
) -> Result<Vec<Timed<'a>>> {
    let mut timed = Vec::new();
    for account in &group.accounts {
        let name =
            zones.get(account).map_or("UTC", |zone| if zone.is_empty() { "UTC" } else { zone.as_str() });
        let zone = zone(name)?;
        let own: Vec<(&PostRow, jiff::Timestamp, f64)> = group
            .rows()
            .filter(|row| row.account == *account)
            .filter_map(|row| Some((row, row.at?, row.rate()?)))
            .collect();
        let rates: Vec<f64> = own.iter().map(|(.., rate)| *rate).collect();
        let usual = Estimate::of_mean(&rates).filter(|_| rates.len() >= FEWEST_IN_CELL);
        let spread = usual.map_or(0.0, |usual| (usual.variance * (usual.freedom + 1.0)).sqrt());
        let Some(usual) = usual.filter(|_| spread > 0.0) else {
            if !own.is_empty() {
                notes.push(format!(
                    "{account} has too few posts, or all alike, to be held against its own usual"
                ));
            }
            continue;
        };
        timed.extend(own.into_iter().map(|(post, at, rate)| {
            let local = at.to_zoned(zone.clone());
            Timed {
                post,
                weekday: usize::try_from(local.weekday().to_monday_zero_offset()).unwrap_or(0),
                hour: u8::try_from(local.hour()).unwrap_or(0),
                rate,
                score: (rate - usual.value) / spread,
            }
        }));
    }
    Ok(timed)
}

/// The p-value of groups being alike, of those with enough posts.
fn differ(timed: &[Timed<'_>], key: impl Fn(&Timed<'_>) -> (usize, usize)) -> Option<f64> {
    let mut groups: BTreeMap<(usize, usize), Vec<f64>> = BTreeMap::new();
    for post in timed {
        groups.entry(key(post)).or_default().push(post.score);
    }
    let groups: Vec<Vec<f64>> = groups.into_values().filter(|group| group.len() >= FEWEST_IN_CELL).collect();
    kruskal_wallis(&groups).map(|test| test.p)
}

/// A weekday, an hour, or both.
type Key = (Option<usize>, Option<u8>);

/// Parts of the week in order; scored where there is enough, told where times differ at all.
fn cells(
    timed: &[Timed<'_>],
    effects: &[CellEffect],
    key: fn(&Timed<'_>) -> Key,
    (stands_out, direction): (bool, Direction),
) -> Vec<TimeCell> {
    let mut members: BTreeMap<Key, Vec<f64>> = BTreeMap::new();
    for post in timed {
        members.entry(key(post)).or_default().push(post.rate);
    }
    let enough: Vec<&CellEffect> = effects.iter().filter(|effect| effect.count >= FEWEST_IN_CELL).collect();
    let p_values: Vec<f64> = enough.iter().map(|effect| effect.p).collect();
    let found = discoveries(&p_values, FALSE_DISCOVERIES);
    let cell = |((weekday, hour), rates): (Key, Vec<f64>)| {
        let place = (hour.map_or(0, usize::from), weekday.unwrap_or(0));
        let own = enough.iter().zip(&found).find(|(effect, _)| (effect.row, effect.column) == place);
        let verdict = match own {
            Some((effect, true)) if stands_out => Verdict::by(effect.interval, direction),
            Some(_) => Verdict::Undecided,
            None => Verdict::NotEnoughData,
        };
        TimeCell {
            weekday: weekday.and_then(|weekday| WEEKDAYS.get(weekday).copied()),
            hour,
            posts: rates.len(),
            rate: median(&rates),
            score: own.map(|(effect, _)| effect.effect),
            interval: own.map(|(effect, _)| effect.interval),
            verdict,
        }
    };
    members.into_iter().map(cell).collect()
}
