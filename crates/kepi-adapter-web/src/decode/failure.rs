//! What a response means when it means failure, and the answers to token exchanges.

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use kepi_core::{
    Error, ErrorKind, Response, Result, Retry, Token, credential::Blamed, json::Whole, period::next_midnight,
};
use serde::Deserialize;

use crate::descriptor::{ANALYTICS, ANALYTICS_SCOPE, BUSINESS_SCOPE, PACIFIC};

/// Google's envelope of errors.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    error: Option<Problem>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: Whole,
    message: Option<String>,
    status: Option<String>,
    details: Option<Vec<Detail>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    reason: Option<String>,
    retry_delay: Option<String>,
    metadata: Option<Limits>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Limits {
    quota_limit_value: Option<String>,
}

/// Longer answers are data. A failure is told in a few lines.
const LONGEST_FAILURE: usize = 8_192;

/// Ten server errors in an hour block a property, so that the next call is not hurried.
const AFTER_TROUBLE: Duration = Duration::from_secs(120);
const AN_HOUR: Duration = Duration::from_secs(3_600);
const A_MINUTE: Duration = Duration::from_secs(60);

/// What a response means when it means failure.
pub(crate) fn of(response: &Response) -> Option<Error> {
    let json = response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let problem = problem(response);
    if response.status < 300 {
        let html = response.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        if html || !json {
            return Some(Error::bad_response("the answer is no JSON"));
        }
        let problem = problem?;
        let status = problem.code.0.and_then(|code| u16::try_from(code).ok()).unwrap_or(500);
        return Some(meaning(status, &problem, response.received_at));
    }
    Some(meaning(response.status, &problem.unwrap_or_default(), response.received_at))
}

fn problem(response: &Response) -> Option<Problem> {
    if response.body.len() > LONGEST_FAILURE {
        return None;
    }
    serde_json::from_slice::<Envelope>(&response.body).ok()?.error
}

impl Problem {
    fn details(&self) -> impl Iterator<Item = &Detail> {
        self.details.iter().flatten()
    }

    fn has_reason(&self, reason: &str) -> bool {
        self.details().any(|detail| detail.reason.as_deref() == Some(reason))
    }

    /// `30s`.
    fn retry_delay(&self) -> Option<Duration> {
        let told = self.details().find_map(|detail| detail.retry_delay.as_deref())?;
        let seconds: f64 = told.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds).ok()
    }

    /// Before Google has granted access, the allowance is zero.
    fn is_not_granted(&self) -> bool {
        let limits = self.details().filter_map(|detail| detail.metadata.as_ref());
        limits.filter_map(|limits| limits.quota_limit_value.as_deref()).any(|value| value == "0")
    }
}

fn meaning(status: u16, problem: &Problem, at: Timestamp) -> Error {
    let error = match status {
        400 => Error::new(ErrorKind::BadRequest, "Google does not understand the request")
            .hint("this is a defect of the adapter: report it"),
        401 => Error::new(ErrorKind::CredentialExpired, "Google refused the token"),
        403 => forbidden(problem),
        404 => Error::new(ErrorKind::NotFound, "Google knows no such property or place").hint(
            "check platform_id in the [[account]]; a place must be verified in its Business Profile before its \
             reviews are told",
        ),
        429 => too_much(problem, at),
        408 | 409 | 425 | 499 | 500.. => Error::new(ErrorKind::Unavailable, "Google is not available")
            .retry(Retry::After(problem.retry_delay().unwrap_or(AFTER_TROUBLE))),
        402 | 405..=499 => Error::new(ErrorKind::BadRequest, "Google does not take the request"),
        _ => Error::bad_response("Google answers with an unexpected status"),
    };
    let error = match &problem.message {
        Some(message) => error.with("said", message),
        None => error,
    };
    let error = match &problem.status {
        Some(name) => error.with("google_status", name),
        None => error,
    };
    error.with("status", status)
}

fn forbidden(problem: &Problem) -> Error {
    if problem.has_reason("SERVICE_DISABLED") {
        return Error::new(ErrorKind::Forbidden, "the API is not switched on in the application's project").hint(
            format!(
                "Google Cloud console → APIs and services: switch on the Google Analytics Data API for the scope \
                 {ANALYTICS_SCOPE}, or the Business Profile API for {BUSINESS_SCOPE}"
            ),
        );
    }
    Error::new(ErrorKind::Forbidden, "Google denies access").hint(format!(
        "a website needs the scope {ANALYTICS_SCOPE} and the role Viewer on its property; a place needs \
         {BUSINESS_SCOPE} and a manager of its profile; `kepi auth ACCOUNT` asks for the scope; a service account is \
         given the role by its address"
    ))
}

/// What is used up: the day, the hour, the moment, or nothing because nothing was granted.
fn too_much(problem: &Problem, at: Timestamp) -> Error {
    if problem.is_not_granted() {
        return Error::new(ErrorKind::NotOffered, "Google has not granted access to this API yet").hint(
            "apply for access to the Business Profile APIs with the application's project; until then its allowance \
             is 0",
        );
    }
    let said = problem.message.as_deref().unwrap_or_default().to_ascii_lowercase();
    let delay = problem.retry_delay();
    if said.contains("per day") {
        let midnight = TimeZone::get(PACIFIC)
            .map_or(Retry::After(AN_HOUR), |pacific| Retry::At(next_midnight(at, &pacific)));
        return Error::new(ErrorKind::QuotaExhausted, "the property's tokens of the day are used up")
            .retry(midnight)
            .hint("the run goes on after midnight Pacific time; fewer reports in [platform.web] cost less");
    }
    if said.contains("server error") {
        return Error::new(ErrorKind::QuotaExhausted, "too many server errors: Google blocks the property")
            .retry(Retry::After(delay.unwrap_or(AN_HOUR)));
    }
    if said.contains("per hour") {
        return Error::new(ErrorKind::QuotaExhausted, "the property's tokens of the hour are used up")
            .retry(Retry::After(delay.unwrap_or(AN_HOUR)));
    }
    let retry = delay.or_else(|| said.contains("per minute").then_some(A_MINUTE));
    Error::new(ErrorKind::RateLimited, "too many calls at once")
        .retry(retry.map_or(Retry::Backoff, Retry::After))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    error: String,
    error_description: String,
}

impl Refused {
    /// What is wrong with a service account's key, where Google's words are about one: what to do.
    fn about_a_key(&self) -> Option<&'static str> {
        let said = self.error_description.to_ascii_lowercase();
        if said.contains("short-lived token") {
            return Some("set this machine's clock: Google takes a statement within its hour only");
        }
        if said.starts_with("invalid jwt") {
            return Some(
                "the key was deleted, or is another account's: make a new one, Google Cloud console → IAM → Service \
                 accounts → Keys, and put its JSON file where service_account_file says",
            );
        }
        (said.contains("account not found") || said.contains("not a valid email")).then_some(
            "the service account was deleted or is of another project: Google Cloud console → IAM → Service accounts",
        )
    }
}

/// Reads a token. A refresh brings no new refresh token: the old one stays.
pub(crate) fn token(kind: &str, response: &Response) -> Result<Token> {
    match Blamed::by(response) {
        None => Token::granted(kind, serde_json::from_slice(&response.body).ok()),
        Some(blamed) => Err(refused(kind, blamed, response)),
    }
}

fn refused(kind: &str, blamed: Blamed, response: &Response) -> Error {
    let status = response.status;
    let refused = serde_json::from_slice::<Refused>(&response.body).unwrap_or_default();
    if let (Some(hint), true) = (refused.about_a_key(), blamed != Blamed::Nothing) {
        return Error::bad_config("Google refused the service account's key")
            .with("said", refused.error_description)
            .with("status", status)
            .hint(hint);
    }
    let trouble = blamed == Blamed::Nothing && matches!(status, 408 | 429 | 500..);
    if let Some(error) = of(response).filter(|_| trouble) {
        return error;
    }
    let who = if kind == ANALYTICS { "a person who may see the property" } else { "a manager of the place" };
    let consent = format!("let {who} consent again: `kepi auth ACCOUNT`");
    let application = "check client_id and client_secret: Google Cloud console → Credentials";
    let error = blamed.error("Google", (application, &consent));
    let error = match blamed {
        Blamed::Request => error
            .with("said", refused.error)
            .hint("the organisation's policy or the scope may forbid it; the consent stays as it is"),
        _ => error,
    };
    error.with("status", status)
}
