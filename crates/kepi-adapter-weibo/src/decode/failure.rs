//! What a response means when it means failure, and the answer to the token exchange.

use jiff::{Timestamp, ToSpan};
use kepi_core::{
    Error, ErrorKind, Reach, Response, Result, Retry, Token, json::Whole, period::next_midnight,
};
use serde::{Deserialize, Deserializer};

use super::answer::beijing;
use crate::{
    config::CallLimit,
    descriptor::{CONTRACT, USER},
};

/// Weibo says errors with another status than 200, and a code that may be a number or text. The commercial
/// series have an `errno` of their own, where 1 is success.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    #[serde(deserialize_with = "code")]
    error_code: Option<i64>,
    error: Option<String>,
    request: Option<String>,
    #[serde(deserialize_with = "code")]
    errno: Option<i64>,
    msg: Option<String>,
    code: Option<String>,
}

/// A code that cannot be read is no reason not to read the rest.
fn code<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Code {
        Number(Whole),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Code::deserialize(deserializer)? {
        Code::Number(Whole(number)) => number,
        Code::Other(_) => None,
    })
}

/// What a response means when it means failure.
pub(crate) fn of(limit: CallLimit, response: &Response) -> Option<Error> {
    let start = response.body.iter().find(|byte| !byte.is_ascii_whitespace());
    let problem: Problem = match start {
        Some(b'{') => serde_json::from_slice(&response.body).unwrap_or_default(),
        _ => Problem::default(),
    };
    let error = match (problem.error_code, problem.errno, response.status) {
        (Some(code), _, _) => by_code(code, limit, response)
            .unwrap_or_else(|| unknown(response.status))
            .with("error_code", code),
        (None, Some(errno), ..300) if errno != 1 => {
            Error::new(ErrorKind::Unexpected, "Weibo says that it failed").with("errno", errno)
        }
        (None, _, ..300) if matches!(start, Some(b'{' | b'[' | b'n')) => return None,
        (None, _, ..300) => Error::bad_response("the answer is no JSON"),
        (None, _, status) => by_status(status),
    };
    Some(problem.tell(error.with("status", response.status)))
}

fn unknown(status: u16) -> Error {
    if status < 400 {
        return Error::new(ErrorKind::Unexpected, "Weibo answers with a code that is not known")
            .hint("the codes are explained at open.weibo.com/wiki/Error_code");
    }
    by_status(status)
}

fn by_status(status: u16) -> Error {
    match status {
        401 => expired(),
        403 => forbidden("Weibo denies access"),
        _ => Error::by_status("Weibo", status),
    }
}

fn by_code(code: i64, limit: CallLimit, response: &Response) -> Option<Error> {
    let at = response.received_at;
    Some(match code {
        10001 | 10002 | 10003 | 10009 | 10011 | 21331 | 23201 => unavailable(),
        10004 => forbidden("this machine's address may not call this interface"),
        10005 => forbidden("this interface needs a higher level of the application"),
        10014 => forbidden("the application has no permission for this interface"),
        10022 => Error::new(ErrorKind::RateLimited, "the calls of this machine's address are used up")
            .retry(Retry::At(next_hour(at)))
            .reaching(Reach::Address),
        10023 => used_up("the account's calls are used up", limit, at).reaching(Reach::User),
        10024 => used_up("the account's calls of this interface are used up", limit, at),
        10020 => Error::new(ErrorKind::NotOffered, "Weibo knows no such interface")
            .hint("was it withdrawn? the other endpoints go on"),
        20003 => Error::new(ErrorKind::NotFound, "Weibo knows no such account"),
        20031 => Error::new(ErrorKind::Unexpected, "Weibo wants a captcha solved")
            .hint("log in to Weibo as the account, in a browser, and solve it"),
        20101 | 20201 => Error::new(ErrorKind::NotFound, "Weibo knows no such post"),
        20102 | 20112 | 20206 | 20207 => {
            Error::new(ErrorKind::NotFound, "the post is private or that of another account")
        }
        10006 | 21301 | 21314..=21317 | 21319 | 21327 | 21332 => expired(),
        21330 => Error::new(ErrorKind::Reauthorise, "the account's owner did not consent")
            .hint("let the account's owner consent: `kepi auth ACCOUNT`"),
        _ => return by_configuration(code).or_else(|| by_defect(code)),
    })
}

/// Codes that a person answers.
fn by_configuration(code: i64) -> Option<Error> {
    let (message, hint) = match code {
        10013 => ("Weibo does not take this user", "is the account locked? log in to Weibo in a browser"),
        21321 => (
            "the application is not reviewed, and the account is none of its test users",
            "add the account to the test users at open.weibo.com, or have the application reviewed",
        ),
        21322 => (
            "the address after the consent is not the registered one",
            "register the address of `kepi auth` as the callback (授权回调页) at open.weibo.com",
        ),
        21324 => (
            "Weibo refused the application's key or secret",
            "check what client_id (App Key) and client_secret (App Secret) name",
        ),
        21325 => ("the consent was used before or is too old", "begin anew with `kepi auth ACCOUNT`"),
        21323 | 21326 | 21328 | 21329 | 21337 | 21338 => (
            "the application may not ask for a consent in this way",
            "check the application's settings at open.weibo.com",
        ),
        21335 => (
            "platform_id is not the account that consented",
            "mend platform_id in the [[account]], or consent as the right account: `kepi auth ACCOUNT`",
        ),
        _ => return None,
    };
    Some(Error::bad_config(message).hint(hint))
}

/// Codes that a developer answers.
fn by_defect(code: i64) -> Option<Error> {
    let known = [10008, 10012, 10016, 10017, 10018, 10021, 20001, 20002, 20009, 20109];
    known.contains(&code).then(|| Error::new(ErrorKind::BadRequest, "Weibo does not understand the request"))
}

fn unavailable() -> Error {
    Error::new(ErrorKind::Unavailable, "Weibo is not available")
}

fn expired() -> Error {
    Error::new(ErrorKind::CredentialExpired, "Weibo refused the consent")
        .hint("let the account's owner consent again: `kepi auth ACCOUNT`")
}

fn forbidden(message: &str) -> Error {
    Error::new(ErrorKind::Forbidden, message)
        .hint(format!("some interfaces need a reviewed application at open.weibo.com, others the {CONTRACT}"))
}

/// Not tried again before the interval of the allowance is over.
fn used_up(message: &str, limit: CallLimit, at: Timestamp) -> Error {
    let again = match limit {
        CallLimit::Daily100 => next_midnight(at, &beijing()),
        CallLimit::Hourly150 | CallLimit::Hourly300 | CallLimit::Hourly450 => next_hour(at),
    };
    Error::new(ErrorKind::QuotaExhausted, message)
        .retry(Retry::At(again))
        .hint("look less often; the endpoint limits shows what Weibo grants")
}

pub(super) fn next_hour(at: Timestamp) -> Timestamp {
    let later = at.checked_add(1_i64.hour()).unwrap_or(at);
    let second = later.as_second();
    Timestamp::from_second(second - second.rem_euclid(3_600)).unwrap_or(later)
}

impl Problem {
    /// Adds what Weibo says and of which interface.
    fn tell(&self, mut error: Error) -> Error {
        if let Some(said) = self.error.as_ref().or(self.msg.as_ref()) {
            error = error.with("said", said);
        }
        if let Some(code) = self.code.as_ref().filter(|_| self.error_code.is_none()) {
            error = error.with("code", code);
        }
        match &self.request {
            Some(request) => error.with("request", request.split('?').next().unwrap_or(request)),
            None => error,
        }
    }
}

/// Reads a token. Its deprecated `remind_in` is left alone.
pub(crate) fn token(limit: CallLimit, kind: &str, response: &Response) -> Result<Token> {
    if kind != USER {
        return Err(Error::new(ErrorKind::NotOffered, format!("{kind} tokens have no exchange")));
    }
    match of(limit, response) {
        Some(error) => Err(error),
        None => Token::granted(kind, serde_json::from_slice(&response.body).ok()),
    }
}
