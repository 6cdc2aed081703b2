//! Body in, page or error out.

mod account;
mod answer;
mod articles;
pub(crate) mod failure;
mod listing;
mod old;
mod rows;

use kepi_core::{Body, Cursor, Error, ErrorKind, Job, Page, Result};

use crate::{
    config::WechatConfig,
    descriptor::{
        ACCOUNT_DAYS, ARTICLE_READS, ARTICLE_SHARES, ARTICLES, COMMENTS, FOLLOWERS, FOLLOWS, MESSAGE_SPREAD,
        MESSAGES, OLD_ACCOUNT_DAYS, OLD_ARTICLE_DAYS, OLD_ARTICLES, OLD_SHARES, PUBLISHED, QUOTA,
    },
};

/// Reads a page.
pub(crate) fn page(config: &WechatConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    match job.endpoint.as_str() {
        QUOTA => account::quota(job, body),
        FOLLOWS => account::follows(job, body),
        FOLLOWERS => account::followers(job, body),
        ACCOUNT_DAYS => account::days(job, body),
        MESSAGES => account::messages(job, body),
        MESSAGE_SPREAD => account::message_spread(job, body),
        ARTICLE_READS | ARTICLE_SHARES => articles::days(job, body),
        ARTICLES => articles::so_far(config.article_rows, job, body),
        PUBLISHED => listing::published(job, cursor, body),
        COMMENTS => listing::comments(job, body),
        OLD_ACCOUNT_DAYS => old::account_days(job, body),
        OLD_SHARES => old::shares(job, body),
        OLD_ARTICLE_DAYS => old::article_days(job, body),
        OLD_ARTICLES => old::articles(job, body),
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("wechat has no endpoint {unknown:?}"))),
    }
}
