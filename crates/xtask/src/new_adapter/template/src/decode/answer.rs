//! Whole answers: their rows, and those set aside.

use kepi_core::{Body, Error, Job, Reject, Result, json};
use serde::Deserialize;
use serde_json::value::RawValue;

/// What an answer looks like.
#[derive(Deserialize)]
pub(super) struct Answer<R> {
    /// Null where nothing is there.
    data: Option<Vec<R>>,
    next: Option<String>,
}

/// The rows of an answer and the token of the page that follows.
pub(super) struct Rows<R> {
    pub(super) rows: Vec<R>,
    pub(super) next: Option<String>,
}

/// The rows of an answer. When not all can be read, the bad ones are set aside.
pub(super) fn rows<'a, R: Deserialize<'a>>(
    job: &Job,
    body: &'a Body,
    rejects: &mut Vec<Reject>,
) -> Result<Rows<R>> {
    if let Ok(Answer { data, next }) = serde_json::from_slice(&body.bytes) {
        return Ok(Rows { rows: data.unwrap_or_default(), next });
    }
    let answer: Answer<&RawValue> =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let account = job.accounts.first().map(|account| &account.id);
    let data = answer.data.unwrap_or_default();
    let rows = json::salvage_list(&data, "/data", account, rejects, || unknown_shape(job))?;
    Ok(Rows { rows, next: answer.next })
}

pub(super) fn unknown_shape(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape")
        .with("endpoint", &job.endpoint)
        .hint("has Template changed this endpoint? the other endpoints go on")
}

/// A row that can be read and belongs to nothing that was asked for.
pub(super) fn not_asked_for(what: &str, raw: impl ToString) -> Reject {
    let reason = format!("{what} that was not asked for");
    Reject { account: None, place: "/data".to_owned(), reason, raw: raw.to_string() }
}
