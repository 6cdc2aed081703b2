//! Body in, page or error out.

use kepi_core::{
    Account, Body, Error, ErrorKind, Job, Measurement, Page, Reject, Response, Result, Subject, Traffic,
    json::{self, Readings},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use smol_str::SmolStr;

use super::descriptor::{PROFILE, ProfileNumbers};

/// What an answer of profiles looks like.
#[derive(Deserialize)]
struct Answer<R> {
    data: Vec<R>,
}

#[derive(Deserialize)]
struct ProfileRow {
    #[serde(deserialize_with = "json::id")]
    id: SmolStr,
    name: Option<String>,
    #[serde(default)]
    metrics: Readings<ProfileNumbers>,
}

/// Reads a page.
pub(crate) fn page(job: &Job, body: &Body) -> Result<Page> {
    match job.endpoint.as_str() {
        PROFILE => profiles(job, body),
        unknown => Err(Error::new(ErrorKind::BadRequest, format!("template has no endpoint {unknown:?}"))),
    }
}

fn profiles(job: &Job, body: &Body) -> Result<Page> {
    let mut page = Page::default();
    for row in rows::<ProfileRow>(job, body, &mut page.rejects)? {
        let known = job.accounts.iter().find(|account| account.platform_id.as_ref() == Some(&row.id));
        let Some(account) = known.map(|account| account.id.clone()) else {
            page.rejects.push(not_asked_for(&row.id));
            continue;
        };
        if !row.metrics.values.is_empty() {
            page.measurements.push(Measurement {
                traffic: Traffic::Total,
                values: row.metrics.values,
                ..Measurement::at(Subject::account(account.clone()), body.observed_at)
            });
        }
        page.accounts.push(Account { platform_id: Some(row.id), handle: row.name, ..Account::new(account) });
    }
    Ok(page)
}

/// The rows of an answer. When not all can be read, the bad ones are set aside.
fn rows<'a, R: Deserialize<'a>>(job: &Job, body: &'a Body, rejects: &mut Vec<Reject>) -> Result<Vec<R>> {
    if let Ok(answer) = serde_json::from_slice::<Answer<R>>(&body.bytes) {
        return Ok(answer.data);
    }
    let answer: Answer<&RawValue> = serde_json::from_slice(&body.bytes).map_err(|error| {
        Error::bad_response("the answer has an unknown shape")
            .with("endpoint", &job.endpoint)
            .hint("has Template changed this endpoint? the other endpoints go on")
            .caused_by(error)
    })?;
    Ok(json::salvage(&answer.data, "/data", None, rejects))
}

fn not_asked_for(id: &str) -> Reject {
    let reason = "an account that was not asked for".to_owned();
    Reject { account: None, place: "/data".to_owned(), reason, raw: id.to_owned() }
}

/// What a response means when it means failure.
pub(crate) fn failure(response: &Response) -> Option<Error> {
    let error = match response.status {
        200..=299 => return None,
        401 => Error::new(ErrorKind::CredentialExpired, "Template refused the token"),
        403 => Error::new(ErrorKind::Forbidden, "Template denies access"),
        404 => Error::new(ErrorKind::NotFound, "Template knows no such resource"),
        429 => Error::new(ErrorKind::RateLimited, "too many calls"),
        408 | 425 | 500.. => Error::new(ErrorKind::Unavailable, "Template is not available"),
        400..=499 => Error::new(ErrorKind::BadRequest, "Template does not understand the request"),
        _ => Error::bad_response("Template answers with an unexpected status"),
    };
    Some(error.with("status", response.status))
}
