//! Body in, page or error out.

mod account;
mod answer;
pub(crate) mod failure;
mod ocean;
mod rows;
pub(crate) mod token;
mod videos;

use kepi_core::{Body, Cursor, Error, ErrorKind, Job, Page, Result};

pub(crate) use self::answer::beijing_day;
use crate::{
    config::DouyinConfig,
    descriptor::{
        ACCOUNT_COMMENTS, ACCOUNT_FANS, ACCOUNT_LIKES, ACCOUNT_PLAYS, ACCOUNT_SHARES, ACCOUNT_VISITORS,
        AD_DAYS, BOUND_ACCOUNTS, ENTERPRISE_DAYS, ENTERPRISE_SOURCES, ENTERPRISE_VIDEOS, FAN_PORTRAIT,
        FAN_SOURCES, OLDER_VIDEOS, PROFILE, PROMOTION_DAYS, VIDEO_DAYS, VIDEOS,
    },
    request::Step,
};

/// Reads a page.
pub(crate) fn page(config: &DouyinConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    match job.endpoint.as_str() {
        PROFILE => account::profile(job, body),
        ACCOUNT_PLAYS | ACCOUNT_FANS | ACCOUNT_LIKES | ACCOUNT_COMMENTS | ACCOUNT_SHARES
        | ACCOUNT_VISITORS => account::days(config.new_fans, job, body),
        FAN_PORTRAIT => account::portrait(job, body),
        FAN_SOURCES => account::sources(job, body),
        VIDEOS => videos::list(job, cursor, body),
        OLDER_VIDEOS => videos::data(job, body),
        VIDEO_DAYS => match cursor.state()? {
            Some(Step::Series { of, videos }) => videos::series(job, (of, &videos), body),
            _ => videos::young(job, body),
        },
        BOUND_ACCOUNTS => ocean::bound(config, job, body),
        ENTERPRISE_DAYS => ocean::days(job, cursor, body),
        ENTERPRISE_SOURCES => ocean::sources(job, cursor, body),
        ENTERPRISE_VIDEOS => ocean::videos(job, cursor, body),
        AD_DAYS => ocean::ads(config.conversions, job, cursor, body),
        PROMOTION_DAYS => ocean::promotions(config.conversions, job, cursor, body),
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("douyin has no endpoint {unknown:?}"))),
    }
}
