//! Tokens of X: the application's, and a person's by consent with PKCE and rotating refresh tokens.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Caller, caller_of, problem::Problem, problem::fatal};
use crate::{
    AccountKey,
    call::{Answer, Call, find},
};

/// How long a person's token lives, in seconds.
const LIFE: i64 = 7200;
/// How long a code waits for its exchange, in seconds.
const CODE_LIFE: i64 = 30;

/// Who asks, by the bearer token.
pub(super) fn caller(call: &Call<'_>) -> Result<Caller, Answer> {
    let unauthorized = || fatal(call, 401, &Problem::unauthorized());
    let token = call.bearer().ok_or_else(unauthorized)?;
    let bearer = call.desk.tokens.read(token, call.clock).map_err(|_| unauthorized())?;
    caller_of(bearer.kind, bearer.account).ok_or_else(unauthorized)
}

/// Answers calls about tokens; `None` for all others.
pub(super) fn answer(call: &Call<'_>) -> Option<Answer> {
    match (call.method.as_str(), call.path.as_str()) {
        ("POST", "/oauth2/token") => Some(app_token(call)),
        ("GET", "/i/oauth2/authorize") => Some(authorize(call)),
        ("POST", "/2/oauth2/token") => Some(user_token(call)),
        ("POST", "/2/oauth2/revoke") => Some(revoke(call)),
        _ => None,
    }
}

fn app_token(call: &Call<'_>) -> Answer {
    if !is_client(call) {
        let body = call.json().object(|root| {
            root.array("errors", |list| {
                list.object(|o| {
                    o.int("code", 99);
                    o.text("message", "Unable to verify your credentials");
                    o.text("label", "authenticity_token_error");
                });
            });
        });
        return Answer::json(403, body);
    }
    if find(&call.form(), "grant_type") != Some("client_credentials") {
        return refused(call, "unsupported_grant_type", "Only client_credentials is allowed");
    }
    let body = call.json().object(|root| {
        root.text("token_type", "bearer");
        root.text("access_token", &call.desk.tokens.app(0));
    });
    Answer::json(200, body)
}

/// The page of consent: whoever is signed in agrees at once.
fn authorize(call: &Call<'_>) -> Answer {
    let config = &call.desk.config;
    let asked = |key| call.param(key).unwrap_or_default();
    let fits = asked("response_type") == "code"
        && asked("client_id") == config.client_id
        && !asked("code_challenge").is_empty()
        && asked("state").len() <= 500
        && matches!(asked("code_challenge_method"), "S256" | "plain" | "");
    let redirect = asked("redirect_uri");
    if !fits || redirect.is_empty() {
        return Answer::html(400, "<!doctype html><html><body><p>Something went wrong</p></body></html>");
    }
    let hashed = asked("code_challenge_method") == "S256";
    let code = call.desk.tokens.consent(
        call.desk.visitor(),
        redirect,
        Some((asked("code_challenge").to_owned(), hashed)),
        asked("scope"),
        call.clock.as_second() + CODE_LIFE,
        call.clock,
    );
    let state: String = form_urlencoded::byte_serialize(asked("state").as_bytes()).collect();
    let sign = if redirect.contains('?') { '&' } else { '?' };
    Answer::redirect(format!("{redirect}{sign}state={state}&code={code}"))
}

fn user_token(call: &Call<'_>) -> Answer {
    let form = call.form();
    let given = |key| find(&form, key);
    // Confidential clients prove themselves by Basic, public ones name themselves.
    if !is_client(call) && given("client_id") != Some(call.desk.config.client_id.as_str()) {
        return Answer::json(401, error(call, "unauthorized_client", "Missing valid authorization header"));
    }
    match given("grant_type") {
        Some("authorization_code") => {
            let (Some(code), Some(redirect)) = (given("code"), given("redirect_uri")) else {
                return refused(call, "invalid_request", "Missing required parameter [code, redirect_uri].");
            };
            match call.desk.tokens.exchange(code, Some(redirect), given("code_verifier"), call.clock) {
                Some(granted) => issue(call, granted.account, &granted.scope),
                None => {
                    refused(call, "invalid_request", "Value passed for the authorization code was invalid.")
                }
            }
        }
        Some("refresh_token") => {
            match call.desk.tokens.redeem(given("refresh_token").unwrap_or_default(), call.clock, false) {
                Ok(account) => issue(call, account, "users.read tweet.read offline.access"),
                Err(_) => refused(call, "invalid_request", "Value passed for the token was invalid."),
            }
        }
        _ => refused(call, "unsupported_grant_type", "Unsupported grant_type"),
    }
}

fn issue(call: &Call<'_>, account: AccountKey, scope: &str) -> Answer {
    let body = call.json().object(|root| {
        root.text("token_type", "bearer");
        root.int("expires_in", LIFE);
        root.text("access_token", &call.desk.tokens.user(account, call.clock.as_second() + LIFE));
        root.text("scope", scope);
        if scope.split(' ').any(|scope| scope == "offline.access") {
            root.text("refresh_token", &call.desk.tokens.refresh(account, 0));
        }
    });
    Answer::json(200, body)
}

fn revoke(call: &Call<'_>) -> Answer {
    let form = call.form();
    if let Ok(bearer) = call.desk.tokens.read(find(&form, "token").unwrap_or_default(), call.clock) {
        call.desk.tokens.revoke(bearer.account);
    }
    Answer::json(200, call.json().object(|root| root.flag("revoked", true)))
}

/// Whether the call carries the application's id and secret as HTTP Basic.
fn is_client(call: &Call<'_>) -> bool {
    let config = &call.desk.config;
    let escape = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let expected = format!("{}:{}", escape(&config.client_id), escape(&config.client_secret));
    call.header("authorization")
        .and_then(|value| value.strip_prefix("Basic "))
        .is_some_and(|given| given == STANDARD.encode(expected))
}

fn error(call: &Call<'_>, error: &str, description: &str) -> Vec<u8> {
    call.json().object(|root| {
        root.text("error", error);
        root.text("error_description", description);
    })
}

fn refused(call: &Call<'_>, kind: &str, description: &str) -> Answer {
    Answer::json(400, error(call, kind, description))
}
