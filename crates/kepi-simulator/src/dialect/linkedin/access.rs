//! Tokens of LinkedIn: sixty days, renewed for a year from the first consent.

use super::{Fault, refused};
use crate::{
    AccountKey, Network, Profile,
    call::{Answer, Call, find},
    token::{BadToken, Kind},
};

const LIFE: i64 = 5_184_000;
const REFRESH_LIFE: i64 = 31_535_999;
const SCOPE: &str = "r_organization_social,rw_organization_admin";

/// Answers calls about tokens; `None` for all others.
pub(super) fn answer(call: &Call<'_>) -> Option<Answer> {
    match (call.method.as_str(), call.path.as_str()) {
        ("GET", "/oauth/v2/authorization") => Some(authorize(call)),
        ("POST", "/oauth/v2/accessToken") => Some(token(call)),
        _ => None,
    }
}

/// The organization that the token's member administers.
pub(super) fn owner<'w>(call: &Call<'w>) -> Result<&'w Profile, Fault> {
    let token = call.bearer().unwrap_or_default();
    if token.is_empty() {
        return Err(Fault::new(401, 401, "EMPTY_ACCESS_TOKEN", "Empty oauth2_access_token"));
    }
    let invalid = || Fault::new(401, 65600, "INVALID_ACCESS_TOKEN", "Invalid access token");
    let bearer = call.desk.tokens.read(token, call.clock).map_err(|bad| match bad {
        BadToken::Expired => Fault::expired(),
        BadToken::Unknown => invalid(),
    })?;
    let profile = call.world.account(bearer.account);
    let ours = bearer.kind == Kind::User && profile.network == Network::Linkedin;
    if ours { Ok(profile) } else { Err(invalid()) }
}

fn authorize(call: &Call<'_>) -> Answer {
    let asked = |key| call.param(key).unwrap_or_default();
    let redirect = asked("redirect_uri");
    if asked("client_id") != call.desk.config.client_id || redirect.is_empty() {
        return Answer::html(
            400,
            "<!doctype html><html><body><p>Bummer, something went wrong.</p></body></html>",
        );
    }
    let until = call.clock.as_second() + 1800;
    let code =
        call.desk.tokens.consent(call.desk.visitor(), redirect, None, asked("scope"), until, call.clock);
    let state: String = form_urlencoded::byte_serialize(asked("state").as_bytes()).collect();
    let sign = if redirect.contains('?') { '&' } else { '?' };
    Answer::redirect(format!("{redirect}{sign}code={code}&state={state}"))
}

fn token(call: &Call<'_>) -> Answer {
    let form = call.form();
    let given = |key| find(&form, key).unwrap_or_default();
    let config = &call.desk.config;
    if given("client_id") != config.client_id || given("client_secret") != config.client_secret {
        return denied(call, 401, "invalid_client", "Client authentication failed");
    }
    match given("grant_type") {
        "authorization_code" => {
            let redirect = Some(given("redirect_uri"));
            match call.desk.tokens.exchange(given("code"), redirect, None, call.clock) {
                Some(granted) => {
                    let until = call.clock.as_second() + REFRESH_LIFE;
                    issue(call, granted.account, call.desk.tokens.refresh(granted.account, until), until)
                }
                None => denied(
                    call,
                    400,
                    "invalid_request",
                    "Unable to retrieve access token: appid/redirect uri/code verifier does not match authorization code. Or authorization code expired.",
                ),
            }
        }
        "refresh_token" => {
            let text = given("refresh_token");
            match call.desk.tokens.redeem(text, call.clock, true) {
                Ok(account) => {
                    // Refreshing does not lengthen the year.
                    let until = call.desk.tokens.read_undated(text).map_or(0, |bearer| bearer.expires);
                    let until = if until == 0 { call.clock.as_second() + REFRESH_LIFE } else { until };
                    issue(call, account, text.to_owned(), until)
                }
                Err(_) => denied(
                    call,
                    400,
                    "invalid_request",
                    "The provided authorization grant or refresh token is invalid, expired or revoked.",
                ),
            }
        }
        _ => refused(call, &Fault::bad("Unsupported grant_type")),
    }
}

fn issue(call: &Call<'_>, account: AccountKey, refresh: String, refresh_until: i64) -> Answer {
    let now = call.clock.as_second();
    let body = call.json().object(|root| {
        root.text("access_token", &call.desk.tokens.user(account, now + LIFE));
        root.int("expires_in", LIFE);
        if !call.desk.config.linkedin.development {
            root.text("refresh_token", &refresh);
            root.int("refresh_token_expires_in", refresh_until - now);
        }
        root.text("scope", SCOPE);
    });
    Answer::json(200, body)
}

fn denied(call: &Call<'_>, status: u16, error: &str, description: &str) -> Answer {
    let body = call.json().object(|root| {
        root.text("error", error);
        root.text("error_description", description);
    });
    Answer::json(status, body)
}
