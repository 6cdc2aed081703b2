//! Engagement beside following: neither says much alone.
//!
//! Followers that come while engagement falls are hollow; engagement that holds while followers go is a loyal core.

use datafusion::prelude::SessionContext;
use jiff::civil::Date;
use kepi_core::{DateSpan, Result, Traffic, period::add_days};
use serde::Serialize;
use smol_str::SmolStr;

use super::{FEWEST_POSTS, Group, Scope, groups};
use crate::{
    Direction, EvaluationRequest,
    evaluate::{Span, States, states},
    statistics::{Contrast, Estimate, contrast},
};

/// The weekly changes of followers that a direction needs.
const FEWEST_WEEKS: usize = 4;
/// A reading so many days before a week's end still tells its state.
const NEAR: i32 = 2;
/// A rate whose interval stays within this share of what it was is steady.
const STEADY_RATE: f64 = 0.1;
/// Following that stays within this share of what it was over the period is steady.
const STEADY_FOLLOWERS: f64 = 0.01;

/// Which way something went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Move {
    /// It rose.
    Up,
    /// It stayed.
    Steady,
    /// It fell.
    Down,
    /// The interval holds more than one of these.
    Undecided,
    /// There is too little to look at.
    NotEnoughData,
}

/// Both together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Assessment {
    /// More follow, and engagement rises or holds.
    Healthy,
    /// More follow, and engagement falls.
    HollowGrowth,
    /// Followers stay or go, and engagement rises; or they go and it holds.
    LoyalCore,
    /// Engagement falls, and no more follow.
    Decline,
    /// Neither moves.
    Steady,
    /// One of the two cannot be told.
    Undecided,
}

impl Assessment {
    /// The assessment as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::HollowGrowth => "hollow_growth",
            Self::LoyalCore => "loyal_core",
            Self::Decline => "decline",
            Self::Steady => "steady",
            Self::Undecided => "undecided",
        }
    }

    fn of(followers: Move, engagement: Move) -> Self {
        match (followers, engagement) {
            (Move::Undecided | Move::NotEnoughData, _) | (_, Move::Undecided | Move::NotEnoughData) => {
                Self::Undecided
            }
            (Move::Up, Move::Up | Move::Steady) => Self::Healthy,
            (Move::Up, Move::Down) => Self::HollowGrowth,
            (Move::Steady, Move::Steady) => Self::Steady,
            (Move::Steady | Move::Down, Move::Up) | (Move::Down, Move::Steady) => Self::LoyalCore,
            (Move::Steady | Move::Down, Move::Down) => Self::Decline,
        }
    }
}

/// How engagement and following went together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GrowthAdvice {
    /// The KPI that tells engagement.
    pub kpi: String,
    /// Its version.
    pub version: u32,
    /// The platform, and the account where that was asked for.
    pub scope: Scope,
    /// The period.
    pub period: Span,
    /// The period before, which engagement is held against.
    pub before: Span,
    /// What both come to.
    pub assessment: Assessment,
    /// Why.
    pub reason: String,
    /// Engagement.
    pub engagement: EngagementMove,
    /// Following.
    pub followers: FollowerMove,
    /// What a reader must know.
    pub notes: Vec<String>,
}

/// How engagement went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EngagementMove {
    /// Which way.
    pub moved: Move,
    /// Whose money brought the traffic.
    pub traffic: Option<Traffic>,
    /// The rate of posts of the period.
    pub value: Option<f64>,
    /// How many there are.
    pub posts: u64,
    /// The rate of posts of the period before.
    pub previous: Option<f64>,
    /// How many there were.
    pub previous_posts: u64,
    /// The rate less the one before.
    pub change: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The p-value of there being no change.
    pub p: Option<f64>,
}

/// How following went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FollowerMove {
    /// Which way.
    pub moved: Move,
    /// Followers at the end of the first week that is known.
    pub first: Option<f64>,
    /// Followers at the end of the last.
    pub last: Option<f64>,
    /// Weekly changes that are known.
    pub weeks: usize,
    /// Their mean.
    pub weekly: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
}

/// Looks at engagement beside following, by platform or account.
///
/// Engagement is held against the period before, clustered by post. Following is the mean of the weekly changes of the
/// period, with the interval that their spread gives it. A move is told where its interval is on one side of nothing,
/// or so close round it that it counts as steady.
///
/// # Errors
/// When a table is missing or cannot be read.
pub async fn growth(ctx: &SessionContext, request: &EvaluationRequest) -> Result<Vec<GrowthAdvice>> {
    let (span, before) = (request.period.span, request.period.previous(request.fiscal).span);
    let known = DateSpan::new(add_days(span.start, -1 - NEAR), span.end.min(request.today));
    let followers = states(ctx, request, "followers_total", known).await?;
    let groups = groups(ctx, request, &[before, span], None).await?;
    Ok(groups.iter().map(|group| assess(request, group, before, &followers)).collect())
}

fn assess(
    request: &EvaluationRequest,
    group: &Group<'_>,
    before: DateSpan,
    followers: &States,
) -> GrowthAdvice {
    let span = request.period.span;
    // A change of definition within the two periods cuts the group's days: then there is nothing to hold against.
    let whole = group.span == span && group.notes.is_empty();
    let mut notes = group.notes.clone();
    if group.rows().next().is_some() && group.kpi.age.is_none() {
        notes.push(format!(
            "posts of the period before had longer to earn; a KPI with an age compares them equally old (here {})",
            group.kpi.id
        ));
    }
    let engagement = engagement(request, group, before, whole);
    let followers = following(group, span, request.today, followers);
    let assessment = Assessment::of(followers.moved, engagement.moved);
    let reason = reason(assessment, &followers, &engagement, whole);
    GrowthAdvice {
        kpi: group.kpi.id.clone(),
        version: group.kpi.version,
        scope: group.scope.clone(),
        period: span.into(),
        before: before.into(),
        assessment,
        reason,
        engagement,
        followers,
        notes,
    }
}

fn engagement(
    request: &EvaluationRequest,
    group: &Group<'_>,
    before: DateSpan,
    comparable: bool,
) -> EngagementMove {
    let own = |account: &str| group.holds(account);
    let [now, earlier] = [request.period.span, before].map(|span| {
        let sums = group.posts.sums(&own, span);
        let known = group.posts.known(&own, span);
        // Of posts without a reading nobody knows how they went.
        #[expect(clippy::cast_precision_loss, reason = "posts are far fewer than 2^52")]
        let covered = known > 0 && sums.n as f64 >= request.min_coverage * known as f64;
        (sums, covered && sums.n >= FEWEST_POSTS)
    });
    let estimates = Estimate::of_posts(&now.0).zip(Estimate::of_posts(&earlier.0));
    let enough = comparable && now.1 && earlier.1;
    let change = estimates
        .filter(|_| enough)
        .and_then(|(now, before)| Some((contrast(&[(1.0, now), (-1.0, before)])?, before.value)));
    let moved = match change {
        Some((change, previous)) => moved(change.interval, STEADY_RATE * previous.abs(), group.kpi.direction),
        None => Move::NotEnoughData,
    };
    let change: Option<Contrast> = change.map(|(change, _)| change);
    let value = |sums: &crate::statistics::Cluster| (sums.x != 0.0).then(|| sums.y / sums.x);
    EngagementMove {
        moved,
        traffic: group.traffic(),
        value: value(&now.0),
        posts: now.0.n,
        previous: value(&earlier.0),
        previous_posts: earlier.0.n,
        change: change.map(|change| change.value),
        interval: change.map(|change| change.interval),
        p: change.map(|change| change.p),
    }
}

/// Better is up, whichever way the numbers go.
fn moved(interval: (f64, f64), steady: f64, direction: Direction) -> Move {
    let (low, high) = if direction == Direction::Down { (-interval.1, -interval.0) } else { interval };
    if low >= -steady && high <= steady {
        Move::Steady
    } else if low > 0.0 {
        Move::Up
    } else if high < 0.0 {
        Move::Down
    } else {
        Move::Undecided
    }
}

fn following(group: &Group<'_>, span: DateSpan, today: Date, states: &States) -> FollowerMove {
    let until = span.end.min(today);
    let weeks = DateSpan::new(span.start, until).days() / 7;
    let marks: Vec<Option<f64>> = (0..=weeks)
        .rev()
        .map(|week| standing(&group.accounts, add_days(until, -1 - 7 * week), states))
        .collect();
    let changes: Vec<f64> = marks.windows(2).filter_map(|pair| Some(pair[1]? - pair[0]?)).collect();
    let (first, last) = (marks.iter().flatten().next().copied(), marks.iter().flatten().next_back().copied());
    let mean = Estimate::of_mean(&changes).filter(|_| changes.len() >= FEWEST_WEEKS);
    let interval = mean.map(|mean| mean.interval());
    let steady = first.map_or(0.0, |first| STEADY_FOLLOWERS * first) / f64::from(weeks.max(1));
    FollowerMove {
        moved: interval.map_or(Move::NotEnoughData, |interval| moved(interval, steady, Direction::Up)),
        first,
        last,
        weeks: changes.len(),
        weekly: mean.map(|mean| mean.value),
        interval,
    }
}

/// What all accounts had together at the end of a day; `None` where one of them is not known then.
fn standing(accounts: &[SmolStr], day: Date, states: &States) -> Option<f64> {
    accounts
        .iter()
        .map(|account| {
            let days = states.get(account)?;
            days.range(add_days(day, -NEAR)..=day).next_back().map(|(_, value)| *value)
        })
        .sum()
}

fn reason(
    assessment: Assessment,
    followers: &FollowerMove,
    engagement: &EngagementMove,
    comparable: bool,
) -> String {
    match assessment {
        Assessment::Healthy => "more follow, and engagement rises or holds".to_owned(),
        Assessment::HollowGrowth => {
            "more follow, and engagement falls: who comes does not stay to talk".to_owned()
        }
        Assessment::LoyalCore => "no more follow, and those who do engage as much or more".to_owned(),
        Assessment::Decline => "engagement falls, and no more follow".to_owned(),
        Assessment::Steady => "neither moves by more than counts as steady".to_owned(),
        Assessment::Undecided => {
            let mut why = Vec::new();
            match followers.moved {
                Move::NotEnoughData => why.push(format!(
                    "{} weekly changes of followers are known, it takes {FEWEST_WEEKS}",
                    followers.weeks
                )),
                Move::Undecided => why.push("weekly changes of followers go both ways".to_owned()),
                _ => {}
            }
            match engagement.moved {
                Move::NotEnoughData if !comparable => {
                    why.push("the definition of engagement changed in between".to_owned());
                }
                Move::NotEnoughData => why.push(format!(
                    "engagement is known of {} posts and of {} before, it takes {FEWEST_POSTS} each and most of those known",
                    engagement.posts, engagement.previous_posts
                )),
                Move::Undecided => why.push("the change of engagement may be either way".to_owned()),
                _ => {}
            }
            why.join("; ")
        }
    }
}
