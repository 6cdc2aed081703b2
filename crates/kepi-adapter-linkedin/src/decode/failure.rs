//! What a response means when it means failure, and the answers to token exchanges.

use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{
    Error, ErrorKind, Response, Result, Retry, Token, credential::Blamed, json::Whole, period::next_midnight,
};
use serde::Deserialize;

use crate::descriptor::{
    ADMIN, MEMBER_POST_ANALYTICS, MEMBER_PROFILE_ANALYTICS, ORGANIZATION_ADMIN, ORGANIZATION_SOCIAL,
    SOCIAL_FEED,
};

/// What LinkedIn says of a failure. `code` and `serviceErrorCode` may both be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Problem {
    status: Whole,
    service_error_code: Whole,
    code: Option<String>,
    message: Option<String>,
}

/// Longer answers are data. A failure is told in a line.
const LONGEST_FAILURE: usize = 4_096;

/// What a response means when it means failure.
pub(crate) fn of(response: &Response) -> Option<Error> {
    let json = response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if response.status < 300 {
        let html = response.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        if html || !json {
            return Some(about(response, Error::bad_response("the answer is no JSON")));
        }
        let told = told_under_success(response)?;
        return Some(about(response, meaning(told.0, &told.1, response.received_at)));
    }
    let problem: Problem = serde_json::from_slice(&response.body).unwrap_or_default();
    Some(about(response, meaning(response.status, &problem, response.received_at)))
}

/// A failure that came with HTTP 200 all the same.
fn told_under_success(response: &Response) -> Option<(u16, Problem)> {
    if response.body.len() > LONGEST_FAILURE {
        return None;
    }
    let problem: Problem = serde_json::from_slice(&response.body).ok()?;
    let status =
        problem.status.0.and_then(|status| u16::try_from(status).ok()).filter(|status| *status >= 400)?;
    problem.message.is_some().then_some((status, problem))
}

fn meaning(status: u16, problem: &Problem, received_at: Timestamp) -> Error {
    let said = problem.message.as_deref().unwrap_or_default();
    let error = match status {
        400 if said.contains("timeIntervals") => {
            Error::new(ErrorKind::BadRequest, "LinkedIn refuses the days").hint(
                "days reach back a year and end some days ago; if the end is refused, raise lag_days in \
                 [platform.linkedin]",
            )
        }
        400 => Error::new(ErrorKind::BadRequest, "LinkedIn does not understand the request").hint(
            "if a list of posts is refused, lower posts_per_call in [platform.linkedin]; otherwise it is a defect \
             of the adapter: report it",
        ),
        403 => Error::new(ErrorKind::Forbidden, "LinkedIn denies access").hint(format!(
            "does a scope lack, or the member's role on the page? {ORGANIZATION_ADMIN} and {ORGANIZATION_SOCIAL} \
             with the role ADMINISTRATOR, {SOCIAL_FEED} for reactions, {MEMBER_POST_ANALYTICS} and \
             {MEMBER_PROFILE_ANALYTICS} for a person's own posts; `kepi auth ACCOUNT` asks for them"
        )),
        404 if said.contains("No virtual resource") || problem.code.as_deref() == Some("RESOURCE_NOT_FOUND") => {
            Error::new(ErrorKind::NotOffered, "LinkedIn does not offer this to the application")
                .hint("is the product granted? developer portal → Products")
        }
        404 => Error::new(ErrorKind::NotFound, "LinkedIn knows no such thing"),
        426 => Error::bad_config("this version of LinkedIn's API has ended")
            .hint("set version in [platform.linkedin] to a newer month of LinkedIn's list of versions, or update kepi"),
        429 if said.contains("DAY") => Error::new(ErrorKind::QuotaExhausted, "the calls of the day are used up")
            .retry(Retry::At(next_midnight(received_at, &TimeZone::UTC)))
            .hint("the run goes on after midnight UTC; the developer portal shows the quota under Analytics"),
        _ => Error::by_status("LinkedIn", status),
    };
    let error = if said.is_empty() { error } else { error.with("said", said) };
    let error = match problem.service_error_code.0 {
        Some(code) => error.with("service_error_code", code),
        None => error,
    };
    error.with("status", status)
}

fn about(response: &Response, error: Error) -> Error {
    match response.header("x-li-uuid") {
        Some(id) => error.with("request_id", id),
        None => error,
    }
}

/// Reads a token. Refresh tokens are given to approved programs only.
pub(crate) fn token(kind: &str, response: &Response) -> Result<Token> {
    let Some(blamed) = Blamed::by(response) else {
        return Token::granted(kind, serde_json::from_slice(&response.body).ok());
    };
    let trouble = blamed == Blamed::Nothing && matches!(response.status, 408 | 429 | 500..);
    if let Some(error) = of(response).filter(|_| trouble) {
        return Err(error);
    }
    let who = if kind == ADMIN { "an administrator of the page" } else { "the person" };
    let consent = format!(
        "let {who} consent again: `kepi auth ACCOUNT`; a refresh token lives a year from the first consent"
    );
    let application = "check client_id and client_secret: developer portal → Auth";
    Err(blamed.error("LinkedIn", (application, &consent)).with("status", response.status))
}
