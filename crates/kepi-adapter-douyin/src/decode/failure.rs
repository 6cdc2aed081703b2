//! What a response means when it means failure. Douyin has two envelopes and Ocean Engine a third; all of them
//! say errors in an HTTP 200.

use std::time::Duration;

use jiff::Timestamp;
use kepi_core::{Error, ErrorKind, Field, Response, Retry, json::Whole, period::next_midnight};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer::beijing;
use crate::descriptor::{VIDEO_DAYS, enterprise_fields};

/// One video cannot be read: that stops the video and nothing else.
pub(super) const VIDEO_NOT_READ: i64 = 2_111_007;

const AN_HOUR: Duration = Duration::from_secs(3_600);

/// The three envelopes in one.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    /// Ocean Engine's.
    code: Whole,
    request_id: Option<String>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    /// The newer one; the oldest answers about tokens have `err_tips`.
    err_no: Whole,
    err_msg: Option<String>,
    err_tips: Option<String>,
    log_id: Option<String>,
    /// The older one says the same in both places.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    extra: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Part<'a> {
    error_code: Whole,
    description: Option<String>,
    sub_error_code: Whole,
    sub_description: Option<String>,
    logid: Option<String>,
    log_id: Option<String>,
    /// Mini-app endpoints wrap the older envelope into the newer one.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow)]
    extra: Option<&'a RawValue>,
}

/// What an answer says of its failure.
#[derive(Debug, Default, PartialEq, Eq)]
struct Problem {
    code: Option<i64>,
    more: Option<i64>,
    said: Option<String>,
    request_id: Option<String>,
}

/// Ocean Engine does not understand a request, or not a field of it.
const BAD_PARAMETER: i64 = 40001;

/// Whether the decoder can go on from a refusal: one video of several cannot be read, or one field is not given.
pub(crate) fn can_go_on(endpoint: &str, response: &Response) -> bool {
    match Problem::of(&response.body).code {
        Some(VIDEO_NOT_READ) => endpoint == VIDEO_DAYS,
        Some(BAD_PARAMETER) => refused_field(endpoint, &response.body).is_some(),
        _ => false,
    }
}

/// The field of an enterprise account that an answer refuses by its name, and what it says.
pub(super) fn refused_field(endpoint: &str, body: &[u8]) -> Option<(&'static Field, String)> {
    let problem = Problem::of(body);
    let said = problem.said.filter(|_| problem.code == Some(BAD_PARAMETER))?;
    let words = said.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let mut named = words.filter_map(|word| enterprise_fields(endpoint).iter().find(|it| it.key() == word));
    let field = named.next()?;
    Some((field, said))
}

/// What a response means when it means failure.
pub(crate) fn of(response: &Response) -> Option<Error> {
    let json = response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let problem = Problem::of(&response.body);
    let error = match (problem.code, response.status) {
        (None, ..300) if json => return None,
        (None, ..300) => Error::bad_response("the answer is no JSON"),
        (None, status) => by_status(status).with("status", status),
        (Some(code), status) => {
            let known = by_code(code, response.received_at)
                .or_else(|| by_code(problem.more?, response.received_at))
                .or_else(|| (status >= 300).then(|| by_status(status).with("status", status)));
            known.unwrap_or_else(unknown).with("code", code)
        }
    };
    Some(problem.tell(error))
}

fn by_status(status: u16) -> Error {
    match status {
        401 => refused(),
        403 => forbidden(),
        _ => Error::by_status("Douyin", status),
    }
}

fn by_code(code: i64, at: Timestamp) -> Option<Error> {
    by_state(code).or_else(|| by_pace(code, at)).or_else(|| by_credential(code)).or_else(|| by_request(code))
}

/// What the account or the app does not have: states, and no failures.
fn by_state(code: i64) -> Option<Error> {
    let (message, hint) = match code {
        28_001_012 | 2_190_003 | 40002 => return Some(forbidden()),
        28_001_014 | 28_001_018 | 2_190_004 | 10004 => (
            "the app has not been granted this capability",
            "apply for it in the console of the open platform (能力管理); companies and public institutions only",
        ),
        2_112_001 => {
            ("the account is no enterprise account", "enterprise accounts (企业号) are certified in Douyin")
        }
        28_001_045 | 28_001_046 | 28_001_047 | 2_100_009 => (
            "the account is deleted, banned or private",
            "look at the account in Douyin; it is asked again after a pause",
        ),
        _ => return None,
    };
    Some(Error::new(ErrorKind::NotOffered, message).hint(hint))
}

/// What passes.
fn by_pace(code: i64, at: Timestamp) -> Option<Error> {
    Some(match code {
        28_001_005 | 28_001_006 | 2_100_004 | 50000 => Error::new(ErrorKind::Unavailable, "Douyin is busy"),
        28_003_018 | 40100 | 40110 => Error::new(ErrorKind::RateLimited, "too many calls"),
        28_001_052 => Error::new(ErrorKind::RateLimited, "Douyin's risk control wants fewer calls")
            .retry(Retry::After(AN_HOUR))
            .hint("let fewer accounts share the app, or ask less often"),
        28_003_017 | 2_190_001 => {
            Error::new(ErrorKind::QuotaExhausted, "the day's calls of this capability are used up")
                .retry(Retry::At(next_midnight(at, &beijing())))
                .hint("the console of the open platform shows the allowance and takes applications for more")
        }
        _ => return None,
    })
}

/// What the credential layer or a person mends.
fn by_credential(code: i64) -> Option<Error> {
    Some(match code {
        28_001_003 | 28_001_008 | 2_190_002 | 2_190_008 | 10008 | 40102 | 40105 => refused(),
        10010 | 40103 => Error::new(ErrorKind::Reauthorise, "the consent has run out"),
        10020 => {
            Error::new(ErrorKind::Reauthorise, "the refresh token has been renewed as often as Douyin allows")
        }
        10007 => Error::new(ErrorKind::Reauthorise, "the code of the consent has run out"),
        10013 | 10014 => Error::bad_config("Douyin refused the app's key or secret")
            .hint("check what client_id (client_key) and client_secret name"),
        28_001_015 | 2_190_015 => Error::bad_config("the token is not the account's").hint(
            "is platform_id the open_id that this app knows the account by? ids differ from app to app",
        ),
        28_001_016 | 28_001_019 | 28_001_056 | 2_190_016 => {
            Error::bad_config("Douyin has blocked the app or the capability, or withdrawn the endpoint")
                .hint("the console of the open platform says why; data may serve the account's own use only")
        }
        _ => return None,
    })
}

/// What a developer mends.
fn by_request(code: i64) -> Option<Error> {
    Some(match code {
        28_001_007 | 2_100_005 => Error::new(ErrorKind::BadRequest, "Douyin does not understand the request"),
        BAD_PARAMETER => Error::new(ErrorKind::BadRequest, "Ocean Engine does not understand the request")
            .hint("if a field is not given, leave it out by enterprise_without in [platform.douyin]"),
        2_111_002 | VIDEO_NOT_READ => Error::new(ErrorKind::NotFound, "Douyin could not read the video"),
        _ => return None,
    })
}

fn refused() -> Error {
    Error::new(ErrorKind::CredentialExpired, "Douyin refused the token")
}

fn forbidden() -> Error {
    Error::new(ErrorKind::Forbidden, "the account did not consent to this").hint(
        "the scopes are user_info, video.list.bind, video.data.bind, data.external.user, data.external.item, \
         fans.data.bind and data.external.fans_source, in Ocean Engine the advertiser's own authorisation; \
         `kepi auth ACCOUNT` asks for them",
    )
}

fn unknown() -> Error {
    Error::new(ErrorKind::Unexpected, "Douyin answers with a code that is not known")
        .hint("the code is explained in the status codes (状态码) of the platform's documentation")
}

impl Problem {
    fn of(body: &[u8]) -> Self {
        let envelope: Envelope<'_> = serde_json::from_slice(body).unwrap_or_default();
        let data: Part<'_> = part(envelope.data);
        let (inner, extra): (Part<'_>, Part<'_>) = (part(data.data), part(envelope.extra));
        let inner_extra: Part<'_> = part(data.extra);
        let parts = [&data, &extra, &inner, &inner_extra];
        let wrong = |code: Whole| code.0.filter(|code| *code != 0);
        let code = wrong(envelope.code)
            .or_else(|| parts.iter().find_map(|part| wrong(part.error_code)))
            .or_else(|| wrong(envelope.err_no));
        let said = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let message: Option<String> = envelope.message.and_then(|raw| serde_json::from_str(raw.get()).ok());
        let words = said(&envelope.err_msg).or_else(|| said(&envelope.err_tips));
        Self {
            code,
            more: parts.iter().find_map(|part| wrong(part.sub_error_code)),
            said: parts
                .iter()
                .find_map(|part| said(&part.sub_description).or_else(|| said(&part.description)))
                .or(words)
                .or_else(|| said(&message)),
            request_id: said(&envelope.request_id)
                .or_else(|| said(&envelope.log_id))
                .or_else(|| parts.iter().find_map(|part| said(&part.logid).or_else(|| said(&part.log_id)))),
        }
    }

    /// Adds what Douyin says and the number under which it remembers the call.
    fn tell(self, error: Error) -> Error {
        let error = match self.said {
            Some(said) => error.with("said", said),
            None => error,
        };
        match self.request_id {
            Some(id) => error.with("request_id", id),
            None => error,
        }
    }
}

/// A part of an envelope; what is no object is none.
fn part<'a, T: Default + Deserialize<'a>>(raw: Option<&'a RawValue>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}
