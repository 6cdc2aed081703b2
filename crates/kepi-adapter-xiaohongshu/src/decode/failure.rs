//! What a response means when it means failure, and the answers to token exchanges.

use kepi_core::{Error, ErrorKind, Response, Result, Retry, Token, json::Whole, period::next_midnight};
use serde::Deserialize;

use crate::{
    descriptor::{Column, JUGUANG, ORDERS, REPORTS},
    request::beijing,
};

/// What every answer says of itself. Newer answers have `msg`, others `message`, and some older ones a code and
/// a message of another name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Envelope {
    code: Whole,
    #[serde(rename = "errorCode")]
    error_code: Whole,
    success: Option<bool>,
    msg: Option<String>,
    message: Option<String>,
    #[serde(rename = "errorMsg")]
    error_msg: Option<String>,
    request_id: Option<String>,
}

/// A parameter is wrong: one column may be enough.
const BAD_PARAMETER: i64 = 10002;

/// What a response means when it means failure. A refusal of columns is none yet: it is read as a page, which
/// says what to ask for instead.
pub(crate) fn of(response: &Response) -> Option<Error> {
    let json = response.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    let envelope: Envelope = serde_json::from_slice(&response.body).unwrap_or_default();
    let error = match (envelope.failed(), response.status) {
        (true, ..300) if envelope.refuses_columns() => return None,
        (true, _) => envelope.error(response),
        (false, ..300) if json && envelope.code().is_some() => return None,
        (false, ..300) => Error::bad_response("the answer is not one of Xiaohongshu's"),
        (false, status) => by_status(status).with("status", status),
    };
    Some(envelope.tell(error))
}

fn by_status(status: u16) -> Error {
    match status {
        401 => expired(),
        403 => forbidden(),
        _ => Error::by_status("Xiaohongshu", status),
    }
}

fn expired() -> Error {
    Error::new(ErrorKind::CredentialExpired, "Xiaohongshu refused the token")
}

fn forbidden() -> Error {
    Error::new(ErrorKind::Forbidden, "the app has no permission for this").hint(format!(
        "reports need the scope {REPORTS} and the advertiser's consent; notes of creators need an app that was \
         authorised for {ORDERS}"
    ))
}

/// What the words of a failure are about: the table of codes is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    DayUsedUp,
    TooFast,
    Permission,
    App,
    Grant,
    Token,
    Busy,
    Nothing,
}

/// Words, most telling first.
const WORDS: [(About, &[&str]); 7] = [
    (About::DayUsedUp, &["上限", "次数已用", "daily limit", "quota"]),
    (About::TooFast, &["频繁", "频率", "限流", "too many", "too frequent", "frequency", "rate limit", "qps"]),
    (
        About::Permission,
        &["权限", "未授权", "没有授权", "白名单", "permission", "forbidden", "not authorized"],
    ),
    (About::Grant, &["refresh_token", "refresh token", "auth_code", "auth code"]),
    (About::App, &["app_id", "appid", "secret"]),
    (About::Token, &["access_token", "access-token", "access token", "token", "令牌", "登录"]),
    (
        About::Busy,
        &["系统", "繁忙", "超时", "稍后", "异常", "timeout", "system", "internal", "busy", "unavailable"],
    ),
];

impl Envelope {
    fn code(&self) -> Option<i64> {
        self.code.0.or(self.error_code.0)
    }

    fn said(&self) -> Option<&str> {
        let texts = [&self.msg, &self.message, &self.error_msg];
        texts.into_iter().flatten().map(String::as_str).find(|text| !text.is_empty())
    }

    fn failed(&self) -> bool {
        self.code().is_some_and(|code| code != 0) || self.success == Some(false)
    }

    fn words(&self) -> String {
        self.said().unwrap_or_default().to_lowercase()
    }

    fn about(&self) -> About {
        let words = self.words();
        let known = WORDS.iter().find(|(_, known)| known.iter().any(|word| words.contains(word)));
        known.map_or(About::Nothing, |(about, _)| *about)
    }

    fn refuses_columns(&self) -> bool {
        self.code() == Some(BAD_PARAMETER) && self.words().contains("columns")
    }

    fn error(&self, response: &Response) -> Error {
        let error = match self.about() {
            About::DayUsedUp => Error::new(ErrorKind::QuotaExhausted, "the day's calls are used up")
                .retry(Retry::At(next_midnight(response.received_at, &beijing())))
                .hint("kepi goes on at midnight in Beijing"),
            About::TooFast => Error::new(ErrorKind::RateLimited, "too many calls"),
            About::Permission => forbidden(),
            About::App => bad_app(),
            About::Grant | About::Token => expired(),
            About::Busy if self.code() != Some(BAD_PARAMETER) => {
                Error::new(ErrorKind::Unavailable, "Xiaohongshu has trouble of its own")
            }
            _ if response.status >= 300 => by_status(response.status),
            _ if self.code() == Some(BAD_PARAMETER) => {
                Error::new(ErrorKind::BadRequest, "Xiaohongshu does not take a parameter")
            }
            _ => Error::new(
                ErrorKind::Unexpected,
                "Xiaohongshu says that it failed, with a code that is not known",
            )
            .hint("its list of codes is not public; what it said stands beside the code"),
        };
        match self.code() {
            Some(code) => error.with("code", code),
            None => error,
        }
    }

    /// Adds what Xiaohongshu says and the number under which it remembers the call.
    fn tell(&self, error: Error) -> Error {
        let error = match self.said() {
            Some(said) if self.failed() => error.with("said", said),
            _ => error,
        };
        match self.request_id.as_deref() {
            Some(id) if !id.is_empty() => error.with("request_id", id),
            _ => error,
        }
    }
}

fn bad_app() -> Error {
    Error::bad_config("Xiaohongshu refused the app's id or secret")
        .hint("check what client_id (app_id, a number) and client_secret name")
}

/// A refusal of columns.
pub(super) struct Refusal(Envelope);

/// The refusal of columns that a body is, if it is one.
pub(super) fn refusal_of_columns(body: &[u8]) -> Option<Refusal> {
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    envelope.refuses_columns().then_some(Refusal(envelope))
}

impl Refusal {
    /// The columns that it names.
    pub(super) fn named(&self, asked: &[Column]) -> Vec<Column> {
        let said = self.0.said().unwrap_or_default();
        let words: Vec<&str> = said.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
        asked.iter().copied().filter(|column| words.contains(&column.told().name)).collect()
    }

    pub(super) fn said(&self) -> String {
        self.0.said().unwrap_or_default().to_owned()
    }

    pub(super) fn error(&self) -> Error {
        let error =
            Error::new(ErrorKind::BadRequest, "Xiaohongshu refuses even the columns that every report has");
        self.0.tell(error.with("code", BAD_PARAMETER))
    }
}

/// The answer to a token exchange.
#[derive(Deserialize)]
struct Granted {
    data: Token,
}

/// Reads a pair of tokens.
pub(crate) fn token(kind: &str, response: &Response) -> Result<Token> {
    let Some(error) = of(response) else {
        let granted = serde_json::from_slice(&response.body).ok();
        return Token::granted(kind, granted.map(|granted: Granted| granted.data));
    };
    let said = error.context_value("said").is_some();
    Err(match error.kind() {
        ErrorKind::CredentialExpired if said => dead(kind, &error),
        // Not Xiaohongshu's word, but that of a proxy.
        ErrorKind::CredentialExpired => {
            Error::new(ErrorKind::Unavailable, "Xiaohongshu is not available").with("status", response.status)
        }
        _ => error,
    })
}

/// The code or the refresh token is used up or too old.
fn dead(kind: &str, error: &Error) -> Error {
    let whose = if kind == JUGUANG { "the advertiser" } else { "the brand" };
    let dead =
        Error::new(ErrorKind::Reauthorise, format!("the consent has ended: {whose} has to consent again"));
    let dead = error.context().fold(dead, |dead, (key, value)| dead.with(key, value));
    dead.hint("run `kepi auth ACCOUNT`; a code is good once and for ten minutes, a refresh token once and for 30 days")
}
