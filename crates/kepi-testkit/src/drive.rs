//! A job driven to its end against a platform in memory.

use std::collections::HashSet;

use kepi_core::{Adapter, Cursor, Error, Job, Page, Request, Response, Result};

use crate::{candidate::read, fixture::Exchange};

/// So many pages are too many for any job of a test.
const PAGES: usize = 10_000;

/// The pages of a job from `cursor` on, each asked for by the adapter's own request and answered by `respond`.
///
/// # Errors
/// What the adapter makes of an answer; `BadResponse` when a cursor comes twice.
pub fn drive(
    adapter: &dyn Adapter,
    job: &Job,
    cursor: Cursor,
    respond: &mut dyn FnMut(&Request) -> Response,
) -> Result<Vec<Page>> {
    let mut pages = Vec::new();
    let mut seen = HashSet::new();
    let mut cursor = cursor;
    while pages.len() < PAGES {
        if !seen.insert(cursor.clone()) {
            return Err(Error::bad_response("a cursor came twice").with("cursor", format!("{cursor:?}")));
        }
        let response = respond(&adapter.request(job, &cursor)?);
        let page = read(adapter, &Exchange { job: job.clone(), cursor, response })?;
        let next = page.next.clone();
        pages.push(page);
        match next {
            Some(next) => cursor = next,
            None => return Ok(pages),
        }
    }
    Err(Error::bad_response("the job does not end").with("pages", PAGES))
}
