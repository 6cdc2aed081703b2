//! Job and cursor in, request out; and the requests that exchange tokens.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use kepi_core::{
    AccountRef, Calls, Cursor, DateSpan, Descriptor, Error, ErrorKind, Grant, Job, Payload, Request, Result,
    http::Text,
    json::FieldGroup,
    period::{add_days, local_day},
};
use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::{
    config::{Plan, XConfig},
    descriptor::{
        ANALYTICS_DAYS, APP, BATCH, MEDIA_ANALYTICS, MENTIONS, MediaDay, POST_ANALYTICS, POST_FIELDS, POSTS,
        PRIVATE_DAYS, PostDay, TIMELINE, USER, USERS,
    },
};

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// The page behind X's token, and how many pages came before it.
    Page {
        /// X's token.
        token: String,
        /// Pages before.
        after: u32,
    },
    /// Accounts whose id is unknown, by their names, after those whose id is known.
    Usernames,
    /// Videos that are still to be asked for.
    Media(Vec<SmolStr>),
}

/// The request for a page.
pub(crate) fn page(config: &XConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    let step: Option<Step> = cursor.state()?;
    match (job.endpoint.as_str(), step) {
        (USERS, None) => Ok(users(config, job)),
        (USERS, Some(Step::Usernames)) => Ok(usernames(config, job)),
        (TIMELINE, None) => timeline(config, job, None),
        (TIMELINE, Some(Step::Page { token, .. })) => timeline(config, job, Some(token)),
        (POSTS, None) => posts(config, job),
        (MENTIONS, None) => mentions(config, job),
        (POST_ANALYTICS, None) => post_days(config, job),
        (MEDIA_ANALYTICS, None) => media_of_posts(config, job),
        (MEDIA_ANALYTICS, Some(Step::Media(keys))) => media_days(config, job, &keys),
        (USERS | TIMELINE | POSTS | MENTIONS | POST_ANALYTICS | MEDIA_ANALYTICS, Some(_)) => {
            Err(Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
                .with("endpoint", &job.endpoint)
                .hint("`kepi backfill` starts the stream anew"))
        }
        (unknown, _) => Err(Error::new(ErrorKind::BadRequest, format!("x has no endpoint {unknown:?}"))),
    }
}

/// How many calls a job takes: accounts are asked for by id, and those without one by name; videos after their posts.
pub(crate) fn calls(descriptor: &Descriptor, job: &Job) -> Calls {
    match job.endpoint.as_str() {
        USERS => {
            let nameless = nameless(job).count();
            Calls::exactly(usize::from(nameless > 0) + usize::from(nameless < job.accounts.len()))
        }
        MEDIA_ANALYTICS => Calls::at_least(1),
        _ => Calls::by_shape(descriptor, job),
    }
}

fn users(config: &XConfig, job: &Job) -> Request {
    let ids: Vec<&str> = job.accounts.iter().filter_map(|account| account.platform_id.as_deref()).collect();
    if ids.is_empty() { usernames(config, job) } else { profiles(config, "/2/users", "ids", &ids) }
}

fn usernames(config: &XConfig, job: &Job) -> Request {
    let names: Vec<&str> = nameless(job).map(|account| account.id.name()).collect();
    profiles(config, "/2/users/by", "usernames", &names)
}

/// The accounts of a job whose id is unknown.
pub(crate) fn nameless(job: &Job) -> impl Iterator<Item = &AccountRef> {
    job.accounts.iter().filter(|account| account.platform_id.is_none())
}

fn profiles(config: &XConfig, path: &str, key: &'static str, who: &[&str]) -> Request {
    Request::get(config.url(path))
        .query(key, who.join(","))
        .query("user.fields", "public_metrics")
        .token(APP)
        .bills(items(who.len()))
}

fn timeline(config: &XConfig, job: &Job, token: Option<String>) -> Result<Request> {
    let id = numeric_id(job.account()?)?;
    let private = config.private_metrics && job.window.is_some_and(|window| is_young(window, job.planned_at));
    let mut request = Request::get(config.url(&format!("/2/users/{id}/tweets")))
        .query("max_results", BATCH.to_string())
        .query("exclude", "retweets");
    if let Some(window) = job.window {
        request = request.query("start_time", midnight(window.start));
        if window.end <= utc_day(job.planned_at) {
            request = request.query("end_time", midnight(window.end));
        }
    }
    request = with_fields(request, config, private);
    if let Some(token) = token {
        request = request.query("pagination_token", token);
    }
    Ok(request.token(if config.private_metrics { USER } else { APP }).bills(u32::from(BATCH)))
}

/// Private fields asked for older posts make X leave those posts out.
fn is_young(window: DateSpan, planned_at: Timestamp) -> bool {
    window.start >= add_days(utc_day(planned_at), -i32::from(PRIVATE_DAYS))
}

fn with_fields(request: Request, config: &XConfig, private: bool) -> Request {
    let mut metrics = "public_metrics".to_owned();
    if private {
        metrics.push_str(",non_public_metrics,organic_metrics");
        if config.promoted_metrics {
            metrics.push_str(",promoted_metrics");
        }
    }
    request
        .query(POST_FIELDS, format!("created_at,lang,entities,attachments,referenced_tweets,{metrics}"))
        .query("expansions", "attachments.media_keys")
        .query("media.fields", format!("type,{metrics}"))
}

fn posts(config: &XConfig, job: &Job) -> Result<Request> {
    let request = Request::get(config.url("/2/tweets")).query("ids", post_ids(job)?);
    Ok(with_fields(request, config, false).token(APP).bills(items(job.posts.len())))
}

fn mentions(config: &XConfig, job: &Job) -> Result<Request> {
    let account = job.account()?;
    let query = config.mentions_of(&account.id);
    if query.chars().count() > 512 {
        return Err(Error::bad_config("the search for mentions is longer than 512 characters")
            .with("account", &account.id)
            .hint("shorten mentions_query in [platform.x]"));
    }
    let window = job.window.ok_or_else(|| bad_request(job, "a job without days"))?;
    Ok(Request::get(config.url("/2/tweets/counts/recent"))
        .query("query", query)
        .query("granularity", "day")
        .query("start_time", midnight(window.start))
        .query("end_time", midnight(window.end))
        .token(APP))
}

fn post_days(config: &XConfig, job: &Job) -> Result<Request> {
    enterprise(config)?;
    let request = Request::get(config.url("/2/tweets/analytics")).query("ids", post_ids(job)?);
    Ok(by_day(request, job, "analytics.fields", "id", PostDay::FIELDS))
}

fn media_of_posts(config: &XConfig, job: &Job) -> Result<Request> {
    enterprise(config)?;
    Ok(Request::get(config.url("/2/tweets"))
        .query("ids", post_ids(job)?)
        .query(POST_FIELDS, "attachments")
        .query("expansions", "attachments.media_keys")
        .query("media.fields", "type")
        .token(USER))
}

fn media_days(config: &XConfig, job: &Job, keys: &[SmolStr]) -> Result<Request> {
    enterprise(config)?;
    let keys = keys.get(..usize::from(BATCH)).unwrap_or(keys);
    let request = Request::get(config.url("/2/media/analytics")).query("media_keys", keys.join(","));
    Ok(by_day(request, job, "media_analytics.fields", "media_key", MediaDay::FIELDS))
}

fn by_day(
    request: Request,
    job: &Job,
    selector: &'static str,
    id: &str,
    fields: &[kepi_core::Field],
) -> Request {
    let days = analytics_days(job);
    let keys: Vec<&str> = fields.iter().map(kepi_core::Field::key).collect();
    request
        .query("start_time", midnight(days.start))
        .query("end_time", midnight(days.end))
        .query("granularity", "daily")
        .query(selector, format!("{id},timestamp,timestamped_metrics,{}", keys.join(",")))
        .token(USER)
}

/// The complete days since the oldest post of the batch was published, as far back as is asked at all.
fn analytics_days(job: &Job) -> DateSpan {
    let today = utc_day(job.planned_at);
    let floor = add_days(today, -i32::from(ANALYTICS_DAYS));
    let oldest = job.posts.iter().map(|post| post.published_at.map_or(floor, utc_day)).min();
    job.window.unwrap_or_else(|| DateSpan::new(oldest.unwrap_or(floor).max(floor), today))
}

fn enterprise(config: &XConfig) -> Result<()> {
    if config.plan == Plan::Enterprise {
        return Ok(());
    }
    Err(Error::new(ErrorKind::NotOffered, "post and media analytics are part of Enterprise contracts")
        .hint("with such a contract, set plan = \"enterprise\" in [platform.x]"))
}

fn post_ids(job: &Job) -> Result<String> {
    let ids: Vec<&str> = job.posts.iter().map(|post| post.id.as_str()).collect();
    if ids.is_empty() || ids.len() > usize::from(BATCH) {
        return Err(bad_request(job, "a job of 1 to 100 posts is needed").with("posts", ids.len()));
    }
    Ok(ids.join(","))
}

fn numeric_id(account: &AccountRef) -> Result<&str> {
    let id = account.platform_id.as_deref().unwrap_or_default();
    if !id.is_empty() && id.bytes().all(|c| c.is_ascii_digit()) {
        return Ok(id);
    }
    Err(Error::bad_config(format!("the numeric X id of {} is not known", account.id))
        .with("account", &account.id)
        .hint("set platform_id = \"…\" in its [[account]]; the endpoint users shows it"))
}

fn bad_request(job: &Job, message: &str) -> Error {
    Error::new(ErrorKind::BadRequest, message).with("endpoint", &job.endpoint)
}

pub(crate) fn utc_day(at: Timestamp) -> Date {
    local_day(at, &TimeZone::UTC)
}

fn midnight(date: Date) -> String {
    format!("{date}T00:00:00Z")
}

fn items(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The request that exchanges a grant for a token.
pub(crate) fn token(config: &XConfig, kind: &str, grant: &Grant) -> Result<Request> {
    match (kind, grant) {
        (APP, Grant::Client) => {
            let form = vec![("grant_type".into(), "client_credentials".into())];
            let request = Request::post(config.url("/oauth2/token"), Payload::Form(form));
            Ok(Request { basic: Some((Text::secret("client_id"), Text::secret("client_secret"))), ..request })
        }
        (USER, Grant::Code { redirect_uri }) => Ok(user_token(
            config,
            vec![
                ("grant_type".into(), "authorization_code".into()),
                ("code".into(), Text::secret("code")),
                ("redirect_uri".into(), redirect_uri.as_str().into()),
                ("code_verifier".into(), Text::secret("code_verifier")),
            ],
        )),
        (USER, Grant::Refresh) => Ok(user_token(
            config,
            vec![
                ("grant_type".into(), "refresh_token".into()),
                ("refresh_token".into(), Text::secret("refresh_token")),
            ],
        )),
        _ => Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange"))),
    }
}

/// Codes and refresh tokens are dead after one use, so neither exchange is repeated blindly.
fn user_token(config: &XConfig, mut form: Vec<(SmolStr, Text)>) -> Request {
    let basic = (!config.public_client).then(|| (Text::secret("client_id"), Text::secret("client_secret")));
    if config.public_client {
        form.push(("client_id".into(), Text::secret("client_id")));
    }
    let request = Request::post(config.url("/2/oauth2/token"), Payload::Form(form));
    Request { basic, idempotent: false, ..request }
}
