//! Reading an experiment: the effect with its interval, or why there is none.

use std::collections::BTreeSet;

use datafusion::prelude::SessionContext;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{DateSpan, Result, period::add_days};
use serde::Serialize;
use serde_json::Value;

use super::declared::{Expectation, Experiment};
use crate::{
    EvaluationRequest,
    advice::{FEWEST_POSTS, breaks},
    evaluate::{Posts, Registrations, Span, Which, platform_of, posts, registrations},
    kpi::Kpi,
    statistics::{Cluster, Estimate, clustered_interval, contrast, q_values},
};

/// The share of the effects that are told that may be none.
const FALSE_DISCOVERIES: f64 = 0.05;
/// The events, over both sides, that a comparison needs.
const FEWEST_EVENTS: f64 = 30.0;

/// How an experiment is held against something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Design {
    /// Treated posts against others of the same days.
    Concurrent,
    /// All posts against those of the days before.
    BeforeAfter,
    /// How treated posts changed from the days before, against how the others did.
    DifferenceInDifferences,
}

/// What an experiment comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ExperimentVerdict {
    /// It has not begun.
    Waiting,
    /// It runs: nobody looks yet.
    Running,
    /// The whole interval is on the side that was expected.
    Confirmed,
    /// The whole interval is on the other side.
    Refuted,
    /// The interval holds nothing at all as well.
    Undecided,
    /// It cannot be read as a test.
    Refused,
}

impl ExperimentVerdict {
    /// The verdict as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Confirmed => "confirmed",
            Self::Refuted => "refuted",
            Self::Undecided => "undecided",
            Self::Refused => "refused",
        }
    }
}

/// One group of posts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupResult {
    /// The days on which they were published.
    pub period: Span,
    /// How many have a usable reading.
    pub posts: u64,
    /// How many are known.
    pub known: u64,
    /// Their value.
    pub value: Option<f64>,
    /// Its 95 % interval, clustered by post.
    pub interval: Option<(f64, f64)>,
}

/// What an experiment came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExperimentResult {
    /// Its id.
    pub experiment: String,
    /// What was expected, in words.
    pub hypothesis: String,
    /// The KPI that it is read by.
    pub kpi: String,
    /// Its version.
    pub version: u32,
    /// Its days.
    pub period: Span,
    /// When the store first saw its declaration.
    pub registered_at: Timestamp,
    /// Which way it should go.
    pub expect: Expectation,
    /// How it is held against something.
    pub design: Design,
    /// What it is held against, in words.
    pub compared_with: String,
    /// The treated posts.
    pub treated: Option<GroupResult>,
    /// The others of the same days.
    pub control: Option<GroupResult>,
    /// The treated posts of the days before.
    pub treated_before: Option<GroupResult>,
    /// The others of the days before.
    pub control_before: Option<GroupResult>,
    /// What the treatment did, in the KPI's scale.
    pub effect: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The effect as a fraction of what would have been without it.
    pub relative: Option<f64>,
    /// The p-value of there being no effect.
    pub p: Option<f64>,
    /// The share of false discoveries at which it is one, among all experiments that were over by then.
    pub q: Option<f64>,
    /// How many these are, itself included.
    pub together: usize,
    /// What it comes to.
    pub verdict: ExperimentVerdict,
    /// Why.
    pub reason: String,
    /// What a reader must know.
    pub notes: Vec<String>,
    /// What the store must keep of the declaration, where it does not yet; no part of the output.
    #[serde(skip)]
    pub to_register: Option<String>,
}

impl ExperimentResult {
    /// The status under which the records of evaluations keep declarations: the scope names the experiment, the row is
    /// what must not change.
    pub const STATUS: &'static str = "experiment";
}

/// Reads experiments by the KPIs of a request; those without their KPI are left out. Of several, some have an
/// effect by chance: each is judged with all that were over by then, so all that are declared are read.
/// Declarations that the store does not know are registered as of the request's instant: the caller keeps
/// [`ExperimentResult::to_register`].
///
/// # Errors
/// When a table is missing or cannot be read.
pub async fn experiments(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    declared: &[Experiment],
) -> Result<Vec<ExperimentResult>> {
    let registered = registrations(ctx, ExperimentResult::STATUS).await?;
    let (mut results, mut ripe) = (Vec::new(), Vec::new());
    for experiment in declared {
        let newest = |kpi: &&Kpi| kpi.id == experiment.kpi.value;
        let Some(kpi) = request.kpis.iter().filter(newest).max_by_key(|kpi| kpi.version) else { continue };
        results.push(read(ctx, request, experiment, kpi, &registered).await?);
        ripe.push(ripe_on(experiment, kpi));
    }
    together(&mut results, &ripe);
    Ok(results)
}

/// The day on which an experiment can be read: the day after its last, or when its last posts are as old as the KPI asks.
fn ripe_on(experiment: &Experiment, kpi: &Kpi) -> Date {
    add_days(experiment.span.end, i32::from(kpi.age.unwrap_or(0)))
}

/// Judges experiments together: an effect counts where it is one beside all experiments that could be read by the same
/// day (Benjamini and Hochberg). What comes later changes nothing of what was said.
fn together(results: &mut [ExperimentResult], ripe: &[Date]) {
    let p_values: Vec<f64> = results.iter().map(|result| result.p.unwrap_or(f64::NAN)).collect();
    for (place, result) in results.iter_mut().enumerate() {
        let by_then = |other: usize| ripe.get(other) <= ripe.get(place);
        let family: Vec<f64> = p_values
            .iter()
            .enumerate()
            .map(|(other, p)| if by_then(other) { *p } else { f64::NAN })
            .collect();
        let Some(q) = q_values(&family).get(place).copied().filter(|q| !q.is_nan()) else { continue };
        result.q = Some(q);
        result.together = family.iter().filter(|p| !p.is_nan()).count();
        let told = matches!(result.verdict, ExperimentVerdict::Confirmed | ExperimentVerdict::Refuted);
        if told && q > FALSE_DISCOVERIES {
            result.verdict = ExperimentVerdict::Undecided;
            result.reason = format!(
                "{}, but among the {} experiments that were over by then it may be chance (q {q:.3})",
                result.reason, result.together
            );
        }
    }
}

/// Sides of an experiment within its days, and within the days before.
struct Sides {
    treated: Posts,
    control: Option<Posts>,
}

async fn read(
    ctx: &SessionContext,
    request: &EvaluationRequest,
    experiment: &Experiment,
    kpi: &Kpi,
    registered: &Registrations,
) -> Result<ExperimentResult> {
    let essence = experiment.essence(kpi.version);
    let known = registered.get(&experiment.id);
    let mut result = blank(request, experiment, kpi, known.map(|(at, _)| *at));
    if known.is_none() {
        result.to_register = Some(essence.to_string());
    }
    if let Some(why) = unread(request, experiment, kpi, &result, known.map(|(_, row)| row), &essence) {
        (result.verdict, result.reason) = why;
        if result.verdict == ExperimentVerdict::Waiting {
            return Ok(result);
        }
    }
    let spans: Vec<DateSpan> = experiment.before.into_iter().chain([experiment.span]).collect();
    let of = |which| posts(ctx, request, kpi, &spans, (which, None));
    let treated = experiment.treated.as_ref().map_or(Which::All, Which::Those);
    let Some(treated) = of(treated).await? else { return Ok(result) };
    let control = match (&experiment.treated, &experiment.control) {
        (_, Some(control)) => of(Which::Those(control)).await?,
        (Some(treated), None) => of(Which::Others(treated)).await?,
        (None, None) => None,
    };
    fill(request, experiment, kpi, &Sides { treated, control }, &mut result);
    Ok(result)
}

fn blank(
    request: &EvaluationRequest,
    experiment: &Experiment,
    kpi: &Kpi,
    registered: Option<Timestamp>,
) -> ExperimentResult {
    let (design, compared_with) = match (&experiment.treated, experiment.before) {
        (None, _) => (Design::BeforeAfter, "all posts of the days before".to_owned()),
        (Some(treated), before) => {
            let others = experiment
                .control
                .as_ref()
                .map_or_else(|| format!("not ({})", treated.written), |control| control.written.clone());
            match before {
                None => (Design::Concurrent, format!("posts of the same days with {others}")),
                Some(_) => (
                    Design::DifferenceInDifferences,
                    format!("how posts with {others} changed from the days before"),
                ),
            }
        }
    };
    ExperimentResult {
        experiment: experiment.id.clone(),
        hypothesis: experiment.hypothesis.clone(),
        kpi: kpi.id.clone(),
        version: kpi.version,
        period: experiment.span.into(),
        registered_at: registered.unwrap_or(request.now),
        expect: experiment.expected(kpi),
        design,
        compared_with,
        treated: None,
        control: None,
        treated_before: None,
        control_before: None,
        effect: None,
        interval: None,
        relative: None,
        p: None,
        q: None,
        together: 0,
        verdict: ExperimentVerdict::Undecided,
        reason: String::new(),
        notes: Vec::new(),
        to_register: None,
    }
}

/// Why an experiment is not read, or not yet, whatever its posts did.
fn unread(
    request: &EvaluationRequest,
    experiment: &Experiment,
    kpi: &Kpi,
    result: &ExperimentResult,
    kept: Option<&Value>,
    essence: &Value,
) -> Option<(ExperimentVerdict, String)> {
    let refused = |reason: String| Some((ExperimentVerdict::Refused, reason));
    let registered = result.registered_at.to_zoned(TimeZone::UTC).date();
    if let Some(kept) = kept.filter(|kept| *kept != essence) {
        let keys = essence.as_object().into_iter().flat_map(|fields| fields.keys());
        let changed: Vec<&str> = keys
            .filter(|key| kept.get(key.as_str()) != essence.get(key.as_str()))
            .map(String::as_str)
            .collect();
        return refused(format!(
            "it was changed since it was registered on {registered} ({}); another try is another id",
            changed.join(", ")
        ));
    }
    if registered > experiment.span.start {
        return refused(format!(
            "it was registered on {registered}, after it had begun on {}: what data suggest cannot be tested on them",
            experiment.span.start
        ));
    }
    if request.today < experiment.span.start {
        return Some((ExperimentVerdict::Waiting, format!("it begins on {}", experiment.span.start)));
    }
    let ripe = ripe_on(experiment, kpi);
    if request.today < ripe {
        let until = kpi.age.map_or_else(
            || format!("it runs until {}", add_days(experiment.span.end, -1)),
            |age| format!("its last posts are {age} days old on {ripe}"),
        );
        let reason = format!("{until}; who looks before and stops when it suits finds effects that are none");
        return Some((ExperimentVerdict::Running, reason));
    }
    None
}

fn fill(
    request: &EvaluationRequest,
    experiment: &Experiment,
    kpi: &Kpi,
    sides: &Sides,
    result: &mut ExperimentResult,
) {
    let group = |posts: &Posts, span: DateSpan| {
        let sums = posts.sums(&|_| true, span);
        let shown = GroupResult {
            period: span.into(),
            posts: sums.n,
            known: posts.known(&|_| true, span),
            value: (sums.x != 0.0).then(|| sums.y / sums.x),
            interval: clustered_interval(&sums),
        };
        (sums, shown)
    };
    let now = group(&sides.treated, experiment.span);
    let control = sides.control.as_ref().map(|posts| group(posts, experiment.span));
    let before = experiment.before.map(|span| group(&sides.treated, span));
    let control_before =
        experiment.before.and_then(|span| sides.control.as_ref().map(|posts| group(posts, span)));
    let all = [Some(&now), control.as_ref(), before.as_ref(), control_before.as_ref()];
    let settled = result.verdict == ExperimentVerdict::Undecided;
    let why = settled.then(|| refusal(request, experiment, kpi, sides, &all)).flatten();
    if let Some(reason) = why {
        (result.verdict, result.reason) = (ExperimentVerdict::Refused, reason);
    } else if settled {
        let weights = match result.design {
            Design::Concurrent => [1.0, -1.0, 0.0, 0.0],
            Design::BeforeAfter => [1.0, 0.0, -1.0, 0.0],
            Design::DifferenceInDifferences => [1.0, -1.0, -1.0, 1.0],
        };
        let sums = all.map(|group| group.map(|(sums, _)| *sums));
        tell(&weights.into_iter().zip(sums).collect::<Vec<_>>(), result);
    }
    if experiment.before.is_some() && kpi.age.is_none() {
        result.notes.push(format!(
            "posts of the days before had longer to earn; a KPI with an age compares them equally old ({} has none)",
            kpi.id
        ));
    }
    if result.design == Design::BeforeAfter {
        result.notes.push("whatever else changed with the days is in the effect".to_owned());
    }
    [result.treated, result.control, result.treated_before, result.control_before] =
        [Some(now), control, before, control_before].map(|group| group.map(|(_, shown)| shown));
}

/// Why the posts bear no effect.
fn refusal(
    request: &EvaluationRequest,
    experiment: &Experiment,
    kpi: &Kpi,
    sides: &Sides,
    groups: &[Option<&(Cluster, GroupResult)>],
) -> Option<String> {
    let start = experiment.before.map_or(experiment.span.start, |before| before.start);
    let whole = DateSpan::new(start, experiment.span.end);
    let both = || [Some(&sides.treated), sides.control.as_ref()].into_iter().flatten();
    let platforms: BTreeSet<&str> =
        both().flat_map(|posts| posts.rows.iter().map(|row| platform_of(&row.account))).collect();
    for platform in &platforms {
        if let Some(found) = breaks(request, kpi, platform, whole).next() {
            return Some(format!(
                "the definition of {} of {platform} changed on {}, within its days: {}",
                found.metric, found.date, found.change
            ));
        }
    }
    if let Some(control) = &sides.control {
        for (platform, traffic) in &sides.treated.traffic {
            if let Some(other) = control.traffic.get(platform).filter(|other| *other != traffic) {
                return Some(format!(
                    "treated posts of {platform} are known by {} traffic, the others by {}",
                    traffic.as_str(),
                    other.as_str()
                ));
            }
        }
    }
    let mut events = 0.0;
    for (sums, shown) in groups.iter().flatten() {
        #[expect(clippy::cast_precision_loss, reason = "posts are far fewer than 2^52")]
        let covered = shown.posts as f64 >= request.min_coverage * shown.known as f64;
        if !covered {
            return Some(format!(
                "of {} posts of {} only {} have a reading",
                shown.known,
                DateSpan::new(shown.period.start, shown.period.end),
                shown.posts
            ));
        }
        if shown.posts < FEWEST_POSTS {
            return Some(format!(
                "a group has {} posts ({}); each needs {FEWEST_POSTS}",
                shown.posts,
                DateSpan::new(shown.period.start, shown.period.end)
            ));
        }
        events += sums.y.abs();
    }
    (events < FEWEST_EVENTS)
        .then(|| format!("{events:.0} events over all groups; it takes {FEWEST_EVENTS:.0}"))
}

fn tell(weighted: &[(f64, Option<Cluster>)], result: &mut ExperimentResult) {
    let used = weighted.iter().filter(|(weight, _)| *weight != 0.0);
    let parts: Option<Vec<(f64, Estimate)>> =
        used.map(|(weight, sums)| Some((*weight, Estimate::of_posts(sums.as_ref()?)?))).collect();
    let Some((parts, effect)) = parts.and_then(|parts| contrast(&parts).map(|effect| (parts, effect))) else {
        (result.verdict, result.reason) = (
            ExperimentVerdict::Refused,
            "posts do not vary, so nothing says how sure an effect is".to_owned(),
        );
        return;
    };
    let treated = parts.first().map_or(0.0, |(_, part)| part.value);
    let without = treated - effect.value;
    result.effect = Some(effect.value);
    result.interval = Some(effect.interval);
    result.p = Some(effect.p);
    result.relative = (without > 0.0).then(|| effect.value / without);
    let (low, high) = match result.expect {
        Expectation::Up => effect.interval,
        Expectation::Down => (-effect.interval.1, -effect.interval.0),
    };
    (result.verdict, result.reason) = if low > 0.0 {
        (ExperimentVerdict::Confirmed, "the whole interval is on the side that was expected".to_owned())
    } else if high < 0.0 {
        (ExperimentVerdict::Refuted, "the whole interval is on the other side".to_owned())
    } else {
        (ExperimentVerdict::Undecided, "the interval holds no effect as well".to_owned())
    };
}
