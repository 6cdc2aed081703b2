//! What a response means when it means failure, and the answer to the token exchange.

use std::time::Duration;

use jiff::Timestamp;
use kepi_core::{Error, ErrorKind, Response, Result, Retry, Token, period::next_midnight};
use serde::Deserialize;

use super::answer::beijing;
use crate::descriptor::COMMENTS;

/// WeChat says errors in an HTTP 200, with a code that is not zero; the analytics have no code at all when they
/// succeed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    errcode: Option<i64>,
    errmsg: Option<String>,
}

const NOT_READY_YET: Duration = Duration::from_secs(30 * 60);
const A_MINUTE: Duration = Duration::from_secs(60);
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// What a response means when it means failure.
pub(crate) fn of(response: &Response) -> Option<Error> {
    let json = response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let problem: Problem = serde_json::from_slice(&response.body).unwrap_or_default();
    let code = problem.errcode.unwrap_or(0);
    let error = match (code, response.status) {
        (0, ..300) if json => return None,
        (0, ..300) => Error::bad_response("the answer is no JSON"),
        (0, status) => by_status(status).with("status", status),
        (code, _) => by_code(code, &problem, response.received_at).with("errcode", code),
    };
    Some(problem.tell(error))
}

/// The code for an article that WeChat does not know, or knows no more.
const NO_SUCH_ARTICLE: i64 = 88001;

/// Whether it is the answer about an article that is gone: the others' comments can be asked for all the same.
pub(crate) fn is_of_a_missing_article(endpoint: &str, body: &[u8]) -> bool {
    let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    endpoint == COMMENTS && problem.errcode == Some(NO_SUCH_ARTICLE)
}

fn by_status(status: u16) -> Error {
    match status {
        403 => forbidden(),
        _ => Error::by_status("WeChat", status),
    }
}

fn by_code(code: i64, problem: &Problem, at: Timestamp) -> Error {
    match code {
        -1 => Error::new(ErrorKind::Unavailable, "WeChat is busy"),
        40001 | 40014 | 42001 => Error::new(ErrorKind::CredentialExpired, "WeChat refused the token"),
        45009 => Error::new(ErrorKind::QuotaExhausted, "the day's calls of this interface are used up")
            .retry(Retry::At(next_midnight(at, &beijing())))
            .hint(
                "wait until midnight in Beijing, or clear the quota in the back office (ten times a month)",
            ),
        45011 => {
            Error::new(ErrorKind::RateLimited, "too many calls in this minute").retry(Retry::After(A_MINUTE))
        }
        61503 => Error::new(ErrorKind::Unavailable, "WeChat has not computed these days yet")
            .retry(Retry::After(NOT_READY_YET)),
        61023 => Error::new(ErrorKind::Reauthorise, "the account's consent for the platform has ended")
            .hint("let the account's administrator authorise the platform again"),
        48001 | 48004 | 50001 | 50002 => forbidden(),
        88000 => Error::new(ErrorKind::NotOffered, "comments (留言功能) are not switched on for the account"),
        NO_SUCH_ARTICLE | 53600 => Error::new(ErrorKind::NotFound, "WeChat knows no such article"),
        48006 => Error::new(ErrorKind::QuotaExhausted, "the quota was cleared as often as a month allows"),
        _ => by_configuration(code, problem).unwrap_or_else(|| by_defect(code)),
    }
}

/// Codes that a person answers.
fn by_configuration(code: i64, problem: &Problem) -> Option<Error> {
    let (message, hint) = match code {
        40002 | 40013 | 40125 => (
            "WeChat refused the account's AppID or AppSecret",
            "check what client_id (AppID) and client_secret (AppSecret) name".to_owned(),
        ),
        40164 => (
            "this machine's address is not on the account's IP whitelist",
            format!("add {} in the account's developer settings (IP白名单)", problem.address()),
        ),
        40243 => (
            "the account's AppSecret is frozen",
            "the account's administrator unfreezes it in the back office".to_owned(),
        ),
        89503 => (
            "the account's administrator has to confirm this machine's address",
            "let the administrator confirm the message in WeChat; a refusal blocks the address for an hour"
                .to_owned(),
        ),
        _ => return None,
    };
    let error = Error::bad_config(message).hint(hint);
    Some(if code == 89503 { error.retry(Retry::After(AN_HOUR)) } else { error })
}

/// Codes that a developer answers.
fn by_defect(code: i64) -> Error {
    match code {
        61501 => Error::new(ErrorKind::BadRequest, "WeChat does not take these days")
            .hint("too many, reversed, not yet over, or before the data begin?"),
        40066 | 40097 | 41001 | 41002 | 41004 | 43002 | 44002 | 47001 | 61500 | 76003 | 76021 | 76022
        | 88010 => Error::new(ErrorKind::BadRequest, "WeChat does not understand the request"),
        _ => Error::new(ErrorKind::Unexpected, "WeChat answers with a code that is not known")
            .hint("the code is explained in WeChat's list of return codes (全局返回码)"),
    }
}

fn forbidden() -> Error {
    Error::new(ErrorKind::Forbidden, "the account has no permission for this interface").hint(
        "only verified (认证) accounts have the analytics, and comments only with comments switched on \
         (留言功能); a platform that acts for the account needs the permission sets 1, 2, 3 and 7",
    )
}

impl Problem {
    /// Adds what WeChat says and the number under which it remembers the call.
    fn tell(&self, error: Error) -> Error {
        let Some(message) = &self.errmsg else { return error };
        let (said, rid) = message.rsplit_once("rid:").unwrap_or((message, ""));
        let error = error.with("said", said.trim());
        if rid.trim().is_empty() { error } else { error.with("request_id", rid.trim()) }
    }

    /// The address that WeChat saw: `invalid ip 203.0.113.9 ipv6 …`.
    fn address(&self) -> &str {
        let message = self.errmsg.as_deref().unwrap_or_default();
        let after = message.split_once("invalid ip ").map(|(_, after)| after);
        after.and_then(|after| after.split([' ', ',']).next()).unwrap_or("it")
    }
}

/// Reads a token.
pub(crate) fn token(kind: &str, response: &Response) -> Result<Token> {
    match of(response) {
        None => Token::granted(kind, serde_json::from_slice(&response.body).ok()),
        Some(error) if error.kind() == ErrorKind::CredentialExpired => {
            Err(Error::bad_config("WeChat refused the account's AppID or AppSecret")
                .hint("check what client_id (AppID) and client_secret (AppSecret) name"))
        }
        Some(error) => Err(error),
    }
}
