//! Job and cursor in, request out.

use kepi_core::{Error, ErrorKind, Job, Request, Result};

use super::{
    config::TemplateConfig,
    descriptor::{APP, PROFILE},
};

/// The request for a page.
pub(crate) fn page(config: &TemplateConfig, job: &Job) -> Result<Request> {
    match job.endpoint.as_str() {
        PROFILE => profile(config, job),
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("template has no endpoint {unknown:?}"))),
    }
}

fn profile(config: &TemplateConfig, job: &Job) -> Result<Request> {
    let ids: Vec<&str> = job.accounts.iter().filter_map(|account| account.platform_id.as_deref()).collect();
    if ids.is_empty() {
        return Err(Error::bad_config("none of the accounts has an id of the platform")
            .hint("set platform_id = \"…\" in the [[account]]"));
    }
    Ok(Request::get(config.url("/accounts")).query("ids", ids.join(",")).token(APP))
}
