//! What a response means when it means failure, and the answers to token exchanges.

use std::str::FromStr;

use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{
    Error, ErrorKind, Reach, Response, Result, Retry, Token, credential::Blamed, period::next_midnight,
};

use super::rows::Problem;
use crate::descriptor::APP;

/// What a response means when it means failure. Partial success (`data` and `errors`) is no failure.
pub(crate) fn of(response: &Response) -> Option<Error> {
    let json = response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if response.status < 300 {
        let html = response.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        return (html || !json).then(|| about(response, Error::bad_response("the answer is no JSON")));
    }
    let problem: Problem = serde_json::from_slice(&response.body).unwrap_or_default();
    let error = match (response.status, problem.suffix()) {
        (402, _) => {
            Error::new(ErrorKind::BudgetExhausted, "the credits of the X developer account are used up")
                .hint("add credits in the X developer console")
        }
        (_, "usage-capped") => {
            Error::new(ErrorKind::QuotaExhausted, "the usage cap of the X plan is reached")
                // A cap is daily or monthly, and when its month began is not told: it is tried again once a day.
                .retry(Retry::At(next_midnight(response.received_at, &TimeZone::UTC)))
                .reaching(Reach::App)
                .hint("raise the cap in the X developer console, or wait until it resets")
        }
        (429, _) | (_, "rate-limit-exceeded") => rate_limited(response),
        (_, "unsupported-authentication") => Error::bad_config("X does not take this kind of token here")
            .hint("the endpoint needs the token kind that `kepi adapters` names"),
        (_, "client-forbidden") => {
            Error::new(ErrorKind::NotOffered, "the X plan does not include this endpoint")
                .hint("the plans are compared in the X developer console")
        }
        (404, _) | (_, "resource-not-found") => Error::new(ErrorKind::NotFound, "X knows no such resource"),
        (403, _) => Error::new(ErrorKind::Forbidden, "X denies access").hint(
            "is the account protected or suspended, or do scopes lack? tweet.read and users.read are needed; \
                   `kepi auth ACCOUNT` asks for them",
        ),
        (status, _) => Error::by_status("X", status),
    };
    let error = if json { error.with("said", problem.text()) } else { error };
    Some(about(response, error.with("status", response.status)))
}

fn about(response: &Response, error: Error) -> Error {
    match response.header("x-transaction-id") {
        Some(id) => error.with("request_id", id),
        None => error,
    }
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "X is not available")
}

fn rate_limited(response: &Response) -> Error {
    let error = Error::new(ErrorKind::RateLimited, "too many calls");
    let reset = response.header("x-rate-limit-reset").and_then(|text| i64::from_str(text).ok());
    match reset.and_then(|seconds| Timestamp::from_second(seconds).ok()) {
        Some(at) => error.retry(Retry::At(at)),
        None => error,
    }
}

/// What is wrong with the app, and with a consent.
const MENDED_BY: (&str, &str) = (
    "check client_id and client_secret of the app in the X developer console",
    "let the account's owner consent again: `kepi auth ACCOUNT`",
);

/// Reads a token.
pub(crate) fn token(kind: &str, response: &Response) -> Result<Token> {
    let of_the_old_kind =
        || serde_json::from_slice::<Problem>(&response.body).is_ok_and(|problem| !problem.text().is_empty());
    let blamed = match (Blamed::by(response), response.status) {
        (None, _) => return Token::granted(kind, serde_json::from_slice(&response.body).ok()),
        (Some(Blamed::Nothing), 408 | 429 | 500..) => return Err(of(response).unwrap_or_else(unavailable)),
        // Of the app's token X speaks in errors that name nobody, and a proxy not at all.
        (Some(Blamed::Nothing), _) if kind == APP && of_the_old_kind() => Blamed::Application,
        (Some(blamed), _) => blamed,
    };
    Err(blamed.error("X", MENDED_BY).with("status", response.status))
}
