//! Body in, page or error out.

mod answer;
mod doubt;
pub(crate) mod failure;
mod notes;
mod report;
mod row;

use kepi_core::{Body, Cursor, Error, ErrorKind, Job, Page, Result};

use crate::{
    config::XiaohongshuConfig,
    descriptor::{CREATOR_NOTES, report as report_of},
};

/// Reads a page.
pub(crate) fn page(config: &XiaohongshuConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    match (job.endpoint.as_str(), report_of(&job.endpoint)) {
        (CREATOR_NOTES, _) => notes::page(config, job, cursor, body),
        (_, Some(report)) => report::page(config, report, job, cursor, body),
        (unknown, None) => {
            Err(Error::new(ErrorKind::BadRequest, format!("xiaohongshu has no endpoint {unknown:?}")))
        }
    }
}
