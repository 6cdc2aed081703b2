//! Job and cursor in, request out.

use kepi_core::{AccountRef, Cursor, Error, ErrorKind, Job, Request, Result, period::add_days};
use serde::{Deserialize, Serialize};

use super::{
    config::TemplateConfig,
    descriptor::{APP, DAYS, POSTS, POSTS_PAGE, PROFILE},
};

/// Where a listing stands. What is stored is read again by another run, so it holds no secret and stays readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct After {
    /// The token of the page that follows.
    pub(crate) after: String,
}

/// The request for a page.
pub(crate) fn page(config: &TemplateConfig, job: &Job, cursor: &Cursor) -> Result<Request> {
    // A cursor that is not ours is an error, never a restart.
    let at: Option<After> = cursor.state()?;
    match job.endpoint.as_str() {
        PROFILE => profile(config, job),
        DAYS => days(config, job),
        POSTS => posts(config, job, at),
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("template has no endpoint {unknown:?}"))),
    }
}

fn profile(config: &TemplateConfig, job: &Job) -> Result<Request> {
    let ids = job.accounts.iter().map(id).collect::<Result<Vec<_>>>()?;
    Ok(Request::get(config.url("/accounts")).query("ids", ids.join(",")).token(APP))
}

fn days(config: &TemplateConfig, job: &Job) -> Result<Request> {
    let window = job.window.filter(|window| !window.is_empty()).ok_or_else(|| {
        Error::new(ErrorKind::BadRequest, "a job without days").with("endpoint", &job.endpoint)
    })?;
    Ok(Request::get(config.url("/days"))
        .query("id", id(job.account()?)?)
        .query("from", window.start.to_string())
        .query("to", add_days(window.end, -1).to_string())
        .token(APP))
}

fn posts(config: &TemplateConfig, job: &Job, at: Option<After>) -> Result<Request> {
    let request = Request::get(config.url("/posts"))
        .query("id", id(job.account()?)?)
        .query("limit", POSTS_PAGE.to_string())
        .token(APP);
    Ok(match at {
        Some(After { after }) => request.query("after", after),
        None => request,
    })
}

fn id(account: &AccountRef) -> Result<&str> {
    account.platform_id.as_deref().ok_or_else(|| {
        Error::bad_config(format!("the platform's id of {} is not known", account.id))
            .hint("set platform_id = \"…\" in its [[account]]")
    })
}
