//! Advice that the data can bear: when to post, in which format, how engagement and following go together, what money
//! brings and where the next unit of it brings most.
//!
//! Every answer says how sure it is. What cannot be told is told as such, with the reason: too few posts, too little
//! difference, an interval on both sides of nothing, a change of definition in between.

mod formats;
mod growth;
mod money;
mod next_spend;
mod roi;
mod times;

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    sync::Arc,
};

use datafusion::prelude::SessionContext;
use kepi_core::{DateSpan, Result};
use serde::Serialize;
use smol_str::SmolStr;

pub use formats::{FormatRow, FormatsAdvice, best_formats, best_formats_by_tag};
pub use growth::{Assessment, EngagementMove, FollowerMove, GrowthAdvice, Move, growth};
pub use money::{ExchangeRate, Money, read_money};
pub use next_spend::{NextSpend, SpendVerdict, next_spend};
pub use roi::{RoiRow, roi};
pub use times::{TimeCell, TimesAdvice, best_times};

use crate::{
    EvaluationRequest,
    breaks::Break,
    evaluate::{Dimension, PostRow, Posts, Which, known_accounts, platform_of, posts},
    kpi::{Basis, Direction, Goal, Kpi, Side},
};

/// The posts that a statement about a part needs.
pub(crate) const FEWEST_POSTS: u64 = 8;

/// What a part comes to beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Better, by more than chance.
    Better,
    /// Worse, by more than chance.
    Worse,
    /// The interval holds both.
    Undecided,
    /// There are too few posts to say.
    NotEnoughData,
}

impl Verdict {
    /// The verdict as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Undecided => "undecided",
            Self::NotEnoughData => "not_enough_data",
        }
    }

    /// By the interval of a difference; where less is better, the other way round.
    fn by(interval: (f64, f64), direction: Direction) -> Self {
        let (low, high) = if direction == Direction::Down { (-interval.1, -interval.0) } else { interval };
        if low > 0.0 {
            Self::Better
        } else if high < 0.0 {
            Self::Worse
        } else {
            Self::Undecided
        }
    }
}

/// What can be said of a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Something differs by more than chance.
    Told,
    /// Nothing differs by more than chance.
    Undecided,
    /// There is too little to look at.
    NotEnoughData,
}

impl Answer {
    /// The answer as one word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Told => "told",
            Self::Undecided => "undecided",
            Self::NotEnoughData => "not_enough_data",
        }
    }
}

/// The dimensions of a statement and their values.
pub(crate) type Scope = BTreeMap<String, Option<String>>;

/// Whether a KPI has a number per post that posts can be compared by.
#[must_use]
pub fn compares_posts(kpi: &Kpi) -> bool {
    kpi.program.cluster.is_some() && kpi.basis == Basis::Published && kpi.provenance == Side::Own
}

/// The posts of one platform, or of one account, by the KPI that fits it.
struct Group<'a> {
    kpi: &'a Kpi,
    scope: Scope,
    accounts: Vec<SmolStr>,
    /// The days that are looked at: those since the last change of definition.
    span: DateSpan,
    /// Posts of these accounts and of others.
    posts: Arc<Posts>,
    /// Only those of a part of the dimension that they are told apart by; all of them without it.
    part: Option<Part>,
    notes: Vec<String>,
}

/// A part of posts; `None` for those of which it is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part(Option<SmolStr>);

impl Group<'_> {
    fn platform(&self) -> &str {
        self.accounts.first().map_or("", |account| platform_of(account))
    }

    fn holds(&self, account: &str) -> bool {
        self.accounts.iter().any(|own| own == account)
    }

    /// Its posts of the days that are looked at.
    fn rows(&self) -> impl Iterator<Item = &PostRow> {
        let of_part = |row: &PostRow| self.part.as_ref().is_none_or(|part| part.0 == row.part);
        let own =
            move |row: &&PostRow| self.span.contains(row.day) && self.holds(&row.account) && of_part(row);
        self.posts.rows.iter().filter(own)
    }

    /// The same posts part by part, each named in its scope.
    fn by_part(self, dimension: Dimension) -> Vec<Self> {
        let parts: BTreeSet<Option<SmolStr>> = self.rows().map(|row| row.part.clone()).collect();
        let one = |part: Option<SmolStr>| {
            let mut scope = self.scope.clone();
            scope.insert(dimension.as_str().to_owned(), part.as_ref().map(SmolStr::to_string));
            Self {
                kpi: self.kpi,
                scope,
                accounts: self.accounts.clone(),
                span: self.span,
                posts: Arc::clone(&self.posts),
                part: Some(Part(part)),
                notes: self.notes.clone(),
            }
        };
        parts.into_iter().map(one).collect()
    }

    fn traffic(&self) -> Option<kepi_core::Traffic> {
        self.posts.traffic.get(self.platform()).copied()
    }
}

/// Accounts by platform, or one by one where that is asked for.
fn scopes(request: &EvaluationRequest, accounts: &[SmolStr]) -> Vec<(Scope, Vec<SmolStr>)> {
    let alone = request.by.contains(&Dimension::Account);
    let mut scopes: Vec<(Scope, Vec<SmolStr>)> = Vec::new();
    for account in accounts {
        let platform = ("platform".to_owned(), Some(platform_of(account).to_owned()));
        let own = alone.then(|| ("account".to_owned(), Some(account.to_string())));
        let scope: Scope = [platform].into_iter().chain(own).collect();
        match scopes.iter_mut().find(|(known, _)| *known == scope) {
            Some((_, members)) => members.push(account.clone()),
            None => scopes.push((scope, vec![account.clone()])),
        }
    }
    scopes
}

/// The posts of every platform or account, each by the first KPI that has numbers there: those of the goal
/// `engagement` first, then those that name the platform, then in the order of the files.
async fn groups<'a>(
    ctx: &SessionContext,
    request: &'a EvaluationRequest,
    spans: &[DateSpan],
    part: Option<Dimension>,
) -> Result<Vec<Group<'a>>> {
    let known = known_accounts(ctx, request).await?.into_iter();
    let own = known.filter(|account| account.is_asked(request) && account.gives(Side::Own));
    let own: Vec<SmolStr> = own.map(|account| account.id).collect();
    // Each KPI is read once, however many accounts it goes over.
    let mut read: BTreeMap<(&str, u32), Option<Arc<Posts>>> = BTreeMap::new();
    let mut groups = Vec::new();
    for (scope, members) in scopes(request, &own) {
        let Some(platform) = members.first().map(|account| platform_of(account).to_owned()) else { continue };
        let mut found: Option<Group<'a>> = None;
        for kpi in candidates(&request.kpis, &platform) {
            let key = (kpi.id.as_str(), kpi.version);
            let known = match read.entry(key) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(slot) => {
                    let posts = posts(ctx, request, kpi, spans, (Which::All, part)).await?;
                    slot.insert(posts.map(Arc::new))
                }
            };
            let Some(posts) = known.clone() else { continue };
            let (span, notes) = since_break(request, kpi, &platform, spans);
            let (scope, accounts) = (scope.clone(), members.clone());
            let own = Group { kpi, scope, accounts, span, posts, part: None, notes };
            let empty = own.rows().next().is_none();
            if !empty || (found.is_none() && own.posts.known(&|account| own.holds(account), span) > 0) {
                found = Some(own);
            }
            if !empty {
                break;
            }
        }
        groups.extend(found);
    }
    Ok(groups)
}

fn candidates<'a>(kpis: &'a [Kpi], platform: &str) -> Vec<&'a Kpi> {
    let mut fitting: Vec<&Kpi> =
        kpis.iter().filter(|kpi| compares_posts(kpi) && kpi.covers(platform)).collect();
    fitting.sort_by_key(|kpi| (kpi.goal != Goal::Engagement, kpi.platforms.is_empty()));
    fitting
}

/// The last of some days, without what was published before a change of definition: the two do not compare.
fn since_break(
    request: &EvaluationRequest,
    kpi: &Kpi,
    platform: &str,
    spans: &[DateSpan],
) -> (DateSpan, Vec<String>) {
    let last = spans.last().copied().unwrap_or(request.period.span);
    let start = spans.iter().map(|span| span.start).min().unwrap_or(last.start);
    let whole = DateSpan::new(start, last.end);
    let Some(found) = breaks(request, kpi, platform, whole).max_by_key(|one| one.date) else {
        return (last, Vec::new());
    };
    let note = format!(
        "posts before {} are left out: {} of {} means something else since then",
        found.date, found.metric, found.platform
    );
    (DateSpan::new(last.start.max(found.date), last.end), vec![note])
}

/// The changes of definition of a KPI's metrics that lie within some days.
pub(crate) fn breaks<'a>(
    request: &'a EvaluationRequest,
    kpi: &Kpi,
    platform: &'a str,
    span: DateSpan,
) -> impl Iterator<Item = &'a Break> + use<'a> {
    let metrics = kpi.metrics();
    request.breaks.iter().filter(move |one| {
        one.platform == platform
            && metrics.iter().any(|metric| metric.as_str() == one.metric)
            && one.divides(span.start, span.end)
    })
}
