//! Body in, page or error out.

mod answer;
mod days;
pub(crate) mod failure;
mod member;
mod posts;
mod rows;
mod states;
mod videos;

use kepi_core::{Body, Cursor, Error, ErrorKind, Job, Page, Result};

use crate::{
    config::LinkedinConfig,
    descriptor::{
        AUDIENCE, FOLLOWER_DAYS, FOLLOWERS, MEMBER_DAYS, MEMBER_FOLLOWERS, MEMBER_POSTS, MEMBER_VIDEOS,
        PAGE_DAYS, PAGE_TOTALS, POSTS, REACTIONS, SHARE_DAYS, SHARE_POSTS, TOTALS, UGC_POSTS, VIDEOS,
    },
};

/// Reads a page.
pub(crate) fn page(config: &LinkedinConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    match job.endpoint.as_str() {
        FOLLOWERS => states::followers(job, cursor, body),
        FOLLOWER_DAYS => days::gains(config, job, body),
        AUDIENCE => states::audience(job, body),
        SHARE_DAYS => days::shares(config, job, body),
        TOTALS => states::totals(job, body),
        PAGE_DAYS => days::page(config, job, body),
        PAGE_TOTALS => states::page(job, body),
        POSTS => posts::list(job, cursor, body),
        SHARE_POSTS | UGC_POSTS => posts::statistics(config, job, body),
        REACTIONS => posts::reactions(job, body),
        VIDEOS => videos::page(config, job, cursor, body),
        MEMBER_FOLLOWERS => member::followers(job, body),
        MEMBER_DAYS | MEMBER_POSTS | MEMBER_VIDEOS => member::metric(config, job, cursor, body),
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("linkedin has no endpoint {unknown:?}"))),
    }
}
