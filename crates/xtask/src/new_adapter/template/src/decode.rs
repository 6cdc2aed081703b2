//! Body in, page or error out.

mod answer;
mod days;
pub(crate) mod failure;
mod posts;
mod profile;

use kepi_core::{Body, Cursor, Descriptor, Error, ErrorKind, Job, Page, Result};

use super::descriptor::{DAYS, POSTS, PROFILE};

/// Reads a page.
pub(crate) fn page(descriptor: &Descriptor, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let unknown =
        || Error::new(ErrorKind::BadRequest, format!("template has no endpoint {:?}", job.endpoint));
    let endpoint = descriptor.endpoint(&job.endpoint).ok_or_else(unknown)?;
    match endpoint.name {
        PROFILE => profile::page(job, body),
        DAYS => days::page(descriptor, endpoint, job, body),
        POSTS => posts::page(descriptor, job, cursor.state()?, body),
        _ => Err(unknown()),
    }
}
