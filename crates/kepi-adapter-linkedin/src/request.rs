//! Job and cursor in, request out; and the requests that exchange tokens.

mod restli;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{
    AccountRef, Calls, Cursor, DateSpan, Descriptor, Error, ErrorKind, Grant, Job, Payload, PostRef, Request,
    Result,
    http::Text,
    period::{add_days, local_day},
};
use serde::{Deserialize, Serialize};
use smol_str::{SmolStr, format_smolstr};

use self::restli::{encoded, list};
use crate::{
    config::{LinkedinConfig, Tier, Videos},
    descriptor::{
        ADMIN, AUDIENCE, FOLLOWER_DAYS, FOLLOWERS, MEMBER, MEMBER_DAYS, MEMBER_FOLLOWERS, MEMBER_POSTS,
        MEMBER_VIDEOS, PAGE_DAYS, PAGE_TOTALS, POSTS, POSTS_PAGE, REACTIONS, SHARE_DAYS, SHARE_POSTS, TOTALS,
        UGC_POSTS, VIDEO_DAYS_BACK, VIDEOS,
    },
};

const FOLLOWER_STATISTICS: &str = "/rest/organizationalEntityFollowerStatistics";
const SHARE_STATISTICS: &str = "/rest/organizationalEntityShareStatistics";
const PAGE_STATISTICS: &str = "/rest/organizationPageStatistics";

/// Longer addresses go in the body of a `POST`.
const LONGEST: usize = 4_000;

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// The organization of the account, found among those that the token's member administers.
    Organization(SmolStr),
    /// So many items of a list have been read.
    Start(u32),
    /// Videos that are still to be asked for, and where their list goes on.
    Video(VideoStep),
    /// A member's metrics are asked for one by one; this is the next.
    Metric(u8),
}

/// Where one stands among videos.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VideoStep {
    /// The videos of a page of the list, the next one first.
    pub(crate) videos: Vec<SmolStr>,
    /// Which of its numbers comes next.
    pub(crate) metric: u8,
    /// Where the list goes on behind them.
    pub(crate) list: Option<u32>,
}

/// The types of numbers that videos have, and whether they are asked for.
pub(crate) fn video_types(config: &LinkedinConfig) -> &'static [&'static str] {
    const TYPES: [&str; 3] = ["VIDEO_VIEW", "TIME_WATCHED_FOR_VIDEO_VIEWS", "VIEWER"];
    if config.video_viewers { &TYPES } else { TYPES.get(..2).unwrap_or(&TYPES) }
}

/// The types of numbers that an endpoint of members has, one call each.
pub(crate) fn member_types(config: &LinkedinConfig, endpoint: &str) -> &'static [&'static str] {
    const DAYS: [&str; 9] = [
        "IMPRESSION",
        "RESHARE",
        "REACTION",
        "COMMENT",
        "POST_SAVE",
        "POST_SEND",
        "LINK_CLICKS",
        "FOLLOWER_GAINED_FROM_CONTENT",
        "PROFILE_VIEW_FROM_CONTENT",
    ];
    // People are not told by day.
    const POSTS: [&str; 10] = [
        "IMPRESSION",
        "MEMBERS_REACHED",
        "RESHARE",
        "REACTION",
        "COMMENT",
        "POST_SAVE",
        "POST_SEND",
        "LINK_CLICKS",
        "FOLLOWER_GAINED_FROM_CONTENT",
        "PROFILE_VIEW_FROM_CONTENT",
    ];
    const VIDEOS: [&str; 3] = ["VIDEO_PLAY", "VIDEO_VIEWER", "VIDEO_WATCH_TIME"];
    let newer = config.newer_member_metrics;
    match endpoint {
        MEMBER_DAYS if newer => &DAYS,
        MEMBER_DAYS => DAYS.get(..4).unwrap_or(&DAYS),
        MEMBER_POSTS if newer => &POSTS,
        MEMBER_POSTS => POSTS.get(..5).unwrap_or(&POSTS),
        MEMBER_VIDEOS => &VIDEOS,
        _ => &[],
    }
}

/// The request for a page.
pub(crate) fn page(config: &LinkedinConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    let step: Option<Step> = cursor.state()?;
    let asking = Asking { config, job };
    match (job.endpoint.as_str(), step) {
        (FOLLOWERS, None) => asking.followers(None),
        (FOLLOWERS, Some(Step::Organization(urn))) => asking.followers(Some(&urn)),
        (FOLLOWER_DAYS, None) => asking.days(FOLLOWER_STATISTICS, "organizationalEntity"),
        (AUDIENCE, None) => asking.lifetime(FOLLOWER_STATISTICS, "organizationalEntity"),
        (SHARE_DAYS, None) => asking.days(SHARE_STATISTICS, "organizationalEntity"),
        (TOTALS, None) => asking.lifetime(SHARE_STATISTICS, "organizationalEntity"),
        (PAGE_DAYS, None) => asking.days(PAGE_STATISTICS, "organization"),
        (PAGE_TOTALS, None) => asking.lifetime(PAGE_STATISTICS, "organization"),
        (POSTS, None) => asking.posts(0, "LAST_MODIFIED"),
        (POSTS, Some(Step::Start(start))) => asking.posts(start, "LAST_MODIFIED"),
        (SHARE_POSTS, None) => asking.of_posts("shares", "urn:li:share:"),
        (UGC_POSTS, None) => asking.of_posts("ugcPosts", "urn:li:ugcPost:"),
        (REACTIONS, None) => asking.reactions(),
        (VIDEOS, None) => asking.videos(0),
        (VIDEOS, Some(Step::Start(start))) => asking.videos(start),
        (VIDEOS, Some(Step::Video(step))) => asking.video(&step),
        (MEMBER_FOLLOWERS, None) => asking.member("/rest/memberFollowersCount", "q=me"),
        (MEMBER_DAYS | MEMBER_POSTS | MEMBER_VIDEOS, None) => asking.member_metric(0),
        (MEMBER_DAYS | MEMBER_POSTS | MEMBER_VIDEOS, Some(Step::Metric(metric))) => {
            asking.member_metric(metric)
        }
        (
            FOLLOWERS | FOLLOWER_DAYS | AUDIENCE | SHARE_DAYS | TOTALS | PAGE_DAYS | PAGE_TOTALS | POSTS
            | SHARE_POSTS | UGC_POSTS | REACTIONS | VIDEOS | MEMBER_FOLLOWERS | MEMBER_DAYS | MEMBER_POSTS
            | MEMBER_VIDEOS,
            Some(_),
        ) => Err(Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
            .with("endpoint", &job.endpoint)
            .hint("`kepi backfill` starts the stream anew")),
        (unknown, _) => {
            Err(Error::new(ErrorKind::BadRequest, format!("linkedin has no endpoint {unknown:?}")))
        }
    }
}

/// How many calls a job takes: a member's metrics are asked for one by one, and a page's videos after their list.
pub(crate) fn calls(config: &LinkedinConfig, descriptor: &Descriptor, job: &Job) -> Calls {
    match (job.endpoint.as_str(), member_types(config, &job.endpoint).len()) {
        (FOLLOWERS, _) if job.account().ok().and_then(|it| organization(it).ok()).flatten().is_none() => {
            Calls::exactly(2)
        }
        (VIDEOS, _) => Calls::at_least(1),
        (_, 0) => Calls::by_shape(descriptor, job),
        (_, types) => Calls::exactly(types),
    }
}

struct Asking<'a> {
    config: &'a LinkedinConfig,
    job: &'a Job,
}

impl Asking<'_> {
    /// A call with its query, which is written by hand: the structure of Rest.li stands as it is, and only values
    /// are encoded.
    fn call(&self, method: &'static str, path: &str, query: &str) -> Request {
        let url = format!("{}?{query}", self.config.url(path));
        let request = if url.len() > LONGEST {
            let request = Request::post(self.config.url(path), Payload::Encoded(query.to_owned()));
            request.header("X-HTTP-Method-Override", "GET")
        } else {
            Request::get(url)
        };
        request
            .header("LinkedIn-Version", self.config.version.as_str())
            .header("X-Restli-Protocol-Version", "2.0.0")
            .header("X-RestLi-Method", method)
            .token(ADMIN)
    }

    fn organization(&self) -> Result<SmolStr> {
        let account = self.job.account()?;
        organization(account)?.ok_or_else(|| {
            Error::bad_config(format!("the organization of {} is not known", account.id))
                .with("account", &account.id)
                .hint(
                    "set platform_id = \"…\" in its [[account]]: the number in the address of the page's admin \
                     view; `followers` finds it where the token administers one page only",
                )
        })
    }

    fn followers(&self, found: Option<&str>) -> Result<Request> {
        let known = organization(self.job.account()?)?;
        let Some(urn) = found.or(known.as_deref()) else {
            let query = "q=roleAssignee&role=ADMINISTRATOR&state=APPROVED&count=100";
            return Ok(self.call("FINDER", "/rest/organizationAcls", query));
        };
        let path = format!("/rest/networkSizes/{}", encoded(urn));
        Ok(self.call("GET", &path, "edgeType=COMPANY_FOLLOWED_BY_MEMBER"))
    }

    fn finder(&self, key: &str) -> Result<String> {
        Ok(format!("q={key}&{key}={}", encoded(&self.organization()?)))
    }

    fn lifetime(&self, path: &str, key: &str) -> Result<Request> {
        Ok(self.call("FINDER", path, &self.finder(key)?))
    }

    /// The end is the instant after the last day.
    fn days(&self, path: &str, key: &str) -> Result<Request> {
        let range = time_range(self.window()?);
        let query =
            format!("{}&timeIntervals=(timeRange:{range},timeGranularityType:DAY)", self.finder(key)?);
        Ok(self.call("FINDER", path, &query))
    }

    fn window(&self) -> Result<DateSpan> {
        self.job
            .window
            .filter(|window| !window.is_empty())
            .ok_or_else(|| bad_request(self.job, "a job without days"))
    }

    fn posts(&self, start: u32, order: &str) -> Result<Request> {
        let author = encoded(&self.organization()?);
        let query = format!("q=author&author={author}&count={POSTS_PAGE}&start={start}&sortBy={order}");
        Ok(self.call("FINDER", "/rest/posts", &query))
    }

    fn of_posts(&self, key: &str, kind: &str) -> Result<Request> {
        let urns = self.urns()?;
        if let Some(foreign) = urns.iter().find(|urn| !urn.starts_with(kind)) {
            return Err(bad_request(self.job, "a post of another kind").with("post", foreign));
        }
        let query = format!("{}&{key}={}", self.finder("organizationalEntity")?, list(&urns));
        Ok(self.call("FINDER", SHARE_STATISTICS, &query))
    }

    fn urns(&self) -> Result<Vec<&str>> {
        let urns: Vec<&str> = self.job.posts.iter().map(|post| post.id.as_str()).collect();
        if urns.is_empty() || urns.len() > usize::from(POSTS_PAGE) {
            return Err(bad_request(self.job, "a job of 1 to 100 posts is needed").with("posts", urns.len()));
        }
        Ok(urns)
    }

    fn reactions(&self) -> Result<Request> {
        if !self.config.reactions {
            return Err(Error::new(ErrorKind::NotOffered, "reactions are not asked for")
                .hint("set reactions = true in [platform.linkedin]"));
        }
        if self.config.tier == Tier::Development {
            return Err(Error::new(ErrorKind::NotOffered, "the development tier has no batches")
                .hint("with the standard tier, set tier = \"standard\" in [platform.linkedin]"));
        }
        self.organization()?;
        let query = format!("ids={}", list(&self.urns()?));
        Ok(self.call("BATCH_GET", "/rest/socialMetadata", &query))
    }

    fn videos(&self, start: u32) -> Result<Request> {
        if self.config.videos == Videos::Off {
            return Err(Error::new(ErrorKind::NotOffered, "videos are not asked for")
                .hint("set videos = \"totals\" or \"days\" in [platform.linkedin]"));
        }
        self.posts(start, "CREATED")
    }

    fn video(&self, step: &VideoStep) -> Result<Request> {
        let kind = video_types(self.config).get(usize::from(step.metric));
        let (Some(video), Some(kind)) = (step.videos.first(), kind) else {
            return Err(Error::new(ErrorKind::Store, "the stored cursor names no video and number")
                .with("endpoint", &self.job.endpoint)
                .hint("`kepi backfill` starts the stream anew"));
        };
        let mut query = format!("q=entity&entity={}&type={kind}", encoded(video));
        if self.config.videos == Videos::Days {
            query.push_str(&format!("&aggregation=DAY&timeRange={}", time_range(self.video_days())));
        }
        Ok(self.call("FINDER", "/rest/videoAnalytics", &query))
    }

    /// The days of the job up to the last that is ready: the videos are not older than its first.
    fn video_days(&self) -> DateSpan {
        let today = utc_day(self.job.planned_at);
        let floor = add_days(today, -i32::from(VIDEO_DAYS_BACK));
        let ready = add_days(today, 1 - i32::from(self.config.lag_days));
        let start = self.job.window.map_or(floor, |window| window.start).max(floor);
        DateSpan::new(start.min(add_days(ready, -1)), ready)
    }

    fn member(&self, path: &str, query: &str) -> Result<Request> {
        let account = self.job.account()?;
        if !is_member(account) {
            return Err(Error::new(
                ErrorKind::NotOffered,
                format!("{} is a page and not a person", account.id),
            )
            .hint("a person's account has platform_id = \"urn:li:person:…\""));
        }
        Ok(self.call("FINDER", path, query).token(MEMBER))
    }

    fn member_metric(&self, metric: u8) -> Result<Request> {
        let types = member_types(self.config, &self.job.endpoint);
        let Some(kind) = types.get(usize::from(metric)) else {
            return Err(Error::new(ErrorKind::Store, "the stored cursor names no number of a member")
                .with("endpoint", &self.job.endpoint)
                .hint("is newer_member_metrics set otherwise? `kepi backfill` starts the stream anew"));
        };
        if self.job.endpoint == MEMBER_DAYS {
            let range = date_range(self.window()?);
            let query = format!("q=me&queryType={kind}&aggregation=DAILY&dateRange={range}");
            return self.member("/rest/memberCreatorPostAnalytics", &query);
        }
        let path = match self.job.endpoint.as_str() {
            MEMBER_VIDEOS => "/rest/memberCreatorVideoAnalytics",
            _ => "/rest/memberCreatorPostAnalytics",
        };
        let [post] = self.job.posts.as_slice() else {
            return Err(
                bad_request(self.job, "a job of one post is needed").with("posts", self.job.posts.len())
            );
        };
        let query = format!("q=entity&entity={}&queryType={kind}&aggregation=TOTAL", entity(self.job, post)?);
        self.member(path, &query)
    }
}

/// The organization of an account: a bare number, or its URN. `None` where it is not known yet.
pub(crate) fn organization(account: &AccountRef) -> Result<Option<SmolStr>> {
    if is_member(account) {
        return Err(Error::new(ErrorKind::NotOffered, format!("{} is a person and not a page", account.id))
            .hint("a page's account has the number of its organization as platform_id"));
    }
    let Some(id) = account.platform_id.as_deref() else { return Ok(None) };
    if !id.is_empty() && id.bytes().all(|c| c.is_ascii_digit()) {
        return Ok(Some(format_smolstr!("urn:li:organization:{id}")));
    }
    if id.starts_with("urn:li:organization") {
        return Ok(Some(SmolStr::new(id)));
    }
    Err(Error::bad_config(format!("the platform_id of {} names no page", account.id))
        .with("platform_id", id)
        .hint("write the number of the organization; for a person, urn:li:person:…"))
}

fn is_member(account: &AccountRef) -> bool {
    account.platform_id.as_deref().is_some_and(|id| id.starts_with("urn:li:person:"))
}

/// A post as the analytics of members name it.
fn entity(job: &Job, post: &PostRef) -> Result<String> {
    let kind = match post.id.split(':').nth(2) {
        Some("share") => "share",
        Some("ugcPost") => "ugc",
        _ => return Err(bad_request(job, "a post that is neither share nor ugcPost").with("post", &post.id)),
    };
    Ok(format!("({kind}:{})", encoded(&post.id)))
}

/// Milliseconds; the end is excluded.
fn time_range(days: DateSpan) -> String {
    format!("(start:{},end:{})", millis(days.start), millis(days.end))
}

fn date_range(days: DateSpan) -> String {
    let civil = |date: Date| format!("(day:{},month:{},year:{})", date.day(), date.month(), date.year());
    format!("(start:{},end:{})", civil(days.start), civil(days.end))
}

fn millis(date: Date) -> i64 {
    date.to_zoned(TimeZone::UTC).map_or(0, |midnight| midnight.timestamp().as_millisecond())
}

pub(crate) fn utc_day(at: Timestamp) -> Date {
    local_day(at, &TimeZone::UTC)
}

fn bad_request(job: &Job, message: &str) -> Error {
    Error::new(ErrorKind::BadRequest, message).with("endpoint", &job.endpoint)
}

/// The request that exchanges a grant for a token. A code is dead after one use; a refresh token stays.
pub(crate) fn token(config: &LinkedinConfig, kind: &str, grant: &Grant) -> Result<Request> {
    let mut form: Vec<(SmolStr, Text)> = match grant {
        Grant::Code { redirect_uri } => vec![
            ("grant_type".into(), "authorization_code".into()),
            ("code".into(), Text::secret("code")),
            ("redirect_uri".into(), redirect_uri.as_str().into()),
        ],
        Grant::Refresh => vec![
            ("grant_type".into(), "refresh_token".into()),
            ("refresh_token".into(), Text::secret("refresh_token")),
        ],
        Grant::Client | Grant::Renew | Grant::Statement => Vec::new(),
    };
    if form.is_empty() || ![ADMIN, MEMBER].contains(&kind) {
        return Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange")));
    }
    form.push(("client_id".into(), Text::secret("client_id")));
    form.push(("client_secret".into(), Text::secret("client_secret")));
    let base = config.oauth_base_url.trim_end_matches('/');
    let request = Request::post(format!("{base}/oauth/v2/accessToken"), Payload::Form(form));
    Ok(Request { idempotent: *grant == Grant::Refresh, ..request })
}
