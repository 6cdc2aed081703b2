//! Whole answers: rows, those set aside, and what is said of the rest.

use std::collections::{BTreeMap, HashSet};

use kepi_core::{AccountRef, Body, Error, Job, Notice, Page, Post, PostRef, Reject, Result, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    owner,
    rows::{Answer, Includes, Problem},
};

/// Parses an answer. When that fails for the sake of single rows, they are set aside and the rest is kept.
pub(super) fn read<'a, R, M>(job: &Job, body: &'a Body, page: &mut Page) -> Result<Answer<R, M, Problem>>
where
    R: Deserialize<'a>,
    M: Deserialize<'a>,
{
    let answer: Answer<R, M, Problem> = match serde_json::from_slice(&body.bytes) {
        Ok(answer) => answer,
        Err(_) => salvaged(job, body, page)?,
    };
    let bad = page.rejects.iter().filter(|reject| reject.place.starts_with("/data/")).count();
    let rows = answer.data.as_ref().map_or(0, Vec::len) + bad;
    page.billed_items = u32::try_from(rows).unwrap_or(u32::MAX);
    let errors = answer.errors.as_deref().unwrap_or_default();
    let partial = errors.iter().any(|problem| !problem.suffix().is_empty());
    if answer.data.is_none() && answer.meta.is_none() && !partial {
        let said = errors.first().map(Problem::text).unwrap_or_default();
        return Err(unknown_shape(job).with("said", said));
    }
    problems(job, body, errors, page);
    Ok(answer)
}

fn salvaged<'a, R, M>(job: &Job, body: &'a Body, page: &mut Page) -> Result<Answer<R, M, Problem>>
where
    R: Deserialize<'a>,
    M: Deserialize<'a>,
{
    let raw: Answer<&RawValue, &RawValue, &RawValue> =
        serde_json::from_slice(&body.bytes).map_err(|error| unknown_shape(job).caused_by(error))?;
    let account = job.accounts.first().filter(|_| job.accounts.len() == 1).map(|account| &account.id);
    let Answer { data, includes, errors, meta } = raw;
    let unknown = || unknown_shape(job);
    let data = data.map(|rows| json::salvage_list(&rows, "/data", account, &mut page.rejects, unknown));
    let data = data.transpose()?;
    let media = includes.and_then(|includes| includes.media);
    let media = media.map(|rows| json::salvage(&rows, "/includes/media", account, &mut page.rejects));
    let errors = errors.map(|rows| json::salvage(&rows, "/errors", account, &mut page.rejects));
    Ok(Answer { data, includes: Some(Includes { media }), errors, meta })
}

fn unknown_shape(job: &Job) -> Error {
    Error::bad_response("the answer has an unknown shape")
        .with("endpoint", &job.endpoint)
        .hint("has X changed this endpoint? the other endpoints go on")
}

pub(super) fn foreign(what: &str, id: &str) -> Reject {
    let reason = format!("{what} that was not asked for");
    Reject { account: None, place: "/data".to_owned(), reason, raw: id.to_owned() }
}

/// What X says of parts of an answer.
fn problems(job: &Job, body: &Body, errors: &[Problem], page: &mut Page) {
    let mut fields: BTreeMap<&str, usize> = BTreeMap::new();
    for (at, problem) in errors.iter().enumerate() {
        match problem.suffix() {
            "not-authorized-for-field" | "field-unauthorized" => {
                *fields.entry(problem.field.as_deref().unwrap_or("a field")).or_default() += 1;
            }
            "field-hydration-failure" | "resource-unavailable" => page.rejects.push(Reject {
                account: problem.resource_id.as_deref().and_then(|id| owner(job, id)).cloned(),
                place: format!("/errors/{at}"),
                reason: "X could not deliver this now".to_owned(),
                raw: problem.text(),
            }),
            suffix => page.notices.extend(gone_or_remark(job, body, problem, suffix, &mut page.posts)),
        }
    }
    page.notices.extend(fields.into_iter().map(|(field, count)| Notice::Remark {
        text: format!("{field} is not authorized for {count} of the posts or media of this page"),
    }));
}

fn gone_or_remark(
    job: &Job,
    body: &Body,
    problem: &Problem,
    suffix: &str,
    posts: &mut Vec<Post>,
) -> Option<Notice> {
    if let Some(account) = problem.account(job) {
        let (account, reason) = (account.id.clone(), problem.text());
        return Some(Notice::NotOffered { account, metric: None, reason });
    }
    match problem.post(job) {
        Some(post) if suffix == "resource-not-found" => {
            let deleted_at = Some(body.observed_at);
            posts.push(Post { deleted_at, ..Post::new(post.account.clone(), post.id.clone()) });
            None
        }
        _ => Some(Notice::Remark { text: problem.text() }),
    }
}

impl Problem {
    fn post<'j>(&self, job: &'j Job) -> Option<&'j PostRef> {
        let id = self.resource_id.as_deref()?;
        job.posts.iter().find(|post| post.id == id)
    }

    /// The account it is about, where whole accounts were asked for.
    fn account<'j>(&self, job: &'j Job) -> Option<&'j AccountRef> {
        let id = self.resource_id.as_deref()?;
        let named = |account: &&AccountRef| match &account.platform_id {
            Some(known) => known == id,
            None => account.id.name().eq_ignore_ascii_case(id),
        };
        job.accounts.iter().filter(|_| job.posts.is_empty()).find(named)
    }
}

/// Remarks on posts that were asked for and of which nothing is said, not even that they are gone.
pub(super) fn unsaid<'a>(
    job: &Job,
    told: impl Iterator<Item = &'a str>,
    errors: Option<&'a [Problem]>,
    page: &mut Page,
) {
    let of_errors = errors.into_iter().flatten().filter_map(|problem| problem.resource_id.as_deref());
    let said: HashSet<&str> = told.chain(of_errors).collect();
    let silent = job.posts.iter().map(|post| post.id.as_str()).filter(|id| !said.contains(id));
    let silent: Vec<&str> = silent.collect();
    if !silent.is_empty() {
        let text = format!("nothing is said of {} posts: {}", silent.len(), silent.join(", "));
        page.notices.push(Notice::Remark { text });
    }
}
