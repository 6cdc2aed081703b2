//! Job and cursor in, request out; and the requests that exchange tokens.

use std::collections::BTreeSet;

use jiff::{civil::Date, tz::TimeZone};
use kepi_core::{
    AccountRef, Calls, Cursor, DateSpan, Error, ErrorKind, Grant, Job, Payload, Request, Result,
    http::Text,
    period::{add_days, local_day, zone},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{
    config::{FollowerBreakdown, InstagramConfig, Login, MediaMetrics, Until},
    descriptor::{
        ACCOUNT_DAYS, BY_BUTTON, BY_DAY, BY_FOLLOWING, BY_KIND, COMMON, ENGAGED, FOLLOWER_COUNT_DAYS,
        FOLLOWERS, FOLLOWS, FOLLOWS_AND_UNFOLLOWS, FOUR_WEEKS, GROUPS, Insight, MEDIA, MENTIONS, OF_A_DAY,
        OF_FOUR_WEEKS, OF_POSTS, OLDER_MEDIA, PACIFIC, PAGE, REACH, RETIRING, SEEN_POSTS, SETTLED,
        SHOWN_TO_PAGES, SPLITS, STORIES, TAGS_PAGE, USER, WATCHED, WEEKS_DAYS, of_reels, of_stories,
    },
};

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// In a list of media or stories.
    List(List),
    /// At the insights of media whose ids a list gave.
    Insights(Insights),
    /// At the posts of the job, so many of them done.
    ById(ById),
    /// At the groups of account metrics that are still to be asked for, each in a call of its own.
    Groups(Vec<Group>),
    /// In the list of tags.
    Tags(Tags),
}

/// A place in a list of media.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct List {
    /// Instagram's cursor; none for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) after: Option<String>,
    /// Media that were on the pages before.
    pub(crate) seen: u32,
    /// Media a page.
    pub(crate) limit: u16,
    /// Whether media are listed without their insights, which then follow by id.
    pub(crate) plain: bool,
    /// Whether media from here on are too old to have insights.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) bare: bool,
    /// Fields and metrics that were refused.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) without: BTreeSet<SmolStr>,
}

/// Media by kind whose insights are still to be asked for, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Insights {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reels: Vec<SmolStr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) posts: Vec<SmolStr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) stories: Vec<SmolStr>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) others: Vec<SmolStr>,
    /// Ids a call.
    pub(crate) size: u16,
    /// Calls in a row that were refused for one item alone, and not for its age or its viewers.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) refused: u8,
    /// Metrics that were refused.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) without: BTreeSet<SmolStr>,
    /// Where the list goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) then: Option<List>,
}

/// A place among the posts of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct ById {
    /// Posts that are done.
    pub(crate) done: u16,
    /// Ids a call.
    pub(crate) size: u16,
    /// Whether the next is asked for without insights.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) plain: bool,
    /// Fields and metrics that were refused.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) without: BTreeSet<SmolStr>,
}

/// Metrics of an account that one call asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) metrics: Vec<SmolStr>,
    /// What they are split by.
    #[serde(default, skip_serializing_if = "SmolStr::is_empty")]
    pub(crate) by: SmolStr,
}

/// A place in the list of tags, with the tags that were counted on each day of the window.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Tags {
    pub(crate) after: String,
    pub(crate) counts: Vec<u32>,
    /// Whether any tag was seen at all.
    pub(crate) any: bool,
    /// A tag could not be read: it might be of any day.
    pub(crate) unsure: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// What kind of media a group of ids is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Reel,
    Post,
    Story,
    Other,
}

impl Kind {
    /// By what Instagram calls it.
    pub(crate) fn of(product_type: Option<&str>) -> Self {
        match product_type {
            Some("REELS" | "REEL") => Self::Reel,
            Some("FEED" | "POST" | "CAROUSEL_CONTAINER") => Self::Post,
            Some("STORY") => Self::Story,
            _ => Self::Other,
        }
    }

    /// A metric of this kind alone, as it is kept among those that were refused.
    pub(crate) fn alone(self, name: &str) -> SmolStr {
        let kind = match self {
            Self::Reel => "reels",
            Self::Post => "posts",
            Self::Story => "stories",
            Self::Other => "others",
        };
        smol_str::format_smolstr!("{kind}:{name}")
    }

    /// The insights that are asked for, but for those that were refused.
    pub(crate) fn metrics(self, config: &InstagramConfig, without: &BTreeSet<SmolStr>) -> Vec<&'static str> {
        let names = |tables: &[&[Insight]]| -> Vec<&'static str> {
            let all = tables.iter().flat_map(|table| table.iter()).map(|insight| insight.name);
            all.filter(|name| !without.contains(*name) && !without.contains(&self.alone(name))).collect()
        };
        match (self, config.media_metrics) {
            (Self::Story, _) => names(&[of_stories(config.login)]),
            (Self::Reel, MediaMetrics::ByKind) => names(&[&COMMON, &of_reels(config.watch_time)]),
            (Self::Post, MediaMetrics::ByKind) => names(&[&COMMON, &OF_POSTS]),
            (Self::Other, _) | (_, MediaMetrics::Common) => names(&[&COMMON]),
        }
    }
}

impl List {
    fn start(config: &InstagramConfig, job: &Job) -> Self {
        let by_kind = job.endpoint == MEDIA && config.media_metrics == MediaMetrics::ByKind;
        let plain = by_kind || job.endpoint == WATCHED;
        Self { limit: PAGE, plain, without: refused(job), ..Self::default() }
    }
}

impl Insights {
    /// Adds an item of a list.
    pub(crate) fn add(&mut self, kind: Kind, id: SmolStr) {
        self.group_mut(kind).push(id);
    }

    pub(crate) fn group_mut(&mut self, kind: Kind) -> &mut Vec<SmolStr> {
        match kind {
            Kind::Reel => &mut self.reels,
            Kind::Post => &mut self.posts,
            Kind::Story => &mut self.stories,
            Kind::Other => &mut self.others,
        }
    }

    /// The items of the next call.
    pub(crate) fn next(&self) -> Option<(Kind, &[SmolStr])> {
        let groups = [
            (Kind::Reel, &self.reels),
            (Kind::Post, &self.posts),
            (Kind::Story, &self.stories),
            (Kind::Other, &self.others),
        ];
        let (kind, ids) = groups.into_iter().find(|(_, ids)| !ids.is_empty())?;
        Some((kind, ids.get(..usize::from(self.size.max(1))).unwrap_or(ids)))
    }
}

/// Metrics that the account is known not to have, by Instagram's names.
fn refused(job: &Job) -> BTreeSet<SmolStr> {
    if job.endpoint == WATCHED {
        let shown = SEEN_POSTS.iter().filter(|field| job.refused.iter().any(|metric| metric == field.metric));
        return shown.map(|field| SmolStr::new_static(field.key())).collect();
    }
    let reels = of_reels(crate::WatchTime::Milliseconds);
    let stories = of_stories(Login::Facebook);
    let tables: &[&[Insight]] = match job.endpoint.as_str() {
        MEDIA => &[&COMMON, &OF_POSTS, &reels],
        OLDER_MEDIA => &[&COMMON],
        STORIES => &[stories],
        REACH => &[&BY_DAY],
        ACCOUNT_DAYS => &[&OF_A_DAY],
        SPLITS => &[&BY_KIND, &BY_BUTTON],
        FOUR_WEEKS => &[&OF_FOUR_WEEKS],
        _ => &[],
    };
    let all = tables.iter().flat_map(|table| table.iter());
    all.filter(|insight| job.refused.iter().any(|metric| metric == insight.field.metric))
        .map(|insight| SmolStr::new_static(insight.name))
        .collect()
}

/// Where a job begins.
pub(crate) fn start(config: &InstagramConfig, job: &Job) -> Result<Step> {
    Ok(match job.endpoint.as_str() {
        MEDIA | STORIES | WATCHED => Step::List(List::start(config, job)),
        OLDER_MEDIA => Step::ById(ById { size: PAGE, without: refused(job), ..ById::default() }),
        REACH | ACCOUNT_DAYS | FOLLOWS | FOLLOWERS | ENGAGED | SPLITS | FOUR_WEEKS => {
            Step::Groups(groups(config, job)?)
        }
        MENTIONS => Step::Tags(Tags::default()),
        unknown => {
            return Err(Error::new(ErrorKind::BadRequest, format!("instagram has no endpoint {unknown:?}")));
        }
    })
}

/// How many calls a job takes: one for each group of metrics, or one for each page.
pub(crate) fn calls(config: &InstagramConfig, job: &Job) -> Calls {
    match start(config, job) {
        Ok(Step::Groups(groups)) => Calls::exactly(groups.len()),
        Ok(Step::List(_)) if job.endpoint == WATCHED => Calls::exactly(1),
        Ok(Step::ById(place)) => Calls::at_least(job.posts.len().div_ceil(usize::from(place.size.max(1)))),
        Ok(Step::List(_) | Step::Insights(_) | Step::Tags(_)) | Err(_) => Calls::at_least(1),
    }
}

/// Where a job stands.
pub(crate) fn step(config: &InstagramConfig, job: &Job, cursor: &Cursor) -> Result<Step> {
    let Some(step) = cursor.state::<Step>()? else { return start(config, job) };
    let own = match (&step, job.endpoint.as_str()) {
        (Step::List(_) | Step::Insights(_), MEDIA | STORIES)
        | (Step::List(_), WATCHED)
        | (Step::ById(_), OLDER_MEDIA)
        | (Step::Tags(_), MENTIONS) => true,
        (
            Step::Groups(groups),
            REACH | ACCOUNT_DAYS | FOLLOWS | FOLLOWERS | ENGAGED | SPLITS | FOUR_WEEKS,
        ) => groups.iter().all(|group| !group.metrics.is_empty()),
        _ => false,
    };
    if own {
        return Ok(step);
    }
    Err(Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
        .with("endpoint", &job.endpoint)
        .hint("`kepi backfill` starts the stream anew"))
}

/// The request for a page.
pub(crate) fn page(config: &InstagramConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    let request = match step(config, job, cursor)? {
        Step::List(list) if job.endpoint == WATCHED => public_page(config, job.account()?, &list)?,
        Step::List(list) => media(config, job, &list)?,
        Step::Insights(insights) => insights_of(config, job, &insights)?,
        Step::ById(place) => by_id(config, job, &place)?,
        Step::Groups(groups) => account_insights(config, job, &groups)?,
        Step::Tags(tags) => tagged(config, job, &tags)?,
    };
    Ok(request.token(USER))
}

/// The account with its newest media, a later page of them, or stories.
fn media(config: &InstagramConfig, job: &Job, list: &List) -> Result<Request> {
    let id = account_id(config, job)?;
    let stories = job.endpoint == STORIES;
    let kind = if stories { Kind::Story } else { Kind::Other };
    let insights = !(list.plain || list.bare);
    let fields = media_fields(config, stories, insights.then_some(kind), &list.without);
    let after = |request: Request| match &list.after {
        Some(after) => request.query("after", after.clone()),
        None => request,
    };
    let edge = |name: &str| {
        let request = Request::get(config.url(&format!("/{id}/{name}")));
        after(request.query("limit", list.limit.to_string()).query("fields", fields.as_str()))
    };
    Ok(match (&list.after, stories) {
        (_, true) => edge("stories"),
        (Some(_), false) => edge("media"),
        (None, false) => {
            let limit = list.limit;
            let profile = "followers_count,follows_count,media_count,username";
            Request::get(config.url(&format!("/{id}")))
                .query("fields", format!("{profile},media.limit({limit}){{{fields}}}"))
        }
    })
}

/// The public page of an account: of somebody else's as the account of ours sees it that watches, and of ours as it sees
/// itself.
fn public_page(config: &InstagramConfig, account: &AccountRef, list: &List) -> Result<Request> {
    let id = &account.id;
    let itself = || config.own_pages.then_some(account.platform_id.as_ref()).flatten();
    let by = account.watched_by.as_ref().or_else(itself).ok_or_else(|| {
        Error::new(ErrorKind::NotOffered, "its public page is not asked for").with("account", id).hint(
            "own_pages = true in [platform.instagram] asks for those of all own accounts that have a platform_id",
        )
    })?;
    if config.login != Login::Facebook {
        return Err(Error::new(ErrorKind::NotOffered, "public pages are read with Facebook Login only")
            .with("account", id)
            .hint("set login = \"facebook\" in [platform.instagram]"));
    }
    let username = id.name();
    if !username.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_')) {
        return Err(Error::bad_config(format!("{username:?} is no username of Instagram"))
            .with("account", id)
            .hint("its public page is asked for by the name after the slash: instagram/rival"));
    }
    let shown = ["id", "timestamp", "permalink", "media_type", "media_product_type"].into_iter();
    let counts = SEEN_POSTS.iter().map(kepi_core::Field::key).filter(|field| !list.without.contains(*field));
    let media = shown.chain(counts).collect::<Vec<_>>().join(",");
    let seen = format!("followers_count,media_count,username,media.limit({}){{{media}}}", list.limit);
    Ok(Request::get(config.url(&format!("/{by}")))
        .query("fields", format!("business_discovery.username({username}){{{seen}}}")))
}

fn media_fields(
    config: &InstagramConfig,
    stories: bool,
    insights: Option<Kind>,
    without: &BTreeSet<SmolStr>,
) -> String {
    const SHOWN: &[&str] = &[
        "id",
        "media_type",
        "media_product_type",
        "timestamp",
        "permalink",
        "caption",
        "like_count",
        "comments_count",
    ];
    let pages = SHOWN_TO_PAGES.iter().filter(|_| config.login == Login::Facebook && !stories);
    let shown = SHOWN.iter().copied().chain(pages.map(kepi_core::Field::key));
    let mut fields: Vec<&str> = shown.filter(|field| !without.contains(*field)).collect();
    let metrics = insights.map(|kind| kind.metrics(config, without)).unwrap_or_default();
    let nested = format!("insights.metric({})", metrics.join(","));
    if !metrics.is_empty() {
        fields.push(&nested);
    }
    fields.join(",")
}

/// The insights of several items, or of one.
fn insights_of(config: &InstagramConfig, job: &Job, insights: &Insights) -> Result<Request> {
    let (kind, ids) = insights.next().ok_or_else(|| bad_request(job, "no media are left to ask for"))?;
    let metrics = kind.metrics(config, &insights.without).join(",");
    if let [id] = ids {
        return Ok(
            Request::get(config.url(&format!("/{}/insights", media_id(job, id)?))).query("metric", metrics)
        );
    }
    several(config, job, ids, format!("insights.metric({metrics})"))
}

fn several(config: &InstagramConfig, job: &Job, ids: &[SmolStr], fields: String) -> Result<Request> {
    let ids: Vec<&str> = ids.iter().map(|id| media_id(job, id)).collect::<Result<_>>()?;
    Ok(Request::get(config.url("/")).query("ids", ids.join(",")).query("fields", fields))
}

fn by_id(config: &InstagramConfig, job: &Job, place: &ById) -> Result<Request> {
    let ids = ids_at(job, place);
    if ids.is_empty() || job.posts.len() > usize::from(PAGE) {
        return Err(bad_request(job, "a job of 1 to 50 posts is needed").with("posts", job.posts.len()));
    }
    let insights = (!place.plain).then_some(Kind::Other);
    several(config, job, &ids, media_fields(config, false, insights, &place.without))
}

/// The ids of the next call.
pub(crate) fn ids_at(job: &Job, place: &ById) -> Vec<SmolStr> {
    let left = job.posts.iter().skip(usize::from(place.done));
    left.take(usize::from(place.size.max(1))).map(|post| post.id.clone()).collect()
}

/// The groups of metrics that an endpoint is asked for, each in one call.
fn groups(config: &InstagramConfig, job: &Job) -> Result<Vec<Group>> {
    let names = |table: &[Insight]| -> Vec<SmolStr> {
        table.iter().map(|insight| SmolStr::new_static(insight.name)).collect()
    };
    let group = |metrics: Vec<SmolStr>, by: &'static str| Group { metrics, by: SmolStr::new_static(by) };
    let mut groups = match job.endpoint.as_str() {
        REACH => {
            let mut metrics = names(&BY_DAY);
            let today = local_day(job.planned_at, &pacific()?);
            if window(job)?.start < add_days(today, -FOLLOWER_COUNT_DAYS) {
                metrics.retain(|name| name != "follower_count");
            }
            vec![group(metrics, "")]
        }
        ACCOUNT_DAYS => {
            let mut metrics = names(&OF_A_DAY);
            metrics.retain(|name| config.retiring_metrics || !RETIRING.contains(&name.as_str()));
            vec![group(metrics, "")]
        }
        FOLLOWS => vec![group(vec![SmolStr::new_static(FOLLOWS_AND_UNFOLLOWS)], "follow_type")],
        FOLLOWERS => GROUPS.map(|by| group(vec!["follower_demographics".into()], by)).into(),
        ENGAGED => GROUPS.map(|by| group(vec!["engaged_audience_demographics".into()], by)).into(),
        SPLITS if !config.splits => return Err(not_asked_for(job, "splits")),
        SPLITS => {
            let following = match config.follower_breakdown {
                FollowerBreakdown::FollowType => vec![group(names(&BY_FOLLOWING), "follow_type")],
                FollowerBreakdown::FollowerType => {
                    vec![
                        group(vec!["reach".into()], "follow_type"),
                        group(vec!["views".into()], "follower_type"),
                    ]
                }
            };
            let kinds = group(names(&BY_KIND), "media_product_type");
            let buttons = group(names(&BY_BUTTON), "contact_button_type");
            [vec![kinds], following, vec![buttons]].concat()
        }
        FOUR_WEEKS if !config.four_weeks => return Err(not_asked_for(job, "four_weeks")),
        _ => vec![group(names(&OF_FOUR_WEEKS), "")],
    };
    let refused = refused(job);
    for group in &mut groups {
        group.metrics.retain(|name| !refused.contains(name));
    }
    groups.retain(|group| !group.metrics.is_empty());
    Ok(groups)
}

fn account_insights(config: &InstagramConfig, job: &Job, groups: &[Group]) -> Result<Request> {
    let group = groups.first().ok_or_else(|| {
        Error::new(ErrorKind::NotOffered, "the account has none of the metrics of this endpoint")
            .with("endpoint", &job.endpoint)
            .hint("they are tried again after a while")
    })?;
    let people = matches!(job.endpoint.as_str(), FOLLOWERS | ENGAGED);
    let id = account_id(config, job)?;
    let mut request = Request::get(config.url(&format!("/{id}/insights")))
        .query("metric", group.metrics.join(","))
        .query("period", if people { "lifetime" } else { "day" });
    if job.endpoint != REACH {
        request = request.query("metric_type", "total_value");
    }
    if !group.by.is_empty() {
        request = request.query("breakdown", group.by.as_str());
    }
    if job.endpoint == ENGAGED {
        request = request.query("timeframe", config.engaged_timeframe.as_str());
    }
    if people {
        return Ok(request);
    }
    let days = days_asked(job)?;
    let most = if job.endpoint == REACH {
        30
    } else if job.endpoint == FOUR_WEEKS {
        WEEKS_DAYS
    } else {
        1
    };
    if days.is_empty() || days.days() > most {
        return Err(bad_request(job, "more days than one call takes").with("days", days));
    }
    let end = midnight(days.end)? - i64::from(config.until == Until::Inclusive);
    Ok(request.query("since", midnight(days.start)?.to_string()).query("until", end.to_string()))
}

/// The days that a job of account insights is about.
pub(crate) fn days_asked(job: &Job) -> Result<DateSpan> {
    if job.endpoint != FOUR_WEEKS {
        return window(job);
    }
    let end = add_days(local_day(job.planned_at, &pacific()?), 1 - i32::from(SETTLED));
    Ok(DateSpan::new(add_days(end, -WEEKS_DAYS), end))
}

fn tagged(config: &InstagramConfig, job: &Job, tags: &Tags) -> Result<Request> {
    if !config.mentions {
        return Err(not_asked_for(job, "mentions"));
    }
    let id = account_id(config, job)?;
    let request = Request::get(config.url(&format!("/{id}/tags")))
        .query("fields", "id,timestamp")
        .query("limit", TAGS_PAGE.to_string());
    Ok(if tags.after.is_empty() { request } else { request.query("after", tags.after.clone()) })
}

fn not_asked_for(job: &Job, setting: &str) -> Error {
    Error::new(ErrorKind::NotOffered, "not asked for")
        .with("endpoint", &job.endpoint)
        .hint(format!("set {setting} = true in [platform.instagram]"))
}

/// An account's number; `me` is whoever has consented, which is the account itself with Instagram Login only.
fn account_id<'j>(config: &InstagramConfig, job: &'j Job) -> Result<&'j str> {
    let account = job.account()?;
    match (account.platform_id.as_deref(), config.login) {
        (None, Login::Instagram) => Ok("me"),
        (Some(id), _) if is_number(id) => Ok(id),
        _ => Err(no_number(account)),
    }
}

fn no_number(account: &AccountRef) -> Error {
    Error::bad_config(format!("the number of {} at Instagram is not known", account.id))
        .with("account", &account.id)
        .hint(
            "set platform_id = \"1784…\" in its [[account]]; with Facebook Login \
             /me/accounts?fields=instagram_business_account{id,username} tells it",
        )
}

fn media_id<'j>(job: &Job, id: &'j SmolStr) -> Result<&'j str> {
    if is_number(id) { Ok(id) } else { Err(bad_request(job, "a post's id is a number").with("post", id)) }
}

fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|c| c.is_ascii_digit())
}

fn window(job: &Job) -> Result<DateSpan> {
    job.window.ok_or_else(|| bad_request(job, "a job without days"))
}

fn bad_request(job: &Job, message: &str) -> Error {
    Error::new(ErrorKind::BadRequest, message).with("endpoint", &job.endpoint)
}

pub(crate) fn pacific() -> Result<TimeZone> {
    zone(PACIFIC)
}

/// The instant at which a day begins, in seconds.
fn midnight(date: Date) -> Result<i64> {
    let at = date.to_zoned(pacific()?).map_err(|error| {
        Error::new(ErrorKind::BadRequest, "a day beyond all calendars").with("day", date).caused_by(error)
    })?;
    Ok(at.timestamp().as_second())
}

/// The request that exchanges a grant for a token.
pub(crate) fn token(config: &InstagramConfig, kind: &str, grant: &Grant) -> Result<Request> {
    match (kind, grant, config.login) {
        (USER, Grant::Code { redirect_uri }, Login::Instagram) => {
            let form = vec![
                ("client_id".into(), Text::secret("client_id")),
                ("client_secret".into(), Text::secret("client_secret")),
                ("grant_type".into(), "authorization_code".into()),
                ("redirect_uri".into(), redirect_uri.as_str().into()),
                ("code".into(), Text::secret("code")),
            ];
            let request = Request::post(config.consent_url("/oauth/access_token"), Payload::Form(form));
            Ok(Request { idempotent: false, ..request })
        }
        (USER, Grant::Code { redirect_uri }, Login::Facebook) => {
            let request = Request::get(config.url("/oauth/access_token"))
                .query("client_id", Text::secret("client_id"))
                .query("client_secret", Text::secret("client_secret"))
                .query("redirect_uri", redirect_uri.as_str())
                .query("code", Text::secret("code"));
            Ok(Request { idempotent: false, ..request })
        }
        (USER, Grant::Refresh, Login::Instagram) => Ok(Request::get(config.host("/refresh_access_token"))
            .query("grant_type", "ig_refresh_token")
            .query("access_token", Text::secret("access_token"))),
        (USER, Grant::Refresh, Login::Facebook) => Ok(longer(config)),
        _ => Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange"))),
    }
}

/// The token of a consent lives for an hour and is good for the one that lives for sixty days.
pub(crate) fn lengthen(config: &InstagramConfig, kind: &str, grant: &Grant) -> Option<Request> {
    (kind == USER && matches!(grant, Grant::Code { .. })).then(|| longer(config))
}

/// A long token for a short one; with Facebook Login also a young one for an old one.
fn longer(config: &InstagramConfig) -> Request {
    match config.login {
        Login::Instagram => Request::get(config.host("/access_token"))
            .query("grant_type", "ig_exchange_token")
            .query("client_secret", Text::secret("client_secret"))
            .query("access_token", Text::secret("access_token")),
        Login::Facebook => Request::get(config.url("/oauth/access_token"))
            .query("grant_type", "fb_exchange_token")
            .query("client_id", Text::secret("client_id"))
            .query("client_secret", Text::secret("client_secret"))
            .query("fb_exchange_token", Text::secret("access_token")),
    }
}
