//! What a response means when it means failure, and the answers to token exchanges.

use std::{collections::HashMap, time::Duration};

use kepi_core::{Error, ErrorKind, Reach, Response, Result, Retry, Token};
use serde::Deserialize;

use crate::config::Login;

/// What Instagram says when it refuses, with whatever status.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) code: i64,
    error_subcode: Option<i64>,
    is_transient: Option<bool>,
    fbtrace_id: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    error: Problem,
}

/// What the body says went wrong; `None` when it says nothing of the kind.
pub(crate) fn in_body(body: &[u8]) -> Option<Problem> {
    let start = body.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start();
    if !start.starts_with(b"\"error\"") {
        return None;
    }
    serde_json::from_slice::<Envelope>(body).ok().map(|envelope| envelope.error)
}

const A_WHILE: Duration = Duration::from_secs(15 * 60);
const AN_HOUR: Duration = Duration::from_secs(3_600);
const A_DAY: Duration = Duration::from_secs(86_400);

/// What a response means when it means failure.
pub(crate) fn of(login: Login, response: &Response) -> Option<Error> {
    let text = response.body.trim_ascii_start();
    let json = text.starts_with(b"{") || text.starts_with(b"[");
    let error = match (in_body(text), response.status) {
        (Some(problem), _) => problem.error(login, wait(response)),
        (None, ..300) if json => return None,
        (None, ..300) => Error::bad_response("the answer is no JSON"),
        (None, status) => by_status(login, status),
    };
    Some(if response.status < 300 { error } else { error.with("status", response.status) })
}

fn by_status(login: Login, status: u16) -> Error {
    match status {
        403 => forbidden(login),
        _ => Error::by_status("Instagram", status),
    }
}

fn forbidden(login: Login) -> Error {
    let scopes = match login {
        Login::Instagram => "instagram_business_basic and instagram_business_manage_insights",
        Login::Facebook => {
            "instagram_basic, instagram_manage_insights, pages_read_engagement and pages_show_list (and ads_read \
             where the role on the Page comes from a Business Manager)"
        }
    };
    Error::new(ErrorKind::Forbidden, "the token lacks a permission").hint(format!(
        "needed are {scopes}, with Advanced Access where the account is not the app owner's; \
         `kepi auth ACCOUNT` asks for them"
    ))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    estimated_time_to_regain_access: f64,
}

/// How long the account is to be left alone, as the usage header says, in minutes.
fn wait(response: &Response) -> Option<Duration> {
    let text = response.header("x-business-use-case-usage")?;
    let usage: HashMap<String, Vec<Usage>> = serde_json::from_str(text).ok()?;
    let minutes = usage.into_values().flatten().map(|row| row.estimated_time_to_regain_access);
    let minutes = minutes.fold(0.0, f64::max);
    (minutes > 0.0).then(|| Duration::try_from_secs_f64(minutes * 60.0).ok()).flatten()
}

impl Problem {
    pub(crate) fn subcode(&self) -> i64 {
        self.error_subcode.unwrap_or_default()
    }

    /// What Instagram says, without the number that stands before it.
    pub(crate) fn said(&self) -> &str {
        let text = self.message.trim();
        match text.strip_prefix("(#").and_then(|rest| rest.split_once(')')) {
            Some((number, rest)) if number.bytes().all(|c| c.is_ascii_digit()) => rest.trim(),
            _ => text,
        }
    }

    /// The error that it is to the caller. `wait` is how long a header asks to be left alone.
    pub(crate) fn error(&self, login: Login, wait: Option<Duration>) -> Error {
        let mut error = self.kind(login, wait).with("code", self.code);
        if self.subcode() != 0 {
            error = error.with("subcode", self.subcode());
        }
        if !self.said().is_empty() {
            error = error.with("said", self.said());
        }
        match &self.fbtrace_id {
            Some(id) => error.with("request_id", id),
            None => error,
        }
    }

    fn kind(&self, login: Login, wait: Option<Duration>) -> Error {
        match self.code {
            1 | 2 => Error::new(ErrorKind::Unavailable, "Instagram is not available"),
            4 | 17 | 32 | 613 => {
                let (whose, reach) = match self.code {
                    4 => ("this app", Reach::AppPool),
                    _ => ("this account", Reach::User),
                };
                Error::new(ErrorKind::RateLimited, format!("too many calls of {whose}"))
                    .retry(Retry::After(wait.unwrap_or(A_WHILE)))
                    .reaching(reach)
            }
            80_000..=80_014 => {
                Error::new(ErrorKind::QuotaExhausted, "the calls that this account may make are used up")
                    .retry(Retry::After(wait.unwrap_or(AN_HOUR)))
                    .hint("the limit is 4800 calls a day for each time that the account's content is shown")
            }
            341 | 368 => {
                Error::new(ErrorKind::QuotaExhausted, "Instagram has blocked these calls for a time")
                    .retry(Retry::After(A_DAY))
                    .hint("the app's dashboard at developers.facebook.com says why")
            }
            10 if self.has("not enough viewers") => {
                Error::new(ErrorKind::NotOffered, "a story with fewer than five viewers has no numbers")
            }
            3 | 10 | 200..=299 => forbidden(login),
            100 => self.parameter(),
            110 if self.subcode() == 2_207_013 => Error::new(
                ErrorKind::NotFound,
                "Instagram shows no business or creator account of this name",
            )
            .hint("check the name after the slash of the watched account; private accounts are not shown"),
            101 => Error::bad_config("Instagram refused the app's id and secret")
                .hint("check what client_id and client_secret name"),
            190 if matches!(self.subcode(), 458 | 459 | 460 | 464) => {
                Error::new(ErrorKind::Reauthorise, self.revoked())
                    .hint("let the account's owner consent again: `kepi auth ACCOUNT`")
            }
            102 | 104 | 190 => Error::new(ErrorKind::CredentialExpired, "Instagram refused the token"),
            2500 if self.has("unknown path components") => {
                Error::bad_config("Instagram knows no such version of its API, or no such address")
                    .hint("check api_version in [platform.instagram]")
            }
            _ if self.is_transient == Some(true) => {
                Error::new(ErrorKind::Unavailable, "Instagram is not available")
            }
            2500 => Error::new(ErrorKind::BadRequest, "Instagram does not understand the request"),
            _ => Error::new(ErrorKind::Unexpected, "Instagram answers with a code that is not known")
                .hint("Meta's page on error handling explains the codes"),
        }
    }

    fn parameter(&self) -> Error {
        match self.subcode() {
            2_108_006 => {
                Error::new(ErrorKind::NotOffered, "media of before the business account have no insights")
            }
            _ if super::refusal::is_missing(self) => Error::new(
                ErrorKind::NotFound,
                "Instagram knows no such account or media, or the token may not see it",
            )
            .hint("check platform_id, and that the account has consented"),
            _ => Error::new(ErrorKind::BadRequest, "Instagram does not take a parameter"),
        }
    }

    fn revoked(&self) -> &'static str {
        match self.subcode() {
            458 => "the person has removed the app",
            459 => "the person has to confirm a login at Facebook",
            460 => "the person has changed the password",
            _ => "the person's account is not confirmed",
        }
    }

    /// Whether the message holds these words, in whatever case.
    pub(crate) fn has(&self, words: &str) -> bool {
        self.message.to_ascii_lowercase().contains(words)
    }
}

/// What a refused exchange means. Only words about the code or the token end a consent: a proxy's page does not, and
/// neither does what the app may not do.
fn refused(error: Error, response: &Response) -> Error {
    let Some(problem) = in_body(&response.body) else {
        return if response.status < 300 || matches!(error.kind(), ErrorKind::RateLimited) {
            error
        } else {
            Error::new(ErrorKind::Unavailable, "Instagram is not available").with("status", response.status)
        };
    };
    if error.kind() == ErrorKind::BadConfig {
        return error;
    }
    if ["client secret", "client_secret", "client_id", "redirect_uri"].iter().any(|word| problem.has(word)) {
        return Error::bad_config("Instagram refused the app's id, secret or address")
            .with("status", response.status)
            .with("code", problem.code)
            .hint("check what client_id and client_secret name, and the redirect address of the app");
    }
    if matches!(error.kind(), ErrorKind::CredentialExpired | ErrorKind::BadRequest) {
        return Error::new(ErrorKind::Reauthorise, "Instagram refused the consent or the token")
            .with("status", response.status)
            .with("code", problem.code)
            .hint("let the account's owner consent again: `kepi auth ACCOUNT`");
    }
    error
}

/// The answer to a token exchange; that to a code may be in a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Granted {
    Listed { data: Vec<Token> },
    Plain(Token),
}

/// Reads a token.
pub(crate) fn token(login: Login, kind: &str, response: &Response) -> Result<Token> {
    if let Some(error) = of(login, response) {
        return Err(refused(error, response));
    }
    let token = match serde_json::from_slice(&response.body) {
        Ok(Granted::Listed { data }) => data.into_iter().next(),
        Ok(Granted::Plain(token)) => Some(token),
        Err(_) => None,
    };
    Token::granted(kind, token)
}
