//! In which format: rates of formats, drawn towards what posts of the platform have in common, and held against the
//! platform's other posts.

use std::collections::BTreeMap;

use datafusion::prelude::SessionContext;
use kepi_core::{Error, Result, Traffic};
use serde::Serialize;
use smol_str::SmolStr;

use super::{Answer, FEWEST_POSTS, Group, Scope, Verdict, groups};
use crate::{
    EvaluationRequest,
    evaluate::{Dimension, Span, tagged},
    kpi::Direction,
    statistics::{Cluster, Estimate, Prior, Shrunken, clustered_interval, contrast, discoveries},
    tag::TagRule,
};

/// The share of discoveries that may be false: where nothing differs, the risk of telling anything.
const FALSE_DISCOVERIES: f64 = 0.05;
/// The confidence of the interval of a shrunken rate.
const CONFIDENCE: f64 = 0.9;

/// How the formats of a platform, or of an account, do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FormatsAdvice {
    /// The KPI that they are compared by.
    pub kpi: String,
    /// Its version.
    pub version: u32,
    /// The platform, and the account where that was asked for.
    pub scope: Scope,
    /// What the posts are told apart by.
    pub dimension: String,
    /// Whose money brought the traffic.
    pub traffic: Option<Traffic>,
    /// The days on which the posts were published.
    pub period: Span,
    /// Posts that were used.
    pub posts: u64,
    /// The rate of all of them.
    pub rate: Option<f64>,
    /// Whether any stands out by more than chance.
    pub answer: Answer,
    /// Why.
    pub reason: String,
    /// The formats, the best first.
    pub formats: Vec<FormatRow>,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// One format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FormatRow {
    /// Its name; null where it is not known.
    pub value: Option<String>,
    /// Its posts.
    pub posts: u64,
    /// Its rate as it is.
    pub rate: Option<f64>,
    /// The 95 % interval of the rate, clustered by post.
    pub interval: Option<(f64, f64)>,
    /// The rate drawn towards the common one; null where the KPI is no share of anything.
    pub shrunken: Option<f64>,
    /// The 90 % interval of the shrunken rate.
    pub shrunken_interval: Option<(f64, f64)>,
    /// The rate of the other posts.
    pub others: Option<f64>,
    /// The rate less that of the others.
    pub difference: Option<f64>,
    /// The 95 % interval of the difference.
    pub difference_interval: Option<(f64, f64)>,
    /// The p-value of there being no difference.
    pub p: Option<f64>,
    /// What it comes to.
    pub verdict: Verdict,
}

/// Holds the formats of the request's period against each other; with a dimension of posts in `by`, the parts of that.
///
/// Engagements of one post are not independent: a format counts as many trials as its posts are worth (Kish). The
/// prior is that of the formats where there are eight of them; with fewer it is the common rate, with the weight of one
/// post of average size. A format is told where the interval of its difference from the others leaves out
/// nothing, and the differences of one platform hold together (Benjamini and Hochberg at 0.05).
///
/// # Errors
/// When a table is missing or cannot be read, or more than one dimension is asked for.
pub async fn best_formats(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Vec<FormatsAdvice>> {
    let asked: Vec<Dimension> = request.by.iter().copied().filter(|dimension| dimension.of_posts()).collect();
    let part = match asked[..] {
        [] => Dimension::Format,
        [one] if one != Dimension::Tag => one,
        [_] => return Err(Error::bad_input("tags are of a dimension").hint("name it: tag:theme")),
        _ => return Err(one_at_a_time()),
    };
    let groups = groups(ctx, request, &[request.period.span], Some(part)).await?;
    Ok(groups.iter().map(|group| advise(group, group, part.as_str())).collect())
}

fn one_at_a_time() -> Error {
    Error::bad_input("posts are told apart by one dimension at a time")
}

/// Holds the tags that rules give to posts against each other, as [`best_formats`] does with formats. A post with two
/// tags is in both of their rows, and once in the whole; a tag is held against the posts that do not have it.
///
/// # Errors
/// As [`best_formats`].
pub async fn best_formats_by_tag(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    rules: &[TagRule],
    dimension: &str,
) -> Result<Vec<FormatsAdvice>> {
    if request.by.iter().any(|one| one.of_posts() && *one != Dimension::Tag) {
        return Err(one_at_a_time());
    }
    let spans = [request.period.span];
    let session = tagged(ctx, rules, dimension).await?;
    let tags = groups(&session, request, &spans, Some(Dimension::Tag)).await?;
    let wholes = groups(ctx, request, &spans, None).await?;
    let named = format!("{}:{dimension}", Dimension::Tag.as_str());
    let of = |tags: &Group<'_>| {
        let same = |whole: &&Group<'_>| {
            (whole.kpi.id.as_str(), whole.kpi.version, &whole.scope)
                == (tags.kpi.id.as_str(), tags.kpi.version, &tags.scope)
        };
        Some(advise(tags, wholes.iter().find(same)?, &named))
    };
    Ok(tags.iter().filter_map(of).collect())
}

/// The parts of a group, each held against the rest of the whole, in which every post stands once.
fn advise(group: &Group<'_>, whole: &Group<'_>, part: &str) -> FormatsAdvice {
    let mut sums: BTreeMap<Option<SmolStr>, Cluster> = BTreeMap::new();
    for row in group.rows() {
        sums.entry(row.part.clone()).or_default().add(row.y, row.x);
    }
    let mut all = Cluster::default();
    whole.rows().for_each(|row| all.add(row.y, row.x));
    let worth = Worth::of(&all);
    let groups: Vec<(f64, f64)> =
        worth.iter().flat_map(|worth| sums.values().map(|own| worth.trials(own))).collect();
    let prior = worth.and_then(|worth| Prior::of(&groups).or_else(|| worth.of_one_post(&all)));
    let mut rows: Vec<FormatRow> = sums
        .iter()
        .map(|(value, own)| {
            let shrunken = worth.zip(prior).and_then(|(worth, prior)| {
                let (events, trials) = worth.trials(own);
                prior.shrink(events, trials, CONFIDENCE)
            });
            row(value.as_ref(), own, &all, shrunken)
        })
        .collect();
    judge(&mut rows, group);
    let sign = if group.kpi.direction == Direction::Down { -1.0 } else { 1.0 };
    let best = |row: &FormatRow| row.shrunken.or(row.rate).map_or(f64::NEG_INFINITY, |rate| sign * rate);
    rows.sort_by(|a, b| best(b).total_cmp(&best(a)));
    let mut notes = group.notes.clone();
    if worth.is_none() && all.n > 1 {
        notes.push(format!("{} is no share of anything, so rates are not drawn together", group.kpi.id));
    }
    let (answer, reason) = told(&rows, part);
    FormatsAdvice {
        kpi: group.kpi.id.clone(),
        version: group.kpi.version,
        scope: group.scope.clone(),
        dimension: part.to_owned(),
        traffic: group.traffic(),
        period: group.span.into(),
        posts: all.n,
        rate: rate(&all),
        answer,
        reason,
        formats: rows,
        notes,
    }
}

fn rate(sums: &Cluster) -> Option<f64> {
    (sums.x != 0.0).then(|| sums.y / sums.x)
}

/// How many independent trials a unit of the denominator is worth.
#[derive(Debug, Clone, Copy)]
struct Worth {
    rate: f64,
    /// At most 1: the inverse of the design effect.
    share: f64,
}

impl Worth {
    /// `None` where the KPI is no share, or nothing varies.
    fn of(all: &Cluster) -> Option<Self> {
        let common = Estimate::of_posts(all)?;
        let chance = common.value * (1.0 - common.value);
        let worth = chance / common.variance / all.x;
        (chance > 0.0 && worth > 0.0).then_some(Self { rate: common.value, share: worth.min(1.0) })
    }

    /// Events and trials that sums over posts are worth.
    fn trials(&self, sums: &Cluster) -> (f64, f64) {
        (sums.y * self.share, sums.x * self.share)
    }

    /// The common rate, as heavy as one post of average size.
    fn of_one_post(&self, all: &Cluster) -> Option<Prior> {
        Prior::new(self.rate, all.x * self.share / all.posts())
    }
}

fn row(value: Option<&SmolStr>, own: &Cluster, all: &Cluster, shrunken: Option<Shrunken>) -> FormatRow {
    let others = Cluster {
        n: all.n - own.n,
        y: all.y - own.y,
        x: all.x - own.x,
        yy: all.yy - own.yy,
        xy: all.xy - own.xy,
        xx: all.xx - own.xx,
    };
    let apart = Estimate::of_posts(own)
        .zip(Estimate::of_posts(&others))
        .and_then(|(own, others)| contrast(&[(1.0, own), (-1.0, others)]));
    FormatRow {
        value: value.map(SmolStr::to_string),
        posts: own.n,
        rate: rate(own),
        interval: clustered_interval(own),
        shrunken: shrunken.map(|shrunken| shrunken.rate),
        shrunken_interval: shrunken.map(|shrunken| shrunken.interval),
        others: rate(&others).filter(|_| others.n > 0),
        difference: apart.map(|apart| apart.value),
        difference_interval: apart.map(|apart| apart.interval),
        p: apart.map(|apart| apart.p),
        verdict: if own.n < FEWEST_POSTS || others.n < FEWEST_POSTS {
            Verdict::NotEnoughData
        } else {
            Verdict::Undecided
        },
    }
}

fn judge(rows: &mut [FormatRow], group: &Group<'_>) {
    let enough = |row: &&mut FormatRow| row.verdict == Verdict::Undecided;
    let tested: Vec<&mut FormatRow> = rows.iter_mut().filter(enough).collect();
    let p_values: Vec<f64> = tested.iter().map(|row| row.p.unwrap_or(1.0)).collect();
    for (row, found) in tested.into_iter().zip(discoveries(&p_values, FALSE_DISCOVERIES)) {
        if let Some(interval) = row.difference_interval.filter(|_| found) {
            row.verdict = Verdict::by(interval, group.kpi.direction);
        }
    }
}

fn told(rows: &[FormatRow], part: &str) -> (Answer, String) {
    let with = |verdict: Verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    if rows.len() < 2 {
        return (Answer::NotEnoughData, format!("there is no second {part} to hold it against"));
    }
    let enough = rows.len() - with(Verdict::NotEnoughData);
    if enough == 0 {
        let reason = format!("no {part} has {FEWEST_POSTS} posts beside {FEWEST_POSTS} others");
        return (Answer::NotEnoughData, reason);
    }
    let (better, worse) = (with(Verdict::Better), with(Verdict::Worse));
    if better + worse == 0 {
        let reason =
            format!("of {enough} with enough posts, none differs from the others by more than chance");
        return (Answer::Undecided, reason);
    }
    (
        Answer::Told,
        format!("of {enough} with enough posts, {better} better and {worse} worse than the others"),
    )
}
