//! Refusals that there is a way round: one metric that is not offered, one item that is too old, too much at once.

use std::collections::BTreeSet;

use kepi_core::{
    Body, Cursor, DateSpan, Error, Field, Job, Notice, Page, Response, Result,
    period::{add_days, local_day},
};
use smol_str::SmolStr;

use super::failure::{Problem, in_body};
use crate::{
    config::{InstagramConfig, WatchTime},
    descriptor::{
        ACCOUNT_DAYS, BY_BUTTON, BY_DAY, BY_KIND, COMMON, ENGAGED, FOLLOWERS, FOLLOWS, FOUR_WEEKS, Insight,
        MEDIA, OF_A_DAY, OF_POSTS, OF_STORIES, OLDER_MEDIA, PAGE, REACH, SEEN_POSTS, SHOWN_TO_PAGES, SPLITS,
        STORIES, WATCHED, of_reels,
    },
    request::{ById, Group, Insights, Kind, List, Step, ids_at, pacific},
};

/// What was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refusal {
    /// Too much was asked for at once.
    TooMuch,
    /// These names.
    Named(Vec<String>),
    /// All names but these.
    AllBut(Vec<String>),
    /// The item is older than the business account, and so are those behind it.
    TooOld,
    /// The story has too few viewers.
    TooFew,
    /// There is no such item.
    Missing,
    /// Something, without a word on what.
    Unexplained,
}

/// Items in a row that may be refused for no known reason before it is not the items.
const UNEXPLAINED: u8 = 3;

/// For so many days, days that are refused are asked for again.
const DAYS_AGAIN: i32 = 7;

/// Whether an item is not there, or not to be seen.
pub(super) fn is_missing(problem: &Problem) -> bool {
    problem.code == 100
        && !problem.has("metric")
        && (problem.subcode() == 33 || problem.has("does not exist") || problem.has("cannot be loaded"))
}

impl Refusal {
    fn of(endpoint: &str, problem: &Problem) -> Option<Self> {
        let items = matches!(endpoint, MEDIA | OLDER_MEDIA | STORIES | WATCHED);
        let split = endpoint == SPLITS && problem.has("unknown error");
        match (problem.code, problem.subcode()) {
            (1 | 2, _) if items && problem.has("reduce the amount of data") => Some(Self::TooMuch),
            (1, _) if split => Some(Self::Unexplained),
            (10, _) if items && problem.has("not enough viewers") => Some(Self::TooFew),
            (100, 2_108_006) if items => Some(Self::TooOld),
            // The days are wrong, whatever the metrics.
            (100, _) if problem.has("since") || problem.has("until") => None,
            (100, _) => Self::of_metrics(problem).or((items && is_missing(problem)).then_some(Self::Missing)),
            _ => None,
        }
    }

    fn of_metrics(problem: &Problem) -> Option<Self> {
        let text = problem.message.as_str();
        if let Some((_, known)) = text.split_once("must be one of the following values:") {
            return Some(Self::AllBut(words(known)));
        }
        let speaks =
            problem.has("metric") || problem.has("nonexisting field") || problem.subcode() == 2_207_086;
        if !speaks {
            return None;
        }
        // Names stand in brackets, or as "the NAME metric".
        let bracketed = text.split('(').skip(1).filter_map(|rest| rest.split_once(')'));
        let mut named: Vec<String> = bracketed.flat_map(|(inner, _)| words(inner)).collect();
        let all = words(text);
        named.extend(all.windows(3).filter_map(|three| match three {
            [the, name, metric] if the == "the" && metric == "metric" => Some(name.clone()),
            _ => None,
        }));
        Some(Self::Named(named))
    }

    /// Which of the names that were asked for it refuses.
    fn names<'n>(&self, asked: impl Iterator<Item = &'n str>) -> Vec<SmolStr> {
        let refused = |name: &&str| match self {
            Self::Named(named) => named.iter().any(|one| one == name),
            Self::AllBut(known) => known.iter().all(|one| one != name),
            _ => false,
        };
        asked.filter(refused).map(SmolStr::new).collect()
    }
}

fn words(text: &str) -> Vec<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !word(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether the decoder goes on from a refusal.
pub(crate) fn is_decoded(endpoint: &str, response: &Response) -> bool {
    in_body(&response.body).is_some_and(|problem| Refusal::of(endpoint, &problem).is_some())
}

/// The page of a refusal: what it means for what is asked next.
pub(super) fn page(
    config: &InstagramConfig,
    job: &Job,
    step: Step,
    problem: &Problem,
    body: &Body,
) -> Result<Page> {
    let refusal = Refusal::of(&job.endpoint, problem);
    let at = Place { config, job, problem, body };
    match (refusal, step) {
        (Some(refusal), Step::List(list)) => at.list(&refusal, list),
        (Some(refusal), Step::Insights(insights)) => at.insights(&refusal, insights),
        (Some(refusal), Step::ById(place)) => at.by_id(&refusal, place),
        (Some(refusal), Step::Groups(groups)) => at.groups(&refusal, groups),
        (_, Step::Tags(_)) | (None, _) => Err(at.error()),
    }
}

struct Place<'a> {
    config: &'a InstagramConfig,
    job: &'a Job,
    problem: &'a Problem,
    body: &'a Body,
}

impl Place<'_> {
    fn error(&self) -> Error {
        self.problem.error(self.config.login, None)
    }

    fn goes_on(&self, notices: Vec<Notice>, step: Option<&Step>) -> Result<Page> {
        let next = step.map(Cursor::from_state).transpose()?;
        Ok(Page { notices, next, ..Page::default() })
    }

    /// Whether it is said of a kind of media, and not of the account.
    fn of_one_kind(&self) -> bool {
        self.problem.has("product type")
    }

    /// Says that the account does not have these, by the metrics that they are.
    fn not_offered(&self, names: &[SmolStr]) -> Result<Vec<Notice>> {
        let account = &self.job.account()?.id;
        let notice = |name: &SmolStr| Notice::NotOffered {
            account: account.clone(),
            metric: metric_of(&self.job.endpoint, name),
            reason: format!("{name}: {}", self.problem.said()),
        };
        Ok(names.iter().map(notice).collect())
    }

    /// Which insights and fields of media it refuses.
    fn of_media(&self, refusal: &Refusal, kind: Option<Kind>, without: &BTreeSet<SmolStr>) -> Vec<SmolStr> {
        let metrics = kind.map(|kind| kind.metrics(self.config, without)).unwrap_or_default();
        let mut names = refusal.names(metrics.into_iter());
        if matches!(refusal, Refusal::Named(_)) {
            let shown = shown_at(&self.job.endpoint).iter().map(|field| field.key());
            names.extend(refusal.names(shown.filter(|field| !without.contains(*field))));
        }
        names
    }

    /// A list: smaller pages, or without what was refused; else media without insights, which follow by id.
    fn list(&self, refusal: &Refusal, list: List) -> Result<Page> {
        let nested = !(list.plain || list.bare);
        let kind = if self.job.endpoint == STORIES { Kind::Story } else { Kind::Other };
        let names = self.of_media(refusal, nested.then_some(kind), &list.without);
        if *refusal == Refusal::TooMuch && list.limit > 1 {
            let smaller = List { limit: list.limit / 2, ..list };
            return self.goes_on(Vec::new(), Some(&Step::List(smaller)));
        }
        // What one kind of media lacks, the others have: they are asked for kind by kind.
        let by_kind = nested && self.of_one_kind();
        if !(names.is_empty() || by_kind) {
            let notices = self.not_offered(&names)?;
            let mut less = list;
            less.without.extend(names);
            return self.goes_on(notices, Some(&Step::List(less)));
        }
        if nested && !matches!(refusal, Refusal::TooMuch | Refusal::Missing) {
            return self.goes_on(Vec::new(), Some(&Step::List(List { plain: true, ..list })));
        }
        Err(self.error())
    }

    /// Insights by id: without what was refused; else half as many, down to the one item that has none.
    fn insights(&self, refusal: &Refusal, mut insights: Insights) -> Result<Page> {
        let Some((kind, ids)) = insights.next() else { return Err(self.error()) };
        let (first, count) = (ids.first().cloned().unwrap_or_default(), ids.len());
        let names = refusal.names(kind.metrics(self.config, &insights.without).into_iter());
        if !names.is_empty() {
            let (alone, names): (Vec<SmolStr>, Vec<SmolStr>) = names
                .into_iter()
                .partition(|name| self.of_one_kind() && COMMON.iter().any(|common| common.name == *name));
            let mut notices = self.not_offered(&names)?;
            notices.extend(alone.iter().map(|name| Notice::Remark {
                text: format!("{} is not there: {}", kind.alone(name), self.problem.said()),
            }));
            insights.without.extend(names);
            insights.without.extend(alone.iter().map(|name| kind.alone(name)));
            if kind.metrics(self.config, &insights.without).is_empty() {
                insights.group_mut(kind).clear();
            }
            return self.goes_on(notices, after(insights).as_ref());
        }
        if count > 1 {
            insights.size = u16::try_from(count / 2).unwrap_or(1);
            return self.goes_on(Vec::new(), Some(&Step::Insights(insights)));
        }
        insights.refused += u8::from(*refusal == Refusal::Unexplained);
        if insights.refused >= UNEXPLAINED || *refusal == Refusal::TooMuch {
            return Err(self.error());
        }
        insights.size = PAGE;
        let text = if *refusal == Refusal::TooOld {
            // Newest first: what stands behind it is older still.
            let older = std::mem::take(insights.group_mut(kind)).len();
            if let Some(then) = &mut insights.then {
                then.bare = true;
            }
            format!("{older} media from {first} on are older than the business account and have no insights")
        } else {
            insights.group_mut(kind).remove(0);
            format!("{first} has no insights: {}", self.problem.said())
        };
        self.goes_on(vec![Notice::Remark { text }], after(insights).as_ref())
    }

    /// Media by id: without what was refused; else half as many; else the one without insights, or not at all.
    fn by_id(&self, refusal: &Refusal, mut place: ById) -> Result<Page> {
        let ids = ids_at(self.job, &place);
        let names = self.of_media(refusal, (!place.plain).then_some(Kind::Other), &place.without);
        if !names.is_empty() {
            let notices = self.not_offered(&names)?;
            place.without.extend(names);
            return self.goes_on(notices, Some(&Step::ById(place)));
        }
        if ids.len() > 1 {
            place.size = u16::try_from(ids.len() / 2).unwrap_or(1);
            return self.goes_on(Vec::new(), Some(&Step::ById(place)));
        }
        let Some(id) = ids.first().filter(|_| *refusal != Refusal::TooMuch) else { return Err(self.error()) };
        if *refusal != Refusal::Missing && !place.plain {
            let text = format!("{id} has no insights: {}", self.problem.said());
            place.plain = true;
            return self.goes_on(vec![Notice::Remark { text }], Some(&Step::ById(place)));
        }
        let text = format!("nothing is said of {id}: {}", self.problem.said());
        let next = following(self.job, place, 1);
        self.goes_on(vec![Notice::Remark { text }], next.map(Step::ById).as_ref())
    }

    /// Metrics of the account: without what was refused; else in halves, down to the one that is refused.
    fn groups(&self, refusal: &Refusal, mut groups: Vec<Group>) -> Result<Page> {
        let Some(first) = groups.first_mut() else { return Err(self.error()) };
        let mut names = refusal.names(first.metrics.iter().map(SmolStr::as_str));
        if names.is_empty() && first.metrics.len() > 1 {
            let half = first.metrics.split_off(first.metrics.len() / 2);
            let rest = Group { metrics: half, by: first.by.clone() };
            groups.insert(1, rest);
            return self.goes_on(Vec::new(), Some(&Step::Groups(groups)));
        }
        if names.is_empty() {
            names.clone_from(&first.metrics);
        }
        first.metrics.retain(|name| !names.contains(name));
        groups.retain(|group| !group.metrics.is_empty());
        let notices = if self.job.endpoint == FOLLOWS { self.again()? } else { self.not_offered(&names)? };
        self.goes_on(notices, (!groups.is_empty()).then_some(Step::Groups(groups)).as_ref())
    }

    /// Follows of a single day are refused at times; another time they are there.
    fn again(&self) -> Result<Vec<Notice>> {
        let today = local_day(self.body.observed_at, &pacific()?);
        let days = self.job.window.unwrap_or_else(|| DateSpan::day(today));
        Ok(vec![if add_days(days.end, DAYS_AGAIN) >= today {
            Notice::NotYet { days }
        } else {
            Notice::Remark { text: format!("no follows of {days}: {}", self.problem.said()) }
        }])
    }
}

/// The fields of media at an endpoint that may be refused.
fn shown_at(endpoint: &str) -> &'static [Field] {
    if endpoint == WATCHED { &SEEN_POSTS } else { &SHOWN_TO_PAGES }
}

/// The metric that a name is at an endpoint; none where it is all that the endpoint gives.
fn metric_of(endpoint: &str, name: &str) -> Option<SmolStr> {
    let reels = of_reels(WatchTime::Milliseconds);
    let insights: &[&[Insight]] = match endpoint {
        MEDIA | OLDER_MEDIA => &[&COMMON, &OF_POSTS, &reels],
        STORIES => &[&OF_STORIES],
        REACH => &[&BY_DAY],
        ACCOUNT_DAYS | FOUR_WEEKS => &[&OF_A_DAY, &BY_DAY],
        SPLITS => &[&BY_KIND, &BY_BUTTON],
        FOLLOWERS | ENGAGED | FOLLOWS => return None,
        _ => &[],
    };
    let found = insights.iter().flat_map(|table| table.iter()).find(|insight| insight.name == name);
    let shown = || shown_at(endpoint).iter().find(|field| field.key() == name).map(|field| field.metric);
    let metric = found.map(|insight| insight.field.metric).or_else(shown);
    Some(SmolStr::new(metric.unwrap_or(name)))
}

/// Where a job goes on when some items' insights are done.
pub(super) fn after(insights: Insights) -> Option<Step> {
    if insights.next().is_some() {
        return Some(Step::Insights(insights));
    }
    let without = insights.without;
    insights.then.map(|then| {
        let without = then.without.union(&without).cloned().collect();
        Step::List(List { without, ..then })
    })
}

/// Where a job goes on when so many more of its posts are done.
pub(super) fn following(job: &Job, place: ById, done: usize) -> Option<ById> {
    let done = place.done.saturating_add(u16::try_from(done).unwrap_or(u16::MAX));
    (usize::from(done) < job.posts.len()).then_some(ById { done, size: PAGE, plain: false, ..place })
}
