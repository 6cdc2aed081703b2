//! Job and cursor in, request out; and the request that has a token.

use kepi_core::{
    Cursor, Endpoint, Error, ErrorKind, Grant, Job, Payload, PostRef, Request, Result, Shape,
    period::add_days,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    config::WechatConfig,
    descriptor::{
        ACCOUNT_DAYS, APP, ARTICLE_READS, ARTICLE_SHARES, ARTICLES, COMMENTS, FOLLOWERS, FOLLOWS,
        MESSAGE_SPREAD, MESSAGES, OLD_ACCOUNT_DAYS, OLD_ARTICLE_DAYS, OLD_ARTICLES, OLD_SHARES, PUBLISHED,
        PUBLISHED_PAGE, QUOTA, QUOTA_PATH, descriptor,
    },
};

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Step {
    /// So many items of a list have been read.
    Offset(u32),
}

/// The request for a page.
pub(crate) fn page(config: &WechatConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    let step: Option<Step> = cursor.state()?;
    let endpoint = job.endpoint.as_str();
    if endpoint == PUBLISHED {
        return Ok(published(config, step));
    }
    if step.is_some() {
        return Err(Error::new(ErrorKind::Store, "the stored cursor belongs to another endpoint")
            .with("endpoint", &job.endpoint)
            .hint("`kepi backfill` starts the stream anew"));
    }
    match (endpoint, cube_path(endpoint)) {
        (QUOTA, _) => Ok(post(config, "/cgi-bin/openapi/quota/get", json!({"cgi_path": QUOTA_PATH}))),
        (COMMENTS, _) => comments(config, job),
        (_, Some(path)) => days(config, job, path),
        (unknown, None) => {
            Err(Error::new(ErrorKind::BadRequest, format!("wechat has no endpoint {unknown:?}")))
        }
    }
}

/// Where the analytics of an endpoint are.
fn cube_path(endpoint: &str) -> Option<&'static str> {
    Some(match endpoint {
        FOLLOWS => "/datacube/getusersummary",
        FOLLOWERS => "/datacube/getusercumulate",
        ACCOUNT_DAYS => "/datacube/getbizsummary",
        ARTICLE_READS => "/datacube/getarticleread",
        ARTICLE_SHARES => "/datacube/getarticleshare",
        ARTICLES => "/datacube/getarticletotaldetail",
        MESSAGES => "/datacube/getupstreammsg",
        MESSAGE_SPREAD => "/datacube/getupstreammsgdist",
        OLD_ACCOUNT_DAYS => "/datacube/getuserread",
        OLD_SHARES => "/datacube/getusershare",
        OLD_ARTICLE_DAYS => "/datacube/getarticlesummary",
        OLD_ARTICLES => "/datacube/getarticletotal",
        _ => return None,
    })
}

fn post(config: &WechatConfig, path: &str, value: Value) -> Request {
    Request::post(config.url(path), Payload::Json { value, secrets: Vec::new() }).token(APP)
}

/// Both days are included.
fn days(config: &WechatConfig, job: &Job, path: &str) -> Result<Request> {
    let window = job.window.ok_or_else(|| bad_request(job, "a job without days"))?;
    let descriptor = descriptor(config);
    let shape = descriptor.endpoint(&job.endpoint).map(|endpoint: &Endpoint| endpoint.shape);
    let most = if let Some(Shape::Windows { max_days }) = shape { i32::from(max_days) } else { 1 };
    if window.is_empty() || window.days() > most {
        return Err(bad_request(job, "more days than one call takes").with("days", window));
    }
    let value = json!({
        "begin_date": window.start.to_string(),
        "end_date": add_days(window.end, -1).to_string(),
    });
    Ok(post(config, path, value))
}

fn published(config: &WechatConfig, step: Option<Step>) -> Request {
    let offset = step.map_or(0, |Step::Offset(offset)| offset);
    let value = json!({"offset": offset, "count": PUBLISHED_PAGE, "no_content": 1});
    post(config, "/cgi-bin/freepublish/batchget", value)
}

/// Only the total is wanted, so only one comment is asked for. Articles of a push are counted from 1 in their
/// ids and from 0 here.
fn comments(config: &WechatConfig, job: &Job) -> Result<Request> {
    if !config.comments {
        return Err(Error::new(ErrorKind::NotOffered, "comments are not asked for")
            .hint("set comments = true in [platform.wechat]"));
    }
    let [article] = job.posts.as_slice() else {
        return Err(bad_request(job, "a job of one article is needed").with("posts", job.posts.len()));
    };
    let (message, index) = message_and_index(article).ok_or_else(|| {
        bad_request(job, "an article's id is the message's number, an underscore and a place from 1 on")
            .with("post", &article.id)
    })?;
    let value = json!({"msg_data_id": message, "index": index - 1, "begin": 0, "count": 1, "type": 0});
    Ok(post(config, "/cgi-bin/comment/list", value))
}

fn message_and_index(article: &PostRef) -> Option<(u64, u64)> {
    let (message, index) = article.id.split_once('_')?;
    let index = index.parse().ok().filter(|index| *index >= 1)?;
    Some((message.parse().ok()?, index))
}

fn bad_request(job: &Job, message: &str) -> Error {
    Error::new(ErrorKind::BadRequest, message).with("endpoint", &job.endpoint)
}

/// The request that has a token. In the normal mode every process is given the same token while it lives, and
/// none takes it from another.
pub(crate) fn token(config: &WechatConfig, kind: &str, grant: &Grant) -> Result<Request> {
    if (kind, grant) != (APP, &Grant::Client) {
        return Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no {grant} exchange")));
    }
    let value = json!({"grant_type": "client_credential", "force_refresh": false});
    let secrets = vec![("appid".into(), "client_id".into()), ("secret".into(), "client_secret".into())];
    Ok(Request::post(config.url("/cgi-bin/stable_token"), Payload::Json { value, secrets }))
}
