//! Job and cursor in, request out; and the request that exchanges a consent.

use jiff::civil::Date;
use kepi_core::{
    AccountRef, Cursor, DateSpan, Error, ErrorKind, Grant, Job, Payload, Request, Result, Shape, http::Text,
    period::add_days,
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{
    config::WeiboConfig,
    descriptor::{
        ACCOUNT_DAYS, ALL_MENTIONS, ALL_POSTS, ARTICLES, BATCH, CONSENT, COUNTS, FOLLOWERS, FOLLOWS, LIMITS,
        MENTIONS, MENTIONS_PAGE, POSTS_PAGE, PROFILE, TIMELINE, USER, VIEWS, descriptor,
    },
};

/// Where the walk through a list stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// It goes on at this id, itself included.
    pub from: SmolStr,
    /// The last one that was counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<SmolStr>,
    /// The day that is being counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tally: Option<Tally>,
    /// How many rows of a list of mentions were shown before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub seen: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// The posts of a day, as far as they are counted; unknown when one of them could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    /// The day.
    pub day: Date,
    /// How many.
    pub posts: Option<u32>,
}

/// The request for a page.
pub(crate) fn page(config: &WeiboConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    let from = cursor.state()?.map(|step: Step| step.from);
    let endpoint = job.endpoint.as_str();
    if let Some(commercial) = commercial(config, job, endpoint, from.as_deref()) {
        return commercial;
    }
    if endpoint == MENTIONS {
        return mentions(config, from.as_deref());
    }
    no_page_follows(job, from.as_deref())?;
    match endpoint {
        LIMITS => Ok(basic(config, "/2/account/rate_limit_status.json")),
        CONSENT => Ok(Request::post(config.url("/oauth2/get_token_info"), Payload::Empty).token(USER)),
        PROFILE => profile(config, job),
        TIMELINE => timeline(config, job),
        COUNTS => Ok(basic(config, "/2/statuses/count.json").query("ids", post_ids(job)?)),
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("weibo has no endpoint {unknown:?}"))),
    }
}

fn basic(config: &WeiboConfig, path: &str) -> Request {
    Request::get(config.url(path)).token(USER)
}

fn profile(config: &WeiboConfig, job: &Job) -> Result<Request> {
    let account = job.account()?;
    let request = basic(config, "/2/users/show.json");
    Ok(match numeric_id(account)? {
        Some(uid) => request.query("uid", uid),
        None => request.query("screen_name", account.id.name()),
    })
}

/// Weibo gives the newest five whatever is asked for; should it ever give more, they are welcome. Without an id
/// it gives those of the account that consented.
fn timeline(config: &WeiboConfig, job: &Job) -> Result<Request> {
    let request = basic(config, "/2/statuses/user_timeline.json");
    let request = match numeric_id(job.account()?)? {
        Some(uid) => request.query("uid", uid),
        None => request,
    };
    Ok(request.query("count", "100"))
}

fn mentions(config: &WeiboConfig, from: Option<&str>) -> Result<Request> {
    if !config.mentions {
        return Err(Error::new(ErrorKind::NotOffered, "mentions are not asked for")
            .hint("set mentions = true in [platform.weibo]"));
    }
    Ok(listed(basic(config, "/2/statuses/mentions.json"), MENTIONS_PAGE, from))
}

fn listed(request: Request, count: u16, from: Option<&str>) -> Request {
    let request = request.query("count", count.to_string());
    match from {
        Some(id) => request.query("max_id", id),
        None => request,
    }
}

/// The request of an endpoint of the commercial API; `None` for the others.
fn commercial(
    config: &WeiboConfig,
    job: &Job,
    endpoint: &str,
    from: Option<&str>,
) -> Option<Result<Request>> {
    let path = match endpoint {
        ALL_POSTS => "/2/statuses/user_timeline/biz.json",
        ALL_MENTIONS => "/2/statuses/mentions/biz.json",
        VIEWS => "/2/media_statuses/count_sp/biz.json",
        ACCOUNT_DAYS => "/2/users/behavior_trend/biz.json",
        FOLLOWS => "/2/friendships/followers/trend_other.json",
        FOLLOWERS => "/2/friendships/followers/active_num.json",
        ARTICLES => "/2/statuses/article_statistic.json",
        _ => return None,
    };
    if !config.commercial {
        return Some(Err(Error::new(
            ErrorKind::NotOffered,
            "the commercial data API (商业数据接口) is sold by contract",
        )
        .hint("with such a contract, set commercial = true in [platform.weibo]")));
    }
    let request = Request::get(config.commercial_url(path)).token(USER);
    Some(match endpoint {
        ALL_POSTS => Ok(listed(request, POSTS_PAGE, from)),
        ALL_MENTIONS => Ok(listed(request, MENTIONS_PAGE, from)),
        VIEWS => no_page_follows(job, from).and_then(|()| post_ids(job)).map(|ids| request.query("ids", ids)),
        _ => no_page_follows(job, from).and_then(|()| days(config, job, request)),
    })
}

/// Both days are included.
fn days(config: &WeiboConfig, job: &Job, request: Request) -> Result<Request> {
    let window = span(config, job)?;
    let last = add_days(window.end, -1);
    let request = request.query("uid", uid(job.account()?)?);
    Ok(if job.endpoint == FOLLOWERS {
        let text = |day| config.follower_dates.text(day);
        request.query("sdate", text(window.start)).query("edate", text(last))
    } else {
        request.query("starttime", window.start.to_string()).query("endtime", last.to_string())
    })
}

fn span(config: &WeiboConfig, job: &Job) -> Result<DateSpan> {
    let window = job.window.ok_or_else(|| bad_request(job, "a job without days"))?;
    let descriptor = descriptor(config);
    let shape = descriptor.endpoint(&job.endpoint).map(|endpoint| endpoint.shape);
    let most = if let Some(Shape::Windows { max_days }) = shape { i32::from(max_days) } else { 1 };
    if window.is_empty() || window.days() > most {
        return Err(bad_request(job, "more days than one call takes").with("days", window));
    }
    Ok(window)
}

fn post_ids(job: &Job) -> Result<String> {
    let ids: Vec<&str> = job.posts.iter().map(|post| post.id.as_str()).filter(|id| is_number(id)).collect();
    if ids.is_empty() || ids.len() > usize::from(BATCH) {
        return Err(bad_request(job, "a job of 1 to 100 posts is needed").with("posts", ids.len()));
    }
    Ok(ids.join(","))
}

/// Whether Weibo can know an id: it drops any other without a word, as it does with posts that are gone.
pub(crate) fn is_number(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|sign| sign.is_ascii_digit())
}

fn uid(account: &AccountRef) -> Result<&str> {
    numeric_id(account)?.ok_or_else(|| {
        Error::bad_config(format!("the numeric Weibo id of {} is not known", account.id))
            .with("account", &account.id)
            .hint("set platform_id = \"…\" in its [[account]]; the endpoint profile shows it")
    })
}

/// The numeric id, where one is known.
fn numeric_id(account: &AccountRef) -> Result<Option<&str>> {
    match account.platform_id.as_deref() {
        Some(id) if !is_number(id) => Err(Error::bad_config(format!("{id:?} is no numeric Weibo id"))
            .with("account", &account.id)
            .hint("platform_id is the number in the address weibo.com/u/…")),
        id => Ok(id),
    }
}

fn no_page_follows(job: &Job, from: Option<&str>) -> Result<()> {
    match from {
        None => Ok(()),
        Some(_) => Err(Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
            .with("endpoint", &job.endpoint)
            .hint("`kepi backfill` starts the stream anew")),
    }
}

fn bad_request(job: &Job, message: &str) -> Error {
    Error::new(ErrorKind::BadRequest, message).with("endpoint", &job.endpoint)
}

/// The request that exchanges a consent for a token. A code is dead after one use, so it is not repeated
/// blindly.
pub(crate) fn token(config: &WeiboConfig, kind: &str, grant: &Grant) -> Result<Request> {
    let (USER, Grant::Code { redirect_uri }) = (kind, grant) else {
        return Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange"))
            .hint("Weibo renews no token: a person consents again with `kepi auth ACCOUNT`"));
    };
    let form = vec![
        ("client_id".into(), Text::secret("client_id")),
        ("client_secret".into(), Text::secret("client_secret")),
        ("grant_type".into(), "authorization_code".into()),
        ("code".into(), Text::secret("code")),
        ("redirect_uri".into(), redirect_uri.as_str().into()),
    ];
    let request = Request::post(config.url("/oauth2/access_token"), Payload::Form(form));
    Ok(Request { idempotent: false, ..request })
}
