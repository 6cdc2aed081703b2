//! Body in, page or error out.

mod account;
mod answer;
mod discovery;
pub(crate) mod failure;
mod media;
pub(crate) mod refusal;
mod rows;
mod tags;

use kepi_core::{Body, Cursor, Job, Page, Result};

use crate::{
    config::InstagramConfig,
    descriptor::WATCHED,
    request::{self, Step},
};

/// Reads a page. A refusal that there is a way round becomes a page without rows, whose cursor goes that way.
pub(crate) fn page(config: &InstagramConfig, job: &Job, cursor: &Cursor, body: &Body) -> Result<Page> {
    let step = request::step(config, job, cursor)?;
    if let Some(problem) = failure::in_body(&body.bytes) {
        return refusal::page(config, job, step, &problem, body);
    }
    match step {
        Step::List(_) if job.endpoint == WATCHED => discovery::page(job, body),
        Step::List(list) => media::list(config, job, &list, body),
        Step::Insights(insights) => media::insights(config, job, insights, body),
        Step::ById(place) => media::by_id(config, job, &place, body),
        Step::Groups(groups) => account::insights(config, job, groups, body),
        Step::Tags(tags) => tags::page(job, tags, body),
    }
}
