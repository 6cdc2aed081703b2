//! Job and cursor in, request out; and the requests that exchange tokens.

use jiff::civil::Date;
use kepi_core::{
    Calls, Cursor, DateSpan, Descriptor, Error, ErrorKind, Field, Grant, Job, Payload, Request, Result,
    http::Text,
    period::{add_days, days_between},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use smol_str::SmolStr;

use crate::{
    config::{Conversions, DouyinConfig, VideoSeriesDays, VideosPerCall},
    decode::beijing_day,
    descriptor::{
        ACCOUNT_COMMENTS, ACCOUNT_FANS, ACCOUNT_LIKES, ACCOUNT_PLAYS, ACCOUNT_SHARES, ACCOUNT_SPANS,
        ACCOUNT_VISITORS, AD_DAYS, BOUND_ACCOUNTS, ENTERPRISE_DAYS, ENTERPRISE_ROWS, ENTERPRISE_SOURCES,
        ENTERPRISE_VIDEOS, FAN_PORTRAIT, FAN_SOURCES, OCEAN, OLDER_VIDEOS, PROFILE, PROMOTION_DAYS,
        REPORT_ROWS, USER, VIDEO_AGE, VIDEO_DAYS, VIDEOS, enterprise_fields,
    },
};

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// The list goes on behind this place, which is Douyin's own.
    After(i64),
    /// Rows of an enterprise account.
    Rows(Rows),
    /// The page of a report, counted from 1.
    Page(u32),
    /// What is to be asked of the first of these videos, and then of the others.
    Series {
        /// What.
        of: Series,
        /// The videos that are left.
        videos: Vec<Young>,
    },
}

/// How far the rows of an enterprise account have been read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rows {
    /// So many have been.
    pub(crate) offset: u32,
    /// Fields that were refused meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) without: Vec<SmolStr>,
}

impl Rows {
    /// Where a job stands.
    pub(crate) fn at(cursor: &Cursor) -> Result<Self> {
        match cursor.state()? {
            Some(Step::Rows(rows)) => Ok(rows),
            _ => Ok(Self::default()),
        }
    }
}

/// What is told of a young video, one call each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Series {
    /// Its sums since publishing, and the average watch time.
    Base,
    /// Its plays by day.
    Play,
    /// Its likes by day.
    Like,
    /// Its comments by day.
    Comment,
    /// Its shares by day.
    Share,
}

impl Series {
    fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Play => "play",
            Self::Like => "like",
            Self::Comment => "comment",
            Self::Share => "share",
        }
    }

    /// What is asked next of the same video.
    pub(crate) fn following(self) -> Option<Self> {
        match self {
            Self::Base => Some(Self::Play),
            Self::Play => Some(Self::Like),
            Self::Like => Some(Self::Comment),
            Self::Comment => Some(Self::Share),
            Self::Share => None,
        }
    }
}

/// A video that is young enough for a series.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Young {
    /// Its number, by which everyone knows it.
    pub(crate) video: SmolStr,
    /// The app's own name for it, by which its series are asked for.
    pub(crate) item: SmolStr,
    /// Its day of publishing in Beijing.
    pub(crate) published: Date,
}

/// The request for a page.
pub(crate) fn page(config: &DouyinConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    let step: Option<Step> = cursor.state()?;
    match (job.endpoint.as_str(), step) {
        (PROFILE, None) => open(config, job, "/oauth/userinfo/"),
        (FAN_PORTRAIT, None) => open(config, job, "/api/douyin/v1/user/fans_data/"),
        (FAN_SOURCES, None) => open(config, job, "/data/extern/fans/source/"),
        (VIDEOS, None) => videos(config, job, 0),
        (VIDEOS, Some(Step::After(place))) => videos(config, job, place),
        (OLDER_VIDEOS, None) => video_data(config, job),
        (VIDEO_DAYS, None) if config.video_days => video_data(config, job),
        (VIDEO_DAYS, Some(Step::Series { of, videos })) if config.video_days => {
            series(config, job, of, &videos)
        }
        (VIDEO_DAYS, None | Some(Step::Series { .. })) => {
            Err(not_offered("days of videos are not asked for")
                .hint("set video_days = true in [platform.douyin]"))
        }
        (BOUND_ACCOUNTS, None) => ocean(config, job, "v1.0/enterprise/bind/list/get/"),
        (ENTERPRISE_DAYS, step) => enterprise(config, job, "overview/data", rows(job, step)?),
        (ENTERPRISE_SOURCES, step) => enterprise(config, job, "flow/category", rows(job, step)?),
        (ENTERPRISE_VIDEOS, step) => enterprise(config, job, "video/info", rows(job, step)?),
        (AD_DAYS, step) => report(config, job, &["stat_time_day"], page_number(job, step)?),
        (PROMOTION_DAYS, step) => {
            report(config, job, &["stat_time_day", "cdp_promotion_id"], page_number(job, step)?)
        }
        (endpoint, step) => match (account_series(endpoint), step) {
            (Some(what), None) => account_days(config, job, what),
            (None, None) => {
                Err(Error::new(ErrorKind::BadRequest, format!("douyin has no endpoint {endpoint:?}")))
            }
            (_, Some(_)) => Err(foreign(job)),
        },
    }
}

/// How many calls a job takes: days of videos are asked for one by one, and each video has its series. Videos that a
/// list brings meanwhile come on top.
pub(crate) fn calls(descriptor: &Descriptor, job: &Job) -> Calls {
    if job.endpoint != VIDEO_DAYS {
        return Calls::by_shape(descriptor, job);
    }
    let series = std::iter::successors(Some(Series::Base), |series| series.following()).count();
    let today = beijing_day(job.planned_at);
    let published = job.posts.iter().map(|post| post.published_at.map(beijing_day));
    let young = published.filter(|day| day.is_none_or(|day| days_between(day, today) < i32::from(VIDEO_AGE)));
    Calls::at_least(1 + series * young.count())
}

fn account_series(endpoint: &str) -> Option<&'static str> {
    Some(match endpoint {
        ACCOUNT_PLAYS => "item",
        ACCOUNT_FANS => "fans",
        ACCOUNT_LIKES => "like",
        ACCOUNT_COMMENTS => "comment",
        ACCOUNT_SHARES => "share",
        ACCOUNT_VISITORS => "profile",
        _ => return None,
    })
}

fn rows(job: &Job, step: Option<Step>) -> Result<Rows> {
    match step {
        None => Ok(Rows::default()),
        Some(Step::Rows(rows)) => Ok(rows),
        Some(_) => Err(foreign(job)),
    }
}

fn page_number(job: &Job, step: Option<Step>) -> Result<u32> {
    match step {
        None => Ok(1),
        Some(Step::Page(page)) => Ok(page),
        Some(_) => Err(foreign(job)),
    }
}

fn foreign(job: &Job) -> Error {
    Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
        .with("endpoint", &job.endpoint)
        .hint("`kepi backfill` starts the stream anew")
}

/// A call to the open platform. The account stands in each.
fn open(config: &DouyinConfig, job: &Job, path: &str) -> Result<Request> {
    Ok(Request::get(config.open(path)).query("open_id", open_id(job)?).token(USER))
}

fn open_id(job: &Job) -> Result<&str> {
    let account = job.account()?;
    account.platform_id.as_deref().filter(|id| !id.is_empty()).ok_or_else(|| {
        Error::bad_config(format!("the open_id of {} is not known", account.id))
            .with("account", &account.id)
            .hint("set platform_id = \"…\" in its [[account]]; Douyin tells it when the account consents")
    })
}

/// The shortest series that reaches back to the first day asked for; it ends with the newest that is told.
fn account_days(config: &DouyinConfig, job: &Job, what: &str) -> Result<Request> {
    let days = window(job)?;
    let back = days_between(days.start, beijing_day(job.planned_at));
    let span = ACCOUNT_SPANS.into_iter().find(|span| i32::from(*span) >= back).filter(|_| back > 0);
    let span = span.ok_or_else(|| {
        bad_request(job, "a series of the account tells the 30 days before today").with("days", days)
    })?;
    let request = open(config, job, &format!("/data/external/user/{what}/"))?;
    Ok(request.query("date_type", span.to_string()))
}

pub(crate) fn videos_per_call(config: &DouyinConfig) -> u16 {
    match config.videos_per_call {
        VideosPerCall::Ten => 10,
        VideosPerCall::Twenty => 20,
    }
}

fn videos(config: &DouyinConfig, job: &Job, place: i64) -> Result<Request> {
    let request = open(config, job, "/api/douyin/v1/video/video_list/")?;
    Ok(request.query("cursor", place.to_string()).query("count", videos_per_call(config).to_string()))
}

/// Videos by their numbers. The answer holds the app's own names for them as well.
fn video_data(config: &DouyinConfig, job: &Job) -> Result<Request> {
    let most = usize::from(videos_per_call(config));
    if job.posts.is_empty() || job.posts.len() > most {
        let error = bad_request(job, "a job of one video or several, and not more than one call takes");
        return Err(error.with("videos", job.posts.len()));
    }
    let ids: Vec<&str> = job.posts.iter().map(|post| post.id.as_str()).collect();
    let payload = Payload::Json { value: json!({"video_ids": ids}), secrets: Vec::new() };
    let url = config.open("/api/douyin/v1/video/video_data/");
    Ok(Request::post(url, payload).query("open_id", open_id(job)?).token(USER))
}

fn series(config: &DouyinConfig, job: &Job, of: Series, videos: &[Young]) -> Result<Request> {
    let first = videos.first().ok_or_else(|| {
        Error::new(ErrorKind::Store, "the stored cursor names no video")
            .with("endpoint", &job.endpoint)
            .hint("`kepi backfill` starts the stream anew")
    })?;
    let request = open(config, job, &format!("/data/external/item/{}/", of.as_str()))?;
    let request = request.query("item_id", first.item.to_string());
    if of == Series::Base {
        return Ok(request);
    }
    let age = days_between(first.published, beijing_day(job.planned_at));
    let span = match (age, config.video_series_days) {
        (..=7, _) => "7",
        (8..=15, _) | (_, VideoSeriesDays::Fifteen) => "15",
        (_, VideoSeriesDays::Thirty) => "30",
    };
    Ok(request.query("date_type", span))
}

/// A call to Ocean Engine for the account's advertiser.
fn ocean(config: &DouyinConfig, job: &Job, path: &str) -> Result<Request> {
    let advertiser = advertiser(config, job)?;
    Ok(Request::get(config.ocean(path)).query("advertiser_id", advertiser).token(OCEAN))
}

fn advertiser<'c>(config: &'c DouyinConfig, job: &Job) -> Result<&'c str> {
    let account = &job.account()?.id;
    config.advertiser(account).ok_or_else(|| {
        not_offered("no advertiser in Ocean Engine is named for the account").with("account", account).hint(
            format!("if it has one, set \"{account}\" = \"ADVERTISER_ID\" in [platform.douyin.advertisers]"),
        )
    })
}

fn enterprise(config: &DouyinConfig, job: &Job, report: &str, rows: Rows) -> Result<Request> {
    let request = ocean(config, job, &format!("v1.0/enterprise/{report}/get/"))?;
    let days = within(job, 365)?;
    let account = &job.account()?.id;
    let open_id = match config.enterprise_open_id(account) {
        Some(id) => id,
        None => open_id(job)?,
    };
    let given = |field: &&Field| {
        config.enterprise_without.iter().all(|without| without != field.key())
            && rows.without.iter().all(|without| without != field.key())
            && job.refused.iter().all(|metric| metric != field.metric)
    };
    let fields: Vec<&str> = enterprise_fields(&job.endpoint).iter().filter(given).map(Field::key).collect();
    if fields.is_empty() {
        return Err(not_offered("Ocean Engine gives the app none of the fields").with("account", account));
    }
    Ok(request
        .query("start_time", days.start.to_string())
        .query("end_time", add_days(days.end, -1).to_string())
        .query("fields", json!(fields).to_string())
        .query("time_dimension", "DAILY")
        .query("filter", json!({"open_id": open_id}).to_string())
        .query("offset", rows.offset.to_string())
        .query("limit", ENTERPRISE_ROWS.to_string()))
}

/// Filters and order are wanted although they are empty.
fn report(config: &DouyinConfig, job: &Job, dimensions: &[&str], page: u32) -> Result<Request> {
    let advertiser = advertiser(config, job)?;
    let days = within(job, 30)?;
    let conversions = match config.conversions {
        Conversions::ConversionDay => "convert_cnt",
        Conversions::SpendDay => "attribution_convert_cnt",
    };
    let metrics = ["stat_cost", "show_cnt", "click_cnt", "total_play", conversions];
    Ok(Request::get(config.report("v3.0/report/custom/get/"))
        .query("advertiser_id", advertiser)
        .query("data_topic", "BASIC_DATA")
        .query("dimensions", json!(dimensions).to_string())
        .query("metrics", json!(metrics).to_string())
        .query("filters", "[]")
        .query("order_by", "[]")
        .query("start_time", days.start.to_string())
        .query("end_time", add_days(days.end, -1).to_string())
        .query("page", page.to_string())
        .query("page_size", REPORT_ROWS.to_string())
        .token(OCEAN))
}

fn window(job: &Job) -> Result<DateSpan> {
    job.window.filter(|window| !window.is_empty()).ok_or_else(|| bad_request(job, "a job without days"))
}

fn within(job: &Job, most: i32) -> Result<DateSpan> {
    let window = window(job)?;
    if window.days() > most {
        return Err(bad_request(job, "more days than one call takes").with("days", window));
    }
    Ok(window)
}

fn bad_request(job: &Job, message: &str) -> Error {
    Error::new(ErrorKind::BadRequest, message).with("endpoint", &job.endpoint)
}

fn not_offered(message: &str) -> Error {
    Error::new(ErrorKind::NotOffered, message)
}

/// The request that exchanges a grant for a token.
pub(crate) fn token(config: &DouyinConfig, kind: &str, grant: &Grant) -> Result<Request> {
    match (kind, grant) {
        (USER, Grant::Code { .. }) => Ok(once(Request::post(
            config.open("/oauth/access_token/"),
            form("authorization_code", &["client_secret", "code"]),
        ))),
        // The refresh token stays, so asking again does no harm.
        (USER, Grant::Refresh) => {
            Ok(Request::post(config.open("/oauth/refresh_token/"), form("refresh_token", &["refresh_token"])))
        }
        // The old refresh token dies, and one of five renewals is used up.
        (USER, Grant::Renew) => {
            Ok(once(Request::post(config.open("/oauth/renew_refresh_token/"), form("", &["refresh_token"]))))
        }
        (OCEAN, Grant::Code { .. }) => {
            Ok(ocean_token(config, "access_token", json!({"grant_type": "auth_code"}), ("auth_code", "code")))
        }
        (OCEAN, Grant::Refresh) => {
            let value = json!({"grant_type": "refresh_token"});
            Ok(ocean_token(config, "refresh_token", value, ("refresh_token", "refresh_token")))
        }
        _ => Err(not_offered(&format!("{kind} tokens have no {grant} exchange"))),
    }
}

fn once(request: Request) -> Request {
    Request { idempotent: false, ..request }
}

/// The app goes by `client_key` here.
fn form(grant_type: &'static str, secrets: &[&'static str]) -> Payload {
    let mut pairs = vec![(SmolStr::new_static("client_key"), Text::secret("client_id"))];
    if !grant_type.is_empty() {
        pairs.push((SmolStr::new_static("grant_type"), grant_type.into()));
    }
    pairs.extend(secrets.iter().map(|name| (SmolStr::new_static(name), Text::secret(name))));
    Payload::Form(pairs)
}

/// Both tokens change with every exchange.
fn ocean_token(
    config: &DouyinConfig,
    path: &str,
    value: Value,
    (key, secret): (&'static str, &'static str),
) -> Request {
    let named = [("app_id", "client_id"), ("secret", "client_secret"), (key, secret)];
    let secrets = named.map(|(key, secret)| (SmolStr::new_static(key), SmolStr::new_static(secret)));
    let url = config.ocean(&format!("oauth2/{path}/"));
    once(Request::post(url, Payload::Json { value, secrets: secrets.to_vec() }))
}
