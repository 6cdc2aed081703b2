//! Body in, page or error out.

mod answer;
pub(crate) mod failure;
mod reports;
mod reviews;
mod rows;
pub(crate) mod sources;
mod sums;

use kepi_core::{Body, Cursor, Error, ErrorKind, Job, Page, Result};

use crate::{
    config::WebConfig,
    descriptor::{REVIEWS, TRAFFIC, query},
};

/// Reads a page.
pub(crate) fn page(config: &WebConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    match (job.endpoint.as_str(), query(&job.endpoint)) {
        (TRAFFIC, Some(query)) => sums::page(config, query, job, cursor, body),
        (_, Some(query)) => reports::page(config, query, job, cursor, body),
        (REVIEWS, None) => reviews::page(config, job, body),
        (unknown, None) => Err(Error::new(ErrorKind::BadRequest, format!("web has no endpoint {unknown:?}"))),
    }
}
