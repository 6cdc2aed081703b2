//! Body in, page or error out.

mod account;
mod answer;
mod days;
pub(crate) mod failure;
mod mentions;
pub(crate) mod posts;
pub(crate) mod rows;

use kepi_core::{Body, Cursor, Error, ErrorKind, Job, Page, Result};

use crate::descriptor::{
    ACCOUNT_DAYS, ALL_MENTIONS, ALL_POSTS, ARTICLES, CONSENT, COUNTS, FOLLOWERS, FOLLOWS, LIMITS, MENTIONS,
    PROFILE, TIMELINE, VIEWS,
};

/// Reads a page.
pub(crate) fn page(job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    match job.endpoint.as_str() {
        LIMITS => account::limits(job, body),
        CONSENT => account::consent(job, body),
        PROFILE => account::profile(job, body),
        TIMELINE => posts::newest(job, body),
        COUNTS => posts::counts(job, body),
        MENTIONS | ALL_MENTIONS => mentions::page(job, cursor, body),
        ALL_POSTS => posts::all(job, cursor, body),
        VIEWS => posts::views(job, body),
        ACCOUNT_DAYS => days::account(job, body),
        FOLLOWS => days::follows(job, body),
        FOLLOWERS => days::followers(job, body),
        ARTICLES => days::articles(job, body),
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("weibo has no endpoint {unknown:?}"))),
    }
}
